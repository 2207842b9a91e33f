#include "server/net/openssl.h"

namespace jumpseat {
namespace {

template <class Function>
bool found(CurlLibrary const& curl, char const* name, Function& function) {
  function = reinterpret_cast<Function>(curl.tls_symbol(name));
  return function != nullptr;
}

}  // namespace

OpenSsl const* OpenSsl::find(CurlLibrary const& curl) {
  static OpenSsl o;
  static bool const complete =
      found(curl, "SSL_CTX_ctrl", o.SSL_CTX_ctrl) &&
      found(curl, "SSL_CTX_set_alpn_protos", o.SSL_CTX_set_alpn_protos) &&
      found(curl, "SSL_get0_alpn_selected", o.SSL_get0_alpn_selected) &&
      found(curl, "SSL_CTX_set_verify", o.SSL_CTX_set_verify) &&
      found(curl, "SSL_CTX_set_ex_data", o.SSL_CTX_set_ex_data) &&
      found(curl, "SSL_CTX_get_ex_data", o.SSL_CTX_get_ex_data) &&
      found(curl, "SSL_get_SSL_CTX", o.SSL_get_SSL_CTX) &&
      found(curl, "SSL_get_servername", o.SSL_get_servername) &&
      found(curl, "SSL_get_ex_data_X509_STORE_CTX_idx", o.SSL_get_ex_data_X509_STORE_CTX_idx) &&
      found(curl, "X509_STORE_CTX_get_ex_data", o.X509_STORE_CTX_get_ex_data) &&
      found(curl, "X509_STORE_CTX_get_current_cert", o.X509_STORE_CTX_get_current_cert) &&
      found(curl, "X509_get_issuer_name", o.X509_get_issuer_name) &&
      found(curl, "X509_NAME_oneline", o.X509_NAME_oneline) &&
      found(curl, "CRYPTO_get_ex_new_index", o.CRYPTO_get_ex_new_index);
  return complete ? &o : nullptr;
}

}  // namespace jumpseat

// The few functions of OpenSSL that are called here, found in the copy that curl brings along: the
// program does not use OpenSSL otherwise. Its types are opaque there, too.
#pragma once

#include <cstddef>

#include "server/net/curl_library.h"

namespace jumpseat {

struct OpenSsl {
  // Null when curl's TLS library is another one, or lacks one of them.
  static OpenSsl const* find(CurlLibrary const& curl);

  long (*SSL_CTX_ctrl)(void*, int, long, void*) = nullptr;
  int (*SSL_CTX_set_alpn_protos)(void*, unsigned char const*, unsigned) = nullptr;
  void (*SSL_get0_alpn_selected)(void const*, unsigned char const**, unsigned*) = nullptr;
  void (*SSL_CTX_set_verify)(void*, int, int (*)(int, void*)) = nullptr;
  int (*SSL_CTX_set_ex_data)(void*, int, void*) = nullptr;
  void* (*SSL_CTX_get_ex_data)(void const*, int) = nullptr;
  void* (*SSL_get_SSL_CTX)(void const*) = nullptr;
  char const* (*SSL_get_servername)(void const*, int) = nullptr;
  int (*SSL_get_ex_data_X509_STORE_CTX_idx)() = nullptr;
  void* (*X509_STORE_CTX_get_ex_data)(void const*, int) = nullptr;
  void* (*X509_STORE_CTX_get_current_cert)(void const*) = nullptr;
  void* (*X509_get_issuer_name)(void const*) = nullptr;
  char* (*X509_NAME_oneline)(void const*, char*, int) = nullptr;
  int (*CRYPTO_get_ex_new_index)(int, long, void*, void*, void*, void*) = nullptr;
};

}  // namespace jumpseat

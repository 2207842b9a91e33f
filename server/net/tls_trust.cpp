#include "server/net/tls_trust.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <dirent.h>

#include "server/net/openssl.h"

namespace jumpseat {
namespace {

// A name that OpenSSL looks certificates up by: eight hexadecimal digits, a dot, a number.
bool hashed_name(std::string_view name) {
  return name.size() >= 10 && name[8] == '.' && name[9] >= '0' && name[9] <= '9' &&
         std::all_of(name.begin(), name.begin() + 8,
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool hashed_directory(char const* path) {
  DIR* const directory = ::opendir(path);
  if (directory == nullptr) return false;
  bool found = false;
  while (dirent const* entry = ::readdir(directory)) {
    if (hashed_name(entry->d_name)) {
      found = true;
      break;
    }
  }
  ::closedir(directory);
  return found;
}

OpenSsl const* openssl = nullptr;
int slot = -1;  // ours among the extra data of an SSL_CTX

bool find_openssl(CurlLibrary const& curl) {
  if (slot >= 0) return true;
  openssl = OpenSsl::find(curl);
  if (openssl == nullptr) return false;
  constexpr int class_ssl_ctx = 1;  // CRYPTO_EX_INDEX_SSL_CTX
  slot = openssl->CRYPTO_get_ex_new_index(class_ssl_ctx, 0, nullptr, nullptr, nullptr, nullptr);
  return slot >= 0;
}

}  // namespace

// The system's hashed directory rather than its bundle: of 140 authorities OpenSSL then reads the
// one that a chain ends at, when it needs it. Measured on Debian 12, first TLS connection of a
// process: 240 million instructions (some 60 ms) and 0.9 MB less than with the bundle.
TlsTrust tls_trust(std::string const& extra_file, std::string const& extra_directory,
                   CurlLibrary const& curl) {
  TlsTrust trust;
  for (char const* path : {"/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/openssl/certs"}) {
    if (hashed_directory(path)) {
      trust.directory = path;
      break;
    }
  }
  if (!extra_directory.empty()) {
    if (!trust.directory.empty()) trust.directory += ':';
    trust.directory += extra_directory;
  }
  trust.file = extra_file;
  if (trust.file.empty() && (trust.directory.empty() || trust.directory == extra_directory)) {
    auto const* version = curl.version_info(CURLVERSION_NOW);
    if (version->cainfo != nullptr) trust.file = version->cainfo;
  }
  return trust;
}

IssuerNote::IssuerNote(CurlLibrary const& curl) : available_(find_openssl(curl)) {}

void IssuerNote::attach(void* tls_context) {
  if (!available_) return;
  openssl->SSL_CTX_set_ex_data(tls_context, slot, this);
  constexpr int verify_peer = 1;  // SSL_VERIFY_PEER, what curl has set already
  openssl->SSL_CTX_set_verify(tls_context, verify_peer, &IssuerNote::on_verify);
}

// Looks on. What OpenSSL decided is what it returns.
int IssuerNote::on_verify(int verified, void* store_context) noexcept {
  OpenSsl const& o = *openssl;
  void* const tls =
      o.X509_STORE_CTX_get_ex_data(store_context, o.SSL_get_ex_data_X509_STORE_CTX_idx());
  void* const certificate = o.X509_STORE_CTX_get_current_cert(store_context);
  if (tls == nullptr || certificate == nullptr) return verified;
  auto* note = static_cast<IssuerNote*>(o.SSL_CTX_get_ex_data(o.SSL_get_SSL_CTX(tls), slot));
  if (note == nullptr) return verified;
  std::array<char, 200> name{};
  o.X509_NAME_oneline(o.X509_get_issuer_name(certificate), name.data(),
                      static_cast<int>(name.size()));
  constexpr int host_name = 0;  // TLSEXT_NAMETYPE_host_name
  char const* const host = o.SSL_get_servername(tls, host_name);
  note->host_ = host == nullptr ? "" : host;
  note->issuer_ = name.data();
  return verified;
}

std::string IssuerNote::issuer_for(std::string_view host) const {
  // An address is not sent as a server name.
  return host_.empty() || host_ == host ? issuer_ : std::string();
}

}  // namespace jumpseat

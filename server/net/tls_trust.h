// Whom TLS believes: the system's certificate authorities plus what the user's configuration adds.
// The check itself is curl's and OpenSSL's, and nothing here can switch it off.
#pragma once

#include <string>
#include <string_view>

#include "server/net/curl_library.h"

namespace jumpseat {

// As CURLOPT_CAINFO and CURLOPT_CAPATH want it; empty means none.
struct TlsTrust {
  std::string file;       // a PEM bundle
  std::string directory;  // hashed certificates; several directories separated by colons
};

// The system's trust with `extra_file` and `extra_directory` (either may be empty). Looks at the
// disk.
TlsTrust tls_trust(std::string const& extra_file, std::string const& extra_directory,
                   CurlLibrary const& curl);

// Remembers who issued the certificate that a handshake looked at last, because curl's error text
// does not say it, and it is what a user needs to recognise a TLS-inspecting proxy. One per client.
class IssuerNote {
 public:
  explicit IssuerNote(CurlLibrary const& curl);
  // For an SSL_CTX that curl has made, before its handshake. This must outlive the connection.
  void attach(void* tls_context);
  // "/C=US/O=…/CN=…"; empty when the last handshake was with another host or is not known.
  std::string issuer_for(std::string_view host) const;

 private:
  static int on_verify(int verified, void* store_context) noexcept;
  bool available_ = false;
  std::string host_;
  std::string issuer_;
};

}  // namespace jumpseat

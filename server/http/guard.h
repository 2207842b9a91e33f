// Who may talk to the port. Localhost is within reach of every web page in the person's browser
// and of every user of the machine, and behind the port is somebody's quota: each request is judged
// by its head, before its body is read and long before upstream hears of it. Plain: facts in, a
// refusal out.
//
//   1. Host is exactly one of the port's own names: a page that rebinds its own name in DNS to
//      127.0.0.1 sends that name (quality row S3).
//   2. No Origin and no Sec-Fetch-Site but "none": browsers add them to whatever a page does (S4).
//      Except for an origin that the person allows by name (JUMPSEAT_ALLOWED_ORIGINS).
//   3. With a client key, every route but health wants it (S2).
//   4. A body is JSON by its own Content-Type, which a page cannot say without asking first (S4).
//
// Whether the connection itself comes from the same user is asked of the kernel, in peer_owner.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "server/http/client_key.h"
#include "server/http/router.h"

namespace jumpseat {

// What of a request the guard looks at; what is absent is nothing.
struct RequestFacts {
  std::optional<std::string_view> host;
  std::optional<std::string_view> origin;
  std::optional<std::string_view> fetch_site;     // Sec-Fetch-Site
  std::optional<std::string_view> authorization;  // Authorization
  std::optional<std::string_view> api_key;        // x-api-key, or Azure's api-key
  // A browser asks what a page may do, before it does it (Fetch standard, CORS-preflight): it sends
  // no key with that.
  enum class Kind { request, preflight } kind = Kind::request;

  // The key that was shown; empty when none was.
  std::string_view shown_key() const;
};

class Guard {
 public:
  // The names by which the port goes.
  enum class Reach {
    loopback,  // exactly localhost, 127.0.0.1 and [::1]
    remote,    // any name: the key decides, and it is compulsory
  };
  // `origins`: web pages that may use the port, as browsers write them: "https://app.example".
  Guard(std::uint16_t port, Reach reach, ClientKey key, std::vector<std::string> origins = {});

  // Why the request is refused, if it is: malformed_request, client_refused or invalid_api_key.
  std::optional<Error> refusal(RequestFacts const& facts, Access access) const;
  bool key_required() const { return key_.required(); }
  // An origin that is allowed by name, to the letter.
  bool allows(std::optional<std::string_view> origin) const;

 private:
  bool names_us(std::string_view host) const;
  std::optional<Error> judge_key(RequestFacts const& facts) const;

  std::string port_suffix_;  // ":8080"
  std::uint16_t port_;
  Reach reach_;
  ClientKey key_;
  std::vector<std::string> origins_;
};

// True for application/json, with or without parameters.
bool is_json_type(std::string_view content_type);

}  // namespace jumpseat

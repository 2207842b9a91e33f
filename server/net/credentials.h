// The two request parts that hold a secret. Together with the connections, which send them, and the
// database's bind these are the places where a Secret is revealed.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "protocol/secret.h"

namespace jumpseat {

// The value of an Authorization header: "Bearer …", or empty. Copies share it, so that a token
// which many requests carry is in memory once; the last copy wipes it.
class Authorization {
 public:
  Authorization() = default;
  // Not explicit: such a secret is a credential.
  Authorization(Secret value);  // NOLINT(google-explicit-constructor)
  bool empty() const { return value_ == nullptr; }
  // Judged once, not for each request: no control character, which no field's value may hold.
  bool well_formed() const { return well_formed_; }
  // Never null.
  std::string_view reveal() const { return value_ ? value_->reveal() : std::string_view(""); }

 private:
  std::shared_ptr<Secret const> value_;
  bool well_formed_ = true;
};

// "<scheme> <token>".
Authorization authorization(std::string_view scheme, Secret const& token);

// The form of a device-flow poll (RFC 8628 3.4). No client secret: GitHub asks for none here.
std::string device_grant_form(std::string_view client_id, Secret const& device_code);

}  // namespace jumpseat

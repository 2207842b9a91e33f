// What upstream says about itself and about the account's limits goes on to the caller
// (docs/http-api.md lists the names).
#pragma once

#include "server/http/handler.h"
#include "server/net/http_client.h"

namespace jumpseat {

// Before the reply begins.
void pass_on_headers(HttpHeaders const& upstream, Reply& reply);

}  // namespace jumpseat

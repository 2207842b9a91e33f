#include "protocol/methods.h"

namespace jumpseat {

AccountQuota account_quota(Quota const& quota) {
  AccountQuota out;
  out.name = quota.name;
  out.unlimited = quota.unlimited;
  out.percentRemaining = quota.percent_remaining;
  out.entitlement = quota.entitlement;
  out.remaining = quota.remaining;
  out.overagePermitted = quota.overage_permitted;
  return out;
}

}  // namespace jumpseat

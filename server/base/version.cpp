#include "server/base/version.h"

namespace jumpseat {

char const version[] = JUMPSEAT_VERSION;

}  // namespace jumpseat

// The program's version, from CMakeLists.txt.
#pragma once

namespace jumpseat {

extern char const version[];

}  // namespace jumpseat

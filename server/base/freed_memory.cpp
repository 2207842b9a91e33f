#include "server/base/freed_memory.h"

#include <cstdlib>  // defines __GLIBC__

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace jumpseat {

#ifdef __GLIBC__

void give_freed_memory_back() {
  // Once set, glibc leaves the limits alone; by itself it raises them with every large block that
  // is freed.
  ::mallopt(M_MMAP_THRESHOLD, 256 << 10);
  ::mallopt(M_TRIM_THRESHOLD, 512 << 10);
}

void keep_freed_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 8 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

void trim_freed_memory() { ::malloc_trim(0); }

#else

void give_freed_memory_back() {}
void keep_freed_memory() {}
void trim_freed_memory() {}

#endif

}  // namespace jumpseat

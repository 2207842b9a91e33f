// What becomes of memory that was freed: whether the allocator keeps it for the next block or gives
// it back to the system.
#pragma once

namespace jumpseat {

// Blocks of a quarter of a megabyte and more go back at once, as does what is free at the end of
// the heap; the way of the program from its start.
void give_freed_memory_back();
// Keeps up to 16 MB. For the time in which one large block follows another: memory fresh from the
// system costs a page fault for every 4 kB.
void keep_freed_memory();
// Gives back now what can be.
void trim_freed_memory();

}  // namespace jumpseat

// malloc and its family for libraries that copy credentials into buffers of their own and free them
// as they are: what these functions free is wiped first. May be called on any thread.
#pragma once

#include <cstddef>

namespace jumpseat {

void* wiped_malloc(std::size_t size);
void* wiped_calloc(std::size_t count, std::size_t size);
void* wiped_realloc(void* block, std::size_t size);
char* wiped_strdup(char const* text);
void wiped_free(void* block);

}  // namespace jumpseat

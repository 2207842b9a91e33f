#include "server/net/wiped_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace jumpseat {
namespace {

// Each block remembers its size in front of itself.
struct alignas(std::max_align_t) BlockHeader {
  std::size_t size;
};

BlockHeader* header_of(void* block) { return static_cast<BlockHeader*>(block) - 1; }

}  // namespace

void* wiped_malloc(std::size_t size) {
  if (size > SIZE_MAX - sizeof(BlockHeader)) return nullptr;
  auto* const header = static_cast<BlockHeader*>(std::malloc(sizeof(BlockHeader) + size));
  if (header == nullptr) return nullptr;
  header->size = size;
  return header + 1;
}

void wiped_free(void* block) {
  if (block == nullptr) return;
  std::memset(block, 0, header_of(block)->size);
  // As far as the compiler knows, this reads the bytes, so that they have to be written.
  asm volatile("" : : "r"(block) : "memory");
  std::free(header_of(block));
}

void* wiped_realloc(void* block, std::size_t size) {
  if (block == nullptr) return wiped_malloc(size);
  void* const larger = wiped_malloc(size);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, block, std::min(size, header_of(block)->size));
  wiped_free(block);
  return larger;
}

char* wiped_strdup(char const* text) {
  std::size_t const size = std::strlen(text) + 1;
  void* const copy = wiped_malloc(size);
  return copy == nullptr ? nullptr : static_cast<char*>(std::memcpy(copy, text, size));
}

void* wiped_calloc(std::size_t count, std::size_t size) {
  if (size != 0 && count > SIZE_MAX / size) return nullptr;
  void* const block = wiped_malloc(count * size);
  return block == nullptr ? nullptr : std::memset(block, 0, count * size);
}

}  // namespace jumpseat

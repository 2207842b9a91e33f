// Strings of JSON, many bytes at a time. Nearly all bytes of a prompt are inside strings: here is
// what judges such a string and what skips one that was judged. A block of bytes becomes masks,
// one bit for each byte, and the questions are answered for all of them at once: which backslashes
// escape, which quote ends the string, whether UTF-8 is well-formed.
//
// There are two kinds of block: sixty-four bytes in SSE2 registers, part of every x86-64, and eight
// in an ordinary word, for any other machine. Everything else is the same text for both; both are
// compiled wherever they can be, and the fuzzer holds them against each other.
//
// Private to scan.cpp and its tests. It says yes or no; where the no is, scan.cpp finds out.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace jumpseat::scan {

inline unsigned char byte(char c) { return static_cast<unsigned char>(c); }

// ---- Blocks -------------------------------------------------------------------

// The masks have one bit for each byte, the first byte's lowest; no others are set.
class WordBlock {
 public:
  static constexpr int size = 8;
  static constexpr std::uint64_t all = 0xFF;

  explicit WordBlock(char const* at) {
    std::memcpy(&bytes_, at, sizeof bytes_);
    if constexpr (std::endian::native == std::endian::big) bytes_ = __builtin_bswap64(bytes_);
  }

  std::uint64_t equal(char c) const { return gather(~differ(c)); }
  // Control characters: all below the space.
  std::uint64_t control() const { return gather(~(((bytes_ & low) + 0x60 * ones) | bytes_)); }
  // Whether bit `n` is set, 4 to 7.
  std::uint64_t bit(int n) const { return gather(bytes_ << (7 - n)); }
  // Bytes that do not stand for themselves: quote, backslash, controls, all outside ASCII.
  std::uint64_t not_plain() const {
    std::uint64_t const plain =
        differ('"') & differ('\\') & ((bytes_ & low) + 0x60 * ones) & ~bytes_;
    return gather(~plain);
  }
  // The letters of the escapes \\n and \\t, by far the most frequent ones: n, t.
  std::uint64_t usual_letter() const { return equal('n') | equal('t'); }
  // Whether a byte is there that starts no sequence, or one whose second byte has a range of its
  // own: C0, C1, E0, ED, F0 and above.
  bool unusual() const {
    return (equal('\xC0') | equal('\xC1') | equal('\xE0') | equal('\xED') |
            (bit(7) & bit(6) & bit(5) & bit(4))) != 0;
  }

 private:
  static constexpr std::uint64_t ones = 0x0101010101010101;
  static constexpr std::uint64_t low = 0x7F * ones;
  // Moves the top bits of the eight bytes next to each other.
  static std::uint64_t gather(std::uint64_t tops) {
    return ((tops >> 7 & ones) * 0x0102040810204080) >> 56;
  }
  // The top bit of each byte that is not `c`: a sum of the lower seven bits has it unless they are
  // all zero, and does not carry into its neighbour.
  std::uint64_t differ(char c) const {
    std::uint64_t const difference = bytes_ ^ (byte(c) * ones);
    return ((difference & low) + low) | difference;
  }

  std::uint64_t bytes_;
};

#if defined(__SSE2__)

// The top bit is set of each byte that does not stand for itself.
inline __m128i not_plain(__m128i bytes) {
  __m128i const quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  __m128i const backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  // Signed, so that bytes from 0x80 up count as less than a space too.
  __m128i const other = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
  return _mm_or_si128(_mm_or_si128(quote, backslash), other);
}

class WideBlock {
 public:
  static constexpr int size = 64;
  static constexpr std::uint64_t all = ~std::uint64_t{0};

  explicit WideBlock(char const* at)
      : bytes_{load(at), load(at + 16), load(at + 32), load(at + 48)} {}

  std::uint64_t equal(char c) const {
    return gather([c](__m128i bytes) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); });
  }
  std::uint64_t control() const {
    return gather([](__m128i bytes) {
      __m128i const highest = _mm_set1_epi8(0x1F);
      return _mm_cmpeq_epi8(_mm_max_epu8(bytes, highest), highest);
    });
  }
  std::uint64_t bit(int n) const {
    return gather([n](__m128i bytes) { return _mm_slli_epi16(bytes, 7 - n); });
  }
  std::uint64_t not_plain() const {
    return gather([](__m128i bytes) { return scan::not_plain(bytes); });
  }
  std::uint64_t usual_letter() const {
    return gather([](__m128i bytes) {
      __m128i const n = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('n'));
      return _mm_or_si128(n, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('t')));
    });
  }
  bool unusual() const {
    return gather([](__m128i bytes) {
             __m128i const even = _mm_and_si128(bytes, _mm_set1_epi8('\xFE'));
             __m128i const c0_c1 = _mm_cmpeq_epi8(even, _mm_set1_epi8('\xC0'));
             __m128i const e0 = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\xE0'));
             __m128i const ed = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\xED'));
             __m128i const f0 = _mm_set1_epi8('\xF0');
             __m128i const above = _mm_cmpeq_epi8(_mm_max_epu8(bytes, f0), bytes);
             return _mm_or_si128(_mm_or_si128(c0_c1, e0), _mm_or_si128(ed, above));
           }) != 0;
  }

 private:
  static __m128i load(char const* at) {
    return _mm_loadu_si128(reinterpret_cast<__m128i const*>(at));
  }
  // The top bits of what `of` makes of each register. Written out: g++ keeps such a loop at -O2.
  template <class Of>
  std::uint64_t gather(Of const& of) const {
    auto const tops = [](__m128i bytes) {
      return std::uint64_t{static_cast<unsigned>(_mm_movemask_epi8(bytes))};
    };
    return tops(of(bytes_[0])) | tops(of(bytes_[1])) << 16 | tops(of(bytes_[2])) << 32 |
           tops(of(bytes_[3])) << 48;
  }

  __m128i bytes_[4];
};

// One register, for what is mostly short: it only tells what is not plain.
class ShortBlock {
 public:
  static constexpr int size = 16;

  explicit ShortBlock(char const* at)
      : bytes_(_mm_loadu_si128(reinterpret_cast<__m128i const*>(at))) {}

  std::uint64_t not_plain() const {
    return static_cast<unsigned>(_mm_movemask_epi8(scan::not_plain(bytes_)));
  }

 private:
  __m128i bytes_;
};

using Block = WideBlock;

#else

using ShortBlock = WordBlock;
using Block = WordBlock;

#endif

// ---- Escapes ------------------------------------------------------------------

using ByteSet = std::array<bool, 256>;

consteval ByteSet byte_set(std::string_view bytes) {
  ByteSet set{};
  for (char const c : bytes) set[static_cast<unsigned char>(c)] = true;
  return set;
}

inline constexpr ByteSet letters_of_escapes = byte_set("\"\\/bfnrt");  // but for the u
inline constexpr ByteSet hex_digits = byte_set("0123456789abcdefABCDEF");

// Whether the byte at `at` and what follows it completes an escape whose backslash was before it.
inline bool ends_escape(char const* at, char const* end) {
  if (letters_of_escapes[byte(*at)]) return true;
  auto const hex = [at](int i) { return hex_digits[byte(at[i])]; };
  return *at == 'u' && end - at > 4 && hex(1) + hex(2) + hex(3) + hex(4) == 4;
}

// Which bytes are escaped, from block to block.
template <class Block>
class Escapes {
 public:
  // `backslashes` of the next block. A backslash escapes the byte behind it unless it is escaped
  // itself: in a run of them every other one. A subtraction walks along all runs at once: where a
  // run begins, a borrow starts that turns the bits up to the run's end; held against a pattern of
  // every other bit, that tells the odd places of a run from the even ones.
  std::uint64_t next(std::uint64_t backslashes) {
    if (backslashes == 0) return std::exchange(pending_, 0);
    constexpr std::uint64_t odd = 0xAAAAAAAAAAAAAAAA;
    std::uint64_t const unescaped = backslashes & ~pending_;
    std::uint64_t const turned = ((unescaped << 1 | odd) - unescaped) ^ odd;
    std::uint64_t const escaped = (turned ^ (backslashes | pending_)) & Block::all;
    pending_ = (turned & backslashes) >> (Block::size - 1);
    return escaped;
  }
  // Not zero where the block that follows begins with an escaped byte.
  std::uint64_t pending() const { return pending_; }

 private:
  std::uint64_t pending_ = 0;
};

// ---- UTF-8 --------------------------------------------------------------------

struct Sequence {
  std::ptrdiff_t length;  // bytes; of a broken sequence those that belong together, at least 1
  bool well_formed;
};

// The sequence that starts with the non-ASCII byte at `at` (Unicode 15, table 3-7: no overlong
// forms, no surrogates, nothing above U+10FFFF).
inline Sequence sequence(char const* at, char const* end) {
  unsigned char const lead = byte(*at);
  std::ptrdiff_t const length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return {1, false};
  // Only the second byte has a range of its own.
  unsigned char const low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned char const high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (end - at < 2 || byte(at[1]) < low || byte(at[1]) > high) return {1, false};
  for (std::ptrdiff_t i = 2; i < length; ++i) {
    if (end - at <= i || (byte(at[i]) & 0xC0) != 0x80) return {i, false};
  }
  return {length, true};
}

// Whether UTF-8 is well-formed, from block to block.
template <class Block>
class Sequences {
 public:
  // The next block, whose bytes are at `at`; `inside` are those that belong to the text.
  bool next(Block const& block, std::uint64_t inside, char const* at, char const* end) {
    std::uint64_t const high = block.bit(7) & inside;
    if (high == 0) return std::exchange(pending_, 0) == 0;
    std::uint64_t const second = block.bit(6);
    // The first bytes of all sequences, and of those of at least three and four bytes.
    std::uint64_t const leads = high & second;
    std::uint64_t const threes = leads & block.bit(5);
    std::uint64_t const fours = threes & block.bit(4);
    std::uint64_t const wanted = (leads << 1 | threes << 2 | fours << 3 | pending_) & Block::all;
    pending_ =
        leads >> (Block::size - 1) | threes >> (Block::size - 2) | fours >> (Block::size - 3);
    if (wanted != (high & ~second)) return false;
    if (!block.unusual()) return true;
    for (std::uint64_t rest = leads; rest != 0; rest &= rest - 1) {
      if (!sequence(at + std::countr_zero(rest), end).well_formed) return false;
    }
    return true;
  }
  // Not zero where the block that follows begins within a sequence.
  std::uint64_t pending() const { return pending_; }

 private:
  std::uint64_t pending_ = 0;
};

// ---- Strings ------------------------------------------------------------------

// From behind a string's opening quote to behind its closing one, if all between them is what JSON
// allows there; else null.
template <class Block>
char const* end_of_good_string(char const* at, char const* end) {
  // Most strings are short and plain.
  if (end - at >= Block::size) {
    int const first = std::countr_zero(Block(at).not_plain() | ~Block::all);
    if (first < Block::size && at[first] == '"') return at + first + 1;
  }
  Escapes<Block> escapes;
  Sequences<Block> sequences;
  while (true) {
    // The last bytes are looked at in a copy, with control characters behind them: a string that
    // reaches those has no end.
    std::array<char, Block::size> last;
    char const* bytes = at;
    if (end - at < Block::size) {
      last.fill('\0');
      std::copy(at, end, last.begin());
      bytes = last.data();
    }
    Block const block(bytes);
    if ((block.not_plain() | escapes.pending() | sequences.pending()) == 0) {
      at += Block::size;
      continue;
    }

    std::uint64_t const backslashes = block.equal('\\');
    std::uint64_t const quotes = block.equal('"');
    std::uint64_t const escaped = escapes.next(backslashes);
    std::uint64_t const closing = quotes & ~escaped;
    // What lies before the first of them; all, where there is none.
    std::uint64_t const inside = (closing - 1) & ~closing & Block::all;
    if ((block.control() & inside) != 0) return nullptr;
    std::uint64_t const letters = escaped & inside & ~(quotes | backslashes);
    for (std::uint64_t rest = letters & ~block.usual_letter(); rest != 0; rest &= rest - 1) {
      if (!ends_escape(at + std::countr_zero(rest), end)) return nullptr;
    }
    if (!sequences.next(block, inside, at, end)) return nullptr;
    if (closing != 0) return at + std::countr_zero(closing) + 1;
    at += Block::size;
  }
}

// The same way through a string that was judged; `end` when it has no end.
template <class Block>
char const* skip_string(char const* at, char const* end) {
  Escapes<Block> escapes;
  while (end - at >= Block::size) {
    Block const block(at);
    std::uint64_t const escaped = escapes.next(block.equal('\\'));
    std::uint64_t const closing = block.equal('"') & ~escaped;
    if (closing != 0) return at + std::countr_zero(closing) + 1;
    at += Block::size;
  }
  bool escaped = escapes.pending();
  for (; at != end; ++at) {
    if (!escaped && *at == '"') return at + 1;
    escaped = !escaped && *at == '\\';
  }
  return end;
}

}  // namespace jumpseat::scan

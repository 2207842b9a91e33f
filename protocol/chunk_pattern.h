// The chunks of one answer are alike but for a few words: the piece of text, and perhaps counters
// of the content filter. A ChunkPattern remembers one event and the chunk that was made of it; an
// event that differs from it only there becomes its chunk by comparing and copying bytes, without a
// parser. Whatever else is different is left to the slow way, which may teach a new pattern.
//
//   if (pattern.match(event)) return pattern.chunk();
//   …the slow way makes `chunk` of `event`…
//   pattern.learn(event, chunk);
//
// It knows the shape of a chunk (OpenAI API reference, "The chat completion chunk object"), not
// what is wrong with one: what an event does to the state of a stream besides its text, such as a
// call's first delta, a finish_reason or counted tokens, is never part of a pattern.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jumpseat {

// Whether a stream delivers the text under this key in pieces that the caller joins.
bool comes_in_pieces(std::string_view key);

class ChunkPattern {
 public:
  // A text that comes in pieces, by where it is in the chunk.
  struct Piece {
    std::string key;                   // of `delta`; "arguments" of a call's function
    std::optional<std::int64_t> call;  // the call's index
    std::size_t hole;
  };

  // Both have been parsed: `event` as it came and `chunk` as it goes out. Forgets what was known
  // before; matches nothing afterwards when the two do not make a pattern.
  void learn(std::string_view event, std::string_view chunk);
  void forget() { pieces_.clear(); }

  // Whether `event` is the one that was learnt but for its free values; they are kept as views.
  bool match(std::string_view event);

  // The chunk with the values of the last match.
  // It takes the memory of `used`, whatever that holds.
  std::string chunk(std::string used = {}) const { return fill(Fill::all, std::move(used)); }
  // Likewise, with "" in place of each piece.
  std::string chunk_without_pieces() const { return fill(Fill::all_but_pieces, {}); }
  bool only_pieces() const { return pieces_.size() == holes_.size(); }

  std::int64_t choice() const { return choice_; }  // the `index` of the chunk's one choice
  std::vector<Piece> const& pieces() const { return pieces_; }
  // A piece of the last match: a JSON string with its quotes, without \u escapes.
  std::string_view value(Piece const& piece) const { return values_[piece.hole]; }
  // Bytes of the text that it stands for.
  std::size_t text_size(Piece const& piece) const;

 private:
  enum class Kind { string, whole_number };
  struct Hole {
    std::size_t begin, end;  // in event_
    Kind kind;
  };
  struct Slot {
    std::size_t begin, end;  // in chunk_
    std::size_t hole;
  };
  enum class Fill { all, all_but_pieces };
  std::string fill(Fill what, std::string out) const;
  bool study(std::string_view event, std::string_view chunk);

  std::string event_;
  std::string chunk_;
  std::vector<Hole> holes_;  // in the order of event_
  std::vector<Slot> slots_;  // in the order of chunk_
  std::vector<Piece> pieces_;
  std::vector<std::string_view> values_;  // by hole
  std::int64_t choice_ = 0;
};

}  // namespace jumpseat

// To learn, both texts are walked leaf by leaf; a leaf that is free and has the same bytes under
// the same path in both is a hole. To match, the bytes between the holes are compared and each hole
// is asked for a value of its kind.

#include "protocol/chunk_pattern.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "protocol/scan.h"

namespace jumpseat {
namespace {

// More than this is no chunk of text.
constexpr std::size_t max_leaves = 64;
constexpr int max_depth = 8;

constexpr std::string_view role_path = "/choices/0/delta/role";
constexpr std::string_view delta_path = "/choices/0/delta/";
constexpr std::string_view call_path = "/choices/0/delta/tool_calls/0/";
constexpr std::string_view arguments_path = "/choices/0/delta/tool_calls/0/function/arguments";

struct Leaf {
  std::string_view path;  // "/choices/0/delta/content"
  std::string_view value;
};

// The one choice, or the one call of a delta. Other lists are joined by whoever puts an answer
// together, so no two chunks with one are alike.
bool is_known_list(std::string_view path) {
  return path == "/choices" || path == "/choices/0/delta/tool_calls";
}

// The leaves of one text. Their paths lie one after the other in one block.
class Leaves {
 public:
  // False when the shape is not that of a chunk with one choice, or names are spelt in a way or
  // given twice that takes a parser to understand.
  bool walk(std::string_view object) {
    paths_.reserve(block);
    list_.reserve(max_leaves);
    return is_object(object) && walk(object, 0);
  }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }
  Leaf const* find(std::string_view path) const {
    auto const found = std::ranges::find(list_, path, &Leaf::path);
    return found == list_.end() ? nullptr : &*found;
  }

 private:
  static constexpr std::size_t block = 4096;

  bool walk(std::string_view value, int depth) {
    if (depth > max_depth) return false;
    if (is_object(value)) return walk_members(value, depth);
    if (is_array(value)) return walk_elements(value, depth);
    // The path behind this leaf is written after it, so that views stay good.
    std::size_t const size = paths_.size() - begin_;
    if (list_.size() == max_leaves || paths_.size() + size > block) return false;
    list_.push_back({std::string_view(paths_).substr(begin_, size), value});
    std::size_t const next = paths_.size();
    paths_.append(paths_, begin_, size);
    begin_ = next;
    return true;
  }

  bool walk_members(std::string_view object, int depth) {
    std::array<std::string_view, 16> keys;
    std::size_t count = 0;
    for (Member const& member : members(object)) {
      auto const seen = keys.begin() + static_cast<std::ptrdiff_t>(count);
      if (count == keys.size() || std::find(keys.begin(), seen, member.key) != seen ||
          member.key.find_first_of("\\/") != std::string_view::npos) {
        return false;
      }
      keys[count++] = member.key;
      if (!walk_below(member.key, member.value, depth)) return false;
    }
    return true;
  }

  bool walk_elements(std::string_view array, int depth) {
    std::size_t count = 0;
    for (std::string_view const element : elements(array)) {
      if (count++ > 0 || !is_known_list(std::string_view(paths_).substr(begin_))) return false;
      if (!walk_below("0", element, depth)) return false;
    }
    return true;
  }

  bool walk_below(std::string_view key, std::string_view value, int depth) {
    std::size_t const size = paths_.size() - begin_;
    if (paths_.size() + key.size() + 1 > block) return false;
    paths_.append("/").append(key);
    bool const good = walk(value, depth + 1);
    paths_.resize(begin_ + size);
    return good;
  }

  std::string paths_;      // never longer than its block; the path at hand is its end
  std::size_t begin_ = 0;  // of the path at hand
  std::vector<Leaf> list_;
};

std::size_t offset(std::string_view whole, std::string_view part) {
  return static_cast<std::size_t>(part.data() - whole.data());
}

std::string_view last_key(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_piece(Leaf const& leaf) {
  if (!is_string(leaf.value)) return false;
  std::string_view const path = leaf.path;
  if (path == arguments_path) return true;
  return path.starts_with(delta_path) &&
         path.find('/', delta_path.size()) == std::string_view::npos &&
         comes_in_pieces(last_key(path));
}

// Leaves that say what the chunk is, or that count.
bool is_pinned(std::string_view path) {
  return path == "/id" || path == "/object" || path == "/created" || path == "/model" ||
         path == "/choices/0/index" || path.starts_with("/usage") || path.starts_with(delta_path);
}

// Whether an event does something besides bringing a piece of text.
bool has_effect(Leaf const& leaf) {
  std::string_view const path = leaf.path;
  if (path.starts_with("/copilot_") || path.starts_with("/error")) return true;
  if (path == "/choices/0/finish_reason") return !is_null(leaf.value);
  if (path == role_path) {
    return leaf.value != "\"assistant\"" && !is_null(leaf.value);
  }
  if (path.starts_with(call_path) && (last_key(path) == "id" || last_key(path) == "name")) {
    return true;
  }
  // The whole message in place of a delta.
  if (path.starts_with("/choices/0/message")) return true;
  // A text that is joined, but not in a place that match() knows.
  return is_string(leaf.value) && comes_in_pieces(last_key(path)) && !is_piece(leaf);
}

std::optional<std::int64_t> number_of(Leaf const* leaf) {
  if (leaf == nullptr || whole_number_length(leaf->value) != leaf->value.size()) return {};
  std::int64_t number = 0;
  std::from_chars(leaf->value.data(), leaf->value.data() + leaf->value.size(), number);
  return number;
}

// Cheap, and right nearly always: the first and the last chunk of an answer are no pattern.
bool is_out_of_question(std::string_view chunk) {
  // Without their first quotes, which would be found everywhere.
  return chunk.find("role\"") != std::string_view::npos ||
         chunk.find("finish_reason\":\"") != std::string_view::npos;
}

}  // namespace

bool comes_in_pieces(std::string_view key) {
  return key == "content" || key == "refusal" || key == "arguments" || key == "reasoning" ||
         key == "thinking" || key.ends_with("_text") || key.ends_with("_content");
}

void ChunkPattern::learn(std::string_view event, std::string_view chunk) {
  if (!study(event, chunk)) forget();
}

bool ChunkPattern::study(std::string_view event, std::string_view chunk) {
  holes_.clear();
  slots_.clear();
  pieces_.clear();
  if (is_out_of_question(chunk)) return false;
  Leaves from;
  Leaves to;
  if (!from.walk(event) || !to.walk(chunk)) return false;
  if (std::ranges::any_of(from, has_effect) || std::ranges::any_of(to, has_effect)) return false;
  // Only an answer's first chunk says who speaks.
  if (to.find(role_path) != nullptr) return false;
  auto const choice = number_of(to.find("/choices/0/index"));
  if (!choice) return false;
  choice_ = *choice;

  for (Leaf const& leaf : from) {
    bool const piece = is_piece(leaf);
    if (!piece && is_pinned(leaf.path)) continue;
    bool const string = is_string(leaf.value);
    std::size_t const size = leaf.value.size();
    std::size_t const taken =
        string ? simple_string_length(leaf.value) : whole_number_length(leaf.value);
    Leaf const* const made = to.find(leaf.path);
    bool const same = taken == size && made != nullptr && made->value == leaf.value;
    if (!same && piece) return false;
    if (!same) continue;  // compared with the rest
    std::size_t const hole = holes_.size();
    std::size_t const begin = offset(event, leaf.value);
    holes_.push_back({begin, begin + size, string ? Kind::string : Kind::whole_number});
    std::size_t const place = offset(chunk, made->value);
    slots_.push_back({place, place + size, hole});
    if (!piece) continue;
    Piece known{std::string(last_key(leaf.path)), {}, hole};
    if (leaf.path == arguments_path) {
      // Until some have come, a call may still turn out to have none.
      if (leaf.value == "\"\"") return false;
      known.call = number_of(to.find("/choices/0/delta/tool_calls/0/index"));
      if (!known.call) return false;
    }
    pieces_.push_back(std::move(known));
  }
  std::ranges::sort(slots_, {}, &Slot::begin);
  event_ = event;
  chunk_ = chunk;
  values_.resize(holes_.size());
  return true;
}

bool ChunkPattern::match(std::string_view event) {
  if (pieces_.empty()) return false;
  std::string_view const known = event_;
  std::size_t at = 0;  // in `event`
  std::size_t compared = 0;
  for (std::size_t i = 0; i < holes_.size(); ++i) {
    Hole const& hole = holes_[i];
    std::string_view const fixed = known.substr(compared, hole.begin - compared);
    if (event.substr(at, fixed.size()) != fixed) return false;
    at += fixed.size();
    std::string_view const rest = event.substr(at);
    std::size_t const size =
        hole.kind == Kind::string ? simple_string_length(rest) : whole_number_length(rest);
    if (size == 0) return false;
    values_[i] = rest.substr(0, size);
    at += size;
    compared = hole.end;
  }
  return event.substr(at) == known.substr(compared);
}

std::size_t ChunkPattern::text_size(Piece const& piece) const {
  std::string_view const inside = value(piece).substr(1, value(piece).size() - 2);
  std::size_t size = inside.size();
  for (std::size_t at = inside.find('\\'); at != std::string_view::npos;
       at = inside.find('\\', at + 2)) {
    --size;  // two bytes stand for one
  }
  return size;
}

std::string ChunkPattern::fill(Fill what, std::string out) const {
  auto const is_left_out = [this, what](std::size_t hole) {
    return what == Fill::all_but_pieces &&
           std::ranges::find(pieces_, hole, &Piece::hole) != pieces_.end();
  };
  std::size_t size = chunk_.size();
  for (Slot const& slot : slots_) size += values_[slot.hole].size() - (slot.end - slot.begin);
  out.clear();
  out.reserve(size);
  std::size_t copied = 0;
  for (Slot const& slot : slots_) {
    out.append(chunk_, copied, slot.begin - copied);
    out.append(is_left_out(slot.hole) ? std::string_view("\"\"") : values_[slot.hole]);
    copied = slot.end;
  }
  out.append(chunk_, copied);
  return out;
}

}  // namespace jumpseat

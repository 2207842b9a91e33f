// JSON objects as texts that are edited and joined without a tree. It rests on one form of JSON,
// here called canonical, which is what Boost.JSON writes: no white space, no escape where none is
// needed, no name twice in an object. What is put together of canonical texts is canonical, so it
// is what a parser, a tree and a serializer would have made of them; the same value has the same
// bytes, but for some numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/container/small_vector.hpp>
#include <boost/json/value.hpp>

#include "protocol/scan.h"

namespace jumpseat {

// One value of a text that JsonIndex has read. The values inside it follow it; `size` counts them
// and itself.
struct JsonNode {
  std::string_view key;  // between the quotes; empty when it is no member
  std::string_view value;
  std::uint32_t size = 1;
};

// Reads canonical JSON that is quickly seen to be: none with fractions, numbers of many digits, \u
// escapes or deep nesting. Most texts of machines are.
class JsonIndex {
 public:
  // False when `text`, never judged before, is anything else. `text` lives as long as this.
  bool read(std::string_view text);
  JsonNode const& root() const { return nodes_.front(); }

 private:
  class Reader;
  boost::container::small_vector<JsonNode, 40> nodes_;
};

// A canonical text, with its place in an index if it has one. Not explicit: either is such a text.
// NOLINTBEGIN(google-explicit-constructor)
struct JsonView {
  JsonView(std::string_view its_text) : text(its_text) {}
  JsonView(JsonNode const& its_node) : text(its_node.value), node(&its_node) {}
  std::string_view text;
  JsonNode const* node = nullptr;
};
// NOLINTEND(google-explicit-constructor)

// Calls `visit` with each element, a JsonView; none when `array` is no array.
template <class Visit>
void for_each_element(JsonView array, Visit visit) {
  if (!is_array(array.text)) return;
  if (array.node == nullptr) {
    for (std::string_view const element : elements(array.text)) visit(JsonView(element));
    return;
  }
  JsonNode const* const end = array.node + array.node->size;
  for (JsonNode const* at = array.node + 1; at != end; at += at->size) visit(JsonView(*at));
}

// ---- Values; each is canonical text, or empty: absent ----

// The string that `value` is, unescaped; empty when it is no string.
std::string unquoted(std::string_view value);
// Bytes of that.
std::size_t text_size(std::string_view value);
// As whole_number() of json_fields.h.
std::optional<std::int64_t> whole_number_of(std::string_view value);
// Parses it. Null when a number in it is beyond the range of a double.
boost::json::value value_of(std::string_view value);

// The members of one object, to be looked at and changed. Keys are what stands between the quotes.
class ObjectText {
 public:
  struct Member {
    std::string_view key;
    std::string_view value;
    JsonNode const* node;
    JsonView text() const { return node == nullptr ? JsonView(value) : JsonView(*node); }
  };
  // `object` and whatever is set live as long as this. A text that is no object has no members.
  explicit ObjectText(JsonView object);

  auto begin() const { return members_.begin(); }
  auto end() const { return members_.end(); }
  std::size_t size() const { return members_.size(); }
  bool contains(std::string_view key) const { return !at(key).empty(); }
  // Empty when absent.
  std::string_view at(std::string_view key) const { return text_at(key).text; }
  JsonView text_at(std::string_view key) const;

  // Replaces the value where it is, or adds the member at the end.
  void set(std::string_view key, std::string_view value);
  // Returns whether there was one.
  bool erase(std::string_view key);
  bool erase_null(std::string_view key);
  bool changed() const { return changed_; }
  void append_to(std::string& out) const;
  std::string text() const;
  std::size_t text_size() const;  // at most

 private:
  std::string_view object_;
  boost::container::small_vector<Member, 10> members_;
  bool changed_ = false;
};

// An array of objects that is written anew when one of them has changed.
class ArrayText {
 public:
  // Each element is added, or left out, in order.
  void add(ObjectText const& element);
  void leave_out() { changed_ = true; }
  bool changed() const { return changed_; }
  std::string text() && { return std::move(text_.append("]")); }

 private:
  std::string text_ = "[";
  bool changed_ = false;
};

// An object that grows out of the objects of many texts; it owns what it holds.
class MergedObject {
 public:
  struct Member {
    std::string key;
    std::string value;                          // unless it has been merged with
    std::unique_ptr<MergedObject> object;       // then it is this
    void append_to(std::string& out) const;     // the value
    void append_named(std::string& out) const;  // as one of several members
  };

  auto begin() const { return members_.begin(); }
  auto end() const { return members_.end(); }
  bool empty() const { return members_.empty(); }
  // Empty when absent or an object that has been merged with.
  std::string_view at(std::string_view key) const;
  // The value under this key; "null" when there is none.
  void append_value(std::string& out, std::string_view key) const;
  // Where the text of a string is kept, to be appended to; null when there is none under this key.
  std::string* find_string(std::string_view key);

  void set(std::string_view key, std::string_view value);
  // Puts what a text says about `key` to what was said before: texts that come in pieces (as
  // chunk_pattern.h knows them) are joined, arrays are appended, objects are merged; null says
  // nothing, and of other values the last one counts.
  void merge(std::string_view key, std::string_view value);
  // The object under this key; an empty one takes the place of anything else.
  MergedObject& object(std::string_view key);
  void append_to(std::string& out) const;

 private:
  Member* find(std::string_view key);
  Member& obtain(std::string_view key);
  static MergedObject& open(Member& member);

  std::vector<Member> members_;
};

// Appends the text of the string `piece` to that of the string `text`.
void append_string(std::string& text, std::string_view piece);

}  // namespace jumpseat

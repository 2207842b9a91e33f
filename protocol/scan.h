// JSON read in place. A caller's request is edited, not rebuilt: check_json() judges the whole text
// once, at the door; after that members() and elements() walk it by skipping, without a tree and
// without a copy, and Splice replaces the few members that have to change. Everything else keeps
// its own bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/container/small_vector.hpp>

#include "protocol/result.h"

namespace jumpseat {

// Where and why a text is not JSON.
struct JsonProblem {
  std::size_t offset;    // byte
  std::string_view why;  // "invalid UTF-8", "nested too deeply", "unexpected character" …; static
  std::string text() const;  // "invalid UTF-8 at byte 17"
};

// Judges `text` as exactly one JSON value: RFC 8259 grammar, well-formed UTF-8, no byte-order mark,
// nesting of at most `max_depth` (never more than 1024). Iterative: the stack does not grow with
// the text. One pass. Lone surrogate escapes (\uD800) are allowed, as RFC 8259 allows them.
std::optional<JsonProblem> check_json(std::string_view text, std::size_t max_depth = 128);

// One member of an object, in place.
struct Member {
  std::string_view key;    // between the quotes, still escaped
  std::string_view value;  // the value's own bytes, without white space around it
  std::string_view whole;  // from the opening quote of the key to the end of the value

  // Whether the key, unescaped, is `name`. JSON allows "mod\u0065l" for "model".
  bool is(std::string_view name) const;
};

// Walks the members of an object whose text has passed check_json().
//   for (Member m : members(text)) if (m.is("model")) ...
// A text that is not an object has no members.
class MemberRange {
 public:
  class iterator {
   public:
    using value_type = Member;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = Member const*;
    using reference = Member const&;
    iterator() = default;
    iterator(char const* at, char const* end);
    Member const& operator*() const { return member_; }
    Member const* operator->() const { return &member_; }
    iterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return at_ == nullptr; }

   private:
    void read();
    char const* at_ = nullptr;
    char const* end_ = nullptr;
    Member member_{};
  };
  explicit MemberRange(std::string_view object) : object_(object) {}
  iterator begin() const;
  std::default_sentinel_t end() const { return {}; }

 private:
  std::string_view object_;
};
inline MemberRange members(std::string_view object) { return MemberRange(object); }

// Walks the elements of an array whose text has passed check_json(); likewise.
class ElementRange {
 public:
  class iterator {
   public:
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = std::string_view const*;
    using reference = std::string_view const&;
    iterator() = default;
    iterator(char const* at, char const* end);
    std::string_view const& operator*() const { return element_; }
    iterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return at_ == nullptr; }

   private:
    void read();
    char const* at_ = nullptr;
    char const* end_ = nullptr;
    std::string_view element_;
  };
  explicit ElementRange(std::string_view array) : array_(array) {}
  iterator begin() const;
  std::default_sentinel_t end() const { return {}; }

 private:
  std::string_view array_;
};
inline ElementRange elements(std::string_view array) { return ElementRange(array); }

// Walks a text that has passed check_json() from front to back, into what it is asked to enter, and
// passes each byte once, however deep it goes:
//   JsonWalk walk(text);
//   walk.enter();
//   for (Member m; walk.next_member(m); walk.complete(m)) {
//     if (m.is("messages") && walk.kind() == '[') {
//       walk.enter();
//       while (walk.next_element()) … walk.pass() …
//     } else {
//       walk.pass();
//     }
//   }
// Every member and every element has to be passed: by pass(), or by entering it and going to its
// end.
class JsonWalk {
 public:
  explicit JsonWalk(std::string_view text);
  // The first byte of the value at hand, which tells its kind; 0 at the end of the text.
  char kind() const { return at_ == end_ ? '\0' : *at_; }
  // Passes the value at hand and gives its bytes.
  std::string_view pass();
  // Steps into the object or array at hand.
  void enter() { ++at_; }
  // To the next member's value, or, when there is none, behind the object: false. Of `member` the
  // key is good now; value and whole are when complete() has seen it, behind the value.
  bool next_member(Member& member);
  void complete(Member& member) const;
  // To the next element, or, when there is none, behind the array: false.
  bool next_element();

 private:
  bool next();

  char const* at_;
  char const* end_;
};

// Where in an object's text a member is, as offsets: they stay good when the text is moved.
struct MemberPlace {
  MemberPlace(std::string_view object, Member const& member);
  Member in(std::string_view object) const;

  std::uint32_t start;    // of the key's opening quote
  std::uint32_t key_end;  // of the key's closing quote
  std::uint32_t value_start;
  std::uint32_t end;
};

// The value of member `key` (compared after unescaping), or nothing. The last one of several
// counts.
std::optional<std::string_view> find_member(std::string_view object, std::string_view key);

// Kind tests on a value's own bytes.
inline bool is_string(std::string_view value) { return !value.empty() && value.front() == '"'; }
inline bool is_object(std::string_view value) { return !value.empty() && value.front() == '{'; }
inline bool is_array(std::string_view value) { return !value.empty() && value.front() == '['; }
inline bool is_null(std::string_view value) { return value == "null"; }

// The text of a string value (with its quotes), escapes resolved. A lone surrogate becomes U+FFFD.
std::string unescape(std::string_view string_value);
// `text` as a JSON string, quotes included. `text` must be UTF-8; bytes that are not become U+FFFD.
std::string quote(std::string_view text);

// For texts that were not judged. The bytes at the start of `text` that are one string value,
// quotes included, or one whole number of at most 15 digits; 0 when there is no such value. A
// string with a
// \u escape is not taken: whether its surrogates pair up is for a parser to say.
std::size_t simple_string_length(std::string_view text);
// The same, of a string without \/ too: nothing is escaped that need not be.
std::size_t canonical_string_length(std::string_view text);
std::size_t whole_number_length(std::string_view text);

// Edits to an object's text, applied in one pass. Of several edits of one name the last one counts.
//   Splice edit(body);
//   edit.set("model", quote("gpt-4.1"));
//   edit.remove("service_tier");
//   std::string out = edit.text();
class Splice {
 public:
  // `object` has passed check_json() and outlives this.
  explicit Splice(std::string_view object);
  // The same for one whose members were found before: all of them, in order.
  Splice(std::string_view object, std::vector<MemberPlace> const& members);
  // Replaces the value of every member named `key`; adds the member at the end if there is none.
  void set(std::string_view key, std::string value);
  // Removes every member named `key`, with its comma.
  void remove(std::string_view key);
  // Changed nothing? Then text() equals the original bytes.
  bool unchanged() const;
  std::string text() const;
  // text(), put together within `object`, the text that this was made from: a long one is moved by
  // a few bytes instead of being copied. Takes new memory only where its capacity does not suffice.
  // This is used up.
  void apply(std::string& object) &&;

 private:
  // What the text is made of, in order.
  struct Part {
    std::string_view text;
    bool kept;  // of the object; else it is new
  };
  // One per name, however many members bear it.
  struct Change {
    std::string key;
    std::optional<std::string> value;  // nothing: remove
    bool replaces = false;             // some member bears the name; else the value is added
  };
  struct Slot {
    MemberPlace place;
    std::uint32_t change;  // index into changes_, or untouched
  };
  static constexpr std::uint32_t untouched = UINT32_MAX;
  Change& change_for(std::string_view key);
  // `added` is where the members that are added find their place; it outlives the parts.
  using Parts = boost::container::small_vector<Part, 16>;
  Parts parts(std::string& added) const;
  static std::string joined(Parts const& all);

  std::string_view object_;
  std::size_t inside_ = 0;  // offset of what follows the opening brace
  // A request has some ten members, and three or four of them change.
  boost::container::small_vector<Slot, 10> slots_;
  boost::container::small_vector<Change, 4> changes_;
};

}  // namespace jumpseat

#include "protocol/json_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include <boost/json.hpp>

#include "protocol/chunk_pattern.h"
#include "protocol/json.h"
#include "protocol/json_fields.h"
#include "protocol/scan.h"

namespace jumpseat {
namespace {

std::string_view inside(std::string_view string) { return string.substr(1, string.size() - 2); }

void append_name(std::string& out, std::string_view key) {
  if (out.back() != '{') out.push_back(',');
  out.append(1, '"').append(key).append("\":");
}

void append_array(std::string& array, std::string_view more) {
  if (more == "[]") return;
  if (array == "[]") {
    array = more;
  } else {
    array.back() = ',';
    array.append(more.substr(1));
  }
}

}  // namespace

// ---- JsonIndex ----

// Goes through a text once, from value to value.
class JsonIndex::Reader {
 public:
  Reader(std::string_view text, JsonIndex& index)
      : at_(text.data()), end_(at_ + text.size()), nodes_(index.nodes_) {}
  bool whole() { return value({}, 0) && at_ == end_; }

 private:
  static constexpr int max_depth = 16;
  static constexpr std::size_t max_nodes = 1000;

  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool skip(std::size_t size) {
    at_ += size;
    return size > 0;
  }
  std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }
  bool word(std::string_view expected) {
    return rest().starts_with(expected) && skip(expected.size());
  }

  bool value(std::string_view key, int depth) {
    if (at_ == end_ || depth > max_depth || nodes_.size() == max_nodes) return false;
    char const* const begin = at_;
    std::size_t const node = nodes_.size();
    nodes_.push_back({key, {}, 1});
    if (!inside(node, depth)) return false;
    nodes_[node].value = {begin, static_cast<std::size_t>(at_ - begin)};
    nodes_[node].size = static_cast<std::uint32_t>(nodes_.size() - node);
    return true;
  }

  bool inside(std::size_t node, int depth) {
    switch (*at_) {
      case '"':
        return skip(canonical_string_length(rest()));
      case '{':
        return members(node, depth);
      case '[':
        return elements(depth);
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return !rest().starts_with("-0") && skip(whole_number_length(rest()));
    }
  }

  bool members(std::size_t node, int depth) {
    ++at_;
    if (take('}')) return true;
    do {
      std::size_t const size = canonical_string_length(rest());
      if (size == 0) return false;
      std::string_view const key(at_ + 1, size - 2);
      if (is_known(node, key)) return false;
      at_ += size;
      if (!take(':') || !value(key, depth + 1)) return false;
    } while (take(','));
    return take('}');
  }
  bool is_known(std::size_t node, std::string_view key) const {
    for (std::size_t i = node + 1; i < nodes_.size(); i += nodes_[i].size) {
      if (nodes_[i].key == key) return true;
    }
    return false;
  }

  bool elements(int depth) {
    ++at_;
    if (take(']')) return true;
    do {
      if (!value({}, depth + 1)) return false;
    } while (take(','));
    return take(']');
  }

  char const* at_;
  char const* end_;
  decltype(JsonIndex::nodes_)& nodes_;
};

bool JsonIndex::read(std::string_view text) {
  nodes_.clear();
  return Reader(text, *this).whole();
}

// ---- Values ----

std::string unquoted(std::string_view value) {
  return is_string(value) ? unescape(value) : std::string();
}

std::size_t text_size(std::string_view value) {
  if (!is_string(value)) return 0;
  std::string_view const text = inside(value);
  return text.find('\\') == std::string_view::npos ? text.size() : unescape(value).size();
}

std::optional<std::int64_t> whole_number_of(std::string_view value) {
  std::int64_t number = 0;
  auto const [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error == std::errc() && stop == value.data() + value.size()) return number;
  bool const is_number =
      !value.empty() && (value.front() == '-' || (value.front() >= '0' && value.front() <= '9'));
  if (!is_number) return std::nullopt;
  return whole_number(value_of(value));
}

json::value value_of(std::string_view value) {
  json::parse_options options;
  options.max_depth = max_json_depth;
  boost::system::error_code out_of_range;
  return json::parse(value, out_of_range, json::storage_ptr(), options);
}

void append_string(std::string& text, std::string_view piece) {
  text.pop_back();
  text.append(piece.substr(1));
}

// ---- ObjectText ----

ObjectText::ObjectText(JsonView object) : object_(object.text) {
  if (object.node == nullptr) {
    for (jumpseat::Member const& member : jumpseat::members(object_)) {
      members_.push_back({member.key, member.value, nullptr});
    }
  } else if (is_object(object_)) {
    JsonNode const* const end = object.node + object.node->size;
    for (JsonNode const* at = object.node + 1; at != end; at += at->size) {
      members_.push_back({at->key, at->value, at});
    }
  }
}

JsonView ObjectText::text_at(std::string_view key) const {
  for (Member const& member : members_) {
    if (member.key == key) return member.text();
  }
  return std::string_view();
}

void ObjectText::set(std::string_view key, std::string_view value) {
  changed_ = true;
  auto const found = std::ranges::find(members_, key, &Member::key);
  if (found != members_.end()) {
    found->value = value;
    found->node = nullptr;
  } else {
    members_.push_back({key, value, nullptr});
  }
}

bool ObjectText::erase(std::string_view key) {
  auto const found = std::ranges::find(members_, key, &Member::key);
  if (found == members_.end()) return false;
  changed_ = true;
  members_.erase(found);
  return true;
}

bool ObjectText::erase_null(std::string_view key) { return is_null(at(key)) && erase(key); }

void ObjectText::append_to(std::string& out) const {
  if (!changed_) {
    out.append(object_);
    return;
  }
  out.push_back('{');
  for (Member const& member : members_) {
    if (member.node != nullptr) {
      // As it stands there: the quotes around the key, the colon and the value.
      if (out.back() != '{') out.push_back(',');
      out.append(member.key.data() - 1, member.value.data() + member.value.size());
    } else {
      append_name(out, member.key);
      out.append(member.value);
    }
  }
  out.push_back('}');
}

std::size_t ObjectText::text_size() const {
  if (!changed_) return object_.size();
  std::size_t size = 2;
  for (Member const& member : members_) size += member.key.size() + member.value.size() + 4;
  return size;
}

std::string ObjectText::text() const {
  std::string out;
  out.reserve(text_size());
  append_to(out);
  return out;
}

// ---- ArrayText ----

void ArrayText::add(ObjectText const& element) {
  changed_ = changed_ || element.changed();
  if (text_.size() > 1) text_.push_back(',');
  text_.reserve(text_.size() + element.text_size() + 1);
  element.append_to(text_);
}

// ---- MergedObject ----

void MergedObject::Member::append_to(std::string& out) const {
  if (object) {
    object->append_to(out);
  } else {
    out.append(value);
  }
}

void MergedObject::Member::append_named(std::string& out) const {
  append_name(out, key);
  append_to(out);
}

MergedObject::Member* MergedObject::find(std::string_view key) {
  auto const found = std::ranges::find(members_, key, &Member::key);
  return found == members_.end() ? nullptr : &*found;
}

MergedObject::Member& MergedObject::obtain(std::string_view key) {
  if (Member* const found = find(key)) return *found;
  if (members_.empty()) members_.reserve(6);
  Member& added = members_.emplace_back();
  added.key = key;
  return added;
}

std::string_view MergedObject::at(std::string_view key) const {
  auto const found = std::ranges::find(members_, key, &Member::key);
  return found == members_.end() ? std::string_view() : std::string_view(found->value);
}

void MergedObject::append_value(std::string& out, std::string_view key) const {
  auto const found = std::ranges::find(members_, key, &Member::key);
  if (found == members_.end()) {
    out.append("null");
  } else {
    found->append_to(out);
  }
}

std::string* MergedObject::find_string(std::string_view key) {
  Member* const found = find(key);
  return found != nullptr && is_string(found->value) ? &found->value : nullptr;
}

void MergedObject::set(std::string_view key, std::string_view value) {
  Member& member = obtain(key);
  member.value = value;
  member.object.reset();
}

// Its members get a place each when there is something to merge with them, not before.
MergedObject& MergedObject::open(Member& member) {
  if (!member.object) {
    auto object = std::make_unique<MergedObject>();
    for (auto const& inner : ObjectText(std::string_view(member.value)))
      object->set(inner.key, inner.value);
    member.object = std::move(object);
    member.value.clear();
  }
  return *member.object;
}

void MergedObject::merge(std::string_view key, std::string_view value) {
  Member& old = obtain(key);
  bool const was_object = old.object || is_object(old.value);
  if (!old.object && (old.value.empty() || is_null(old.value))) {
    old.value = value;
  } else if (is_null(value)) {
    return;
  } else if (is_string(old.value) && is_string(value) && comes_in_pieces(key)) {
    append_string(old.value, value);
  } else if (is_array(old.value) && is_array(value)) {
    append_array(old.value, value);
  } else if (was_object && is_object(value)) {
    MergedObject& object = open(old);
    for (auto const& member : ObjectText(value)) object.merge(member.key, member.value);
  } else {
    set(key, value);
  }
}

MergedObject& MergedObject::object(std::string_view key) { return open(obtain(key)); }

void MergedObject::append_to(std::string& out) const {
  out.push_back('{');
  for (Member const& member : members_) member.append_named(out);
  out.push_back('}');
}

}  // namespace jumpseat

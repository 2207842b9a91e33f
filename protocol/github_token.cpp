// GitHub tokens by their looks. The reasons in the messages name lengths, prefixes and kinds of
// characters only; no byte of the text that was given is ever repeated.
#include "protocol/github_token.h"

#include <algorithm>
#include <array>
#include <string>

#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid_io.hpp>

namespace jumpseat {
namespace {

constexpr std::size_t min_body = 20;
constexpr std::size_t max_body = 255;
constexpr std::size_t legacy_length = 40;

struct Form {
  std::string_view prefix;
  TokenKind kind;
  std::string_view description;
};
// In the order of TokenKind.
constexpr std::array<Form, 7> forms = {{
    {"gho_", TokenKind::oauth, "OAuth token (gho_)"},
    {"ghu_", TokenKind::user_to_server, "GitHub App user token (ghu_)"},
    {"ghp_", TokenKind::classic_pat, "classic personal access token (ghp_)"},
    {"github_pat_", TokenKind::fine_grained_pat,
     "fine-grained personal access token (github_pat_)"},
    {"ghs_", TokenKind::server_to_server, "GitHub App installation token (ghs_)"},
    {"ghr_", TokenKind::refresh, "refresh token (ghr_)"},
    {"", TokenKind::legacy, "token in GitHub's old format (40 hex digits)"},
}};

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool starts_with_word(std::string_view text, std::string_view lower_word) {
  if (text.size() < lower_word.size()) return false;
  return std::equal(lower_word.begin(), lower_word.end(), text.begin(), [](char want, char c) {
    return want == (c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  });
}

// What people leave in a template: <your token>, ghp_xxxx…, your_token_here, "...". The words are
// long enough not to occur in a random token.
bool is_placeholder(std::string_view text) {
  if (text.front() == '<' || text.front() == '$' || text.front() == '{') return true;
  auto const filler = [](char c) { return c == '.' || c == '*' || c == 'x' || c == 'X'; };
  std::string_view rest = text;
  for (Form const& form : forms) {
    if (!form.prefix.empty() && text.starts_with(form.prefix))
      rest.remove_prefix(form.prefix.size());
  }
  if (std::all_of(rest.begin(), rest.end(), filler)) return true;
  constexpr std::array<std::string_view, 11> words = {
      "your_token", "your-token", "yourtoken",  "your_github", "your-github", "token_here",
      "token-here", "tokenhere",  "replace_me", "changeme",    "xxxxxxxx"};
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (std::string_view const word : words) {
      if (starts_with_word(text.substr(i), word)) return true;
    }
  }
  return false;
}

Error invalid(std::string reason) {
  return fail(ErrorCode::token_malformed, "Invalid GitHub token format: " + std::move(reason));
}

}  // namespace

Result<Secret> check_github_token(std::string_view text) {
  text = trim(text);
  if (text.empty()) {
    return fail(ErrorCode::token_malformed,
                "GitHub token cannot be empty: leave it out to use another sign-in, or set it to a "
                "token with Copilot access.");
  }
  // First, so that a megabyte pasted by mistake costs nothing.
  constexpr std::size_t longest = std::string_view("github_pat_").size() + max_body;
  if (text.size() > 4 * longest) {
    return invalid("it is " + std::to_string(text.size()) +
                   " characters long, a token has at most " + std::to_string(longest) + ".");
  }
  if (is_placeholder(text))
    return invalid("it looks like placeholder text. Put a real token in its place.");
  if (text.front() == '"' || text.front() == '\'')
    return invalid("it starts with a quotation mark. Leave the quotation marks out.");
  if (text.starts_with("tid="))
    return invalid(
        "it is a Copilot token, which lives for minutes. Use a GitHub token (gho_, ghu_, …).");
  for (std::string_view const word : {"bearer ", "token ", "basic "}) {
    if (starts_with_word(text, word))
      return invalid("it starts with the word of an Authorization header. Give the token alone.");
  }
  if (std::any_of(text.begin(), text.end(), is_space))
    return invalid("it holds white space in the middle. Was it broken over two lines?");

  for (Form const& form : forms) {
    if (form.prefix.empty() || !text.starts_with(form.prefix)) continue;
    std::string_view const body = text.substr(form.prefix.size());
    if (!std::all_of(body.begin(), body.end(), is_word)) {
      return invalid("after " + std::string(form.prefix) +
                     " only letters, digits and underscores may follow.");
    }
    if (body.size() < min_body || body.size() > max_body) {
      return invalid("after " + std::string(form.prefix) + " come " + std::to_string(body.size()) +
                     " characters, expected " + std::to_string(min_body) + " to " +
                     std::to_string(max_body) + ". Was it cut off?");
    }
    return Secret(std::string(text));
  }
  if (text.size() == legacy_length && std::all_of(text.begin(), text.end(), is_hex))
    return Secret(std::string(text));
  return invalid(
      "a token starts with gho_, ghu_, ghp_, github_pat_, ghs_ or ghr_, or is 40 hex digits.");
}

TokenKind token_kind(Secret const& token) {
  std::string_view const text = token.reveal();
  auto const form = std::find_if(forms.begin(), forms.end(),
                                 [&](Form const& each) { return text.starts_with(each.prefix); });
  return form->kind;  // the last prefix is empty and fits everything
}

std::string_view route_text(TokenRoute route) {
  switch (route) {
    case TokenRoute::unknown:
      return "";
    case TokenRoute::exchange:
      return "exchange";
    case TokenRoute::direct:
      return "direct";
  }
  return "";
}

TokenRoute first_route(TokenKind kind) {
  switch (kind) {
    case TokenKind::fine_grained_pat:
    case TokenKind::server_to_server:
      return TokenRoute::direct;
    case TokenKind::oauth:
    case TokenKind::user_to_server:
    case TokenKind::classic_pat:
    case TokenKind::refresh:
    case TokenKind::legacy:
      return TokenRoute::exchange;
  }
  return TokenRoute::exchange;
}

bool may_go_direct(TokenKind kind) {
  switch (kind) {
    case TokenKind::classic_pat:
    case TokenKind::refresh:
      return false;
    case TokenKind::oauth:
    case TokenKind::user_to_server:
    case TokenKind::fine_grained_pat:
    case TokenKind::server_to_server:
    case TokenKind::legacy:
      return true;
  }
  return false;
}

std::string fingerprint(Secret const& token, std::string_view issuer) {
  std::string name(issuer);
  name.append(" ").append(token.reveal());
  boost::uuids::name_generator_sha1 const make(boost::uuids::ns::oid());
  auto id = boost::uuids::to_string(make(name));
  wipe(name);
  return id;
}

std::string_view describe(TokenKind kind) {
  return forms[static_cast<std::size_t>(kind)].description;
}

}  // namespace jumpseat

// libsecret 0.18 and later, by its simple password calls. Its few types are declared here as its
// documentation has them, so that building needs no GLib.
#include "server/auth/keyring_child.h"

#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "protocol/secret.h"

namespace jumpseat::keyring_child {
namespace {

// SecretSchema and GError.
struct Attribute {
  char const* name = nullptr;
  int type = 0;  // SECRET_SCHEMA_ATTRIBUTE_STRING
};
struct Schema {
  char const* name = nullptr;
  int flags = 0;  // SECRET_SCHEMA_NONE
  std::array<Attribute, 32> attributes{};
  int reserved = 0;
  std::array<void*, 7> more_reserved{};
};
struct Problem {
  std::uint32_t domain;
  int code;
  char* message;
};

using StoreCall = int (*)(Schema const*, char const* collection, char const* label,
                          char const* password, void* cancellable, Problem**, ...);
using LookUpCall = char* (*)(Schema const*, void* cancellable, Problem**, ...);
using ClearCall = int (*)(Schema const*, void* cancellable, Problem**, ...);
using FreeCall = void (*)(char* password);

constexpr std::size_t most_bytes = 4096;

void say(std::string_view text) {
  while (!text.empty()) {
    auto const count = ::write(STDOUT_FILENO, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

int failed(std::string_view reason) {
  say(reason.substr(0, 300));
  return static_cast<int>(End::failed);
}

Secret read_input() {
  std::string text(most_bytes, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    auto const count = ::read(STDIN_FILENO, text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    size += static_cast<std::size_t>(count);
  }
  text.resize(size);
  return Secret(std::move(text));
}

template <class Call>
Call find(void* library, char const* name) {
  return reinterpret_cast<Call>(::dlsym(library, name));
}

}  // namespace

bool asked_for(int count, char const* const* words) { return count == 5 && words[1] == word; }

int run(int, char const* const* words) {
  std::string_view const what = words[2];
  char const* const issuer = words[3];
  char const* const account = words[4];
  auto const token = read_input();

  void* const library = ::dlopen("libsecret-1.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return failed("libsecret is not installed");
  auto const store_call = find<StoreCall>(library, "secret_password_store_sync");
  auto const look_up_call = find<LookUpCall>(library, "secret_password_lookup_sync");
  auto const clear_call = find<ClearCall>(library, "secret_password_clear_sync");
  auto const free_call = find<FreeCall>(library, "secret_password_free");
  if (store_call == nullptr || look_up_call == nullptr || clear_call == nullptr ||
      free_call == nullptr)
    return failed("libsecret is too old");

  Schema schema;
  schema.name = "jumpseat.GitHubToken";
  schema.attributes[0].name = "issuer";
  schema.attributes[1].name = "account";
  Problem* problem = nullptr;
  char const* const end = nullptr;
  if (what == store) {
    std::string const label = "GitHub Copilot sign-in of Jumpseat (" + std::string(account) + ")";
    std::string text(token.reveal());
    store_call(&schema, "default", label.c_str(), text.c_str(), nullptr, &problem, "issuer", issuer,
               "account", account, end);
    wipe(text);
  } else if (what == remove) {
    clear_call(&schema, nullptr, &problem, "issuer", issuer, "account", account, end);
  } else if (what == look_up) {
    char* const found =
        look_up_call(&schema, nullptr, &problem, "issuer", issuer, "account", account, end);
    if (problem == nullptr && found == nullptr) return static_cast<int>(End::nothing);
    if (found != nullptr) {
      say(found);
      free_call(found);
    }
  } else {
    return failed("it was asked something unknown");
  }
  if (problem != nullptr) return failed(problem->message);
  return static_cast<int>(End::done);
}

}  // namespace jumpseat::keyring_child

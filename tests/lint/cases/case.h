// What the cases share: a lazy coroutine type, tasks to await, and a main
// function that awaits run() and checks what it left behind.
//
// Every case is one program. It defines `Task<> run()`, and its first comment
// says what g++ 12 makes of it and whether the lint flags it:
//
//   // g++: fine | breaks | rejects
//   // lint: passes | flags
//
// `breaks` means that the program compiles without a warning and then fails
// under AddressSanitizer; clang runs it correctly. coroutine_cases.py checks it.

#pragma once

#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

template <class T>
struct Promise;

// A coroutine that starts when it is awaited and resumes its caller at the end.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = Promise<T>;
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) {
    handle_.promise().caller = caller;
    return handle_;
  }
  T await_resume() { return handle_.promise().take(); }

  void start() { handle_.resume(); }
  bool done() const { return handle_.done(); }

 private:
  std::coroutine_handle<promise_type> handle_;
};

struct PromiseBase {
  struct Final {
    bool await_ready() const noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> self) const noexcept {
      auto caller = self.promise().caller;
      return caller ? caller : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };
  std::suspend_always initial_suspend() const { return {}; }
  Final final_suspend() const noexcept { return {}; }
  void unhandled_exception() { std::terminate(); }

  std::coroutine_handle<> caller;
};

template <class T>
struct Promise : PromiseBase {
  Task<T> get_return_object() {
    return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
  }
  void return_value(T result) { value.emplace(std::move(result)); }
  T take() { return std::move(*value); }

  std::optional<T> value;
};

template <>
struct Promise<void> : PromiseBase {
  Task<> get_return_object() { return Task<>(std::coroutine_handle<Promise>::from_promise(*this)); }
  void return_void() const {}
  void take() const {}
};

// Long enough to live on the heap, where AddressSanitizer sees it freed twice.
inline std::string const text = "a text that does not fit into the string object itself";

// An aggregate with a destructor: the type that the trap is about.
struct Request {
  std::string url;
  int attempts = 1;
};

inline Task<std::size_t> send(Request request) { co_return request.url.size(); }
inline Task<std::size_t> send_reference(Request const& request) { co_return request.url.size(); }
inline Task<std::string> get() { co_return text; }
inline Task<std::size_t> measure(std::string words) { co_return words.size(); }
inline Task<bool> yes() { co_return true; }
inline Task<int> number(int n) { co_return n; }

// An ordinary function that takes the aggregate.
inline int attempts_of(Request const& request) { return request.attempts; }

inline void expect(bool condition) {
  if (condition) return;
  std::puts("wrong result");
  std::exit(1);
}

Task<> run();

int main() {
  auto task = run();
  task.start();
  expect(task.done());
}

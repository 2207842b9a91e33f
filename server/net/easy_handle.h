// A curl easy handle: what curl knows of one connection, while it opens it and, where curl does the
// TLS, for as long as the connection stands.
#pragma once

#include <array>
#include <new>

#include "server/net/curl_library.h"

namespace jumpseat {

struct EasyHandle {
  explicit EasyHandle(CurlLibrary const& library) : curl(library), easy(library.easy_init()) {
    if (easy == nullptr) throw std::bad_alloc();
    set_pointer(CURLOPT_ERRORBUFFER, reason.data());
  }
  ~EasyHandle() { curl.easy_cleanup(easy); }
  EasyHandle(EasyHandle const&) = delete;
  EasyHandle& operator=(EasyHandle const&) = delete;

  // curl's interface is variadic: these see to it that the argument has the type the option
  // expects.
  void set(CURLoption option, long value) { curl.easy_setopt(easy, option, value); }
  void set(CURLoption option, char const* value) { curl.easy_setopt(easy, option, value); }
  void set_pointer(CURLoption option, void* value) { curl.easy_setopt(easy, option, value); }
  template <class Function>
  void set_function(CURLoption option, Function* function) {
    curl.easy_setopt(easy, option, function);
  }
  template <class T>
  T info(CURLINFO name) const {
    T value{};
    curl.easy_getinfo(easy, name, &value);
    return value;
  }

  CurlLibrary const& curl;
  CURL* easy;
  std::array<char, CURL_ERROR_SIZE> reason{};  // curl's words for the last failure
};

}  // namespace jumpseat

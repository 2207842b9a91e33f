// libcurl, found at run time. The program is not linked against it: loading it and the libraries it
// brings along would cost every start several milliseconds and megabytes, and a process that never
// leaves the machine never pays for it. load() is called by the first request.
//
// curl's headers are included in this room alone.
#pragma once

#include <curl/curl.h>

#include "protocol/result.h"

namespace jumpseat {

struct CurlLibrary {
  decltype(&curl_easy_init) easy_init = nullptr;
  decltype(&curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&curl_easy_setopt) easy_setopt = nullptr;
  decltype(&curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&curl_easy_send) easy_send = nullptr;
  decltype(&curl_easy_recv) easy_recv = nullptr;
  decltype(&curl_easy_strerror) easy_strerror = nullptr;
  decltype(&curl_multi_init) multi_init = nullptr;
  decltype(&curl_multi_cleanup) multi_cleanup = nullptr;
  decltype(&curl_multi_setopt) multi_setopt = nullptr;
  decltype(&curl_multi_add_handle) multi_add_handle = nullptr;
  decltype(&curl_multi_remove_handle) multi_remove_handle = nullptr;
  decltype(&curl_multi_socket_action) multi_socket_action = nullptr;
  decltype(&curl_multi_info_read) multi_info_read = nullptr;
  decltype(&curl_version_info) version_info = nullptr;
  decltype(&curl_global_init_mem) global_init_mem = nullptr;

  // The library, loaded and initialised at the first call and kept until the process ends. What it
  // frees is wiped first: its buffers have held credentials. Fails with internal, naming the
  // package to install, when it is missing or too old.
  static Result<CurlLibrary const*> load();

  // A function of the TLS library that curl uses, or null when it is another one than expected.
  void* tls_symbol(char const* name) const;

 private:
  void* handle_ = nullptr;
  static Result<CurlLibrary> open();
};

}  // namespace jumpseat

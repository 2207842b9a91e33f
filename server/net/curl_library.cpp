#include "server/net/curl_library.h"

#include <dlfcn.h>

#include <string>

#include "server/net/wiped_memory.h"

namespace jumpseat {
namespace {

#ifdef __APPLE__
constexpr char library_name[] = "libcurl.4.dylib";
constexpr char remedy[] = "Install curl 7.87 or newer (brew install curl).";
#else
// The name of the OpenSSL build. The GnuTLS build goes by another one; it could not tell who issued
// a certificate it refuses.
constexpr char library_name[] = "libcurl.so.4";
constexpr char remedy[] =
    "Install libcurl 7.87 or newer (Debian and Ubuntu: apt install libcurl4).";
#endif
// 7.87 brought CURLOPT_QUICK_EXIT, without which a cancelled name look-up stops the loop.
constexpr unsigned oldest = 0x075700;

template <class Function>
void find(void* handle, char const* name, Function& function, std::string& missing) {
  function = reinterpret_cast<Function>(::dlsym(handle, name));
  if (function == nullptr) missing = name;
}

}  // namespace

Result<CurlLibrary const*> CurlLibrary::load() {
  static Result<CurlLibrary> library = open();
  // Installing the missing package is enough; nobody has to restart.
  if (!library) library = open();
  if (!library) return library.error();
  return &*library;
}

Result<CurlLibrary> CurlLibrary::open() {
  void* handle = ::dlopen(library_name, RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) {
    char const* why = ::dlerror();
    return fail(ErrorCode::internal, std::string("No request can be sent: the library ") +
                                         library_name + " cannot be loaded. " + remedy)
        .with_detail(why == nullptr ? "" : why)
        .as_unsent();
  }
  CurlLibrary library;
  library.handle_ = handle;
  std::string missing;
  find(handle, "curl_easy_init", library.easy_init, missing);
  find(handle, "curl_easy_cleanup", library.easy_cleanup, missing);
  find(handle, "curl_easy_setopt", library.easy_setopt, missing);
  find(handle, "curl_easy_getinfo", library.easy_getinfo, missing);
  find(handle, "curl_easy_send", library.easy_send, missing);
  find(handle, "curl_easy_recv", library.easy_recv, missing);
  find(handle, "curl_easy_strerror", library.easy_strerror, missing);
  find(handle, "curl_multi_init", library.multi_init, missing);
  find(handle, "curl_multi_cleanup", library.multi_cleanup, missing);
  find(handle, "curl_multi_setopt", library.multi_setopt, missing);
  find(handle, "curl_multi_add_handle", library.multi_add_handle, missing);
  find(handle, "curl_multi_remove_handle", library.multi_remove_handle, missing);
  find(handle, "curl_multi_socket_action", library.multi_socket_action, missing);
  find(handle, "curl_multi_info_read", library.multi_info_read, missing);
  find(handle, "curl_version_info", library.version_info, missing);
  find(handle, "curl_global_init_mem", library.global_init_mem, missing);
  if (!missing.empty()) {
    ::dlclose(handle);
    return fail(ErrorCode::internal, std::string("No request can be sent: ") + library_name +
                                         " lacks " + missing + ". " + remedy)
        .as_unsent();
  }
  auto const* version = library.version_info(CURLVERSION_NOW);
  if (version->version_num < oldest) {
    std::string const found = version->version;
    ::dlclose(handle);
    return fail(ErrorCode::internal, std::string("No request can be sent: ") + library_name +
                                         " is version " + found + ", which is too old. " + remedy)
        .as_unsent();
  }
  CURLcode const code = library.global_init_mem(CURL_GLOBAL_DEFAULT, wiped_malloc, wiped_free,
                                                wiped_realloc, wiped_strdup, wiped_calloc);
  if (code != CURLE_OK) {
    std::string const why = library.easy_strerror(code);
    ::dlclose(handle);
    return fail(ErrorCode::internal, std::string("No request can be sent: ") + library_name +
                                         " does not start (" + why + ").")
        .as_unsent();
  }
  return library;
}

void* CurlLibrary::tls_symbol(char const* name) const { return ::dlsym(handle_, name); }

}  // namespace jumpseat

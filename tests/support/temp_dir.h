// A directory for one test, 0700, gone with everything in it when the test ends.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace jumpseat {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(TempDir const&) = delete;
  TempDir& operator=(TempDir const&) = delete;

  std::string const& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  // The names in it, sorted; not those below.
  std::vector<std::string> names() const;

 private:
  std::string path_;
};

// Whole files. A failure ends the test.
std::string read_file(std::string const& path);
void write_file(std::string const& path, std::string_view bytes);
// The permission bits (0600) of the file itself, also of a symbolic link; -1 when there is none.
int mode_of(std::string const& path);

}  // namespace jumpseat

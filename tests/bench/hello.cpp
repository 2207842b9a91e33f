// The floor for starting a C++ process.
#include <iostream>

int main() {
  std::cout << "hello" << std::endl;
  return std::cout.good() ? 0 : 1;
}

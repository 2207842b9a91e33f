// g++: breaks
// lint: flags
#include "case.h"

// Any member with a destructor will do.
struct Job {
  std::unique_ptr<int> input;
};

Task<int> work(Job job) { co_return *job.input; }

Task<> run() { expect(co_await work(Job{std::make_unique<int>(7)}) == 7); }

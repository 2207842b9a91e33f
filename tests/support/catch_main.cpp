// Catch2's main function, compiled once for all test programs because it is
// the slowest thing to compile in the whole suite. Nothing else belongs here.

#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

// The compiled part of Boost.JSON, built once for the whole program.
// Debian ships it as a shared library too; linking it in costs less at start.

#include <boost/json/src.hpp>

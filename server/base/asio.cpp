// The compiled part of Boost.Asio, built once for the whole program
// (BOOST_ASIO_SEPARATE_COMPILATION is defined for everyone in CMakeLists.txt).

#include <boost/asio/impl/src.hpp>

// Lets Catch print a Result<T>: REQUIRE(reply) shows the error that was there instead of a value.
#pragma once

#include <string>

#include <catch2/catch.hpp>

#include "protocol/result.h"

namespace Catch {

template <class T>
struct StringMaker<boost::system::result<T, jumpseat::Error>> {
  static std::string convert(boost::system::result<T, jumpseat::Error> const& result) {
    if (result) return "a value";
    auto const& error = result.error();
    return "error " + std::string(error.name()) + ": " + error.message() +
           (error.detail().empty() ? "" : " [" + error.detail() + "]");
  }
};

}  // namespace Catch

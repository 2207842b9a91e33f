// The routes of the port as a table: method, path, handler. Every route answers with and without
// /v1 before it. HEAD goes to GET's handler, OPTIONS is answered from the table.
//
//   router.add({HttpMethod::get, "/models/{id}", Access::key, std::bind_front(&Models::one,
//   this)});
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/http/handler.h"

namespace jumpseat {

// Who may use a route when a client key is set.
enum class Access {
  key,      // whoever has it
  anybody,  // health: says nothing about account or models
};

struct Route {
  HttpMethod method;  // get or post; a POST takes a JSON body
  // "/models"; a last segment in braces takes the rest of the path: "/models/{id}". Lives as long
  // as the router.
  std::string_view path;
  Access access;
  Handler handler;
};

class Router {
 public:
  void add(Route route) { routes_.push_back(std::move(route)); }

  struct Match {
    Route const* route = nullptr;  // null: no route for this path and method
    std::string parameter;
    std::string allow;  // the methods of the path, for 405 and OPTIONS; empty: no such path
  };
  // `path` is without the query. Never fails: what is missing is told by the members.
  Match find(HttpMethod method, std::string_view path) const;

  std::vector<Route> const& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace jumpseat

// One piece of work for everyone who asks for it at the same time. The work is its own task in a
// background scope: a caller that is cancelled stops waiting, the work goes on for the others.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "server/base/asio.h"
#include "server/base/event.h"
#include "server/base/scope.h"

namespace jumpseat {

template <class T>
class SingleFlight {
 public:
  SingleFlight(asio::io_context& io, Scope& background, std::string name)
      : io_(io), background_(background), name_(std::move(name)) {}

  // Starts `work`, or joins the one that is under way, and returns its result. When the background
  // scope is cancelled meanwhile, nothing is returned.
  awaitable<std::optional<T>> run(std::function<awaitable<T>()> work) {
    auto flight = start(std::move(work));
    while (!flight->ended) co_await flight->landed.wait();
    co_return flight->result;
  }

  // Starts it without waiting, unless it is under way.
  void prepare(std::function<awaitable<T>()> work) { start(std::move(work)); }

  bool in_flight() const { return !flight_.expired(); }

 private:
  struct Flight {
    explicit Flight(Executor executor) : landed(executor) {}
    Event landed;
    std::optional<T> result;
    bool ended = false;
  };

  // Says that the flight is over, however its task ends: by a result, by an exception, or
  // destroyed.
  class Landing {
   public:
    explicit Landing(std::shared_ptr<Flight> flight) : flight_(std::move(flight)) {}
    Landing(Landing const&) = delete;
    Landing& operator=(Landing const&) = delete;
    ~Landing() {
      flight_->ended = true;
      flight_->landed.notify();
    }

   private:
    std::shared_ptr<Flight> flight_;
  };

  std::shared_ptr<Flight> start(std::function<awaitable<T>()> work) {
    if (auto flight = flight_.lock(); flight && !flight->ended) return flight;
    auto flight = std::make_shared<Flight>(io_.get_executor());
    flight_ = flight;
    background_.spawn(name_, fly(flight, std::move(work)));
    return flight;
  }

  static awaitable<> fly(std::shared_ptr<Flight> flight, std::function<awaitable<T>()> work) {
    Landing landing(flight);
    flight->result = co_await work();
  }

  asio::io_context& io_;
  Scope& background_;
  std::string name_;
  std::weak_ptr<Flight> flight_;
};

}  // namespace jumpseat

#include "server/http/http_server.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>

#include "protocol/upstream.h"
#include "server/base/deadline.h"
#include "server/base/freed_memory.h"
#include "server/base/log.h"
#include "server/http/connection.h"

namespace jumpseat {
namespace {

using asio::ip::tcp;

constexpr std::chrono::milliseconds descriptor_pause{100};
constexpr std::chrono::milliseconds last_words{500};

// Each connection is a descriptor, and so is its request to upstream.
void allow_many_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::string text_of(tcp::endpoint const& endpoint) {
  auto const address = endpoint.address().to_string();
  auto const port = ":" + std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + address + "]" + port : address + port;
}

bool no_such_family(boost::system::error_code problem) {
  return problem == asio::error::address_family_not_supported ||
         problem == boost::system::errc::address_not_available;
}

bool out_of_resources(boost::system::error_code problem) {
  return problem == asio::error::no_descriptors ||
         problem == boost::system::errc::too_many_files_open_in_system ||
         problem == asio::error::no_buffer_space || problem == asio::error::no_memory;
}

}  // namespace

HttpServer::HttpServer(Parts parts)
    : parts_(std::move(parts)),
      scope_(parts_.io),
      room_(parts_.io.get_executor()),
      date_(parts_.clock),
      deadlines_(parts_.io, [this] { look_at_deadlines(); }),
      quiet_(parts_.io, [this] {
        keeping_memory_ = false;
        give_freed_memory_back();
        trim_freed_memory();
      }) {
  constexpr char digits[] = "0123456789abcdef";
  std::random_device random;
  request_id_ = "req_";
  for (int i = 0; i < 16; ++i) request_id_ += digits[random() % 16];
}

HttpServer::~HttpServer() = default;

Result<void> HttpServer::listen(Address const& address, ClientKey key) {
  std::vector<asio::ip::address> addresses;
  bool const both = address.host == "localhost";
  if (both) {
    addresses = {asio::ip::address_v4::loopback(), asio::ip::address_v6::loopback()};
  } else {
    auto host = address.host;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
      host = host.substr(1, host.size() - 2);
    boost::system::error_code problem;
    addresses = {asio::ip::make_address(host, problem)};
    if (problem) {
      return fail(ErrorCode::config_invalid,
                  "HOST \"" + printable(address.host, 80) +
                      "\" is not an address. Accepted: localhost, 127.x.x.x, ::1, or with "
                      "--allow-remote another address of this machine.");
    }
  }
  bool const remote = !addresses.front().is_loopback();
  if (remote && (address.allow != Address::Allow::remote || !key.required())) {
    return fail(ErrorCode::config_invalid,
                "HOST " + printable(address.host, 80) +
                    " can be reached from other machines. That needs --allow-remote and a client "
                    "key (JUMPSEAT_API_KEY).");
  }

  // A free port may be taken in the other family.
  constexpr int tries = 16;
  for (int i = 0;; ++i) {
    port_ = address.port;
    Result<void> opened;
    for (auto const& one : addresses) {
      opened = open(tcp::endpoint(one, port_));
      if (!opened) break;
    }
    if (opened) break;
    acceptors_.clear();
    if (address.port != 0 || i == tries || opened.error().code() != ErrorCode::port_unavailable)
      return opened.error();
  }
  allow_many_files();
  guard_.emplace(port_, remote ? Guard::Reach::remote : Guard::Reach::loopback, key,
                 parts_.origins);
  for (auto const& acceptor : acceptors_) scope_.spawn("http accept", accept(acceptor));
  return Result<void>();
}

Result<void> HttpServer::open(tcp::endpoint const& endpoint) {
  auto acceptor = std::make_shared<Acceptor>(parts_.io);
  boost::system::error_code problem;
  acceptor->open(endpoint.protocol(), problem);
  // Both families are wanted where both are there.
  if (problem && no_such_family(problem) && !acceptors_.empty()) return Result<void>();
  if (!problem) acceptor->set_option(Acceptor::reuse_address(true), problem);
  if (!problem && endpoint.address().is_v6())
    acceptor->set_option(asio::ip::v6_only(true), problem);
  if (!problem) acceptor->bind(endpoint, problem);
  if (problem && no_such_family(problem) && !acceptors_.empty()) return Result<void>();
  if (!problem) acceptor->listen(asio::socket_base::max_listen_connections, problem);
  if (!problem) acceptor->non_blocking(true, problem);
  if (problem) {
    std::string message = "The port " + text_of(endpoint) + " cannot be opened: ";
    if (problem == asio::error::address_in_use) {
      auto const owner = describe_listener(endpoint);
      message += (owner.empty() ? std::string("another program") : owner) + " uses it.";
    } else {
      message += problem.message() + ".";
    }
    return fail(ErrorCode::port_unavailable, std::move(message));
  }
  port_ = acceptor->local_endpoint(problem).port();
  acceptors_.push_back(std::move(acceptor));
  return Result<void>();
}

awaitable<> HttpServer::accept(std::shared_ptr<Acceptor> acceptor) {
  bool told = false;
  while (acceptor->is_open()) {
    TcpSocket socket(parts_.io);
    boost::system::error_code problem;
    auto token = asio::redirect_error(use_awaitable, problem);
    co_await acceptor->async_accept(socket, token);
    if (!problem) {
      // The next one waits in the kernel's queue meanwhile.
      while (connections_.size() >= parts_.max_connections) {
        close_longest_idle();
        co_await room_.wait();
      }
      admit(std::move(socket));
    } else if (out_of_resources(problem)) {
      // Those who wait are served once something has ended; the answers under way go on.
      if (!told) log::warning("http", "no more connections", {{"why", problem.message()}});
      told = true;
      co_await sleep_for(descriptor_pause);
    }
  }
}

void HttpServer::admit(TcpSocket socket) {
  boost::system::error_code problem;
  socket.set_option(tcp::no_delay(true), problem);
  socket.non_blocking(true, problem);
  auto refusal = judge_peer(socket);
  auto connection = std::make_shared<Connection>(*this, std::move(socket), std::move(refusal));
  connection->set_task(scope_.spawn("http connection", connection->run(connection)));
}

// A prompt of a megabyte is fresh memory each time, and its page faults would cost as much as its
// way through the sockets.
void HttpServer::note_large_body() {
  constexpr std::chrono::seconds a_while(2);
  quiet_.set(SteadyTimer::clock_type::now() + a_while);
  if (!std::exchange(keeping_memory_, true)) keep_freed_memory();
}

// Without a key the port is for the user who runs it.
std::optional<Error> HttpServer::judge_peer(TcpSocket const& socket) {
  if (guard_->key_required()) return std::nullopt;
  boost::system::error_code problem;
  auto const ours = socket.local_endpoint(problem);
  auto const theirs = problem ? tcp::endpoint() : socket.remote_endpoint(problem);
  auto const answer = problem ? PeerOwner::Answer::unknown : peers_.of(theirs, ours);
  switch (answer) {
    case PeerOwner::Answer::same_user:
      return std::nullopt;
    case PeerOwner::Answer::other_user:
      return fail(ErrorCode::client_refused,
                  "This port serves only the user who runs it. For others it needs a client key "
                  "(JUMPSEAT_API_KEY).");
    case PeerOwner::Answer::unknown:
      break;
  }
  return fail(ErrorCode::client_refused,
              "It cannot be told which user this connection comes from. Set a client key "
              "(JUMPSEAT_API_KEY).");
}

// Whose wrong keys the connection's are: a user of this machine where that can be told, else an
// address. Empty for the user who runs the port, who knows the key and need not guess.
std::string HttpServer::guesser(TcpSocket const& socket) {
  boost::system::error_code problem;
  auto const ours = socket.local_endpoint(problem);
  auto const theirs = problem ? tcp::endpoint() : socket.remote_endpoint(problem);
  if (problem) return "a connection that is over";
  auto const address = theirs.address();
  if (address.is_loopback()) {
    if (auto const user = peers_.user_of(theirs, ours))
      return *user == ::geteuid() ? std::string() : "user " + std::to_string(*user);
  }
  if (address.is_v4()) return address.to_string();
  // The smallest network that one person has; addresses in it cost nothing.
  auto bytes = address.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
  return asio::ip::address_v6(bytes).to_string() + "/64";
}

void HttpServer::close_longest_idle() {
  Connection* longest = nullptr;
  for (auto* connection : connections_) {
    if (!connection->idle()) continue;
    if (longest == nullptr || connection->deadline() < longest->deadline()) longest = connection;
  }
  if (longest != nullptr) longest->close();
}

std::size_t HttpServer::answering() const {
  return static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(),
                                                [](auto const* one) { return one->answering(); }));
}

std::size_t HttpServer::streams() const {
  return static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(),
                                                [](auto const* one) { return one->streaming(); }));
}

void HttpServer::joined(Connection& connection) {
  connection.index = connections_.size();
  connections_.push_back(&connection);
}

void HttpServer::left(Connection& connection) {
  auto* const last = connections_.back();
  connections_[connection.index] = last;
  last->index = connection.index;
  connections_.pop_back();
  room_.notify();
}

void HttpServer::note_deadline(TimePoint deadline) {
  if (deadline < deadlines_.due()) deadlines_.set(deadline);
}

void HttpServer::look_at_deadlines() {
  auto const now = SteadyTimer::clock_type::now();
  auto next = Alarm::never;
  // A connection that is looked at may end, but leaves the list only when its task has ended.
  for (auto* connection : connections_) {
    if (connection->deadline() <= now) connection->look(now);
    next = std::min(next, connection->deadline());
  }
  if (next != Alarm::never) note_deadline(next);
}

void HttpServer::served(RequestRecord const& record) {
  ++requests_;
  for (auto const& observer : observers_) observer(record);
}

// Unique within the process and, by its random start, among processes.
std::string_view HttpServer::new_request_id() {
  constexpr std::size_t begin = 4;
  for (std::size_t i = request_id_.size() - 1; i >= begin; --i) {
    char& digit = request_id_[i];
    digit = digit == '9' ? 'a' : digit == 'f' ? '0' : static_cast<char>(digit + 1);
    if (digit != '0') break;
  }
  return request_id_;
}

awaitable<> HttpServer::stop(std::chrono::milliseconds patience) {
  for (auto const& acceptor : acceptors_) {
    boost::system::error_code ignored;
    acceptor->close(ignored);
  }
  acceptors_.clear();
  auto const open = connections_;
  for (auto* connection : open) connection->finish_up();
  bool done = co_await within(scope_.join(), patience);
  if (!done) {
    auto const left = connections_;
    for (auto* connection : left) connection->cut_short();
    done = co_await within(scope_.join(), last_words);
  }
  if (!done) {
    scope_.cancel();
    co_await scope_.join();
  }
  deadlines_.stop();
  quiet_.stop();
}

}  // namespace jumpseat

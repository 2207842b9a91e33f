#include "server/rpc/stdio_transport.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>

#include "protocol/framing.h"
#include "server/base/log.h"

namespace jumpseat {
namespace {

constexpr std::size_t low_mark = 1u << 20;  // producers wait above this
constexpr std::size_t limit = 64u << 20;    // a peer that lets this pile up is gone

int duplicate(int descriptor) { return ::fcntl(descriptor, F_DUPFD_CLOEXEC, 3); }

}  // namespace

StdioTransport::StdioTransport(asio::io_context& io, int input, int output)
    : input_(io),
      output_(io),
      input_flags_(::fcntl(input, F_GETFL)),
      output_flags_(::fcntl(output, F_GETFL)),
      moved_(io.get_executor()) {
  input_.assign(duplicate(input));
  output_.assign(duplicate(output));
  // The flag belongs to the open file, which other processes may share: see the destructor.
  output_.non_blocking(true);
  watch_output();
}

StdioTransport::~StdioTransport() {
  if (input_flags_ >= 0) ::fcntl(input_.native_handle(), F_SETFL, input_flags_);
  if (output_flags_ >= 0) ::fcntl(output_.native_handle(), F_SETFL, output_flags_);
}

awaitable<std::size_t> StdioTransport::read(std::span<char> into) {
  boost::system::error_code problem;
  auto token = asio::redirect_error(use_awaitable, problem);
  auto const count = co_await input_.async_read_some(asio::buffer(into.data(), into.size()), token);
  if (problem == asio::error::operation_aborted) throw boost::system::system_error(problem);
  co_return problem ? 0 : count;  // end of file and a broken pipe are the same to us
}

// An editor that closes our output is gone, even when it keeps our input open and we have nothing
// to say.
void StdioTransport::watch_output() {
  output_.async_wait(Descriptor::wait_error, [this](boost::system::error_code problem) {
    if (problem) return;  // the end, or a descriptor that cannot be watched
    pollfd state{output_.native_handle(), 0, 0};
    if (::poll(&state, 1, 0) == 1 && (state.revents & (POLLERR | POLLHUP)) != 0) give_up();
  });
}

void StdioTransport::give_up() {
  broken_ = true;
  queue_.clear();
  queued_ = 0;
  moved_.notify();
}

void StdioTransport::send(std::string body) {
  if (broken_) return;
  auto header = frame_header(body.size());
  // What counts for the limit is the memory, not the text.
  body.shrink_to_fit();
  queued_ += header.size() + body.size();
  queue_.push_back({std::move(header), std::move(body)});
  if (!waiting_) write_now();
  if (queued_ + queue_.size() * sizeof(Message) > limit) {
    log::error("stdio", "the editor does not read its messages; giving up");
    give_up();
  }
}

// Writes without a turn of the loop: most messages leave in the one system call that is made here.
void StdioTransport::write_now() {
  while (!queue_.empty()) {
    auto const& first = queue_.front();
    std::array<iovec, 2> parts{};
    int count = 0;
    auto add = [&](std::string const& text, std::size_t skip) {
      if (skip >= text.size()) return;
      parts[static_cast<std::size_t>(count++)] = {const_cast<char*>(text.data()) + skip,
                                                  text.size() - skip};
    };
    add(first.header, sent_);
    add(first.body, sent_ > first.header.size() ? sent_ - first.header.size() : 0);
    auto const written = ::writev(output_.native_handle(), parts.data(), count);
    if (written < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return wait_writable();
      return give_up();  // EPIPE: the reader is gone
    }
    sent_ += static_cast<std::size_t>(written);
    queued_ -= static_cast<std::size_t>(written);
    if (sent_ == first.size()) {
      queue_.pop_front();
      sent_ = 0;
    }
  }
  moved_.notify();
}

void StdioTransport::wait_writable() {
  waiting_ = true;
  output_.async_wait(Descriptor::wait_write, [this](boost::system::error_code problem) {
    if (problem == asio::error::operation_aborted) return;
    waiting_ = false;
    write_now();
  });
}

awaitable<> StdioTransport::writable() {
  while (queued_ > low_mark && !broken_) co_await moved_.wait();
}

awaitable<> StdioTransport::gone() {
  while (!broken_) co_await moved_.wait();
}

awaitable<> StdioTransport::flush() {
  while (!queue_.empty() && !broken_) co_await moved_.wait();
}

}  // namespace jumpseat

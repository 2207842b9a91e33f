#include "server/app.h"

#include <unistd.h>

#include <csignal>
#include <exception>
#include <memory>
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/signal_set.hpp>

#include "server/auth/github_cli.h"
#include "server/base/deadline.h"
#include "server/base/exit_code.h"
#include "server/base/log.h"
#include "server/base/version.h"
#include "server/cli/commands.h"
#include "server/rpc/peer.h"
#include "server/rpc/session.h"
#include "server/rpc/stdio_transport.h"

namespace jumpseat {
namespace {

// A shutdown that takes longer than this is not worth waiting for: the process can be killed at any
// instant without losing a sign-in.
constexpr std::chrono::seconds shutdown_limit{2};

HttpSettings http_settings(Config const& config) {
  HttpSettings settings;
  settings.ca_file = config.ca_file;
  settings.ca_path = config.ca_path;
  settings.https_proxy = config.proxy.https_proxy;
  settings.http_proxy = config.proxy.http_proxy;
  settings.no_proxy = config.proxy.no_proxy;
  settings.proxy_origin = config.proxy.origin;
  return settings;
}

}  // namespace

class App::Signals {
 public:
  explicit Signals(asio::io_context& io) : set_(io, SIGINT, SIGTERM, SIGHUP) {}
  void wait(std::function<void(int)> handler) {
    set_.async_wait([handler = std::move(handler)](boost::system::error_code problem, int number) {
      if (!problem) handler(number);
    });
  }
  void cancel() {
    boost::system::error_code ignored;
    set_.cancel(ignored);
  }

 private:
  asio::basic_signal_set<Executor> set_;
};

App::App(LoadedConfig loaded, Paths paths)
    : loaded_(std::move(loaded)),
      paths_(std::move(paths)),
      io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE),  // nothing of ours runs on another thread: no locks
      main_(io_),
      background_(io_),
      stores_(paths_.database),
      http_(io_, http_settings(loaded_.config)),
      github_(http_, loaded_.config.issuer, loaded_.config.identity, loaded_.config.max_retries),
      keyring_(loaded_.config, paths_),
      litellm_(add_sources()),
      tokens_({io_, background_, github_, sources_, stores_, clock_, loaded_.config, litellm_,
               &keyring_}),
      store_watch_(io_, background_, [this] { tokens_.notice_changes(); }),
      sign_in_(io_, background_, github_, tokens_, clock_),
      throttle_(io_, clock_, loaded_.config),
      copilot_(http_, tokens_, throttle_, clock_, loaded_.config),
      catalog_(io_, background_, copilot_, tokens_, stores_, clock_, loaded_.config),
      chat_(background_, catalog_, copilot_, clock_, loaded_.config),
      embeddings_(catalog_, copilot_),
      completions_(background_, catalog_, copilot_, chat_, clock_, loaded_.config),
      cache_(stores_, tokens_, clock_, loaded_.config),
      usage_(tokens_, clock_),
      port_({io_, background_, tokens_, catalog_, chat_, embeddings_, completions_, cache_, usage_,
             throttle_, clock_, loaded_.config, version}) {}

// Best first: docs/sign-in.md has this order.
LiteLlmDirectory* App::add_sources() {
  auto const& config = loaded_.config;
  auto litellm = std::make_unique<LiteLlmDirectory>(config, clock_, paths_.litellm_dir);
  auto* const directory = litellm.get();
  sources_.add(std::make_unique<ExplicitTokens>(config));
  sources_.add(std::make_unique<SavedSignIn>(stores_, config, &keyring_));
  sources_.add(std::move(litellm));
  sources_.add(std::make_unique<CopilotPluginFiles>(config, paths_.github_copilot_dir));
  sources_.add(std::make_unique<GitHubCli>(config, paths_, clock_));
  sources_.set_borrowing([this] { return why_not_borrow(stores_, loaded_.config); });
  return directory;
}

Services App::services() {
  return Services{io_,     background_, loaded_,  paths_,   clock_, stores_, http_,
                  github_, tokens_,     sign_in_, catalog_, chat_,  copilot_};
}

void App::watch_signals() {
  signals_->wait([this](int number) {
    // The second one is not patient.
    if (signal_ != 0) ::_exit(128 + number);
    signal_ = number;
    watch_signals();
    stop_();
  });
}

int App::run(std::function<awaitable<int>(App&)> task) {
  Signals signals(io_);
  signals_ = &signals;
  exit_code_ = exit_code::failed;
  auto const id = main_.spawn("main", main_task(task));
  if (!stop_) stop_ = [this, id] { main_.cancel(id); };
  watch_signals();
  io_.run();
  signals_ = nullptr;
  return exit_code_;
}

awaitable<> App::main_task(std::function<awaitable<int>(App&)> const& task) {
  try {
    exit_code_ = co_await task(*this);
  } catch (boost::system::system_error const& error) {
    if (error.code() != asio::error::operation_aborted) log::error("main", error.what());
  } catch (std::exception const& error) {
    log::error("main", error.what());
  }
  // A task that a signal has cancelled may still wait for its own end.
  co_await asio::this_coro::reset_cancellation_state();
  if (signal_ != 0 && exit_code_ != exit_code::ok) exit_code_ = 128 + signal_;
  co_await port_.stop();
  background_.cancel();
  bool const joined = co_await within(background_.join(), shutdown_limit);
  if (!joined) log::warning("main", "some tasks did not end in time");
  http_.close();
  signals_->cancel();
  if (!joined) ::_exit(exit_code_);
}

int App::run_serve(Terminal& terminal) {
  return run([&terminal](App& app) { return app.serve_http(terminal); });
}

// A process that stays hears of other processes' sign-ins and sign-outs from the kernel; requests
// look for them only where it cannot tell.
void App::watch_store() {
  stores_.on_open([this] {
    bool const watched = store_watch_.start(stores_.path());
    tokens_.set_told(watched && stores_.on_local_disk());
  });
}

awaitable<int> App::serve_http(Terminal& terminal) {
  watch_store();
  Event stopped(io_.get_executor());
  stop_ = [&stopped] { stopped.notify(); };
  auto const code = co_await jumpseat::run_serve(services(), terminal, port_, stopped);
  stop_ = [] {};
  co_return code;
}

int App::run_stdio(int input, int output) {
  return run([input, output](App& app) { return app.serve_stdio(input, output); });
}

awaitable<int> App::serve_stdio(int input, int output) {
  StdioTransport transport(io_, input, output);
  watch_store();
  Peer peer(io_, transport);
  Event stopped(io_.get_executor());
  stop_ = [&stopped, &peer] {
    peer.stop();
    stopped.notify();
  };
  Session session({io_, background_, tokens_, sign_in_, catalog_, chat_, port_, clock_, loaded_,
                   version, stop_},
                  peer);

  using asio::experimental::awaitable_operators::operator||;
  auto race = peer.run() || stopped.wait() || transport.gone();
  auto const first = co_await std::move(race);
  bool const was_broken =
      transport.broken() || (first.index() == 0 && std::get<0>(first) == Peer::End::broken);

  sign_in_.cancel();
  bool const closed = co_await within(peer.close(), shutdown_limit);
  stop_ = [] {};
  if (!closed) ::_exit(exit_code::failed);  // the editor does not read: nobody is left to tell
  if (was_broken) co_return exit_code::failed;
  // LSP 3.17: exit without shutdown is 1. The end of input, a signal and the editor's death are
  // orderly ends.
  if (session.exited() && !session.shut_down()) co_return exit_code::failed;
  co_return exit_code::ok;
}

}  // namespace jumpseat

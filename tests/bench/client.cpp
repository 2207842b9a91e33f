// The measuring side of the benchmark: one run of one workload, one line of JSON with what was
// seen. Small and blocking, because a client that is itself slow or noisy measures itself.
//
//   client [--client-cpu N] [--server-cpu N] [--errors FILE] WORKLOAD [OPTIONS] [-- COMMAND…]
//
// The workloads are in the table at the end; main.mjs drives them. It decides nothing and compares
// nothing: that is done over many runs, in statistics.mjs.

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/child.h"
#include "tests/bench/wire.h"

namespace bench {
namespace {

// --- What the command line says -------------------------------------------------

struct Options {
  std::map<std::string, std::string> values;
  std::vector<std::string> command;
  Placement place;

  std::string text(std::string const& name, std::string const& otherwise = {}) const {
    auto const found = values.find(name);
    return found == values.end() ? otherwise : found->second;
  }
  long number(std::string const& name, long otherwise) const {
    auto const found = values.find(name);
    if (found == values.end()) return otherwise;
    auto const value = digits(found->second);
    if (!value) die("--" + name + " wants a number");
    return *value;
  }
  std::string file(std::string const& name) const {
    std::ifstream input(text(name), std::ios::binary);
    if (!input) die("cannot read --" + name + " " + text(name));
    return {std::istreambuf_iterator<char>(input), {}};
  }
  bool direct() const { return values.contains("port"); }
  std::uint16_t port() const { return static_cast<std::uint16_t>(number("port", 0)); }
};

// --- What is printed --------------------------------------------------------------

using Series = std::vector<double>;

double quantile(Series sorted, double part) {
  if (sorted.empty()) return 0;
  std::sort(sorted.begin(), sorted.end());
  auto const at = static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1) + 0.5);
  return sorted[at];
}

class Report {
 public:
  void add(std::string const& name, double value) { member(name, text(value)); }
  void add(std::string const& name, Series const& values) {
    std::string list = "[";
    for (auto const value : values) list += (list.size() > 1 ? "," : "") + text(value);
    member(name, list + "]");
  }
  void print() const { std::printf("{%s}\n", members_.c_str()); }

 private:
  static std::string text(double value) {
    char digits[40];
    std::snprintf(digits, sizeof digits, "%.3f", value);
    return digits;
  }
  void member(std::string const& name, std::string const& value) {
    members_ += (members_.empty() ? "\"" : ",\"") + name + "\":" + value;
  }
  std::string members_;
};

// --- A server of the LSP kind -------------------------------------------------------

class Server {
 public:
  explicit Server(Options const& options)
      : child_(options.command, options.place, options.text("errors", "/dev/null")), rpc_(child_) {
    rpc_.request(1, "initialize", initialize_params());
    auto const answer = rpc_.answer(1);
    answered_ = rpc_.arrived();
    if (Rpc::is_error(answer)) die("initialize was refused: " + std::string(answer));
  }

  Child& child() { return child_; }
  Rpc& rpc() { return rpc_; }
  Nanoseconds start_up() const { return answered_ - child_.started(); }
  void initialized() { rpc_.notify("initialized", "{}"); }

  // Sends --request METHOD with --params FILE, if there is one; the answer must not be an error.
  std::string ask(Options const& options) {
    if (options.text("request").empty()) return {};
    rpc_.request(2, options.text("request"), options.file("params"));
    std::string answer(rpc_.answer(2));
    if (Rpc::is_error(answer)) die(options.text("request") + ": " + answer);
    return answer;
  }

  // End of input until the process is gone, in µs; -1 when it had to be killed.
  double leave(long limit_ms) {
    auto const begin = now();
    child_.close_input();
    auto const end = child_.gone(limit_ms);
    return end == 0 ? -1 : microseconds(end - begin);
  }

 private:
  static std::string initialize_params() {
    return R"({"processId":)" + std::to_string(::getpid()) +
           R"(,"rootUri":null,"capabilities":{},"initializationOptions":{)"
           R"("editorInfo":{"name":"bench","version":"1.0"},)"
           R"("editorPluginInfo":{"name":"bench","version":"1.0"}}})";
  }

  Child child_;
  Rpc rpc_;
  Nanoseconds answered_ = 0;
};

// --- Start-up, memory, end ------------------------------------------------------------

// Programs that end by themselves: spawn → gone.
void run(Options const& options, Report& report) {
  Series times;
  for (long i = options.number("count", 1); i > 0; --i) {
    Child child(options.command, options.place, options.text("errors", "/dev/null"));
    times.push_back(microseconds(child.ended() - child.started()));
  }
  report.add("us", times);
}

// Spawn → answer to initialize, memory then; with --idle-ms also memory after a --request, if
// given, and that many ms of silence; then end of input → gone.
void initialize(Options const& options, Report& report) {
  auto const idle_ms = options.number("idle-ms", 0);
  Series answer_us;
  Series answer_kb;
  Series answer_share_kb;
  Series idle_kb;
  Series idle_share_kb;
  Series exit_us;
  for (long i = options.number("count", 1); i > 0; --i) {
    Server server(options);
    auto const memory = server.child().memory();
    answer_us.push_back(microseconds(server.start_up()));
    answer_kb.push_back(static_cast<double>(memory.resident_kb));
    answer_share_kb.push_back(static_cast<double>(memory.share_kb));
    if (idle_ms > 0) {
      server.initialized();
      server.ask(options);
      sleep_ms(idle_ms);
      auto const later = server.child().memory();
      idle_kb.push_back(static_cast<double>(later.resident_kb));
      idle_share_kb.push_back(static_cast<double>(later.share_kb));
    }
    exit_us.push_back(server.leave(2000));
  }
  report.add("answer_us", answer_us);
  report.add("answer_kb", answer_kb);
  report.add("answer_share_kb", answer_share_kb);
  report.add("idle_kb", idle_kb);
  report.add("idle_share_kb", idle_share_kb);
  report.add("exit_us", exit_us);
}

// --ms of silence after an optional --request and a settling time: how often did it wake up?
void rest(Options const& options, Report& report) {
  Server server(options);
  server.initialized();
  server.ask(options);
  sleep_ms(options.number("settle-ms", 2000));
  auto const wake_ups = server.child().wake_ups();
  auto const cpu = server.child().cpu();
  auto const begin = now();
  sleep_ms(options.number("ms", 10000));
  auto const seconds = static_cast<double>(now() - begin) / 1e9;
  report.add("wake_ups_per_s", static_cast<double>(server.child().wake_ups() - wake_ups) / seconds);
  report.add("cpu_us_per_s", microseconds(server.child().cpu() - cpu) / seconds);
  server.leave(2000);
}

// --- Round trips ----------------------------------------------------------------------

void add_round_trips(Report& report, Series const& times, Nanoseconds cpu) {
  report.add("p50_us", quantile(times, 0.5));
  report.add("p99_us", quantile(times, 0.99));
  report.add("cpu_us", microseconds(cpu) / static_cast<double>(times.size()));
}

// --request METHOD with --params FILE, --count times one after the other, after --warm of them.
void round_trips(Options const& options, Report& report) {
  Server server(options);
  server.initialized();
  auto const method = options.text("request");
  auto const params = options.file("params");
  auto const warm = options.number("warm", 200);
  auto const count = options.number("count", 1000);
  Series times;
  times.reserve(static_cast<std::size_t>(count));
  Nanoseconds cpu = 0;
  std::size_t size = 0;
  for (long i = 0; i < warm + count; ++i) {
    if (i == warm) cpu = server.child().cpu();
    auto const begin = now();
    server.rpc().request(10 + i, method, params);
    size = server.rpc().answer(10 + i).size();
    if (i >= warm) times.push_back(microseconds(server.rpc().arrived() - begin));
  }
  add_round_trips(report, times, server.child().cpu() - cpu);
  report.add("answer_bytes", static_cast<double>(size));
  server.leave(60'000);
}

// The same against a program without a protocol: --size bytes there, --answer bytes back.
void echo(Options const& options, Report& report) {
  Child child(options.command, options.place, options.text("errors", "/dev/null"));
  std::string const message(static_cast<std::size_t>(options.number("size", 100)), 'x');
  auto const answer = static_cast<std::size_t>(options.number("answer", 100));
  auto const warm = options.number("warm", 200);
  auto const count = options.number("count", 1000);
  Inbox inbox;
  Series times;
  Nanoseconds cpu = 0;
  for (long i = 0; i < warm + count; ++i) {
    if (i == warm) cpu = child.cpu();
    auto const begin = now();
    write_all(child.in(), message);
    while (inbox.rest().size() < answer) {
      if (!inbox.fill(child.out())) die("the echo ended");
    }
    inbox.take(answer);
    if (i >= warm) times.push_back(microseconds(inbox.arrived() - begin));
  }
  add_round_trips(report, times, child.cpu() - cpu);
}

// --- Streams ----------------------------------------------------------------------------

// --streams at the same time, each --requests times one after the other.
struct Plan {
  std::size_t streams;
  long requests;
};

struct Seen {
  Series first_us;   // request → first chunk with a stamp, one per request
  Series delay_us;   // stamp → arrival, one per chunk
  Series answer_us;  // request → end of the answer, one per request over HTTP
  Nanoseconds first_arrived = 0;

  void chunk(Nanoseconds arrived, Nanoseconds stamped, Nanoseconds asked, bool first) {
    if (first) first_us.push_back(microseconds(arrived - asked));
    if (first_arrived == 0) first_arrived = arrived;
    delay_us.push_back(microseconds(arrived - stamped));
  }
};

// What one stream waits for.
struct Waiting {
  Nanoseconds asked = 0;
  bool first = true;
  long requests_left = 0;
};

// The params of jumpseat/chat: the body of the HTTP request, and where its chunks go.
std::string chat_params(std::string const& body, std::size_t stream) {
  return R"({"partialResultToken":)" + std::to_string(stream) + "," + body.substr(1);
}

// Ids are never used twice, as with every editor.
long next_id = 1000;

// `on_chunk` hears the number of chunks so far; false ends the run at once.
bool chat(Rpc& rpc, std::string const& body, Plan plan, Seen& seen,
          std::function<bool(std::size_t)> const& on_chunk = {}) {
  std::vector<Waiting> waiting(plan.streams);
  std::vector<std::string> params;
  for (std::size_t i = 0; i < plan.streams; ++i) params.push_back(chat_params(body, i));
  std::map<long, std::size_t> asking;  // id -> stream
  auto const ask = [&](std::size_t stream) {
    asking[next_id] = stream;
    waiting[stream].asked = now();
    waiting[stream].first = true;
    rpc.request(next_id++, "jumpseat/chat", params[stream]);
  };
  for (std::size_t i = 0; i < plan.streams; ++i) {
    waiting[i].requests_left = plan.requests;
    ask(i);
  }
  std::size_t running = plan.streams;
  while (running > 0) {
    auto const message = rpc.next();
    if (auto const id = Rpc::answered(message)) {
      if (Rpc::is_error(message)) die("jumpseat/chat: " + std::string(message));
      auto const found = asking.find(*id);
      if (found == asking.end()) continue;
      auto const stream = found->second;
      asking.erase(found);
      if (waiting[stream].first) die("an answer without a chunk: " + std::string(message));
      if (--waiting[stream].requests_left > 0) {
        ask(stream);
      } else {
        --running;
      }
      continue;
    }
    if (message.find("\"$/progress\"") == std::string_view::npos) continue;
    auto const stream = digits_after(message, "\"token\":");
    auto const stamped = stamp(message);
    if (!stream || !stamped) continue;
    auto& one = waiting[static_cast<std::size_t>(*stream)];
    seen.chunk(rpc.arrived(), *stamped, one.asked, one.first);
    one.first = false;
    if (on_chunk && !on_chunk(seen.delay_us.size())) return false;
  }
  return true;
}

// The same, straight to the simulator.
// `meanwhile` is called now and then.
void chat(std::deque<Http>& connections, std::string const& head, std::string const& body,
          Plan plan, Seen& seen, std::function<void()> const& meanwhile = {}) {
  std::vector<Waiting> waiting(plan.streams);
  std::vector<pollfd> watched(plan.streams);
  auto const ask = [&](std::size_t stream) {
    waiting[stream].asked = now();
    waiting[stream].first = true;
    connections[stream].post(head, body);
  };
  for (std::size_t i = 0; i < plan.streams; ++i) {
    waiting[i].requests_left = plan.requests;
    watched[i] = {connections[i].file(), POLLIN, 0};
    ask(i);
  }
  std::size_t running = plan.streams;
  while (running > 0) {
    if (::poll(watched.data(), watched.size(), -1) < 0) continue;
    if (meanwhile) meanwhile();
    for (std::size_t i = 0; i < plan.streams; ++i) {
      if (watched[i].revents == 0) continue;
      auto& one = waiting[i];
      bool const over = connections[i].read([&](std::string_view event) {
        auto const stamped = stamp(event);
        if (!stamped) return;
        seen.chunk(connections[i].arrived(), *stamped, one.asked, one.first);
        one.first = false;
      });
      if (!over) continue;
      seen.answer_us.push_back(microseconds(connections[i].arrived() - one.asked));
      if (one.first && !connections[i].whole()) die("an answer without a chunk");
      if (--one.requests_left > 0) {
        ask(i);
      } else {
        watched[i].fd = -1;
        --running;
      }
    }
  }
}

// --streams connections to --port, each --requests times one after the other; the process --watch
// is the one in between whose time and memory are told.
void http(Options const& options, Report& report) {
  Plan const plan{static_cast<std::size_t>(options.number("streams", 1)),
                  options.number("requests", 1)};
  Plan const warm{plan.streams, options.number("warm", 1)};
  auto const head = options.file("head");
  auto const body = options.file("body");
  Process const watched(static_cast<pid_t>(options.number("watch", 0)));
  Seen warmed;
  Seen seen;
  std::deque<Http> connections;
  for (std::size_t i = 0; i < plan.streams; ++i) connections.emplace_back(options.port());
  if (warm.requests > 0) chat(connections, head, body, warm, warmed);
  watched.forget_high_water();
  auto const before = watched.memory();
  auto const cpu = watched.cpu();
  auto const begin = now();
  chat(connections, head, body, plan, seen);
  auto const took = now() - begin;
  report.add("cpu_us", microseconds(watched.cpu() - cpu));
  auto const after = watched.memory();
  report.add("before_kb", static_cast<double>(before.resident_kb));
  report.add("peak_kb", static_cast<double>(after.high_water_kb));
  auto const requests = static_cast<double>(plan.requests) * static_cast<double>(plan.streams);
  report.add("per_s", requests / (static_cast<double>(took) / 1e9));
  report.add("p50_us", quantile(seen.answer_us, 0.5));
  report.add("p99_us", quantile(seen.answer_us, 0.99));
  if (seen.delay_us.empty()) return;
  Series late;
  for (auto const one : seen.delay_us) late.push_back(one > 5000 ? 100.0 : 0.0);
  report.add("delay_p50_us", quantile(seen.delay_us, 0.5));
  report.add("delay_p99_us", quantile(seen.delay_us, 0.99));
  report.add("late_percent",
             std::accumulate(late.begin(), late.end(), 0.0) / static_cast<double>(late.size()));
}

void add_delays(Report& report, Seen const& seen) {
  report.add("delay_p50_us", quantile(seen.delay_us, 0.5));
  report.add("delay_p99_us", quantile(seen.delay_us, 0.99));
}

// --streams at a time, of which --slow read a kilobyte a second and the others as fast as they can,
// --requests each. Told are the delays of the others, and the memory of the process --watch.
void http_slow(Options const& options, Report& report) {
  auto const slow = static_cast<std::size_t>(options.number("slow", 0));
  Plan const plan{static_cast<std::size_t>(options.number("streams", 1)) - slow,
                  options.number("requests", 1)};
  auto const head = options.file("head");
  auto const body = options.file("body");
  Process const watched(static_cast<pid_t>(options.number("watch", 0)));
  std::deque<Http> readers;
  std::deque<Http> sluggards;
  for (std::size_t i = 0; i < plan.streams; ++i) readers.emplace_back(options.port());
  for (std::size_t i = 0; i < slow; ++i) {
    sluggards.emplace_back(options.port());
    sluggards.back().receive_at_most(4096);
  }
  watched.forget_high_water();
  auto const before = watched.memory();
  auto const cpu = watched.cpu();
  for (auto& one : sluggards) one.post(head, body);
  Seen seen;
  Nanoseconds last = now();
  chat(readers, head, body, plan, seen, [&] {
    if (now() - last < 1'000'000'000) return;
    last = now();
    for (auto& one : sluggards) one.swallow(1000);
  });
  report.add("cpu_us", microseconds(watched.cpu() - cpu));
  report.add("before_kb", static_cast<double>(before.resident_kb));
  report.add("peak_kb", static_cast<double>(watched.memory().high_water_kb));
  add_delays(report, seen);
}

// The body with its tag "@@@@@@@@" made a number of as many digits.
std::string tagged(std::string body, long tag) {
  constexpr std::string_view place = "@@@@@@@@";
  auto const at = body.find(place);
  if (at == std::string::npos) die("the body has no place for a tag");
  auto text = std::to_string(tag);
  text.insert(0, place.size() - text.size(), '0');
  return body.replace(at, place.size(), text);
}

// The moments that upstream.cpp wrote down, by tag.
std::map<long, Nanoseconds> broken_off(std::string const& path) {
  std::map<long, Nanoseconds> moments;
  std::ifstream file(path);
  long tag = 0;
  Nanoseconds moment = 0;
  while (file >> tag >> moment) moments[tag] = moment;
  return moments;
}

// --streams at a time, --requests each, of --chunks chunks; of a hundred requests --percent are
// left after a random one of them. Told is how long after that upstream, which writes to
// --broken-off, saw its stream end.
void http_cancel(Options const& options, Report& report) {
  Plan const plan{static_cast<std::size_t>(options.number("streams", 1)),
                  options.number("requests", 1)};
  auto const chunks = options.number("chunks", 100);
  auto const percent = static_cast<unsigned>(options.number("percent", 30));
  auto const head = options.file("head");
  auto const body = options.file("body");
  Process const watched(static_cast<pid_t>(options.number("watch", 0)));
  std::mt19937 random(1);
  struct One {
    Waiting waiting;
    long tag = 0;
    long leave_after = 0;  // chunks; 0: never
    long seen = 0;
  };
  std::vector<std::unique_ptr<Http>> connections(plan.streams);
  std::vector<One> all(plan.streams);
  std::vector<pollfd> polled(plan.streams);
  std::map<long, Nanoseconds> left;
  static long next_tag = ::getpid() % 90'000 * 1000 + 1;
  auto const ask = [&](std::size_t i) {
    auto& one = all[i];
    if (!connections[i]) connections[i] = std::make_unique<Http>(options.port());
    polled[i] = {connections[i]->file(), POLLIN, 0};
    one.tag = next_tag++;
    one.seen = 0;
    one.leave_after =
        random() % 100 < percent ? 1 + static_cast<long>(random()) % (chunks - 10) : 0;
    connections[i]->post(head, tagged(body, one.tag));
  };
  watched.forget_high_water();
  auto const before = watched.memory();
  auto const files = watched.files();
  for (std::size_t i = 0; i < plan.streams; ++i) {
    all[i].waiting.requests_left = plan.requests;
    ask(i);
  }
  for (auto running = plan.streams; running > 0;) {
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < plan.streams; ++i) {
      if (polled[i].revents == 0) continue;
      auto& one = all[i];
      bool over = connections[i]->read([&](std::string_view event) {
        if (stamp(event)) ++one.seen;
      });
      if (!over && one.leave_after > 0 && one.seen >= one.leave_after) {
        left[one.tag] = now();
        connections[i].reset();
        over = true;
      }
      if (!over) continue;
      if (--one.waiting.requests_left > 0) {
        ask(i);
      } else {
        polled[i].fd = -1;
        --running;
      }
    }
  }
  Series reset_us;
  std::map<long, Nanoseconds> moments;
  auto const all_seen = [&] {
    moments = broken_off(options.text("broken-off"));
    return std::ranges::all_of(left, [&](auto const& one) { return moments.contains(one.first); });
  };
  for (int tries = 0; tries < 100 && !all_seen(); ++tries) sleep_ms(100);
  for (auto const& [tag, moment] : left) {
    auto const found = moments.find(tag);
    if (found == moments.end()) die("upstream never heard that a stream was left");
    // Upstream may have been done already when the client left.
    if (found->second > 0) reset_us.push_back(microseconds(found->second - moment));
  }
  connections.clear();
  report.add("left", static_cast<double>(left.size()));
  report.add("heard_percent",
             100.0 * static_cast<double>(reset_us.size()) / static_cast<double>(left.size()));
  report.add("reset_p50_us", quantile(reset_us, 0.5));
  report.add("reset_p99_us", quantile(reset_us, 0.99));
  report.add("before_kb", static_cast<double>(before.resident_kb));
  report.add("after_kb", static_cast<double>(watched.memory().resident_kb));
  report.add("more_files", static_cast<double>(watched.files() - files));
}

void add_seen(Report& report, Seen const& seen) {
  report.add("first_us", seen.first_us);
  report.add("delay_us", seen.delay_us);
}

// --warm requests a stream first, with --warm-body if that is given; then the plan, measured. With
// a COMMAND through it, with --port and --head FILE straight to the simulator.
void chats(Options const& options, Report& report) {
  Plan const plan{static_cast<std::size_t>(options.number("streams", 1)),
                  options.number("requests", 1)};
  Plan const warm{plan.streams, options.number("warm", 1)};
  auto const body = options.file("body");
  Seen warmed;
  Seen seen;
  if (options.direct()) {
    auto const head = options.file("head");
    std::deque<Http> connections;
    for (std::size_t i = 0; i < plan.streams; ++i) connections.emplace_back(options.port());
    chat(connections, head, body, warm, warmed);
    chat(connections, head, body, plan, seen);
    return add_seen(report, seen);
  }

  Server server(options);
  server.initialized();
  if (warm.requests > 0) {
    chat(server.rpc(), options.text("warm-body").empty() ? body : options.file("warm-body"), warm,
         warmed);
  }
  auto const before = server.child().memory();
  server.child().forget_high_water();
  auto const cpu = server.child().cpu();
  report.add("began", wall_clock());
  chat(server.rpc(), body, plan, seen);
  report.add("ended", wall_clock());
  report.add("cpu_us", microseconds(server.child().cpu() - cpu));
  auto const after = server.child().memory();
  report.add("before_kb", static_cast<double>(before.resident_kb));
  report.add("peak_kb", static_cast<double>(after.high_water_kb));
  add_seen(report, seen);
  report.add("exit_us", server.leave(60'000));
}

// Spawn → first token, --count times; direct: connect → first token.
void cold_chats(Options const& options, Report& report) {
  Plan const plan{1, 1};
  auto const body = options.file("body");
  Series first_us;
  for (long i = options.number("count", 1); i > 0; --i) {
    Seen seen;
    if (options.direct()) {
      auto const begin = now();
      std::deque<Http> connections;
      connections.emplace_back(options.port());
      chat(connections, options.file("head"), body, plan, seen);
      first_us.push_back(microseconds(seen.first_arrived - begin));
      continue;
    }
    Server server(options);
    server.initialized();
    chat(server.rpc(), body, plan, seen);
    first_us.push_back(microseconds(seen.first_arrived - server.child().started()));
    server.leave(2000);
  }
  report.add("first_us", first_us);
}

// End of input in the middle of --streams, after --chunks chunks.
void leave_streams(Options const& options, Report& report) {
  Server server(options);
  server.initialized();
  Seen seen;
  auto const enough = static_cast<std::size_t>(options.number("chunks", 80));
  Plan const plan{static_cast<std::size_t>(options.number("streams", 8)), 1};
  bool const ended = chat(server.rpc(), options.file("body"), plan, seen,
                          [&](std::size_t chunks) { return chunks < enough; });
  if (ended) die("the streams were over before the input was closed");
  report.add("exit_us", server.leave(5000));
}

// --- The command line ---------------------------------------------------------------------

constexpr std::pair<std::string_view, void (*)(Options const&, Report&)> workloads[] = {
    {"run", run},
    {"initialize", initialize},
    {"rest", rest},
    {"echo", echo},
    {"round-trips", round_trips},
    {"chats", chats},
    {"http", http},
    {"http-slow", http_slow},
    {"http-cancel", http_cancel},
    {"cold-chats", cold_chats},
    {"leave-streams", leave_streams},
};

int measure(int count, char** words) {
  Options options;
  std::string workload;
  for (int i = 1; i < count; ++i) {
    std::string const word = words[i];
    if (word == "--") {
      options.command.assign(words + i + 1, words + count);
      break;
    }
    if (word.starts_with("--") && i + 1 < count) {
      options.values[word.substr(2)] = words[++i];
    } else {
      workload = word;
    }
  }
  options.place.client = static_cast<int>(options.number("client-cpu", -1));
  options.place.server = static_cast<int>(options.number("server-cpu", -1));
  run_on(options.place.client);
  ::signal(SIGPIPE, SIG_IGN);
  allow_many_files();
  for (int const signal : {SIGALRM, SIGTERM, SIGINT, SIGHUP}) ::signal(signal, end_with_child);
  ::alarm(static_cast<unsigned>(options.number("limit-s", 120)));

  for (auto const& [name, run_workload] : workloads) {
    if (name != workload) continue;
    if (options.command.empty() && !options.direct()) die("no command to measure");
    Report report;
    run_workload(options, report);
    report.print();
    return 0;
  }
  die("no workload " + workload);
}

}  // namespace
}  // namespace bench

int main(int count, char** words) { return bench::measure(count, words); }

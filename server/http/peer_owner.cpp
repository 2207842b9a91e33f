#include "server/http/peer_owner.h"

#include <unistd.h>

#ifdef __linux__
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <dirent.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#endif

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <vector>

#include "protocol/upstream.h"

namespace jumpseat {
namespace {

// An address as the kernel's tables write it: each 32-bit word in the machine's own byte order.
std::string table_text(TcpEndpoint const& endpoint) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  auto const put = [&](std::uint32_t value, int width) {
    for (int shift = (width - 1) * 4; shift >= 0; shift -= 4) out += digits[(value >> shift) & 15];
  };
  auto const put_words = [&](auto const& bytes) {
    for (std::size_t i = 0; i < bytes.size(); i += 4) {
      std::uint32_t word = 0;
      std::memcpy(&word, bytes.data() + i, 4);
      put(word, 8);
    }
  };
  if (endpoint.address().is_v4()) {
    put_words(endpoint.address().to_v4().to_bytes());
  } else {
    put_words(endpoint.address().to_v6().to_bytes());
  }
  out += ':';
  put(endpoint.port(), 4);
  return out;
}

std::string_view next_word(std::string_view& line) {
  auto const begin = line.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  line.remove_prefix(begin);
  auto const end = std::min(line.find(' '), line.size());
  auto const word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

template <class Number>
Number number(std::string_view text) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::optional<SocketOwner> find_in_table(std::string_view table, TcpEndpoint const& local,
                                         std::optional<TcpEndpoint> const& remote) {
  auto const wanted_local = table_text(local);
  auto const wanted_remote = remote ? table_text(*remote) : std::string();
  std::string any = wanted_local;
  any.replace(0, any.find(':'), any.find(':'), '0');
  while (!table.empty()) {
    auto const end = std::min(table.find('\n'), table.size());
    auto line = table.substr(0, end);
    table.remove_prefix(std::min(end + 1, table.size()));
    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …
    next_word(line);
    auto const here = next_word(line);
    auto const there = next_word(line);
    auto const state = next_word(line);
    constexpr std::string_view listening = "0A";
    bool const found = remote ? here == wanted_local && there == wanted_remote
                              : state == listening && (here == wanted_local || here == any);
    if (!found) continue;
    for (int skipped = 0; skipped < 3; ++skipped) next_word(line);
    SocketOwner owner;
    owner.user = number<uid_t>(next_word(line));
    next_word(line);
    owner.inode = number<unsigned long>(next_word(line));
    return owner;
  }
  return std::nullopt;
}

PeerOwner::~PeerOwner() {
  if (netlink_ >= 0) ::close(netlink_);
}

#ifdef __linux__

namespace {

std::string read_whole(char const* path) {
  std::string text;
  int const file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return text;
  std::array<char, 16384> piece;
  while (true) {
    auto const count = ::read(file, piece.data(), piece.size());
    if (count <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
  ::close(file);
  return text;
}

// A socket of one family may be reached over the other: ::ffff:127.0.0.1.
std::optional<SocketOwner> find_in_proc(TcpEndpoint const& local,
                                        std::optional<TcpEndpoint> const& remote) {
  if (local.address().is_v6()) return find_in_table(read_whole("/proc/net/tcp6"), local, remote);
  if (auto found = find_in_table(read_whole("/proc/net/tcp"), local, remote)) return found;
  auto const mapped = [](TcpEndpoint const& endpoint) {
    return TcpEndpoint(
        boost::asio::ip::make_address_v6(boost::asio::ip::v4_mapped, endpoint.address().to_v4()),
        endpoint.port());
  };
  std::optional<TcpEndpoint> mapped_remote;
  if (remote) mapped_remote = mapped(*remote);
  return find_in_table(read_whole("/proc/net/tcp6"), mapped(local), mapped_remote);
}

void put_address(__be32 (&target)[4], TcpEndpoint const& endpoint) {
  if (endpoint.address().is_v4()) {
    auto const bytes = endpoint.address().to_v4().to_bytes();
    std::memcpy(target, bytes.data(), bytes.size());
  } else {
    auto const bytes = endpoint.address().to_v6().to_bytes();
    std::memcpy(target, bytes.data(), bytes.size());
  }
}

// The process that holds the socket, among those that we may look into.
std::string process_with(unsigned long inode) {
  auto const wanted = "socket:[" + std::to_string(inode) + "]";
  auto* processes = ::opendir("/proc");
  if (processes == nullptr) return {};
  std::string found;
  while (auto const* entry = ::readdir(processes)) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    auto const folder = std::string("/proc/") + entry->d_name;
    auto* files = ::opendir((folder + "/fd").c_str());
    if (files == nullptr) continue;
    while (auto const* file = ::readdir(files)) {
      std::array<char, 64> target;
      auto const size = ::readlinkat(::dirfd(files), file->d_name, target.data(), target.size());
      if (size > 0 && std::string_view(target.data(), static_cast<std::size_t>(size)) == wanted) {
        auto name = read_whole((folder + "/comm").c_str());
        while (!name.empty() && name.back() == '\n') name.pop_back();
        found = std::string("process ") + entry->d_name + " (" + printable(name, 40) + ")";
        break;
      }
    }
    ::closedir(files);
    if (!found.empty()) break;
  }
  ::closedir(processes);
  return found;
}

}  // namespace

// One question, one answer, whatever the number of sockets (sock_diag(7)); the text tables grow
// with every connection of the machine.
std::optional<SocketOwner> PeerOwner::diagnose(TcpEndpoint const& theirs, TcpEndpoint const& ours) {
  if (netlink_ < 0) {
    netlink_ = ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink_ < 0) return std::nullopt;
  }
  struct Question {
    nlmsghdr header;
    inet_diag_req_v2 request;
  } question{};
  question.header.nlmsg_len = sizeof(question);
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST;
  auto& request = question.request;
  request.sdiag_family = theirs.address().is_v4() ? AF_INET : AF_INET6;
  request.sdiag_protocol = IPPROTO_TCP;
  request.idiag_states = ~0u;
  request.id.idiag_sport = htons(theirs.port());
  request.id.idiag_dport = htons(ours.port());
  put_address(request.id.idiag_src, theirs);
  put_address(request.id.idiag_dst, ours);
  request.id.idiag_cookie[0] = request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  if (::send(netlink_, &question, sizeof(question), 0) != sizeof(question)) return std::nullopt;

  alignas(nlmsghdr) std::array<char, 4096> answer;
  auto const size = ::recv(netlink_, answer.data(), answer.size(), MSG_DONTWAIT);
  if (size < static_cast<ssize_t>(sizeof(nlmsghdr))) return std::nullopt;
  nlmsghdr header;
  std::memcpy(&header, answer.data(), sizeof(header));
  if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
      size < static_cast<ssize_t>(NLMSG_HDRLEN + sizeof(inet_diag_msg))) {
    return std::nullopt;
  }
  inet_diag_msg found;
  std::memcpy(&found, answer.data() + NLMSG_HDRLEN, sizeof(found));
  // A port where somebody listens would be an answer too.
  if (found.id.idiag_sport != request.id.idiag_sport ||
      found.id.idiag_dport != request.id.idiag_dport) {
    return std::nullopt;
  }
  SocketOwner owner;
  owner.user = found.idiag_uid;
  owner.inode = found.idiag_inode;
  return owner;
}

std::optional<uid_t> PeerOwner::user_of(TcpEndpoint const& theirs, TcpEndpoint const& ours) {
  auto owner = diagnose(theirs, ours);
  if (!owner) owner = find_in_proc(theirs, ours);
  // A socket that its process has let go is listed as root's.
  if (!owner || owner->inode == 0) return std::nullopt;
  return owner->user;
}

PeerOwner::Answer PeerOwner::of(TcpEndpoint const& theirs, TcpEndpoint const& ours) {
  auto const user = user_of(theirs, ours);
  if (!user) return Answer::unknown;
  return *user == ::geteuid() ? Answer::same_user : Answer::other_user;
}

std::string describe_listener(TcpEndpoint const& address) {
  auto const owner = find_in_proc(address, std::nullopt);
  if (!owner) return {};
  if (auto process = process_with(owner->inode); !process.empty()) return process;
  return "a process of user " + std::to_string(owner->user);
}

bool listener_is_ours(TcpEndpoint const& address) {
  auto const owner = find_in_proc(address, std::nullopt);
  return owner && owner->inode != 0 && owner->user == ::geteuid();
}

#else

std::optional<SocketOwner> PeerOwner::diagnose(TcpEndpoint const&, TcpEndpoint const&) {
  return std::nullopt;
}
PeerOwner::Answer PeerOwner::of(TcpEndpoint const&, TcpEndpoint const&) {
  return Answer::same_user;
}
std::optional<uid_t> PeerOwner::user_of(TcpEndpoint const&, TcpEndpoint const&) {
  return std::nullopt;
}
std::string describe_listener(TcpEndpoint const&) { return {}; }
bool listener_is_ours(TcpEndpoint const&) { return true; }

#endif

}  // namespace jumpseat

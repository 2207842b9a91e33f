// Which user of this machine owns the other end of a loopback connection: asked of the kernel, so
// that without a client key the port serves nobody but the user who runs it (quality row S2).
// Linux alone can tell; elsewhere everybody on the machine is trusted, and docs/security.md says
// so.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

namespace jumpseat {

using TcpEndpoint = boost::asio::ip::tcp::endpoint;

// A socket as the kernel lists it.
struct SocketOwner {
  uid_t user = 0;
  unsigned long inode = 0;  // 0: no process holds it any more, and `user` means nothing
};

class PeerOwner {
 public:
  PeerOwner() = default;
  ~PeerOwner();
  PeerOwner(PeerOwner const&) = delete;
  PeerOwner& operator=(PeerOwner const&) = delete;

  enum class Answer {
    same_user,
    other_user,
    unknown,  // the kernel cannot tell, or the other end has let its socket go already
  };
  // Who owns the socket whose own address is `theirs` and which is connected to `ours`.
  Answer of(TcpEndpoint const& theirs, TcpEndpoint const& ours);
  // The same user by number; nothing where that is unknown.
  std::optional<uid_t> user_of(TcpEndpoint const& theirs, TcpEndpoint const& ours);

 private:
  std::optional<SocketOwner> diagnose(TcpEndpoint const& theirs, TcpEndpoint const& ours);

  int netlink_ = -1;  // opened by the first question
};

// A socket in the text of /proc/net/tcp or /proc/net/tcp6: the one connected from `local` to
// `remote`, or, without `remote`, the one that listens at `local` or at every address of its port.
std::optional<SocketOwner> find_in_table(std::string_view table, TcpEndpoint const& local,
                                         std::optional<TcpEndpoint> const& remote);

// Who listens at `address`, and as far as the kernel shows it which process: "process 4711 (node)",
// "a process of user 1001"; empty when nothing can be found out.
std::string describe_listener(TcpEndpoint const& address);
// True when a process of this very user listens there.
bool listener_is_ours(TcpEndpoint const& address);

}  // namespace jumpseat

#include "server/net/http_errors.h"

#include <cerrno>
#include <system_error>

namespace jumpseat {
namespace {

std::string connect_reason(int os_error) {
  switch (os_error) {
    case 0:
      return "no connection";
    case ECONNREFUSED:
      return "connection refused";
    case ENETUNREACH:
      return "network unreachable";
    case EHOSTUNREACH:
      return "no route to host";
    case ETIMEDOUT:
      return "no answer";
    default:
      return std::generic_category().message(os_error);
  }
}

// Why a connection that stood is over.
std::string loss_reason(int os_error) {
  switch (os_error) {
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ETIMEDOUT:
      return "the network connection was lost";
    default:
      return "the connection was reset";
  }
}

// A failure that needs no words of ours; curl's go into the detail only.
std::string unnamed(CURLcode code) {
  return "curl error " + std::to_string(static_cast<int>(code));
}

std::string proxy_name(HttpFailure const& failure) {
  std::string name = "the proxy " + failure.proxy;
  if (!failure.proxy_origin.empty()) name += " (from " + failure.proxy_origin + ")";
  return name;
}

Error proxy_error(HttpFailure const& failure, std::string const& why) {
  std::string message =
      "Could not reach " + failure.host + " through " + proxy_name(failure) + ": " + why + ".";
  if (failure.proxy_status == 407) {
    message += " Put a user name and password into the proxy setting.";
  } else {
    message += " Check the proxy setting.";
  }
  Error error = fail(ErrorCode::proxy_failed, std::move(message));
  if (failure.sent) return error;
  return std::move(error).as_unsent();
}

Error unreachable(HttpFailure const& failure, std::string const& why) {
  return fail(ErrorCode::upstream_unreachable,
              "Could not connect to " + failure.host + ": " + why +
                  ". Check the network connection, the firewall and the proxy setting.")
      .as_unsent();
}

Error dns_error(HttpFailure const& failure, std::string const& why) {
  return fail(ErrorCode::dns_failed, "Could not find the address of " + failure.host + ": " + why +
                                         ". Check the network connection, the DNS server and the "
                                         "spelling of the name.")
      .as_unsent();
}

// What to do about a handshake that failed, by what OpenSSL says.
std::string_view tls_advice(std::string_view why) {
  auto const says = [why](std::string_view words) {
    return why.find(words) != std::string_view::npos;
  };
  if (says("issuer") || says("self-signed") || says("self signed")) {
    return "If your network inspects TLS, add its certificate authority to the system's or name it "
           "in SSL_CERT_FILE.";
  }
  if (says("expired") || says("not yet valid")) {
    return "Check this computer's clock; if it is right, the certificate has to be renewed.";
  }
  return "Check the address, and whether a proxy or a firewall is in the way.";
}

Error tls_error(HttpFailure const& failure, std::string const& why) {
  std::string message = "No secure connection to " + failure.host + ": " + why;
  if (!failure.issuer.empty()) message += "; the certificate was issued by " + failure.issuer;
  message.append(". ").append(tls_advice(why));
  Error error = fail(ErrorCode::tls_failed, std::move(message));
  if (failure.sent) return error;
  return std::move(error).as_unsent();
}

// The peer went away, or spoke nonsense, at whatever point the transfer was.
Error lost(HttpFailure const& failure, std::string const& why) {
  if (failure.headers_in) {
    return fail(ErrorCode::upstream_interrupted,
                "The answer from " + failure.host + " broke off: " + why + ". Try again.")
        .with_detail(failure.reason);
  }
  if (failure.sent) {
    if (!failure.proxy.empty() && !failure.https) return proxy_error(failure, why);
    return fail(ErrorCode::upstream_reset,
                failure.host + " did not answer: " + why +
                    ". The request may have been carried out; try again.")
        .with_detail(failure.reason);
  }
  if (!failure.proxy.empty()) {
    if (failure.proxy_status != 0) {
      return transfer_error(TransferFault::refused_by_proxy, failure);
    }
    return proxy_error(failure, why);
  }
  return failure.https ? tls_error(failure, why) : unreachable(failure, why);
}

}  // namespace

Error connect_error(CURLcode code, HttpFailure const& failure) {
  std::string const reason = failure.reason.empty() ? "the handshake failed" : failure.reason;
  // As a number: most of curl's hundred codes belong to protocols that are never spoken here.
  switch (static_cast<int>(code)) {
    case CURLE_COULDNT_RESOLVE_PROXY:
      return proxy_error(failure, "its address was not found");
    case CURLE_COULDNT_RESOLVE_HOST:
      return dns_error(failure, "no such name");
    case CURLE_PROXY:
      return proxy_error(failure, "it refused the connection");
    case CURLE_COULDNT_CONNECT:
      if (!failure.proxy.empty()) return proxy_error(failure, connect_reason(failure.os_error));
      return unreachable(failure, connect_reason(failure.os_error));

    case CURLE_SSL_CACERT_BADFILE:
      return fail(ErrorCode::tls_failed,
                  "No secure connection to " + failure.host + ": the certificate authorities" +
                      (failure.authorities.empty() ? "" : " in " + failure.authorities) +
                      " cannot be read. Check SSL_CERT_FILE, SSL_CERT_DIR and CURL_CA_BUNDLE.")
          .with_detail(failure.reason)
          .as_unsent();
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
      return tls_error(failure, reason);

    case CURLE_GOT_NOTHING:
      return lost(failure, "the connection was closed");
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_READ_ERROR:
      return lost(failure, loss_reason(failure.os_error));
    case CURLE_OUT_OF_MEMORY:
      return lost(failure, "out of memory");
    case CURLE_OPERATION_TIMEDOUT:
      return lost(failure, "no answer in time");
    default:
      return lost(failure, unnamed(code));
  }
}

Error transfer_error(TransferFault fault, HttpFailure const& failure) {
  switch (fault) {
    case TransferFault::no_reply:
      return lost(failure, "the connection was closed without a reply");
    case TransferFault::ended_early:
      return lost(failure, "the connection was closed before the end of the reply");
    case TransferFault::connection_lost:
      return lost(failure, loss_reason(failure.os_error));
    case TransferFault::http2_error:
      return lost(failure, failure.reason.empty() ? "an HTTP/2 error" : failure.reason);
    case TransferFault::broken_coding:
      return lost(failure, "its transfer coding is broken");
    case TransferFault::not_http:
      return fail(ErrorCode::not_copilot,
                  failure.host +
                      " answered, but not in HTTP. Check the address, and whether another "
                      "service or a firewall is in the way.");
    case TransferFault::broken_head:
      return fail(ErrorCode::upstream_failed,
                  failure.host + " sent a reply that is not valid HTTP. Try again.");
    case TransferFault::headers_too_large:
      return fail(ErrorCode::upstream_headers_too_large,
                  "The reply from " + failure.host + " has more than 64 KiB of headers.");
    case TransferFault::flooded:
      return lost(failure, "it kept sending data that belongs to no answer");
    case TransferFault::refused_by_proxy:
      return proxy_error(failure,
                         "it answered with status " + std::to_string(failure.proxy_status));
  }
  return lost(failure, "unknown");
}

Error connect_timeout(HttpFailure const& failure, std::chrono::milliseconds limit) {
  std::string const in_time = "within " + duration_text(limit);
  if (!failure.proxy.empty() && !failure.name_found) {
    return proxy_error(failure, "its address was not found " + in_time);
  }
  if (!failure.proxy.empty()) return proxy_error(failure, "no connection " + in_time);
  if (!failure.name_found) return dns_error(failure, "no answer " + in_time);
  if (failure.https && failure.tcp_connected) {
    return tls_error(failure, "the handshake did not end " + in_time);
  }
  return unreachable(failure, "no answer " + in_time);
}

std::string duration_text(std::chrono::milliseconds duration) {
  auto const count = duration.count();
  if (count < 1000) return std::to_string(count) + " ms";
  std::string text = std::to_string(count / 1000);
  if (auto const tenths = count % 1000 / 100; tenths != 0) text += "." + std::to_string(tenths);
  return text + " s";
}

}  // namespace jumpseat

// What a failure is called, by what went wrong and by how far the request had come.

#include "server/net/http_errors.h"

#include <cerrno>
#include <string>

#include <catch2/catch.hpp>

using namespace jumpseat;
using namespace std::chrono_literals;

namespace {

enum class Stage { before, sent, headers_in };

HttpFailure failure_at(Stage stage, std::string proxy = "") {
  HttpFailure failure("api.example", std::move(proxy), "environment HTTPS_PROXY");
  failure.sent = stage != Stage::before;
  failure.headers_in = stage == Stage::headers_in;
  return failure;
}

}  // namespace

TEST_CASE("curl's codes give the error of a connection that could not be opened") {
  struct Case {
    CURLcode curl;
    std::string proxy;
    ErrorCode code;
  };
  auto const each = GENERATE(values<Case>({
      {CURLE_COULDNT_RESOLVE_HOST, "", ErrorCode::dns_failed},
      {CURLE_COULDNT_RESOLVE_PROXY, "p:1", ErrorCode::proxy_failed},
      {CURLE_COULDNT_CONNECT, "", ErrorCode::upstream_unreachable},
      {CURLE_COULDNT_CONNECT, "p:1", ErrorCode::proxy_failed},
      {CURLE_PROXY, "p:1", ErrorCode::proxy_failed},
      {CURLE_SSL_CONNECT_ERROR, "", ErrorCode::tls_failed},
      {CURLE_PEER_FAILED_VERIFICATION, "", ErrorCode::tls_failed},
      {CURLE_SSL_CACERT_BADFILE, "", ErrorCode::tls_failed},
      {CURLE_RECV_ERROR, "", ErrorCode::tls_failed},
      {CURLE_RECV_ERROR, "p:1", ErrorCode::proxy_failed},
      {CURLE_FTP_ACCEPT_FAILED, "", ErrorCode::tls_failed},
  }));
  CAPTURE(static_cast<int>(each.curl), each.proxy);
  Error const error = connect_error(each.curl, failure_at(Stage::before, each.proxy));
  CHECK(traits(error.code()).name == traits(each.code).name);
  CHECK(error.unsent());
  CHECK(error.message().find("api.example") != std::string::npos);
  if (each.code == ErrorCode::proxy_failed) {
    CHECK(error.message().find("the proxy p:1 (from environment HTTPS_PROXY)") !=
          std::string::npos);
  }
}

TEST_CASE("what goes wrong on a connection is named by how far the request had come") {
  struct Case {
    TransferFault fault;
    Stage stage;
    std::string proxy;
    ErrorCode code;
  };
  auto const each = GENERATE(values<Case>({
      {TransferFault::connection_lost, Stage::sent, "", ErrorCode::upstream_reset},
      {TransferFault::connection_lost, Stage::sent, "p:1", ErrorCode::upstream_reset},
      {TransferFault::connection_lost, Stage::headers_in, "", ErrorCode::upstream_interrupted},
      {TransferFault::no_reply, Stage::sent, "", ErrorCode::upstream_reset},
      {TransferFault::ended_early, Stage::headers_in, "", ErrorCode::upstream_interrupted},
      {TransferFault::http2_error, Stage::sent, "", ErrorCode::upstream_reset},
      {TransferFault::http2_error, Stage::headers_in, "", ErrorCode::upstream_interrupted},
      {TransferFault::broken_coding, Stage::headers_in, "", ErrorCode::upstream_interrupted},
      {TransferFault::flooded, Stage::headers_in, "", ErrorCode::upstream_interrupted},
      {TransferFault::not_http, Stage::sent, "", ErrorCode::not_copilot},
      {TransferFault::broken_head, Stage::sent, "", ErrorCode::upstream_failed},
      {TransferFault::headers_too_large, Stage::sent, "", ErrorCode::upstream_headers_too_large},
  }));
  Error const error = transfer_error(each.fault, failure_at(each.stage, each.proxy));
  CHECK(traits(error.code()).name == traits(each.code).name);
  CHECK_FALSE(error.unsent());
  CHECK(error.message().find("api.example") != std::string::npos);
}

TEST_CASE("a plain request that its proxy refuses or drops names the proxy") {
  HttpFailure failure = failure_at(Stage::sent, "p:1");
  failure.https = false;
  failure.proxy_status = 407;
  for (auto const fault : {TransferFault::refused_by_proxy, TransferFault::no_reply}) {
    Error const error = transfer_error(fault, failure);
    CHECK(error.code() == ErrorCode::proxy_failed);
    CHECK(error.message().find("the proxy p:1 (from environment HTTPS_PROXY)") !=
          std::string::npos);
  }
}

TEST_CASE("a failed connect says why") {
  HttpFailure failure = failure_at(Stage::before);
  failure.os_error = ECONNREFUSED;
  CHECK(connect_error(CURLE_COULDNT_CONNECT, failure).message() ==
        "Could not connect to api.example: connection refused. Check the network connection, the "
        "firewall and the proxy setting.");
  failure.os_error = ENETUNREACH;
  CHECK(connect_error(CURLE_COULDNT_CONNECT, failure).message().find("network unreachable") !=
        std::string::npos);
}

TEST_CASE("U31: a connection whose path is gone says so, another loss does not") {
  HttpFailure failure = failure_at(Stage::headers_in);
  for (int const gone : {ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN}) {
    failure.os_error = gone;
    Error const error = transfer_error(TransferFault::connection_lost, failure);
    CHECK(error.code() == ErrorCode::upstream_interrupted);
    CHECK(error.message() ==
          "The answer from api.example broke off: the network connection was lost. Try again.");
  }
  failure.os_error = ECONNRESET;
  CHECK(transfer_error(TransferFault::connection_lost, failure).message() ==
        "The answer from api.example broke off: the connection was reset. Try again.");
}

TEST_CASE("TLS failures give advice that fits") {
  HttpFailure failure = failure_at(Stage::before);
  failure.reason = "SSL certificate problem: unable to get local issuer certificate";
  failure.issuer = "/CN=Company";
  CHECK(connect_error(CURLE_PEER_FAILED_VERIFICATION, failure).message() ==
        "No secure connection to api.example: SSL certificate problem: unable to get local issuer "
        "certificate; the certificate was issued by /CN=Company. If your network inspects TLS, add "
        "its certificate authority to the system's or name it in SSL_CERT_FILE.");
  failure.reason = "SSL certificate problem: certificate has expired";
  CHECK(connect_error(CURLE_PEER_FAILED_VERIFICATION, failure)
            .message()
            .ends_with(
                "Check this computer's clock; if it is right, the certificate has to be renewed."));
  failure.reason.clear();
  CHECK(connect_error(CURLE_SSL_CONNECT_ERROR, failure)
            .message()
            .ends_with("Check the address, and whether a proxy or a firewall is in the way."));
}

TEST_CASE("a connection that is not ready in time is named by what it waited for") {
  HttpFailure failure = failure_at(Stage::before);
  CHECK(connect_timeout(failure, 10s).code() == ErrorCode::dns_failed);
  failure.name_found = true;
  CHECK(connect_timeout(failure, 10s).code() == ErrorCode::upstream_unreachable);
  failure.tcp_connected = true;
  CHECK(connect_timeout(failure, 10s).code() == ErrorCode::tls_failed);
  failure.proxy = "p:1";
  CHECK(connect_timeout(failure, 10s).code() == ErrorCode::proxy_failed);
  CHECK(connect_timeout(failure, 10s).unsent());
}

TEST_CASE("durations read well") {
  CHECK(duration_text(250ms) == "250 ms");
  CHECK(duration_text(1s) == "1 s");
  CHECK(duration_text(1500ms) == "1.5 s");
  CHECK(duration_text(300s) == "300 s");
}

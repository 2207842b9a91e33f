// What a transfer's failure is called, by curl's code and by how far it had come.

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

TEST_CASE("curl's codes and the stage of a transfer give the error") {
  struct Case {
    CURLcode curl;
    Stage stage;
    std::string proxy;
    ErrorCode code;
    bool unsent;
  };
  auto const each = GENERATE(values<Case>({
      {CURLE_COULDNT_RESOLVE_HOST, Stage::before, "", ErrorCode::dns_failed, true},
      {CURLE_COULDNT_RESOLVE_PROXY, Stage::before, "p:1", ErrorCode::proxy_failed, true},
      {CURLE_COULDNT_CONNECT, Stage::before, "", ErrorCode::upstream_unreachable, true},
      {CURLE_COULDNT_CONNECT, Stage::before, "p:1", ErrorCode::proxy_failed, true},
      {CURLE_PROXY, Stage::before, "p:1", ErrorCode::proxy_failed, true},
      {CURLE_SSL_CONNECT_ERROR, Stage::before, "", ErrorCode::tls_failed, true},
      {CURLE_PEER_FAILED_VERIFICATION, Stage::before, "", ErrorCode::tls_failed, true},
      {CURLE_SSL_CACERT_BADFILE, Stage::before, "", ErrorCode::tls_failed, true},
      {CURLE_RECV_ERROR, Stage::before, "", ErrorCode::tls_failed, true},
      {CURLE_RECV_ERROR, Stage::before, "p:1", ErrorCode::proxy_failed, true},
      {CURLE_RECV_ERROR, Stage::sent, "", ErrorCode::upstream_reset, false},
      {CURLE_RECV_ERROR, Stage::sent, "p:1", ErrorCode::upstream_reset, false},
      {CURLE_RECV_ERROR, Stage::headers_in, "", ErrorCode::upstream_interrupted, false},
      {CURLE_SEND_ERROR, Stage::sent, "", ErrorCode::upstream_reset, false},
      {CURLE_GOT_NOTHING, Stage::sent, "", ErrorCode::upstream_reset, false},
      {CURLE_PARTIAL_FILE, Stage::headers_in, "", ErrorCode::upstream_interrupted, false},
      {CURLE_HTTP2, Stage::sent, "", ErrorCode::upstream_reset, false},
      {CURLE_HTTP2_STREAM, Stage::headers_in, "", ErrorCode::upstream_interrupted, false},
      {CURLE_SSL_CONNECT_ERROR, Stage::headers_in, "", ErrorCode::upstream_interrupted, false},
      {CURLE_OUT_OF_MEMORY, Stage::sent, "", ErrorCode::upstream_headers_too_large, false},
      {CURLE_UNSUPPORTED_PROTOCOL, Stage::sent, "", ErrorCode::not_copilot, false},
      {CURLE_WEIRD_SERVER_REPLY, Stage::sent, "", ErrorCode::upstream_failed, false},
      {CURLE_FAILED_INIT, Stage::before, "", ErrorCode::tls_failed, true},
      {CURLE_FAILED_INIT, Stage::sent, "", ErrorCode::upstream_reset, true},
      {CURLE_FAILED_INIT, Stage::headers_in, "", ErrorCode::upstream_interrupted, false},
      {CURLE_FTP_ACCEPT_FAILED, Stage::sent, "", ErrorCode::upstream_reset, false},
  }));
  CAPTURE(static_cast<int>(each.curl), each.proxy);
  Error const error = http_error(each.curl, failure_at(each.stage, each.proxy));
  CHECK(traits(error.code()).name == traits(each.code).name);
  CHECK(error.unsent() == each.unsent);
  CHECK(error.message().find("api.example") != std::string::npos);
  if (each.code == ErrorCode::proxy_failed) {
    CHECK(error.message().find("the proxy p:1 (from environment HTTPS_PROXY)") !=
          std::string::npos);
  }
}

TEST_CASE("a failed connect says why") {
  HttpFailure failure = failure_at(Stage::before);
  failure.os_error = ECONNREFUSED;
  CHECK(http_error(CURLE_COULDNT_CONNECT, failure).message() ==
        "Could not connect to api.example: connection refused. Check the network connection, the "
        "firewall and the proxy setting.");
  failure.os_error = ENETUNREACH;
  CHECK(http_error(CURLE_COULDNT_CONNECT, failure).message().find("network unreachable") !=
        std::string::npos);
}

TEST_CASE("U31: a connection whose path is gone says so, another loss does not") {
  HttpFailure failure = failure_at(Stage::headers_in);
  for (int const gone : {ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN}) {
    failure.os_error = gone;
    Error const error = http_error(CURLE_RECV_ERROR, failure);
    CHECK(error.code() == ErrorCode::upstream_interrupted);
    CHECK(error.message() ==
          "The answer from api.example broke off: the network connection was lost. Try again.");
  }
  failure.os_error = ECONNRESET;
  CHECK(http_error(CURLE_RECV_ERROR, failure).message() ==
        "The answer from api.example broke off: the connection was reset. Try again.");
}

TEST_CASE("TLS failures give advice that fits") {
  HttpFailure failure = failure_at(Stage::before);
  failure.reason = "SSL certificate problem: unable to get local issuer certificate";
  failure.issuer = "/CN=Company";
  CHECK(http_error(CURLE_PEER_FAILED_VERIFICATION, failure).message() ==
        "No secure connection to api.example: SSL certificate problem: unable to get local issuer "
        "certificate; the certificate was issued by /CN=Company. If your network inspects TLS, add "
        "its certificate authority to the system's or name it in SSL_CERT_FILE.");
  failure.reason = "SSL certificate problem: certificate has expired";
  CHECK(http_error(CURLE_PEER_FAILED_VERIFICATION, failure)
            .message()
            .ends_with(
                "Check this computer's clock; if it is right, the certificate has to be renewed."));
  failure.reason.clear();
  CHECK(http_error(CURLE_SSL_CONNECT_ERROR, failure)
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

// The grammar of .env files, as tables.
#include "protocol/env_file.h"

#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/show.h"

using namespace jumpseat;

namespace {

// "KEY=value@line" per entry, so that a failure shows everything.
std::vector<std::string> entries(std::string_view text) {
  auto parsed = parse_env_file(text, "test.env");
  if (!parsed) {
    CHECK(parsed.error().code() == ErrorCode::config_invalid);
    return {parsed.error().message()};
  }
  std::vector<std::string> out;
  for (EnvEntry const& entry : *parsed)
    out.push_back(entry.key + "=" + entry.value + "@" + std::to_string(entry.line));
  return out;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("values: bare, quoted, commented") {
  struct Row {
    std::string_view text;
    std::string value;
  };
  std::vector<Row> const rows = {
      {"K=v", "v"},
      {"K=", ""},
      {"K=   ", ""},
      {"K = v ", "v"},
      {"K\t=\tv\t", "v"},
      {"  K=v", "v"},
      {"K=a b  c", "a b  c"},
      {"K=a#b", "a#b"},
      {"K=a #b", "a"},
      {"K=a\t#b", "a"},
      {"K=#a", "#a"},
      {"K= #a", ""},
      {"K=a=b==", "a=b=="},
      {"K=a'b\"c", "a'b\"c"},
      {"K=$HOME ${X} `y`", "$HOME ${X} `y`"},
      {"K=C:\\new", "C:\\new"},
      {"K='v'", "v"},
      {"K=''", ""},
      {"K='a \"b\" \\n #c'", "a \"b\" \\n #c"},
      {"K='v'  # why", "v"},
      {"K='v' ", "v"},
      {"K=\"v\"", "v"},
      {"K=\"\"", ""},
      {"K=\"a\\nb\"", "a\nb"},
      {"K=\"a\\\"b\"", "a\"b"},
      {"K=\"a\\\\\"", "a\\"},
      {"K=\"a\\\\nb\"", "a\\nb"},
      {"K=\"C:\\temp\"", "C:\\temp"},
      {"K=\"$HOME ${X} # not a comment\"", "$HOME ${X} # not a comment"},
      {"K=\"it's\" # why", "it's"},
      {"K=  \"  v  \"  ", "  v  "},
      {"K=\xc3\xa9\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac"},
      {"K=gho_abcdefghijklmnopqrstuvwxyz", "gho_abcdefghijklmnopqrstuvwxyz"},
  };
  for (Row const& row : rows) {
    INFO(row.text);
    CHECK(entries(row.text) == Lines{"K=" + row.value + "@1"});
    // The same with every way of ending a line, and with a byte-order mark.
    CHECK(entries(std::string(row.text) + "\n") == Lines{"K=" + row.value + "@1"});
    CHECK(entries(std::string(row.text) + "\r\n") == Lines{"K=" + row.value + "@1"});
    CHECK(entries("\xef\xbb\xbf" + std::string(row.text) + "\r\n\r\n") ==
          Lines{"K=" + row.value + "@1"});
    CHECK(entries("export " + std::string(row.text)) == Lines{"K=" + row.value + "@1"});
  }
}

TEST_CASE("E2: twelve spellings of one key are one key") {
  for (std::string_view const text :
       {"PORT=1", "PORT =1", "PORT= 1", "\tPORT=1", "export PORT=1", "export\tPORT=1",
        "  export   PORT = 1", "PORT='1'", "PORT=\"1\"", "PORT=1 # x", "\xef\xbb\xbfPORT=1\r\n",
        "# x\n\nPORT=0\nPORT=1\n"}) {
    INFO(text);
    auto parsed = parse_env_file(text, "test.env");
    REQUIRE(parsed);
    REQUIRE(parsed->size() == 1);
    CHECK(parsed->front().key == "PORT");
    CHECK(parsed->front().value == "1");
  }
  // The case of a key is the reader's business.
  CHECK(entries("port=1") == Lines{"port=1@1"});
}

TEST_CASE("keys") {
  CHECK(entries("_=1\nA1_b=2\nmy.key-2=3\nexport=4\nexported=5\nexport  =  6") ==
        Lines{"_=1@1", "A1_b=2@2", "my.key-2=3@3", "exported=5@5", "export=6@6"});
}

TEST_CASE("of duplicate keys the last stays, in its place") {
  CHECK(entries("A=1\nB=2\nA=3\nC=4\nB=5\n") == Lines{"A=3@3", "C=4@4", "B=5@5"});
}

TEST_CASE("empty lines and comments are nothing") {
  CHECK(entries("").empty());
  CHECK(entries("\xef\xbb\xbf").empty());
  CHECK(entries("\n\r\n   \n\t\n#\n  # K=v\n#K='").empty());
}

TEST_CASE("a malformed line is an error with file and line, and never its text") {
  struct Row {
    std::string_view text, message;
  };
  std::vector<Row> const rows = {
      {"K", "test.env:1: expected KEY=value, there is no '=' after the key."},
      {"export K", "test.env:1: expected KEY=value, there is no '=' after the key."},
      {"export", "test.env:1: expected KEY=value, there is no '=' after the key."},
      {"=v", "test.env:1: expected KEY=value, the key is missing or starts with an odd character."},
      {"1K=v",
       "test.env:1: expected KEY=value, the key is missing or starts with an odd character."},
      {"-K=v",
       "test.env:1: expected KEY=value, the key is missing or starts with an odd character."},
      {"'K'=v",
       "test.env:1: expected KEY=value, the key is missing or starts with an odd character."},
      {"K\xc3\xa9=v", "test.env:1: expected KEY=value, there is no '=' after the key."},
      {"K K=v", "test.env:1: expected KEY=value, there is no '=' after the key."},
      {"K: v", "test.env:1: expected KEY=value, there is no '=' after the key."},
      {"A=1\n\nK='v", "test.env:3: the closing ' is missing, in the value of K."},
      {"A=1\r\nK=\"v\r\n\"", "test.env:2: the closing \" is missing, in the value of K."},
      {"K=\"v\\\"", "test.env:1: the closing \" is missing, in the value of K."},
      {"K=\"", "test.env:1: the closing \" is missing, in the value of K."},
      {"K='", "test.env:1: the closing ' is missing, in the value of K."},
      {"K='a'b", "test.env:1: something follows the closing ', in the value of K."},
      {"K='a''b'", "test.env:1: something follows the closing ', in the value of K."},
      {"K=\"a\"#b", "test.env:1: something follows the closing \", in the value of K."},
      {"K=\"a\" b", "test.env:1: something follows the closing \", in the value of K."},
      {"K=a\x01", "test.env:1: the line holds a control character."},
      {"K=a\rB=c", "test.env:1: the line holds a control character."},
      {"K=\"a\x7f\"", "test.env:1: the line holds a control character."},
      {std::string_view("K=a\0b", 5), "test.env:1: the line holds a control character."},
      {std::string_view("\xff\xfeK\0=\0", 6), "test.env:1: the file is UTF-16, save it as UTF-8."},
      {std::string_view("\xfe\xff\0K\0=", 6), "test.env:1: the file is UTF-16, save it as UTF-8."},
      {"gho_secretsecretsecret", "test.env:1: expected KEY=value, there is no '=' after the key."},
  };
  for (Row const& row : rows) {
    INFO(row.text);
    CHECK(entries(row.text) == Lines{std::string(row.message)});
  }
}

TEST_CASE("a file is read in linear time and to its last byte") {
  std::string text;
  Lines expected;
  for (int i = 1; i <= 5000; ++i) {
    text += "KEY_" + std::to_string(i) + "=\"value\\n" + std::to_string(i) + "\" # comment\r\n";
    expected.push_back("KEY_" + std::to_string(i) + "=value\n" + std::to_string(i) + "@" +
                       std::to_string(i));
  }
  CHECK(entries(text) == expected);
}

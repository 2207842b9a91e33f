#!/usr/bin/env python3
"""What layers.py must refuse, and what it must not: (file, its text, a part of the message or None)."""

import unittest

import layers

CASES = [
    # Includes, by layer.
    ("protocol/a.cpp", '#include "protocol/b.h"', None),
    ("protocol/a.cpp", '#include "storage/b.h"', "storage is above protocol"),
    ("storage/a.cpp", '#include "protocol/b.h"', None),
    ("storage/a.cpp", '#include "server/base/b.h"', "server/base is above storage"),
    ("server/base/a.h", '#include "server/net/b.h"', "server/net is above server/base"),
    ("server/net/a.h", '  #  include "server/auth/b.h"', "server/auth is above server/net"),
    ("server/chat/a.h", '#include "server/upstream/b.h"', None),
    ("server/upstream/a.h", '#include "server/chat/b.h"', "server/chat is above server/upstream"),
    ("server/rpc/a.cpp", '#include "server/http/b.h"', "do not know each other"),
    ("server/cli/a.cpp", '#include "server/rpc/b.h"', "do not know each other"),
    ("server/cli/a.cpp", '#include "server/app.h"', "server/app is above server/cli"),
    ("server/app.cpp", '#include "server/cli/b.h"', None),
    ("server/main.cpp", '#include "server/app.h"', None),
    ("server/app_more.cpp", '#include "server/app.h"', None),
    ("server/rpc/a.cpp", '// #include "server/http/b.h"', None),
    ("server/rpc/a.cpp", '/* old\n#include "server/http/b.h"\n*/', None),
    ("server/rpc/a.cpp", '#include "peer.h"', "not included from the root"),
    ("server/rpc/a.cpp", '#include "tests/support/fake.h"', "does not know its tests"),
    ("server/wild/a.cpp", "", "not in the table of rooms"),
    ("tests/protocol/a_test.cpp", '#include "storage/b.h"', "see only what protocol sees"),
    ("tests/storage/a_test.cpp", '#include "server/base/b.h"', "see only what storage sees"),
    ("tests/server/rpc/a_test.cpp", '#include "server/http/b.h"', None),
    # Includes, by library.
    ("protocol/a.h", "#include <boost/asio/awaitable.hpp>", "no event loop"),
    ("storage/a.h", "#include <boost/asio.hpp>", "no event loop"),
    ("server/base/a.h", "#include <boost/asio.hpp>", None),
    ("server/rpc/a.cpp", "#include <boost/beast/http.hpp>", "Beast"),
    ("server/http/a.cpp", "#include <boost/beast/http.hpp>", None),
    ("storage/a.h", "#include <sqlite3.h>", "behind storage's own types"),
    ("storage/a.cpp", "#include <sqlite3.h>", None),
    ("server/auth/a.cpp", "#include <curl/curl.h>", "only server/net knows curl"),
    ("server/net/a.h", "#include <curl/curl.h>", None),
    ("server/net/a.cpp", "#include <boost/beast/http/parser.hpp>", "reads HTTP/1.1"),
    ("server/net/http1_connection.cpp", "#include <boost/beast/http/parser.hpp>", None),
    ("server/net/a.cpp", "#include <nghttp2/nghttp2.h>", "only what speaks HTTP/2"),
    ("server/net/a.cpp", "#include <mutex>", "one thread"),
    ("protocol/a.cpp", "#include <fstream>", "no I/O"),
    ("protocol/a.cpp", "#include <string>", None),
    # Words.
    ("server/auth/a.cpp", "auto t = getenv(name);", "environment is read in one place"),
    ("server/base/environment.cpp", "auto t = getenv(name);", None),
    ("server/auth/a.cpp", "// getenv(name)", None),
    ("server/auth/a.cpp", 'auto t = "getenv(name)";', None),
    ("server/auth/a.cpp", 'auto t = R"x(getenv(name))x";', None),
    ("server/auth/a.cpp", "auto q = '\"'; getenv(name); auto p = '\"';", "environment"),
    ("server/rpc/a.cpp", "co_spawn(executor, body, detached);", "every coroutine has an owner"),
    ("server/rpc/a.cpp", "int undetached_count;", None),
    ("server/rpc/a.cpp", "log(token.reveal());", "revealed only where"),
    ("storage/a.cpp", "return *r;", None),
    ("storage/a.cpp", "return r.value();", "test the result"),
    ("server/rpc/a.cpp", "return r.value_or(1);", None),
    ("protocol/a.cpp", "return member.value();", None),
    ("protocol/a.cpp", "return remember.value();", "test the result"),
    ("server/rpc/a.cpp", "std::atomic<int> n;", "one thread"),
    ("server/net/a.cpp", "set(CURLOPT_SSL_VERIFYPEER, 0L);", "always verified"),
    ("server/net/a.cpp", "set(CURLOPT_SSL_VERIFYHOST,\n  0);", "always verified"),
    ("server/net/a.cpp", "set(CURLOPT_PROXY_SSL_VERIFYPEER, 0L);", "always verified"),
    ("server/net/a.cpp", "set(CURLOPT_SSL_VERIFYPEER, 1L);", None),
    ("server/auth/a.cpp", "system(text);", "no shell"),
    ("server/auth/a.cpp", "popen (text, mode);", "no shell"),
    ("server/auth/a.cpp", "file_system(text); boost::system::error_code e;", None),
    ("protocol/a.cpp", "auto t = std::chrono::steady_clock::now();", "reads no clock"),
]


class Layers(unittest.TestCase):
    pass


def add(number, path, text, message):
    def test(self):
        found = layers.check_file(path, text)
        if message is None:
            self.assertEqual(found, [])
        else:
            self.assertEqual(len(found) >= 1, True, "nothing found")
            self.assertIn(message, " ".join(found))

    setattr(Layers, f"test_{number:02}_{path}: {text.splitlines()[0] if text else 'empty'}", test)


for number, case in enumerate(CASES):
    add(number, *case)


class Lines(unittest.TestCase):
    def test_names_the_line(self):
        text = '/* two\nlines */\n#include "server/main.h"\nauto x = r.value();\n'
        found = layers.check_file("protocol/a.cpp", text)
        self.assertTrue(found[0].startswith("protocol/a.cpp:3: "), found)
        self.assertTrue(found[1].startswith("protocol/a.cpp:4: "), found)


if __name__ == "__main__":
    unittest.main()

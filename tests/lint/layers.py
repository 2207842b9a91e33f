#!/usr/bin/env python3
"""The house rules that a text search can check: include layers, and words kept to few files.

  layers.py              check protocol/, storage/, server/ and tests/

A file includes only from its own room or from rooms below it; the order is the
ROOMS table. WORDS lists what may stand only in some files, or nowhere. To move
a boundary, edit a table here and say why in docs/decisions/.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# Lowest first. Rooms on one line do not know each other.
ROOMS = [
    ["protocol"],
    ["storage"],
    ["server/base"],
    ["server/net"],
    ["server/auth"],
    ["server/upstream"],
    ["server/chat"],
    ["server/rpc", "server/http", "server/cli"],
    ["server/app"],  # the files server/app.h and server/app*.cpp
    ["server/main"],
]
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}

# Library headers: (pattern of the include, files that may have it, why).
LIBRARIES = [
    (r"boost/asio", r"server/.*", "protocol and storage know no event loop"),
    (r"boost/beast", r"server/http/.*|server/net/http1_connection\.cpp", "only what reads HTTP/1.1 knows Beast"),
    (r"sqlite3\.h", r"storage/[^/]*\.cpp", "SQLite stays behind storage's own types"),
    (r"curl/", r"server/net/.*", "only server/net knows curl"),
    (r"nghttp2/", r"server/net/http2_connection\.cpp", "only what speaks HTTP/2 knows nghttp2"),
    (r"(thread|mutex|shared_mutex|atomic|condition_variable|future)$", r"storage/.*", "our code runs on one thread"),
    (r"(fstream|iostream|filesystem|chrono_io|unistd\.h|fcntl\.h|sys/.*|cstdio)$",
     r"(storage|server)/.*", "protocol performs no I/O"),
]

# Words in code (comments and texts do not count): (pattern, files that may
# have it, files it is looked for in, why).
EVERYWHERE = r"(protocol|storage|server)/.*"
WORDS = [
    # A secret is revealed where it leaves the process or is tested, nowhere else.
    (r"\breveal\(", r"protocol/(secret\.h|redaction\.cpp|github_token\.cpp|foreign_sign_ins\.cpp)"
     r"|storage/(database|private_file)\.cpp"
     r"|server/net/credentials\.h|server/net/(credentials|connector|proxy|http1_connection|http2_connection)\.cpp|server/auth/(token_sources|token_service|litellm_directory|github_cli|keyring|keyring_child)\.cpp|server/base/child_process\.cpp"
     r"|server/http/(client_key|local_port)\.cpp",
     EVERYWHERE, "a secret is revealed only where it is sent, bound, tested or masked"),
    (r"\b(secure_)?getenv\b|\benviron\b", r"server/base/environment\.(h|cpp)",
     EVERYWHERE, "the environment is read in one place"),
    (r"\bdetached\b", r"server/base/scope\.(h|cpp)",
     EVERYWHERE, "every coroutine has an owner: spawn it in a Scope"),
    (r"\bco_spawn\b", r"server/base/.*|server/main\.cpp",
     EVERYWHERE, "every coroutine has an owner: spawn it in a Scope"),
    # A member of a JSON object has a value() too: call that variable `member` or `part`.
    (r"(?<!\bmember)(?<!\bpart)\.value\(\)", r"", EVERYWHERE, "test the result, return its error, then use *r"),
    (r"\bstd::(thread|jthread|mutex|shared_mutex|atomic|condition_variable|async)\b", r"",
     r"server/.*", "our code runs on one thread"),
    (r"\bCURLOPT_(PROXY_)?SSL_VERIFY(PEER|HOST)\b[^;]*?,\s*(0L?|false)\b", r"",
     EVERYWHERE, "certificates are always verified"),
    (r"\b(system|popen)\s*\(", r"", EVERYWHERE, "no shell"),
    (r"\bsystem_clock::now\b|\bsteady_clock::now\b|\btime\s*\(\s*(nullptr|NULL|0)\s*\)",
     r"storage/.*|server/.*", EVERYWHERE, "protocol reads no clock"),
    (r"\b(strcpy|strcat|sprintf|gets|strtok|tmpnam|mktemp)\s*\(", r"",
     EVERYWHERE, "there is a safe function for this"),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)
# Comments, raw strings, strings, characters: in this order, at each place.
NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.S
)


def room_of(path):
    """The room of a file: its folder, or for files in server/ itself the part of the house."""
    if path.startswith("server/") and path.count("/") == 1:
        return "server/main" if path == "server/main.cpp" else "server/app"
    return path.rsplit("/", 1)[0]


def code_of(text):
    """The text with comments and literals blanked out, line numbers kept."""
    return NOT_CODE.sub(lambda found: '""' + "\n" * found[0].count("\n"), text)


def check_file(path, text):
    """All offences of one file as `path:line: what and why`."""
    found = []
    room = room_of(path)
    test = path.startswith("tests/")
    # Includes first: their names look like strings to code_of().
    comments_gone = re.sub(r"//[^\n]*|/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)
    for include in INCLUDE.finditer(comments_gone):
        line = comments_gone.count("\n", 0, include.start()) + 1
        name = include[2]
        if include[1] == '"':
            found += check_include(path, room, line, name, test)
        elif not test:
            for pattern, files, why in LIBRARIES:
                if re.match(pattern, name) and not re.fullmatch(files, path):
                    found.append(f"{path}:{line}: may not include <{name}>: {why}")
    if test:
        return found
    if room not in LEVEL:
        found.append(f"{path}:1: {room} is not in the table of rooms (tests/lint/layers.py)")
    code = code_of(text)
    for pattern, files, where, why in WORDS:
        if not re.fullmatch(where, path) or re.fullmatch(files, path):
            continue
        for word in re.finditer(pattern, code, re.S):
            line = code.count("\n", 0, word.start()) + 1
            found.append(f"{path}:{line}: may not use {' '.join(word[0].split())}: {why}")
    return found


def check_include(path, room, line, name, test):
    theirs = room_of(name)
    if test:
        # A room's tests see what the room itself sees.
        own = re.match(r"tests/(protocol|storage)/", path)
        if own and theirs in LEVEL and LEVEL[theirs] > LEVEL[own[1]]:
            return [f'{path}:{line}: may not include "{name}": tests of {own[1]} see only what {own[1]} sees']
        return []
    if theirs not in LEVEL:
        if name.startswith("tests/"):
            return [f'{path}:{line}: may not include "{name}": the product does not know its tests']
        return [f'{path}:{line}: "{name}" is not included from the root, like "protocol/result.h"']
    if room not in LEVEL or theirs == room:
        return []
    if LEVEL[theirs] > LEVEL[room]:
        return [f'{path}:{line}: may not include "{name}": {theirs} is above {room}']
    if LEVEL[theirs] == LEVEL[room]:
        return [f'{path}:{line}: may not include "{name}": {room} and {theirs} do not know each other']
    return []


def main():
    offences = []
    files = 0
    for top in ("protocol", "storage", "server", "tests"):
        for file in sorted((ROOT / top).rglob("*")):
            path = file.relative_to(ROOT).as_posix()
            if file.suffix not in (".h", ".cpp") or path.startswith("tests/lint/") or "node_modules" in path:
                continue
            files += 1
            offences += check_file(path, file.read_text(encoding="utf-8"))
    for offence in offences:
        print(offence)
    print(f"layers: {files} files, {len(offences)} offences")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main() if len(sys.argv) == 1 else __doc__)

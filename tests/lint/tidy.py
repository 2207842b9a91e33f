#!/usr/bin/env python3
"""Runs clang-tidy over the product's files, in parallel.

  tidy.py BUILD [WORD]   all files of the build tree, or those whose path contains WORD

The checks are in .clang-tidy. A file whose own text and whose included project
headers have not changed since it last passed is not read again.
"""

import pathlib
import re
import subprocess
import sys

import build_tree
from build_tree import ROOT

RULES = ROOT / ".clang-tidy"


def check(build, file, command):
    passed = build_tree.stamp(build, "tidy", RULES, file, command)
    if passed.exists():
        return ""
    done = subprocess.run(
        ["clang-tidy-19", "-p", str(build), "--quiet", "--use-color=false", str(file)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    if done.returncode == 0:
        passed.touch()
        return ""
    return done.stdout or done.stderr


def is_product(file):
    # The compiled parts of Boost are not ours to judge.
    room = file.relative_to(ROOT).parts[0]
    return room in ("protocol", "storage", "server") and file.name not in ("asio.cpp", "boost_json.cpp")


def main(build, word):
    files = {
        file: command
        for file, command in build_tree.compiled_files(build).items()
        if is_product(file) and word in str(file)
    }
    results = build_tree.in_parallel(lambda item: check(build, *item), files.items())
    bad = [text for text in results if text]
    # A header's defect shows in every file that includes it; say it once.
    seen = set()
    show = True
    for line in "".join(bad).replace(f"{ROOT}/", "").splitlines():
        if re.match(r"\S+:\d+:\d+: ", line):
            show = line not in seen
            seen.add(line)
        if show:
            print(line)
    print(f"clang-tidy: {len(files)} files, {len(bad)} with defects")
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else ""))

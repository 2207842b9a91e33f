#!/usr/bin/env python3
"""Runs clang-tidy over the product's files, in parallel.

  tidy.py BUILD [WORD]   all files of the build tree, or those whose path contains WORD

The checks are in .clang-tidy. A file whose own text and whose included project
headers have not changed since it last passed is not read again.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def gather(file, seen):
    """All project files that a file is made of."""
    if file in seen or not file.is_file():
        return seen
    seen.add(file)
    for name in INCLUDE.findall(file.read_text(encoding="utf-8")):
        gather(ROOT / name, seen)
    return seen


def fingerprint(file, command):
    digest = hashlib.sha256(command.encode())
    for part in [ROOT / ".clang-tidy", *sorted(gather(file, set()))]:
        digest.update(str(part).encode() + part.read_bytes())
    return digest.hexdigest()


def check(build, file, command):
    stamp = pathlib.Path(build, "tidy", fingerprint(file, command))
    if stamp.exists():
        return None
    done = subprocess.run(
        ["clang-tidy-19", "-p", str(build), "--quiet", "--use-color=false", str(file)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    if done.returncode == 0:
        stamp.parent.mkdir(exist_ok=True)
        stamp.touch()
        return None
    return done.stdout or done.stderr


def main(build, word):
    entries = json.loads(pathlib.Path(build, "compile_commands.json").read_text(encoding="utf-8"))
    work = {}
    for entry in entries:
        file = pathlib.Path(entry["directory"], entry["file"]).resolve()
        room = file.relative_to(ROOT).parts[0] if ROOT in file.parents else ""
        if room in ("protocol", "storage", "server") and word in str(file):
            work[file] = entry["command"]
    # The compiled parts of Boost are not ours to judge.
    work = {file: command for file, command in work.items() if file.name not in ("asio.cpp", "boost_json.cpp")}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda item: check(build, *item), sorted(work.items())))
    bad = [text for text in results if text]
    # A header's defect shows in every file that includes it; say it once.
    seen = set()
    for text in bad:
        for line in text.replace(f"{ROOT}/", "").splitlines():
            is_place = re.match(r"\S+:\d+:\d+: ", line)
            if is_place and line in seen:
                continue
            if is_place:
                seen.add(line)
            print(line)
    print(f"clang-tidy: {len(work)} files, {len(bad)} with defects")
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else ""))

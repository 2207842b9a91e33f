"""What the lints know about a build tree: its files, and which have changed since they last passed."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def compiled_files(build):
    """The project's own files in a build tree, as {path: compile command}."""
    database = pathlib.Path(build) / "compile_commands.json"
    if not database.is_file():
        sys.exit(f"{database} is missing: configure with cmake --preset clang")
    files = {}
    for entry in json.loads(database.read_text(encoding="utf-8")):
        file = pathlib.Path(entry["directory"], entry["file"]).resolve()
        if ROOT in file.parents and file.relative_to(ROOT).parts[0] != "build":
            files[file] = entry["command"]
    return dict(sorted(files.items()))


def parts(file, seen=None):
    """The project files that a file is made of: itself and what it includes, directly or not."""
    seen = set() if seen is None else seen
    if file not in seen and file.is_file():
        seen.add(file)
        for name in INCLUDE.findall(file.read_text(encoding="utf-8")):
            parts(ROOT / name, seen)
    return seen


def stamp(build, lint, rules, file, command):
    """A path that exists when this very file, made of these parts, has passed these rules."""
    digest = hashlib.sha256(command.encode())
    for part in [rules, *sorted(parts(file))]:
        digest.update(str(part).encode() + b"\0" + part.read_bytes())
    folder = pathlib.Path(build, lint)
    folder.mkdir(exist_ok=True)
    return folder / digest.hexdigest()


def in_parallel(function, items):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, items))

#!/usr/bin/env python3
"""The coroutine lint: finds the co_await expressions that g++ 12 compiles wrongly.

  coroutines.py BUILD        lint every file of the build tree that awaits something
  coroutines.py --cases      check that the lint flags exactly the cases it should
  coroutines.py --run-cases  check that g++ still treats each case as recorded

BUILD holds a compile_commands.json written for clang. The patterns are in
coroutine_temporaries.query, the cases in cases/, their format in cases/case.h.
A file that the compiler cannot read is a failure: what is not read is not linted.
A file that has passed is not read again until it, or a header of ours, changes.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import build_tree
from build_tree import ROOT

HERE = pathlib.Path(__file__).resolve().parent
QUERY = HERE / "coroutine_temporaries.query"
MATCH = re.compile(r'^(/[^:\n]+):(\d+):\d+: note: "root" binds here', re.M)
ADVICE = (
    "g++ 12 compiles this wrongly: an expression with co_await has no other temporary worth"
    " destroying, and no switch awaits in its condition. Name the value first, use if instead of ?:,"
    " and await before the switch."
)


def query(file, arguments):
    """Runs the query over one file; returns the flagged places and an error text."""
    done = subprocess.run(
        ["clang-query-19", "-f", str(QUERY), *arguments[0], str(file), *arguments[1]],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    errors += [line for line in done.stdout.splitlines() if " error:" in line]
    if done.returncode != 0 and not errors:
        errors = [done.stderr.strip() or done.stdout[-500:]]
    places = {(os.path.normpath(path), int(line)) for path, line in MATCH.findall(done.stdout)}
    return places, "\n".join(errors)


def lint(build):
    known = build_tree.compiled_files(build)
    files = [file for file in known if awaits(file)]

    def places_of(file):
        passed = build_tree.stamp(build, "coroutines", QUERY, file, known[file])
        if passed.exists():
            return set(), ""
        places, error = query(file, (["-p", str(build)], []))
        if not places and not error:
            passed.touch()
        return places, error

    results = build_tree.in_parallel(places_of, files)
    failed = False
    for file, (_, error) in zip(files, results):
        if error:
            failed = True
            print(f"{file.relative_to(ROOT)}: cannot be read\n{error}")
    for path, line in sorted(set().union(*(places for places, _ in results))):
        failed = True
        print(f"{os.path.relpath(path, ROOT)}:{line}: {ADVICE}")
    print(f"coroutine lint: {len(files)} of {len(known)} files await something")
    return 1 if failed else 0


def awaits(file):
    """Whether a file, or a header of ours that it includes, contains co_await."""
    return any("co_await" in part.read_text(encoding="utf-8") for part in build_tree.parts(file))


def cases():
    """All cases as (file, what g++ makes of it, whether the lint flags it)."""
    for file in sorted((HERE / "cases").glob("*.cpp")):
        head = re.match(r"// g\+\+: (fine|breaks|rejects)\n// lint: (passes|flags)\n", file.read_text())
        if not head:
            sys.exit(f"{file.name}: the first two lines must hold the verdicts, see case.h")
        yield file, head[1], head[2]


def report(kind, verdicts):
    wrong = [(name, want, got) for name, want, got in verdicts if want != got]
    for name, want, got in wrong:
        print(f"tests/lint/cases/{name}: expected {want}, got {got}")
    print(f"{kind}: {len(verdicts) - len(wrong)} cases passed, {len(wrong)} failed")
    return 1 if wrong else 0


def check_flags():
    # All cases in one translation unit, each in a namespace of its own: the
    # standard library is parsed once instead of a hundred times.
    known = list(cases())
    unit = ['#include "case.h"']
    for number, (file, _, _) in enumerate(known):
        unit += [f"namespace case_{number} {{", f'#include "{file.name}"', "}"]
    with tempfile.TemporaryDirectory() as folder:
        all_cases = pathlib.Path(folder, "all_cases.cpp")
        all_cases.write_text("\n".join(unit) + "\n", encoding="utf-8")
        places, error = query(all_cases, ([], ["--", "-std=c++20", f"-I{HERE / 'cases'}"]))
    if error:
        print(error)
        return report("coroutine lint", [("*.cpp", "readable files", "errors")])
    flagged = {path for path, _ in places}
    return report(
        "coroutine lint",
        [(file.name, want, "flags" if str(file) in flagged else "passes") for file, _, want in known],
    )


def check_behaviour():
    def behaviour(case):
        file, want, _ = case
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "case")
            compiler = ["g++", "-std=c++20", "-O1", "-g1", "-Wall", "-Wextra", "-fsanitize=address"]
            built = subprocess.run(
                [*compiler, "-o", program, str(file)], capture_output=True, text=True, timeout=300
            )
            if built.returncode != 0:
                return file.name, want, "rejects"
            if "warning:" in built.stderr:
                return file.name, want, "a warning:\n" + built.stderr
            ran = subprocess.run([program], capture_output=True, timeout=60)
            return file.name, want, "fine" if ran.returncode == 0 else "breaks"

    return report("g++ and the coroutine cases", build_tree.in_parallel(behaviour, list(cases())))


if __name__ == "__main__":
    if sys.argv[1:] == ["--cases"]:
        sys.exit(check_flags())
    if sys.argv[1:] == ["--run-cases"]:
        sys.exit(check_behaviour())
    if len(sys.argv) == 2 and not sys.argv[1].startswith("-"):
        sys.exit(lint(sys.argv[1]))
    sys.exit(__doc__)

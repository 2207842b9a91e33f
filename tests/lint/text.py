#!/usr/bin/env python3
"""Checks the texts of the project: links that lead nowhere, and places that exist on one machine only.

  text.py              check every text file of the project
  text.py --self-test  check the checks

Relative links in Markdown files must lead to a file, and to a heading when they
name one. No file names a folder of the machine it was written on or the host of
a package registry; a lock file may, it is written by npm.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SKIPPED_FOLDERS = {".git", "build", "node_modules", "dist", ".cache", "__pycache__"}
BINARY = {".png", ".ico", ".vsix", ".wasm"}
# The seed inputs of the fuzzers are bytes, not texts.
SKIPPED = re.compile(r"tests/fuzz/corpus/|tests/lint/text\.py$|(^|/)package-lock\.json$")

PLACES = [
    (re.compile(r"(?<![\w./-])/work/\w"), "a folder of one machine"),
    (re.compile(r"(?<![\w./-])/root(/|\b)"), "a folder of one machine"),
    (re.compile(r"(?<![\w./-])/tmp/\w+[-_]?\w*/[\w.]+"), "a folder of one machine: make a temporary one"),
    (re.compile(r"\bregistry\.\w+\.\w+|\bnpmjs\.(org|com)\b|\bpypi\.org\b|\b(proxy\.golang|crates)\.(org|io)\b"),
     "a package registry"),
]
FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\s*\[[^\]]+\]:\s*(\S+)", re.M)
HEADING = re.compile(r"^#+\s+(.*?)\s*#*$", re.M)


def anchors(text):
    """The names that GitHub gives to the headings of a page."""
    names = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = 1
        unique = name
        while unique in names:
            unique = f"{name}-{number}"
            number += 1
        names.add(unique)
    return names


def blank(found):
    return re.sub(r"[^\n]", " ", found[0])


def check_places(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, what in PLACES:
            found = pattern.search(line)
            if found:
                yield f"{path}:{number}: names {what}: {found[0]}"


def check_links(path, text, root=ROOT):
    prose = CODE.sub(blank, FENCE.sub(blank, text))
    for link in LINK.finditer(prose):
        target = link[1] or link[2]
        if re.match(r"[a-z][a-z0-9+.-]*:|//", target):
            continue
        line = prose.count("\n", 0, link.start()) + 1
        name, _, heading = target.partition("#")
        file = (root / path).parent / name if name else root / path
        if not file.exists():
            yield f"{path}:{line}: the link leads nowhere: {target}"
        elif heading and file.suffix == ".md" and heading not in anchors(file.read_text(encoding="utf-8")):
            yield f"{path}:{line}: no such heading: {target}"


def project_files(folder=ROOT):
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink():
            continue
        if entry.is_dir():
            if entry.name not in SKIPPED_FOLDERS and not entry.name.startswith("build-"):
                yield from project_files(entry)
        elif entry.suffix not in BINARY:
            yield entry


def main():
    offences = []
    files = 0
    for file in project_files():
        path = file.relative_to(ROOT).as_posix()
        if SKIPPED.search(path):
            continue
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            offences.append(f"{path}:1: is not UTF-8")
            continue
        files += 1
        offences += check_places(path, text)
        if file.suffix == ".md":
            offences += check_links(path, text)
    print("\n".join(offences), end="\n" if offences else "")
    print(f"text: {files} files, {len(offences)} offences")
    return 1 if offences else 0


def self_test():
    bad = [
        "see /work/main/x", "cd /root/x", "in /tmp/session-1/file", "from registry.npmjs.org", "(/work/a)",
    ]
    good = [
        "a network/work/x", "docs/root/x", "mktemp -d /tmp/jumpseat.XXXXXX", "https://api.github.com/registry",
        "TMPDIR or /tmp", "the root of the tree",
    ]
    failures = [f"not found: {text}" for text in bad if not list(check_places("a.md", text))]
    failures += [f"found: {text}" for text in good if list(check_places("a.md", text))]
    page = "# The `two` words\n[a](#the-two-words) [b](missing.md) [c](#gone) `[d](missing.md)`\n```\n[e](missing.md)\n```\n"
    links = list(check_links("tests/lint/text_self_test.md", page.replace("(#", "(text.py#")))
    failures += [] if [link.split(": ")[-1] for link in links] == ["missing.md"] else [f"links: {links}"]
    failures += [] if anchors(page) == {"the-two-words"} else [f"anchors: {anchors(page)}"]
    print("\n".join(failures), end="\n" if failures else "")
    total = len(bad) + len(good) + 2
    print(f"text self-test: {total - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(main())
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    sys.exit(__doc__)

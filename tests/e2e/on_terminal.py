#!/usr/bin/env python3
"""Runs a program on a pseudo-terminal, for pty.test.mjs: Node has none built in.

    on_terminal.py PROGRAM [ARGUMENT...]

What the program prints goes to stdout as it is; what comes on stdin is typed. When the program has
ended, one line of JSON goes to stderr: {"code", "signal", "restored": whether the terminal's modes
are what they were, "left": processes of its session that still run}. The end of stdin hangs up.
"""

import json
import os
import pty
import select
import sys
import termios


def session_members(session):
    """The processes of a session, by /proc (field 6 of stat)."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(name))
    return found


def main():
    child, terminal = pty.fork()
    if child == 0:
        try:
            os.execvp(sys.argv[1], sys.argv[1:])
        except OSError as error:
            os.write(2, f"{sys.argv[1]}: {error}\n".encode())
        os._exit(127)

    # The child may not have touched the modes yet; nobody else does.
    modes = termios.tcgetattr(terminal)
    after = modes
    inputs = [terminal, 0]
    while terminal in inputs:
        ready, _, _ = select.select(inputs, [], [])
        if terminal in ready:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # EIO: the last process has closed it
                piece = b""
            if piece:
                os.write(1, piece)
                after = termios.tcgetattr(terminal)
            else:
                inputs.remove(terminal)
        if 0 in ready:
            keys = os.read(0, 4096)
            if keys:
                os.write(terminal, keys)
            else:
                inputs.remove(0)
                os.close(terminal)  # hangs up
                break
    _, status = os.waitpid(child, 0)
    report = {
        "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "restored": after == modes,
        "left": session_members(child),
    }
    sys.stderr.write(json.dumps(report) + "\n")


main()

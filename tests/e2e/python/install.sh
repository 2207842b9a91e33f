#!/bin/sh
# Makes the Python environment that http_python.test.mjs runs in: build/python, with the packages of
# requirements.txt, each checked against its hash.
#
#   tests/e2e/python/install.sh
#
# Exit 0: it is there. Exit 75: it cannot be had here (no Python, no way to the package index, another
# platform than the one the hashes are for), and why is on stderr. Never takes more than two minutes.

set -eu
cd "$(dirname "$0")/../../.."

wanted=tests/e2e/python/requirements.txt
folder=build/python
stamp=$folder/requirements.txt

cannot() {
  echo "The Python clients cannot be installed here: $1" >&2
  exit 75
}

cmp -s "$wanted" "$stamp" && exit 0
rm -rf "$folder"
mkdir -p build
python3 -m venv "$folder" || cannot "python3 -m venv failed (Debian packages python3 and python3-venv)"
# Dependencies are all in the list, so pip resolves nothing and runs nobody's set-up code.
timeout 110 "$folder/bin/pip" install --quiet --no-deps --require-hashes --only-binary :all: --no-compile \
  --disable-pip-version-check --no-input --retries 1 --timeout 20 -r "$wanted" >&2 </dev/null ||
  cannot "pip failed"
cp "$wanted" "$stamp"

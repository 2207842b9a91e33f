#!/bin/sh
# Installs the Debian 12 packages that building, trying and checking need.
#
#   tests/install_packages.sh build          what ./try needs
#   tests/install_packages.sh build check    what ./check needs
#   tests/install_packages.sh browser        what its steps browser and vscode-host need
#   tests/install_packages.sh keyring        a desktop's keyring, for tests/e2e/keyring.test.mjs
#
# Asks dpkg first and does nothing when nothing is missing. Needs root or sudo
# only when something has to be installed. Node and npm from elsewhere are fine.

set -eu

have() { command -v "$1" >/dev/null 2>&1; }

wanted=""
for group in "$@"; do
  case $group in
    build)
      wanted="$wanted g++ cmake ninja-build libboost1.81-dev libcurl4-openssl-dev libsqlite3-dev nettle-dev libnghttp2-dev libcli11-dev"
      wanted="$wanted ca-certificates"
      have node || wanted="$wanted nodejs"
      ;;
    check)
      wanted="$wanted catch2 ccache python3 clang-19 libclang-rt-19-dev clang-tools-19"
      wanted="$wanted clang-tidy-19 clang-format-19 neovim openssl curl python3-venv iproute2"
      have npm || wanted="$wanted npm"
      ;;
    browser)
      wanted="$wanted chromium iproute2"
      ;;
    keyring)
      wanted="$wanted gnome-keyring dbus dbus-daemon dbus-bin libsecret-1-0"
      ;;
    *)
      echo "install_packages.sh: unknown group $group (build, check, browser, keyring)" >&2
      exit 2
      ;;
  esac
done

if ! have dpkg-query; then
  echo "This is not Debian, so nothing was installed. Needed, by Debian's names:" >&2
  echo " $wanted" >&2
  exit 0
fi

missing=""
for package in $wanted; do
  dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
    missing="$missing $package"
done
if [ -z "$missing" ]; then
  echo "All packages are installed."
  exit 0
fi

root=""
if [ "$(id -u)" -ne 0 ]; then
  if ! have sudo; then
    echo "These packages are missing; install them as root and run this again:" >&2
    echo "  apt-get install$missing" >&2
    exit 1
  fi
  root="sudo"
fi

echo "Installing:$missing"
apt() {
  # shellcheck disable=SC2086 # root is empty or one word
  $root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 "$@" </dev/null
}
# The package lists may be absent (a fresh image) or stale: fetch them only then.
# shellcheck disable=SC2086 # a list of words
if ! apt install --no-install-recommends $missing >/dev/null 2>&1; then
  apt update
  apt install --no-install-recommends $missing
fi

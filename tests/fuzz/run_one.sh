#!/bin/sh
# run_one.sh SECONDS PROGRAM: runs one fuzzer over its seed corpus and prints one
# line. New inputs stay beside the program; an input that fails is kept there too.
# The seed follows from SECONDS: a run of one length takes the same walk every time,
# so that what fails in one place fails in all. Ask for another length to search anew.
set -eu
seconds=$1
program=$2
here=$(dirname "$0")
fuzzer=$(basename "$program")
name=${fuzzer#fuzz_}
folder=$(dirname "$program")/../findings/$name
mkdir -p "$folder/corpus" "$here/corpus/$name"
dictionary=""
[ -f "$here/$name.dict" ] && dictionary="-dict=$here/$name.dict"
# shellcheck disable=SC2086 # the dictionary is one word or none
if "$program" -seed="$seconds" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$folder/" \
  $dictionary "$folder/corpus" "$here/corpus/$name" >"$folder/log" 2>&1 </dev/null; then
  echo "$fuzzer: $(grep -E '^Done ' "$folder/log" | tail -1), no failure"
else
  tail -n 60 "$folder/log"
  echo "$fuzzer: FAILED, the input is in $folder"
  exit 1
fi

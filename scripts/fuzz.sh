#!/bin/sh
# fuzz.sh [SECONDS] [TARGET...]: sends what libFuzzer makes up to what reads strangers' bytes (fuzz/src/lib.rs says what must hold).
# Each target runs so many seconds (600), two at a time; then what it found beyond fuzz/corpus is merged there, smallest first. Ends
# with 1 if anything was found that does not hold; its bytes are then in fuzz/artifacts. Needs rustup's nightly for the merge of
# coverage and cargo-fuzz, which is put into third_party/ once.
set -eu
cd "$(dirname "$0")/.."
seconds="${1:-600}"
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- conditions head query signature template
# Bytes of one input: what is longer says no more.
longest=4096
tool=third_party/cargo-fuzz/bin/cargo-fuzz
[ -x "$tool" ] || cargo install cargo-fuzz --locked --version 0.13.2 --root third_party/cargo-fuzz
if ! rustup toolchain list | grep -q '^nightly'; then
  echo "fuzzing needs a nightly toolchain: rustup toolchain install nightly --profile minimal" >&2
  exit 1
fi
fuzz() {
  # Without a sanitizer of memory: there is no unsafe code in what is fuzzed, and inputs are tried at twice the pace.
  rustup run nightly "$tool" "$@"
}
fuzz build --sanitizer none
run() {
  found="target/fuzz/found/$1"
  mkdir -p "$found" "fuzz/corpus/$1" target/fuzz
  fuzz run --sanitizer none "$1" "$found" "fuzz/corpus/$1" -- -max_total_time="$seconds" -max_len="$longest" -timeout=10 \
    -dict="fuzz/dictionaries/$1.dict" -print_final_stats=1 2>"target/fuzz/$1.log"
}
failed=""
while [ $# -gt 0 ]; do
  run "$1" & first=$!
  if [ $# -gt 1 ]; then
    run "$2" & second=$!
    wait "$second" || failed="$failed $2"
  fi
  wait "$first" || failed="$failed $1"
  for target in "$1" ${2+"$2"}; do
    grep -E 'stat::number_of_executed_units|DONE|SUMMARY' "target/fuzz/$target.log" | sed "s/^/$target: /"
    fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "target/fuzz/found/$target" -- -merge=1 2>/dev/null
  done
  shift
  [ $# -eq 0 ] || shift
done
[ -z "$failed" ] || { echo "does not hold:$failed (target/fuzz/*.log, fuzz/artifacts/)" >&2; exit 1; }

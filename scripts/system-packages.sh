#!/bin/sh
# system-packages.sh [run|test|bench-edge]: makes sure that the programs and faces that festoon needs are on this machine.
# `run` is what building and serving needs, `test` adds what only the tests need,
# `bench-edge` the servers that festoon is measured beside.
# Prints what it will install before it asks for root; does nothing, and needs no root, when nothing is missing.
set -eu
missing=""
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
need x264 x264
need ffmpeg ffmpeg
need c++ g++
need make make
# The faces that titles are written with, by a file of each package (crates/film/src/overlay/faces.rs names all of them).
if [ -z "${FESTOON_FACES:-}" ]; then
  face() { [ -f "/usr/share/fonts/$1" ] || missing="$missing $2"; }
  face truetype/noto/NotoSerifDisplay-Bold.ttf fonts-noto-core
  face opentype/noto/NotoSerifCJK-Bold.ttc fonts-noto-cjk
  face truetype/noto/NotoColorEmoji.ttf fonts-noto-color-emoji
fi
if [ "${1:-run}" = test ]; then
  command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || missing="$missing chromium"
  need node nodejs
  need npm npm
fi
if [ "${1:-run}" = bench-edge ]; then
  [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
  [ -x /usr/sbin/varnishd ] || missing="$missing varnish"
fi
[ -n "$missing" ] || exit 0
echo "festoon needs these Debian packages, which are not installed:$missing"
if ! command -v apt-get >/dev/null 2>&1; then
  echo "There is no apt-get here: install them with your system's package manager, then run the command again." >&2
  exit 1
fi
if [ "$(id -u)" = 0 ]; then as_root=""
elif command -v sudo >/dev/null 2>&1; then as_root="sudo"
else
  echo "Run this as root, then run the command again: apt-get install$missing" >&2
  exit 1
fi
echo "Installing them now: ${as_root:+$as_root }apt-get install --no-install-recommends$missing"
$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
# shellcheck disable=SC2086 # the list is words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null

#!/bin/sh
# node-packages.sh SOURCE [HOME]: installs the packages of SOURCE's lock file into HOME (SOURCE itself unless named), once for each
# lock file.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
source=$root/$1
home=$root/${2:-$1}
lock=$(sha256sum < "$source/package-lock.json")
ready=$home/node_modules/.festoon-ready
if [ -f "$ready" ] && [ "$(cat "$ready")" = "$lock" ]; then exit 0; fi
mkdir -p "$home"
if [ "$source" != "$home" ]; then cp "$source/package.json" "$source/package-lock.json" "$home/"; fi
echo "installing the packages of $1/package-lock.json (once)" >&2
# Nothing of theirs runs while they are installed.
(cd "$home" && npm ci --ignore-scripts --no-audit --no-fund >/dev/null)
printf %s "$lock" > "$ready"

#!/bin/sh
# browser-packages.sh: puts what the browser tests drive Chromium with into third_party/browser-tests, once for each lock file.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
source=$root/tests/browser
home=$root/third_party/browser-tests
lock=$(sha256sum < "$source/package-lock.json")
if [ -f "$home/ready" ] && [ "$(cat "$home/ready")" = "$lock" ]; then exit 0; fi
mkdir -p "$home"
cp "$source/package.json" "$source/package-lock.json" "$home/"
echo "installing playwright-core, axe-core and hls.js into third_party/browser-tests (40 MB, once)" >&2
# Nothing of theirs runs while they are installed; Chromium is the system's.
(cd "$home" && npm ci --ignore-scripts --no-audit --no-fund >/dev/null)
printf %s "$lock" > "$home/ready"

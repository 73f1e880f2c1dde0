#!/usr/bin/env python3
"""Prints a Python that has what a file of requirements names, after making it if there is none: python-environment.py [FILE].

It is an environment in $XDG_CACHE_HOME/festoon (or ~/.cache/festoon) named by the requirements' digest, so that all clones share
it. The file is training/requirements.txt unless named (2.7 GB to download, 5 GB on disk); for that one $FESTOON_PYTHON may name
another Python.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

TRAINING = Path(__file__).resolve().parent.parent / "training" / "requirements.txt"


def main():
    requirements = Path(sys.argv[1]) if len(sys.argv) > 1 else TRAINING
    named = os.environ.get("FESTOON_PYTHON")
    if named and requirements == TRAINING:
        print(named)
        return
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "festoon"
    folder = cache / f"python-{digest}"
    interpreter, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with open(cache / "python.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two clones may ask at once
            if not ready.exists():
                print(f"Making a Python environment in {folder} (once) …", file=sys.stderr)
                venv.create(folder, with_pip=True, clear=True)
                pip = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]
                subprocess.run(pip, check=True, stdout=sys.stderr)
                ready.touch()
    print(interpreter)


if __name__ == "__main__":
    main()

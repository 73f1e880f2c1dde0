"""What the benchmarks share: time with that of all descendants, and Remotion, installed on first use."""

import ctypes
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# <linux/prctl.h>: who asks for this becomes the parent of orphans below it, so that their time is counted.
PR_SET_CHILD_SUBREAPER = 36


class Unavailable(Exception):
    """A peer that cannot run on this machine, and why."""


def adopt_orphans():
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children():
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return set(file.read().split())


def timed(command, **options):
    """Runs a command and all that it starts to the end. What it printed, and its wall and CPU seconds."""
    others, before, began = children(), resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, **options)
    wall = time.perf_counter() - began
    # Orphans become children one after another. A server under test is a child too, was there before and does not end.
    while orphans := children() - others:
        for orphan in orphans:
            os.waitpid(int(orphan), 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{command[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout, wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Remotion:
    """The project bench/`name`, installed under third_party/, and the Chromium that it renders in."""

    def __init__(self, name):
        for program in ["node", "npm"]:
            if not shutil.which(program):
                raise Unavailable(f"there is no `{program}`")
        self.chromium = os.environ.get("FESTOON_BENCH_CHROMIUM") or shutil.which("chromium")
        if not self.chromium:
            raise Unavailable("there is no `chromium`; FESTOON_BENCH_CHROMIUM can name one")
        source, self.home = os.path.join(ROOT, "bench", name), os.path.join(ROOT, "third_party", f"bench-{name}")
        shutil.copytree(source, self.home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
        lock = hashlib.sha256(open(os.path.join(source, "package-lock.json"), "rb").read()).hexdigest()
        ready = os.path.join(self.home, "ready")
        if not os.path.exists(ready) or open(ready).read() != lock:
            print(f"installing Remotion into third_party/bench-{name} (210 MB, once)", file=sys.stderr)
            # Not `npm ci`: the lock holds the optional packages of the platforms that it was made on, and `ci` wants all.
            done = subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=self.home, capture_output=True, text=True)
            if done.returncode != 0:
                raise Unavailable(f"`npm install` ended with {done.returncode}: {done.stderr.strip()[-300:]}")
            with open(ready, "w") as file:
                file.write(lock)

    def render(self, *arguments):
        """Runs the project's render.mjs; see `timed`."""
        environment = dict(os.environ, FESTOON_BENCH_CHROMIUM=self.chromium)
        return timed(["node", os.path.join(self.home, "render.mjs"), *arguments], env=environment)

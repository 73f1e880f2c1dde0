#!/usr/bin/env python3
"""Puts libtorch 2.11.0 at third_party/libtorch.

    scripts/fetch-libtorch.py [cpu|cuda|auto] [--into DIR]

The libraries come out of the PyPI wheels named in libtorch.lock: pip finds them (so a mirror or proxy that pip is set up
for is used), this script downloads them with a progress line, takes up a broken download where it stopped, and refuses a
wheel whose sha256 is not the locked one. `auto` is `cuda` where an NVIDIA driver is present, else `cpu` (543 MB to
download, 500 MB on disk; cuda: 2.5 GB and 3.6 GB). A torch of the right version that is already there is linked instead:
name its folder in FESTOON_TORCH (`python3 -c 'import torch; print(torch.__path__[0])'`).

Only Python's standard library and pip >= 22.2 are needed. Running it again when all is in place takes a few milliseconds.
"""

import hashlib
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

VERSION = "2.11.0"
ROOT = Path(__file__).resolve().parent.parent
THIRD_PARTY = ROOT / "third_party"
LOCK = Path(__file__).resolve().with_name("libtorch.lock")
# What a machine without a GPU needs of the wheels' libraries, and what nobody needs.
CPU_LIBRARIES = {"libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcudart.so.13", "libcupti.so.13"}
NOT_NEEDED = ("libtorch_python", "libshm", "libtorch_global_deps", "libnvperf", "libcheckpoint", "libpcsampling")
ATTEMPTS = 8


def main():
    arguments = sys.argv[1:]
    into = THIRD_PARTY / "libtorch-root"
    if "--into" in arguments:
        at = arguments.index("--into")
        into = Path(arguments[at + 1]).resolve()
        del arguments[at : at + 2]
    mode = arguments[0] if arguments else "auto"
    if mode not in ("cpu", "cuda", "auto"):
        sys.exit(__doc__)
    if mode == "auto":
        mode = "cuda" if os.path.exists("/dev/nvidiactl") or shutil.which("nvidia-smi") else "cpu"

    candidates = [Path(os.environ["FESTOON_TORCH"])] if os.environ.get("FESTOON_TORCH") else []
    for torch in candidates + [into / "torch"]:
        if is_right(torch, mode):
            link(torch)
            print(f"libtorch {VERSION} ({mode}): {torch}")
            return
    if os.uname().machine != "x86_64" or os.uname().sysname != "Linux":
        sys.exit(
            f"There is no locked libtorch for {os.uname().sysname} on {os.uname().machine}.\n"
            f"Install torch {VERSION} yourself and name its folder in FESTOON_TORCH."
        )
    downloads = THIRD_PARTY / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    wheels = locked(mode)
    urls = {}
    paths = []
    for project, version, sha256 in wheels:
        path = downloads / f"{project}-{version}-{sha256[:16]}.whl"
        paths.append(path)
        if not path.exists():
            urls = urls or resolve(wheels)
            download(urls[project], path, sha256, f"{project} {version}")
    unpack(paths, into, mode)
    link(into / "torch")
    shutil.rmtree(downloads)
    print(f"libtorch {VERSION} ({mode}): {into / 'torch'}")


def is_right(torch, mode):
    """Whether `torch` is a torch folder of the right version with the libraries of `mode`."""
    try:
        version = (torch / "build-version").read_text().strip()
    except OSError:
        try:
            found = re.search(r"__version__ = '([0-9.]+)", (torch / "version.py").read_text())
        except OSError:
            return False
        version = found.group(1) if found else ""
    wanted = ["libtorch_cpu.so", "libc10.so"] + (["libtorch_cuda.so"] if mode == "cuda" else [])
    return version.split("+")[0] == VERSION and all((torch / "lib" / name).exists() for name in wanted)


def link(torch):
    THIRD_PARTY.mkdir(exist_ok=True)
    here = THIRD_PARTY / "libtorch"
    target = os.path.relpath(torch, THIRD_PARTY) if THIRD_PARTY in torch.parents else str(torch)
    if here.is_symlink() and os.readlink(here) == target:
        return
    if here.is_symlink() or here.exists():
        here.unlink()
    here.symlink_to(target)


def locked(mode):
    """The wheels of a variant: (project, version, sha256)."""
    rows = [line.split() for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    return [tuple(row[1:]) for row in rows if row[0] == "cpu" or mode == "cuda"]


def resolve(wheels):
    """Asks pip where the wheels are."""
    platforms = [f"manylinux_2_{n}_x86_64" for n in (28, 27, 25, 24, 18, 17, 12)] + ["manylinux2014_x86_64", "manylinux2010_x86_64"]
    with tempfile.TemporaryDirectory() as scratch:
        report, requirements = Path(scratch) / "report.json", Path(scratch) / "requirements.txt"
        requirements.write_text("".join(f"{p}=={v} --hash=sha256:{h}\n" for p, v, h in wheels))
        command = [sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--ignore-installed", "--no-deps"]
        command += ["--target", scratch, "--only-binary=:all:", "--python-version", "3.12", "--implementation", "cp"]
        command += [part for platform in platforms for part in ("--platform", platform)]
        command += ["--report", str(report), "-r", str(requirements)]
        print("finding the wheels of libtorch", flush=True)
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode or not report.exists():
            sys.exit("pip could not find the wheels of libtorch (see above); it must be pip 22.2 or later and reach a package index.")
        found = json.loads(report.read_text())["install"]
    return {item["metadata"]["name"].lower().replace("_", "-"): item["download_info"]["url"] for item in found}


def download(url, path, sha256, what):
    """Fetches `url` to `path`, going on with a part left by an earlier run."""
    part = path.with_suffix(".part")
    if url.startswith("file://"):
        shutil.copyfile(urllib.request.url2pathname(url[len("file://") :]), part)
    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE"))
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if not url.startswith("file://"):
                fetch(url, part, what, context)
            break
        except (urllib.error.URLError, OSError, ValueError) as error:
            if attempt == ATTEMPTS:
                sys.exit(f"\n{what}: {error}. Run the command again to go on from here.")
            print(f"\n{what}: {error}; going on in {2**attempt} s", flush=True)
            time.sleep(2**attempt)
    actual = hashlib.sha256()
    with open(part, "rb") as file:
        while block := file.read(1 << 20):
            actual.update(block)
    if actual.hexdigest() != sha256:
        part.unlink()
        sys.exit(f"\n{what}: sha256 is {actual.hexdigest()}, expected {sha256}. The file was removed; run the command again.")
    part.rename(path)


def fetch(url, part, what, context):
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=60, context=context)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is left to fetch; the checksum decides
            return
        raise
    with answer:
        if answer.status != 206:
            have = 0
        total = have + int(answer.headers.get("Content-Length", 0))
        started, shown, start_size = time.monotonic(), 0.0, have
        with open(part, "ab" if have else "wb") as file:
            while block := answer.read(1 << 18):
                file.write(block)
                have += len(block)
                now = time.monotonic()
                if now - shown > (0.2 if sys.stdout.isatty() else 5) or have == total:
                    shown = now
                    rate = (have - start_size) / max(now - started, 1e-3)
                    left = f", {int((total - have) / rate)} s left" if rate and have < total else ""
                    line = f"{what}: {have / 1e6:.0f} of {total / 1e6:.0f} MB, {rate / 1e6:.1f} MB/s{left}"
                    print(f"\r{line:<78}" if sys.stdout.isatty() else line, end="" if sys.stdout.isatty() else "\n", flush=True)
        if have < total:
            raise OSError("the connection ended early")
    if sys.stdout.isatty():
        print()


def unpack(wheels, into, mode):
    """Takes headers and libraries out of the wheels, beside `into` first, then in one step."""
    fresh = into.with_name(into.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    for number, wheel in enumerate(wheels, 1):
        print(f"unpacking {number} of {len(wheels)}: {wheel.name.rsplit('-', 1)[0]}", flush=True)
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                base = name.rsplit("/", 1)[-1]
                library = "/lib/" in name and ".so" in base
                if (name.startswith("torch/include/") and base) or (
                    library and (base in CPU_LIBRARIES if mode == "cpu" else not base.startswith(NOT_NEEDED))
                ):
                    archive.extract(name, fresh)
    (fresh / "torch" / "build-version").write_text(VERSION + "\n")
    if mode == "cpu":
        # The build asks the linker for libtorch.so; the wheel's own would pull libtorch_cuda.so in.
        (fresh / "torch" / "lib" / "libtorch.so").write_text("INPUT(AS_NEEDED(-ltorch_cpu))\n")
    shutil.rmtree(into, ignore_errors=True)
    fresh.rename(into)


main()

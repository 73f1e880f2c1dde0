#!/usr/bin/env python3
"""Times one plate by a checkpoint: stage by stage, as a whole, and its scaling and interpolating beside ffmpeg's.

    scripts/bench-plate.py [CHECKPOINT] [--runs N]

Prints tables and writes target/bench/plate.json. Needs festoon-renderer and its example `bench_plate` built in release. CPU
seconds count, those of all threads and child processes, since the machine may be busy with other things; a plate is painted on
one thread while another process encodes, so two idle cores paint it in the time of the busier of both.

ffmpeg    the same frames by its filters crop, minterpolate (motion compensated, as it is by default) and scale with Lanczos'
          kernel, one thread each, forth and back as ours.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASE = os.path.join(ROOT, "target", "release")
PROMPT = "a golden gift box turning on a turntable in a light grey studio, static camera"
# Of one plate on two cores.
BUDGET_SECONDS, BUDGET_MB = 12.0, 2048
# Stages that go on while x264 encodes.
BESIDE = ("adapt", "convert, inspect")


def run(command, **options):
    """Runs a command to its end: what it printed, wall and CPU seconds and peak memory, those of its children counted."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=printed, **options)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        printed.seek(0)
        if process.returncode != 0:
            sys.exit(f"bench-plate: {command[0]} ended with {process.returncode}")
        return printed.read(), {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss // 1024}


def ffmpeg(folder, painted, canvas):
    """The peer's filters on the same frames."""
    seen = painted["width"] * canvas["height"] // canvas["width"] // 2 * 2
    last = painted["frames"] - 1
    back = f"[0]split[a][b];[b]reverse,trim=start_frame=1:end_frame={last},setpts=PTS-STARTPTS[b];[a][b]concat"
    filters = (
        f"{back},crop={painted['width']}:{seen},minterpolate=fps={canvas['fps']}:mi_mode=mci:mc_mode=aobmc:me_mode=bidir,"
        f"scale={canvas['width']}:{canvas['height']}:flags=lanczos,format=rgb24"
    )
    size = f"{painted['width']}x{painted['height']}"
    command = ["ffmpeg", "-v", "error", "-threads", "1", "-filter_complex_threads", "1", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", size, "-r", str(painted["fps"]), "-i", os.path.join(folder, "painted.rgb"), "-filter_complex", filters]
    return run([*command, "-frames:v", str(canvas["frames"]), "-f", "null", "-"])[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", nargs="?", default=os.path.join(ROOT, "models", "default"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--bin", default=RELEASE, help="where the programs are")
    arguments = parser.parse_args()
    example = os.path.join(arguments.bin, "examples", "bench_plate")
    out = os.path.join(ROOT, "target", "bench", "plate")

    told, wholes, peers = [], [], []
    for _ in range(arguments.runs):
        told.append(json.loads(run([example, arguments.checkpoint, PROMPT, out])[0]))
        spec, mp4 = os.path.join(out, "spec.json"), os.path.join(out, "plate.mp4")
        program = [os.path.join(arguments.bin, "festoon-renderer"), "paint", "--model", f"bench={arguments.checkpoint}"]
        printed, whole = run([*program, "--spec", spec, "--out", mp4], stderr=subprocess.DEVNULL)
        wholes.append(whole | {"milliseconds": json.loads(printed)["milliseconds"]})
        if shutil.which("ffmpeg"):
            canvas = json.load(open(spec, encoding="utf-8"))["canvas"]
            peers.append(ffmpeg(out, told[-1]["painted"], canvas))

    middle = lambda rows, name: statistics.median(row[name] for row in rows)  # noqa: E731
    stages = []
    for place, stage in enumerate(told[0]["stages"]):
        rows = [each["stages"][place] for each in told]
        stages.append({"stage": stage["stage"], "cpu": middle(rows, "cpu"), "peak_mb": max(row["peak_mb"] for row in rows)})
    encode = next(stage["cpu"] for stage in stages if stage["stage"].startswith("encode"))
    beside = sum(stage["cpu"] for stage in stages if stage["stage"] in BESIDE)
    before = sum(stage["cpu"] for stage in stages) - encode - beside
    quiet = before + max(encode, beside)
    print("\n| stage | CPU s | peak MB |\n|---|---:|---:|")
    for stage in stages:
        print(f"| {stage['stage']} | {stage['cpu']:.2f} | {stage['peak_mb']} |")
    cpu, wall, peak = middle(wholes, "cpu"), middle(wholes, "wall"), max(whole["peak_mb"] for whole in wholes)
    print(f"| the program, from start to file | {cpu:.2f} | {peak} |")
    adapt = next(stage["cpu"] for stage in stages if stage["stage"] == "adapt")
    if peers:
        print(f"| ffmpeg's crop, minterpolate and scale, beside our adapt of {adapt:.2f} | {middle(peers, 'cpu'):.2f} | {max(peer['peak_mb'] for peer in peers)} |")
    held = quiet <= BUDGET_SECONDS and peak <= BUDGET_MB
    print(f"\non two idle cores: {quiet:.1f} s (here, as busy as it is: {wall:.1f} s); budget {BUDGET_SECONDS:.0f} s and {BUDGET_MB} MB: {'held' if held else 'MISSED'}")
    report = {"checkpoint": arguments.checkpoint, "stages": stages, "whole": wholes, "ffmpeg": peers, "quiet_wall": quiet, "held": held}
    path = os.path.join(ROOT, "target", "bench", "plate.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(report, file, indent=2)
    if not held:
        sys.exit(1)


main()

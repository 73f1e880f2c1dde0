#!/usr/bin/env python3
"""Times crates/motion: every motif against its budget, and beside two peers, taking turns, in CPU seconds of all processes.

Prints tables and writes target/bench/motion.json. Needs the example `bench_motion` built in release. Each run is 120 frames of
1280 x 720, from starting a program to its end, so setting up counts on every side. What is compared:

Remotion  the same idea as a React component (bench/motion-remotion), in the Chromium of the system. A browser hands out no raw
          frames, only JPEG or PNG: both sides compress each frame as JPEG of quality 80, Remotion's default. One browser tab.
ffmpeg    the same idea in filters (bench/motion-ffmpeg). Both sides make raw RGB frames. The filters move textures that are
          made once, with one thread each; they know neither lives, nor perspective, nor glow.

Remotion is installed into third_party/bench-motion-remotion on first use. A peer that cannot run here is left out, with the reason.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys

import bench_peers
from bench_peers import ROOT, Unavailable, timed

BENCH = os.path.join(ROOT, "target", "release", "examples", "bench_motion")
# CPU seconds for 120 frames of 1280 x 720 on one core.
BUDGET = 4.0
FRAMES = 120
REMOTION = ["snow", "confetti", "bokeh"]
FFMPEG = ["snow", "bokeh", "aurora"]


def ours(motif, output, *more):
    """What it printed, and its CPU seconds."""
    told, _, cpu = timed([BENCH, motif, output, *more])
    return told, cpu


class Remotion:
    name = "Remotion"
    cases = REMOTION
    output = "jpeg"

    def __init__(self):
        self.project = bench_peers.Remotion("motion-remotion")
        # Packing the components for the browser is not part of painting.
        self.bundle = os.path.join(self.project.home, "bundle")
        self.project.render("bundle", self.bundle)

    def run(self, motif, frames=FRAMES):
        return self.project.render("paint", self.bundle, motif, str(frames))[2]

    def version(self):
        package = json.load(open(os.path.join(self.project.home, "node_modules", "remotion", "package.json")))
        browser = subprocess.run([self.project.chromium, "--version"], capture_output=True, text=True).stdout.strip()
        return f"{package['version']} in {browser}"

    def more(self, motif):
        """What starting up takes, as one frame shows; the rest is painting."""
        return {"peer_one_frame": round(self.run(motif, 1), 3)}


class Ffmpeg:
    name = "ffmpeg"
    cases = FFMPEG
    output = "raw"

    def __init__(self):
        if not shutil.which("ffmpeg"):
            raise Unavailable("there is no `ffmpeg`")

    def run(self, motif):
        filters = open(os.path.join(ROOT, "bench", "motion-ffmpeg", f"{motif}.filters")).read().replace("\n", "")
        one = ["-threads", "1", "-filter_threads", "1", "-filter_complex_threads", "1"]
        command = ["ffmpeg", "-v", "error", *one, "-filter_complex", filters + "[out]", "-map", "[out]"]
        command += ["-frames:v", str(FRAMES), "-f", "rawvideo", "-y", "/dev/null"]
        return timed(command)[2]

    def version(self):
        return subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True).stdout.split()[2]

    def more(self, motif):
        return {}


def compare(peer, motif, runs):
    times = {"peer": [], "ours": []}
    # One of each to warm up; then in turns, each side first every other time.
    for run in range(runs + 1):
        for side in (("peer", "ours"), ("ours", "peer"))[run % 2]:
            times[side].append(peer.run(motif) if side == "peer" else ours(motif, peer.output)[1])
    times = {side: all[1:] for side, all in times.items()}
    median = {side: statistics.median(all) for side, all in times.items()}
    return {
        "name": f"{peer.name}/{motif}", "ratio": round(median["peer"] / median["ours"], 3), "unit": "CPU s",
        "ours": round(median["ours"], 3), "peer": round(median["peer"], 3), "runs": runs,
        "ours_best": round(min(times["ours"]), 3), "peer_best": round(min(times["peer"]), 3),
        "frames_as": peer.output, "peer_version": peer.version(), **peer.more(motif),
    }


def budget(motif, runs):
    """At rest with a quick shutter, and from the hand with that of film."""
    row = {"motif": motif}
    for camera, arguments in [("still", ()), ("handheld", ("handheld", "0.5"))]:
        row[camera] = round(statistics.median(ours(motif, "raw", *arguments)[1] for _ in range(runs)), 3)
    row["within"] = max(row["still"], row["handheld"]) <= BUDGET
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="the name of one motif")
    parser.add_argument("--runs", type=int, default=3, help="timed runs of each side (default 3)")
    parser.add_argument("--no-peers", action="store_true", help="only the budget")
    arguments = parser.parse_args()
    bench_peers.adopt_orphans()
    os.makedirs(os.path.join(ROOT, "target", "bench"), exist_ok=True)
    motifs = ours("--list", "raw")[0].decode().split()

    cases, left_out = [], []
    if not arguments.no_peers:
        print("| case | peer / ours | ours, CPU s | peer, CPU s | frames as |\n|---|---:|---:|---:|---|", flush=True)
        for kind in (Remotion, Ffmpeg):
            try:
                peer = kind()
            except Unavailable as reason:
                left_out.append({"peer": kind.name, "why": str(reason)})
                print(f"bench-motion: {kind.name} is left out: {reason}", file=sys.stderr)
                continue
            for motif in kind.cases:
                if arguments.only in (None, motif):
                    case = compare(peer, motif, arguments.runs)
                    cases.append(case)
                    print(f"| {case['name']} | **{case['ratio']:.2f}** | {case['ours']:.2f} | {case['peer']:.2f} | {case['frames_as']} |", flush=True)
        print()

    rows = []
    print(f"| motif | still, CPU s | handheld with motion blur, CPU s | within {BUDGET:.0f} |\n|---|---:|---:|---|", flush=True)
    for motif in motifs:
        if arguments.only in (None, motif):
            row = budget(motif, arguments.runs)
            rows.append(row)
            print(f"| {motif} | {row['still']:.2f} | {row['handheld']:.2f} | {'yes' if row['within'] else '**no**'} |", flush=True)
    with open(os.path.join(ROOT, "target", "bench", "motion.json"), "w") as file:
        json.dump({"cases": cases, "motifs": rows, "budget": BUDGET, "left_out": left_out}, file, indent=1)
    over = [row["motif"] for row in rows if not row["within"]]
    if over:
        sys.exit(f"bench-motion: over {BUDGET:.0f} CPU s: {', '.join(over)}")


main()

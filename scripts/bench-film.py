#!/usr/bin/env python3
"""Times a personal clip: festoon beside ffmpeg and Remotion, in pairs that take turns, on one machine with one preset.

Prints tables and writes target/bench/film.json. Needs the example `bench_film` built in release. The footage has 120 frames of
1280 x 720, the title is seen from 0.5 to 2 s and from 4 to 5 s: 60 frames. Everybody draws the same title with the same face.

festoon   a server that has the plate: the touched segments are drawn on and encoded, one more at once than there are cores, the
          others sent as they are stored. Its windows are in memory; on disk, as mezzanines that are decoded first, is a row of its
          own.
naive     ffmpeg: decode the plate, draw the title, encode all of it, with the same preset, groups and tools and the plate's CRF. Its
          file has the index in front, so its first byte comes when it is done. Overlays have one quantiser for all frames instead
          of a CRF; "naive, same quantiser" has it too, and is a case of its own.
Remotion  the plate under a title as a React component, with the same preset and CRF, in the Chromium of the system.

Quality is SSIM to the footage before any loss with the same title drawn on it. A peer that cannot run here is left out, with the
reason.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import bench_peers
from bench_peers import ROOT

BENCH = os.path.join(ROOT, "target", "release", "examples", "bench_film")
TITLE = "Happy New Year, Aiko"
FACE = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"
# As crates/film/src/encoder says of overlays, and the CRF of plates.
PRESET, QUANTISER, CRF = "ultrafast", "21", "20"
TOOLS = "ref=1:bframes=2:b-pyramid=none:weightp=0:weightb=1:8x8dct=1:cabac=1:deblock=0,0:keyint=24:min-keyint=1:scenecut=0"
SHOWN = "between(n,12,47)+between(n,96,119)"
SIZE = "1280x720"
# Seconds between clips, for whoever comes one at a time; the row of concurrent clips has no pauses.
SETTLE = 0.4
# What the project promises: our time over that of naive, our SSIM to theirs, and clips each second on two cores.
MOST_TOTAL, MOST_FIRST, LEAST_SSIM, MOST_SSIM_LOST, LEAST_PER_SECOND = 0.35, 0.15, 0.95, 0.005, 2.0


def timed(command):
    _, wall, cpu = bench_peers.timed(command)
    return {"total_ms": wall * 1e3, "cpu_s": cpu}


def ffmpeg(*arguments):
    return ["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments]


def drawn(shown):
    style = f"fontfile={FACE}:text='{TITLE}':fontsize=64:fontcolor=white:x=(w-text_w)/2:y=(h-text_h)/2"
    return f"drawtext={style}" + (f":enable='{shown}'" if shown else "")


class Festoon:
    def __init__(self, footage, folder):
        self.folder, title = folder, os.path.join(folder, "title.gray")
        black = f"color=black:size={SIZE}:rate=24,format=gray"
        timed(ffmpeg("-f", "lavfi", "-i", black, "-vf", drawn(None), "-frames:v", "1", "-f", "rawvideo", title))
        self.process = subprocess.Popen([BENCH, footage, title, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.plate = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"bench-film: {BENCH} ended with {self.process.wait()}")
        return json.loads(line)

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        return self.answer()


class Naive:
    def __init__(self, plate, folder):
        self.plate, self.out = plate, os.path.join(folder, "naive.mp4")

    def run(self, *quality):
        # As many threads as it likes.
        encode = ["-c:v", "libx264", "-preset", PRESET, *quality, "-x264-params", TOOLS, "-movflags", "+faststart"]
        return timed(ffmpeg("-i", self.plate, "-vf", drawn(SHOWN), *encode, "-an", self.out))

    def reference(self, footage, out):
        timed(ffmpeg("-i", footage, "-vf", drawn(SHOWN) + ",format=yuv420p", "-f", "rawvideo", out))


class Remotion:
    def __init__(self, plate, folder):
        self.project = bench_peers.Remotion("film-remotion")
        public, self.bundle, self.out = (os.path.join(folder, name) for name in ("public", "bundle", "remotion.mp4"))
        os.makedirs(public)
        shutil.copy(plate, os.path.join(public, "plate.mp4"))
        # Packing the component for the browser is not part of making a clip.
        self.project.render("bundle", public, self.bundle)

    def run(self):
        _, wall, cpu = self.project.render("clip", self.bundle, TITLE, PRESET, CRF, self.out)
        return {"total_ms": wall * 1e3, "cpu_s": cpu}


def ssim(clip, reference):
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-i", clip, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", SIZE]
    command += ["-framerate", "24", "-i", reference, "-lavfi", "ssim", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"All:([0-9.]+)", said.stderr)
    if not found:
        sys.exit(f"bench-film: no SSIM of {clip}: {said.stderr[-1000:]}")
    return float(found[1])


def footage(folder):
    """Nearest to what a model paints: noise of all sizes that pans and zooms, something that moves before it, and grain."""
    out = os.path.join(folder, "footage.mp4")
    cells = "nullsrc=size=320x180:rate=24,geq=lum='128+50*sin(X/23+T)*cos(Y/17-T*0.7)+40*sin((X+Y)/9+2*T)':cb='128+30*sin(X/40+T)':cr='128+30*cos(Y/30-T)'"
    grain = "scale=1280:720:flags=bicubic,noise=alls=2:allf=t:all_seed=7,format=yuv420p"
    encode = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "8", "-an", "-movflags", "+faststart"]
    timed(ffmpeg("-f", "lavfi", "-i", f"{cells},{grain}", "-frames:v", "120", *encode, out))
    return out


def turns(sides, runs):
    """One of each to warm up; then in turns, each side first every other time. The medians of what each side says."""
    told = {name: [] for name in sides}
    for run in range(runs + 1):
        for name in list(sides)[:: 1 if run % 2 == 0 else -1]:
            told[name].append(sides[name]())
    return {name: {key: statistics.median(run[key] for run in all[1:]) for key in all[0]} for name, all in told.items()}


def compared(name, unit, ours, peer, runs):
    return {"name": name, "ratio": round(peer / ours, 3), "unit": unit, "ours": ours, "peer": peer, "runs": runs}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each side (default 5)")
    parser.add_argument("--footage", help="an MP4 file, index first, of 120 frames of 1280 x 720 at 24 per second, instead of the synthetic one")
    parser.add_argument("--no-remotion", action="store_true", help="leave Remotion out")
    parser.add_argument("--most-at-once", type=int, default=16, help="the longest row of concurrent compositions (default 16)")
    arguments = parser.parse_args()
    bench_peers.adopt_orphans()
    os.makedirs(os.path.join(ROOT, "target", "bench"), exist_ok=True)
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="bench-film-") as folder:
        source = arguments.footage or footage(folder)
        ours = Festoon(source, folder)
        plate = os.path.join(folder, "plate.mp4")
        naive = Naive(plate, folder)

        def festoon():
            # Encoders that were used are replaced while nobody waits.
            time.sleep(SETTLE)
            return ours.ask("hot", cores + 1)

        peers = {"naive, same quantiser": lambda: naive.run("-qp", QUANTISER), "naive": lambda: naive.run("-crf", CRF)}
        times = turns({"festoon": festoon} | peers, arguments.runs)
        times |= turns({"festoon, 1 encoder": lambda: ours.ask("hot", 1), "festoon, windows on disk": lambda: ours.ask("warm", cores + 1)}, arguments.runs)

        naive.run("-crf", CRF)
        ours.ask("reference")
        references = {"ours": os.path.join(folder, "reference.yuv"), "naive": os.path.join(folder, "naive.yuv")}
        naive.reference(source, references["naive"])
        quality = {"ours": ssim(os.path.join(folder, "ours.mp4"), references["ours"]), "naive": ssim(naive.out, references["naive"])}

        left_out = []
        mine, theirs, same = times["festoon"], times["naive"], times["naive, same quantiser"]
        cases = [
            compared("naive/total", "ms", mine["total_ms"], theirs["total_ms"], arguments.runs),
            compared("naive/first-byte", "ms", mine["first_ms"], theirs["total_ms"], arguments.runs),
            compared("naive/cpu", "CPU s", mine["cpu_s"], theirs["cpu_s"], arguments.runs),
            compared("naive-same-quantiser/total", "ms", mine["total_ms"], same["total_ms"], arguments.runs),
            compared("naive-same-quantiser/cpu", "CPU s", mine["cpu_s"], same["cpu_s"], arguments.runs),
        ]
        if not arguments.no_remotion:
            try:
                remotion = Remotion(plate, folder)
                runs = max(1, arguments.runs // 2)
                pair = turns({"festoon": festoon, "Remotion": remotion.run}, runs)
                times["Remotion"] = pair["Remotion"]
                for name, unit, key in [("total", "ms", "total_ms"), ("cpu", "CPU s", "cpu_s")]:
                    cases.append(compared(f"Remotion/{name}", unit, pair["festoon"][key], pair["Remotion"][key], runs))
            except bench_peers.Unavailable as reason:
                left_out.append({"peer": "Remotion", "why": str(reason)})
                print(f"bench-film: Remotion is left out: {reason}", file=sys.stderr)
        curve = [ours.ask("many", count, max(2, 8 // count)) for count in (1, 2, 4, 8, 16) if count <= arguments.most_at_once]
        ours.process.stdin.close()
        ours.process.wait()

    print(f"plate with {ours.plate['segments']} segments and {ours.plate['mezzanine_bytes'] / 1e6:.1f} MB of mezzanines; {cores} cores\n")
    print("| who | first byte, ms | last byte, ms | CPU s |\n|---|---:|---:|---:|")
    for who, told in times.items():
        print(f"| {who} | {told.get('first_ms', told['total_ms']):.1f} | {told['total_ms']:.0f} | {told['cpu_s']:.2f} |")
    print("\n| case | peer / ours |\n|---|---:|")
    for case in cases:
        print(f"| {case['name']} | **{case['ratio']:.2f}** |")
    print("\n| clips at once | clips per second | median, ms | slowest, ms | slowest first byte, ms | CPU s each |\n|---:|---:|---:|---:|---:|---:|")
    for row in curve:
        print(f"| {row['at_once']} | {row['per_second']:.2f} | {row['median_ms']:.0f} | {row['worst_ms']:.0f} | {row['first_worst_ms']:.1f} | {row['cpu_s_each']:.2f} |")
    print(f"\nSSIM to the footage with the title: ours {quality['ours']:.4f}, naive {quality['naive']:.4f}")
    best = max(row["per_second"] for row in curve)
    said = {case["name"]: case["ratio"] for case in cases}
    missed = [
        text
        for missed, text in [
            (said["naive/total"] < 1 / MOST_TOTAL, f"a clip takes more than {MOST_TOTAL} of naive"),
            (said["naive/first-byte"] < 1 / MOST_FIRST, f"the first byte takes more than {MOST_FIRST} of naive"),
            (quality["ours"] < max(LEAST_SSIM, quality["naive"] - MOST_SSIM_LOST), "the quality is too low"),
            (best < LEAST_PER_SECOND, f"fewer than {LEAST_PER_SECOND} clips per second"),
        ]
        if missed
    ]
    told = {"cases": cases, "times": times, "curve": curve, "ssim": quality, "plate": ours.plate, "cores": cores, "left_out": left_out, "missed": missed}
    with open(os.path.join(ROOT, "target", "bench", "film.json"), "w") as file:
        json.dump(told, file, indent=1)
    if missed:
        sys.exit(f"bench-film: {'; '.join(missed)}")


main()

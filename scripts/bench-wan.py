#!/usr/bin/env python3
"""Times crates/wan beside diffusers: the same weights and requests, one thread each, taking turns, CPU seconds.

Prints a table and writes target/bench/wan.json. Needs the example `bench_wan` built in release, and Python as
scripts/python-environment.py finds or makes it.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# The largest differences that rounding explains; beyond them the timing compares two different things.
LATENTS, U8_MAX, U8_SHARE = 1e-3, 1, 0.005


def python():
    """An interpreter that has the peer."""
    script = os.path.join(ROOT, "scripts", "python-environment.py")
    return subprocess.run([sys.executable, script], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


class Side:
    """A process that answers lines with lines of JSON."""

    def __init__(self, *command):
        environment = dict(os.environ, OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"bench-wan: {self.process.args[0]} ended with {self.process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            sys.exit(f"bench-wan: {answer['error']}")
        return answer

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(name, runs, bench, cases):
    folder = os.path.join(ROOT, "target", "bench", f"wan-{name}")
    output = os.path.join(ROOT, "target", "bench", f"wan-{name}.out")
    peer = Side(python(), os.path.join(ROOT, "bench", "wan_peer.py"), cases, name, folder)
    ours = Side(bench, cases, name, folder, output)
    sides = {"peer": (peer, []), "ours": (ours, [])}
    # One painting each to warm up; then in turns, each side first every other time.
    for run in range(runs + 1):
        for side in (("peer", "ours"), ("ours", "peer"))[run % 2]:
            process, times = sides[side]
            times.append(process.ask("run"))
    difference = peer.ask(f"compare {output}")
    rss = {side: times[-1]["rss_mb"] for side, (_, times) in sides.items()}
    peer.close(), ours.close()
    times = {side: [run["cpu"] for run in times[1:]] for side, (_, times) in sides.items()}
    median = {side: statistics.median(runs) for side, runs in times.items()}
    return {
        "name": f"diffusers/{name}", "ratio": round(median["peer"] / median["ours"], 3), "unit": "CPU s",
        "ours": round(median["ours"], 4), "peer": round(median["peer"], 4), "runs": runs,
        "ours_best": round(min(times["ours"]), 4), "peer_best": round(min(times["peer"]), 4),
        "ours_rss_mb": rss["ours"], "peer_rss_mb": rss["peer"], **difference,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default=os.path.join(ROOT, "target", "release", "examples", "bench_wan"), help="our side's program")
    parser.add_argument("--only", help="the name of one case")
    parser.add_argument("--runs", type=int, help="timed paintings of each side")
    arguments = parser.parse_args()
    cases = os.path.join(ROOT, "bench", "wan_cases.json")
    os.makedirs(os.path.join(ROOT, "target", "bench"), exist_ok=True)
    results = []
    print("| case | peer ÷ ours | ours, CPU s | diffusers, CPU s | ours, MB | diffusers, MB | latents differ by |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name, case in json.load(open(cases))["cases"].items():
        if arguments.only in (None, name):
            result = measure(name, arguments.runs or case["runs"], arguments.bench, cases)
            results.append(result)
            print(f"| {result['name']} | **{result['ratio']:.2f}** | {result['ours']:.3f} | {result['peer']:.3f} | {result['ours_rss_mb']} | "
                  f"{result['peer_rss_mb']} | {result['latents']:.1e} |", flush=True)
    json.dump({"cases": results}, open(os.path.join(ROOT, "target", "bench", "wan.json"), "w"), indent=1)
    wrong = [r["name"] for r in results if r["latents"] > LATENTS or r["u8_max"] > U8_MAX or r["u8_share"] > U8_SHARE]
    if wrong:
        sys.exit(f"bench-wan: not the same pictures: {', '.join(wrong)}: see target/bench/wan.json")


main()

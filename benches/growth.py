#!/usr/bin/env python3
"""How much longer does a packet take with ever more connections at the same time?

    benches/growth.py [--dir DIR] [--flows 1000000] [--abreast 1000,10000,100000,1000000] [--rounds 3] [--strange]

The same million connections of twelve packets, so many of them abreast: all in one block take their turn before the first
has its next, so that nothing of a connection is near when its next packet comes. Prints nanoseconds of CPU time a packet,
without reports and with them, and draws the line. `--strange`: also what no network makes by itself, one flow of many
millions of packets out of order, all the same, or with random SACK blocks, one 4-tuple used again and again, all ports of
one pair of hosts. Medians over the rounds. Standard library only; Linux.
"""
import argparse
import os
import tempfile
from pathlib import Path

from compare import build, once, run_quietly
import statistics

STRANGE = ["disorder", "duplicates", "sack", "reuse", "ports"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()) / "whodropped-bench")
    parser.add_argument("--flows", type=float, default=1e6)
    parser.add_argument("--abreast", default="1000,10000,100000,1000000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--strange", action="store_true")
    parser.add_argument("--scales", default="1,10", help="millions of packets of what is strange (default: %(default)s)")
    args = parser.parse_args()
    args.dir.mkdir(parents=True, exist_ok=True)
    built = build()
    print(f"{'connections abreast':>22}{'ns/packet':>11}{'RSS MB':>9}{'to first':>10}")
    first = None
    for number in args.abreast.split(","):
        took, rss = measure(f"abreast-{number}", args.flows / 1e6, args, built)
        first = first or took
        print(f"{int(number):22,}{took:11.0f}{rss:9.0f}{took / first:10.2f}  {'#' * round(20 * took / first)}", flush=True)
    if args.strange:
        print(f"\n{'strange':>22}{'ns/packet':>11}{'RSS MB':>9}")
        for shape in STRANGE:
            for scale in args.scales.split(","):
                took, rss = measure(shape, float(scale), args, built)
                print(f"{shape:>14} x {scale:>5}{took:11.0f}{rss:9.0f}", flush=True)


def measure(shape, scale, args, built):
    """Nanoseconds of CPU time a packet, and peak RSS in MB."""
    capture = args.dir / f"growth-{shape}.pcap"
    said = run_quietly([built["traffic"], shape, "--scale", scale, "--out", capture])
    packets = int(said.split()[0])
    command = [built["us"], "analyze", capture, "--csv", os.devnull, "--quiet", "--threads", 1]
    rounds = [once(command) for _ in range(args.rounds)]
    capture.unlink()
    return statistics.median(cpu for cpu, *_ in rounds) * 1e9 / packets, statistics.median(rss for *_, rss in rounds)


if __name__ == "__main__":
    main()

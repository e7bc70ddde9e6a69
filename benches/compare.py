#!/usr/bin/env python3
"""Check the README's figures: time whodropped, the floor and its peers on the same generated captures, in turn.

    benches/compare.py [--dir DIR] [--shapes mixed,many,flood] [--scale 1] [--rounds 5] [--threads N]

Builds everything, makes the captures (kept in DIR, default $TMPDIR/whodropped-bench, for the next time), checks every
verdict against the generator's truth, then runs in turn: the floor (a bare read of the file), tcpdump, tcptrace and
tshark where they are installed, and whodropped with one and with N threads, all writing what they find to a file.
Figures are medians over the rounds, ratios medians of the rounds' ratios to the floor. Standard library only; Linux.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SLOW_ROUNDS = 2
# tshark keeps everything: on a whole capture it takes tens of seconds and gigabytes.
TSHARK_SCALE = 0.2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()) / "whodropped-bench")
    parser.add_argument("--shapes", default="mixed,many,flood", help="also: elephants disorder duplicates sack reuse ports")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the captures (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--peers", default="tcpdump,tcptrace,tshark", help="'' for none")
    parser.add_argument("--no-check", action="store_true", help="do not check the verdicts")
    args = parser.parse_args()
    args.dir.mkdir(parents=True, exist_ok=True)
    built = build()
    wrong = 0
    for shape in args.shapes.split(","):
        wrong += compare(shape, args, built)
    sys.exit(1 if wrong else 0)


def build():
    cargo = ["cargo", "build", "--quiet", "--release", "--manifest-path", str(ROOT / "Cargo.toml")]
    subprocess.run([*cargo, "--bin", "whodropped", "--example", "traffic", "--example", "floor"], check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    return {"us": target / "whodropped", "traffic": target / "examples/traffic", "floor": target / "examples/floor"}


def make(shape, scale, args, built):
    """The capture and its truth, made unless a generator no newer than them has left them there."""
    capture = args.dir / f"{shape}-{scale:g}-{args.seed}.pcap"
    truth = capture.with_suffix(".truth.csv")
    if not truth.exists() or truth.stat().st_mtime < built["traffic"].stat().st_mtime:
        said = run_quietly([built["traffic"], shape, "--scale", scale, "--seed", args.seed, "--out", capture, "--truth", truth])
        print(f"made {capture.name}: {said}", flush=True)
    return capture, truth


def compare(shape, args, built):
    capture, truth = make(shape, args.scale, args, built)
    csv = args.dir / "flows.csv"
    us = [built["us"], "analyze", capture, "--csv", csv, "--quiet", "--threads"]
    commands = {"floor": [built["floor"], capture], "whodropped, 1 thread": [*us, 1]}
    if args.threads > 1:
        commands[f"whodropped, {args.threads} threads"] = [*us, args.threads]
    notes, whole = [], set(commands)
    for peer in filter(None, args.peers.split(",")):
        if not shutil.which(peer):
            notes.append(f"{peer} is not installed")
        elif peer == "tcpdump":
            commands["tcpdump -w /dev/null"] = ["tcpdump", "-r", capture, "-w", "/dev/null"]
            whole.add("tcpdump -w /dev/null")
        elif shape != "mixed":
            notes.append(f"{peer} runs on mixed only")
        elif peer == "tcptrace":
            commands["tcptrace -n"] = ["tcptrace", "-n", capture]
        else:
            scale = args.scale * TSHARK_SCALE
            part, _ = make(shape, scale, args, built)
            commands["tshark -z expert"] = ["tshark", "-n", "-q", "-r", part, "-z", "expert"]
            commands["floor, for tshark"] = [built["floor"], part]
            notes.append(f"tshark runs on mixed at scale {scale:g}; its ratios are to the floor on that")
    packets = int(run_quietly(commands["floor"]).split()[0])
    runs = {name: [] for name in commands}
    for place in range(args.rounds):
        for name, command in commands.items():
            if name in whole or place < SLOW_ROUNDS:
                # Or the system would free what the run before wrote, on this one's account.
                csv.unlink(missing_ok=True)
                runs[name].append(once(command))
    print_table(shape, capture, packets, runs, notes)
    return 0 if args.no_check else check(truth, us, args, built)


def check(truth, us, args, built):
    """Are all the answers right, too?"""
    run_quietly([*us, args.threads])
    done = subprocess.run([built["traffic"], "check", "--truth", truth, "--csv", us[4]], capture_output=True, text=True)
    lines = done.stdout.strip().splitlines() or [done.stderr]
    for line in lines[:5] if done.returncode else []:
        print(f"  {line}")
    print(f"verdicts: {lines[-1]}\n", flush=True)
    return done.returncode


def once(command):
    """CPU seconds, wall seconds, peak RSS in MB of one run."""
    start = time.monotonic()
    child = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit status {child.returncode}")
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024 / 1e6


def print_table(shape, capture, packets, runs, notes):
    size = capture.stat().st_size
    print(f"\n{shape}: {size / 1e6:.0f} MB, {packets / 1e6:.2f} M packets, {size // packets - 16} bytes each")
    print(f"{'':24}{'CPU s':>9}{'wall s':>9}{'RSS MB':>9}{'CPU/floor':>11}{'wall/floor':>11}{'Mpkt/CPU s':>12}{'rounds':>8}")
    for name, rounds in runs.items():
        of_part = name in ("tshark -z expert", "floor, for tshark")
        floor = runs["floor, for tshark" if of_part else "floor"]
        cpu, wall, rss = (statistics.median(one[column] for one in rounds) for column in range(3))
        ratios = [statistics.median(a[c] / max(b[c], 1e-3) for a, b in zip(rounds, floor)) for c in (0, 1)]
        number = packets * TSHARK_SCALE if of_part else packets
        speed = number / 1e6 / max(cpu, 1e-3)
        print(f"{name:24}{cpu:9.2f}{wall:9.2f}{rss:9.0f}{ratios[0]:11.2f}{ratios[1]:11.2f}{speed:12.2f}{len(rounds):8}")
    for note in notes:
        print(f"  ({note})")
    print(flush=True)


def run_quietly(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    main()

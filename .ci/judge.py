"""Does the program say what truth.toml allows?   judge.py PROGRAM DIR

The thorough comparison is a test of its own, over the recorded fixtures; this one is for a fresh play of the
laboratory: each connection has a row, and handshake and ending are words that the truth lists for that place."""

import csv
import io
import os
import subprocess
import sys
import tomllib

program, root = sys.argv[1:]
judged = wrong = 0
for name in sorted(os.listdir(root)):
    with open(os.path.join(root, name, "truth.toml"), "rb") as file:
        truth = tomllib.load(file)
    for place in ("client", "router", "server"):
        capture = os.path.join(root, name, f"{place}.pcap")
        out = subprocess.run([program, "analyze", "--csv", "-", capture], capture_output=True, text=True, check=True).stdout
        rows = {}
        for row in csv.DictReader(io.StringIO(out)):
            rows.setdefault((row["client_ip"], row["client_port"], row["server_ip"], row["server_port"]), row)
        for conn in truth["connection"]:
            at = conn["at"][place]
            if at.get("absent") or "order" in conn or conn.get("optional") or conn.get("roles_may_swap"):
                continue
            row = rows.get((conn["client"], str(conn["client_port"]), conn["server"], str(conn["server_port"])))
            judged += 1
            said = row and {word: row[word] for word in ("handshake", "ending")}
            may = {word: at[word] if isinstance(at[word], list) else [at[word]] for word in ("handshake", "ending")}
            if not row or any(said[word] not in may[word] for word in may):
                wrong += 1
                print(f"{name} at the {place}, port {conn['client_port']}: said {said}, truth {may}")
print(f"{judged} verdicts on fresh captures, {wrong} wrong")
sys.exit(1 if wrong or not judged else 0)

#!/bin/bash
# Our own loss against tcpdump's on the same traffic, over veth, as fast as this machine sends. Root; tcpdump, python3, iproute2.
#   benches/live.sh [WHODROPPED] [SECONDS]
set -euo pipefail
program=${1:-target/release/whodropped} seconds=${2:-5}
ns=wdload$$ work=$(mktemp -d)
trap 'ip netns del $ns 2>/dev/null; rm -rf "$work"' EXIT
ip netns add $ns
ip link add send0 netns $ns type veth peer name recv0 netns $ns
for link in send0 recv0 lo; do ip -n $ns link set $link up; done
cat >"$work/send.py" <<'PY'
import socket, struct, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("send0", 0))
def frame(n):
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 240, n & 0xffff, 0x4000, 64, 6, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
    tcp = struct.pack("!HHIIBBHHH", 40000 + n % 500, 8080, n // 500 * 200, 1, 0x50, 0x18, 65535, 0, 0)
    return b"\2" * 12 + b"\x08\x00" + ip + tcp + b"x" * 200
frames = [frame(n) for n in range(5000)]
end, sent = time.monotonic() + float(sys.argv[1]), 0
while time.monotonic() < end:
    for f in frames:
        try: s.send(f); sent += 1
        except OSError: pass
print(sent)
PY
try() { # name, command...: what it captured, of what was sent while it ran
    local name=$1; shift
    ip netns exec $ns "$@" >"$work/$name.out" 2>"$work/$name.err" & local pid=$!
    sleep 1.5
    local sent; sent=$(ip netns exec $ns python3 "$work/send.py" "$seconds")
    sleep 1
    kill -INT $pid; wait $pid || true
    echo "$name: $sent sent in $seconds s"
    grep -hE ' packets captured| dropped by' "$work/$name.out" "$work/$name.err" | sed 's/^/    /'
}
try tcpdump tcpdump -ni recv0 -w /dev/null 'tcp port 8080'
try whodropped "$program" live -i recv0 --port 8080 --progress never
try whodropped-write "$program" live -i recv0 --port 8080 --progress never --write /dev/null

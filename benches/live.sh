#!/bin/bash
# Our own loss beside tcpdump's on the same packets: both capture on one end of a veth at the same time, while senders push
# frames into the other as fast as the machine takes them; then each alone, in turn. Root; cc, tcpdump, iproute2.
#   benches/live.sh [WHODROPPED] [SECONDS] [SENDERS] [ROUNDS]
set -euo pipefail
program=${1:-target/release/whodropped} seconds=${2:-5} senders=${3:-2} rounds=${4:-3}
ns=wdload$$ work=$(mktemp -d)
trap 'ip netns del $ns 2>/dev/null; rm -rf "$work"' EXIT
cc -O2 -o "$work/flood" "$(dirname "$0")/flood.c"
ip netns add $ns
ip link add send0 netns $ns type veth peer name recv0 netns $ns
for link in send0 recv0 lo; do ip -n $ns link set $link up; done
ip netns exec $ns sysctl -qw net.ipv6.conf.all.disable_ipv6=1

tcpdump() { echo tcpdump -ni recv0 -s 512 -B 65536 -w "$work/t.pcap" tcp port 8080; }
ours() { echo "$program" live -i recv0 --port 8080 --progress never --no-host --write "$work/w.pcapng"; }
ours_without_file() { echo "$program" live -i recv0 --port 8080 --progress never --no-host; }

# NAMES...: those captures at once; a line each with what it caught of what was sent, and its own count of drops.
round() {
    local name sent=0 pids=() each
    for name in "$@"; do
        # shellcheck disable=SC2046
        ip netns exec $ns $($name) >"$work/$name.out" 2>"$work/$name.err" & pids+=($!)
    done
    sleep 2
    for ((each = 0; each < senders; each++)); do
        ip netns exec $ns "$work/flood" send0 "$seconds" $each >"$work/sent.$each" &
    done
    wait $(jobs -p | tail -n "$senders")
    for ((each = 0; each < senders; each++)); do sent=$((sent + $(<"$work/sent.$each"))); done
    sleep 2
    for each in "${pids[@]}"; do kill -INT "$each"; done
    wait "${pids[@]}" || true
    echo "$* ($senders senders, $((sent / seconds)) packets/s)"
    for name in "$@"; do
        local got; got=$(grep -hoE '[0-9,]+ packets? captured' "$work/$name.out" "$work/$name.err" | head -1 | tr -dc 0-9)
        printf '    %-18s lost %6.3f %% of %d   %s\n' "$name" "$(awk "BEGIN { print 100 * ($sent - ${got:-0}) / $sent }")" "$sent" \
            "$(grep -hoE '[0-9,]+( packets)? dropped by (the )?kernel' "$work/$name.out" "$work/$name.err" | head -1)"
    done
    rm -f "$work"/*.pcap "$work"/*.pcapng
}
for ((turn = 0; turn < rounds; turn++)); do
    round tcpdump ours
    round tcpdump
    round ours
    round ours_without_file
done

//! The catalogue of causes, each with what would settle it and the commands.

/// A cause that fits.
#[derive(Debug, PartialEq, Eq)]
pub struct Cause {
    /// Its number in the catalogue, as on the pages of findings.
    pub id: &'static str,
    /// What it is.
    pub what: &'static str,
    /// The observation that would settle it.
    pub settles: &'static str,
    /// Command for Linux; `{client}`, `{server}`, `{port}`, `{client_port}` and `{interface}` are filled in.
    pub linux: &'static str,
    /// The same for Windows.
    pub windows: &'static str,
}

impl Cause {
    /// What it is, and what would settle it: `the server's own firewall drops it (D2): a capture on the server …`.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} ({}): {}", self.what, self.id, self.settles)
    }
}

const fn cause(
    id: &'static str,
    what: &'static str,
    settles: &'static str,
    linux: &'static str,
    windows: &'static str,
) -> Cause {
    Cause {
        id,
        what,
        settles,
        linux,
        windows,
    }
}

/// All causes that a finding can name. D51 to D53, which are the capture's, and D13, which shows no packet, are on pages only.
#[rustfmt::skip]
pub static CAUSES: &[Cause] = &[
    cause(
        "D1",
        "a firewall, security group or access list on the path drops the SYN",
        "a capture on the server: if no SYN arrives there, it was dropped on the way",
        "tcptraceroute -n {server} {port}",
        "tnc {server} -Port {port} -TraceRoute",
    ),
    cause(
        "D2",
        "the server's own firewall drops it",
        "a capture on the server: the SYN arrives and nothing leaves (so do D3, D4 and D8)",
        "nft list ruleset; nstat -az | grep -i drop",
        "pktmon filter add -p {port}; pktmon start -c; Get-NetFirewallRule -Enabled True -Direction Inbound",
    ),
    cause(
        "D3",
        "nothing listens, and Windows' stealth mode keeps quiet about it",
        "on the server (its TTL is near 128): no listener on the port",
        "ss -ltn 'sport = :{port}'",
        "Get-NetTCPConnection -State Listen -LocalPort {port}; netsh wfp show netevents",
    ),
    cause(
        "D4",
        "the accept queue of the server's program is full",
        "other connections to the same port work in the same second; the overflow counters grow",
        "ss -ltn 'sport = :{port}'; nstat -az TcpExtListenOverflows TcpExtListenDrops",
        "netstat -ano -p tcp",
    ),
    cause(
        "D5",
        "the queue filled between SYN-ACK and ACK, or the program waits for data (TCP_DEFER_ACCEPT)",
        "a capture on the server: the client's ACK arrives, and the SYN-ACK is repeated all the same",
        "ss -ltn 'sport = :{port}'; nstat -az TcpExtListenOverflows",
        "netstat -ano -p tcp",
    ),
    cause(
        "D6",
        "a flood fills the backlog, and SYN cookies answer",
        "many sources at once; SYN-ACKs without options, never repeated",
        "nstat -az | grep -i cookie",
        "netstat -s -p tcp",
    ),
    cause(
        "D7",
        "an old kernel refuses time stamps from behind a NAT (tcp_tw_recycle)",
        "only some clients behind one address fail, and work with time stamps off",
        "sysctl net.ipv4.tcp_tw_recycle; nstat -az TcpExtPAWSPassive",
        "netsh int tcp show global",
    ),
    cause(
        "D8",
        "the answer takes another way, or the reverse path filter drops the SYN",
        "a capture on all interfaces of the server: SYN in here, SYN-ACK out there, or none",
        "ip route get {client}; sysctl -a | grep '\\.rp_filter'; nstat -az TcpExtIPReversePathFilter",
        "Find-NetRoute -RemoteIPAddress {client}",
    ),
    cause(
        "D9",
        "a table of connections is full, or SYNs are limited by rate",
        "it fails only above some rate, for everybody at once; the kernel's log says \"table full\"",
        "conntrack -S; dmesg | grep -i conntrack",
        "pktmon counters",
    ),
    cause(
        "D10",
        "the SYN-ACK is lost on its way back",
        "a capture on the server: SYN-ACKs leave, again and again",
        "tcpdump -ni any -s 128 'host {client} and port {port}'",
        "dumpcap -i 1 -f \"host {client} and port {port}\" -w server.pcapng",
    ),
    cause(
        "D11",
        "everything from the client after its SYN is dropped",
        "a capture on the server: only the SYN arrives, the SYN-ACK is repeated",
        "tcpdump -ni any -s 128 'host {client} and port {port}'",
        "dumpcap -i 1 -f \"host {client} and port {port}\" -w server.pcapng",
    ),
    cause(
        "D12",
        "the client's own firewall drops the answers",
        "they are in a capture on the client, and the client does not react",
        "nft monitor trace; nft list ruleset",
        "pktmon filter add -p {port}; pktmon start -c",
    ),
    cause(
        "D14",
        "nothing listens on that port: the service is down",
        "other ports of the host answer; on the server there is no listener",
        "ss -ltnp 'sport = :{port}'",
        "Get-NetTCPConnection -State Listen -LocalPort {port}; netstat -abno",
    ),
    cause(
        "D15",
        "a firewall rejects with a RST in the server's name",
        "a capture on the server: no SYN arrives; here: another TTL, or an answer sooner than the round trip",
        "tcptraceroute -n {server} {port}",
        "tnc {server} -Port {port} -TraceRoute",
    ),
    cause(
        "D16",
        "a load balancer without a healthy backend",
        "its health page; all addresses behind the name fail alike",
        "curl -v telnet://{server}:{port}",
        "Test-NetConnection {server} -Port {port}",
    ),
    cause(
        "D17",
        "a firewall rejects with ICMP",
        "the sender of the ICMP error is the device",
        "nft list ruleset",
        "Get-NetFirewallRule -Enabled True -Action Block",
    ),
    cause(
        "D18",
        "the host is down: its neighbours get no answer to ARP",
        "the last router's, or the own, table of neighbours",
        "ip neigh show {server}",
        "Get-NetNeighbor -IPAddress {server}",
    ),
    cause(
        "D19",
        "no route, or a loop",
        "the sender of the ICMP error; the same hops again and again in a trace",
        "mtr -n -T -P {port} {server}",
        "tracert -d {server}",
    ),
    cause(
        "D20",
        "Windows tries a refused SYN again, which is no trouble of its own",
        "SYNs half a second apart, same ports",
        "ss -ltn 'sport = :{port}'",
        "Get-NetTCPConnection -State Listen -LocalPort {port}",
    ),
    cause(
        "D21",
        "the client gave the attempt up itself: a faster address won, or the user cancelled",
        "another connection of this client to the same service at the same time worked",
        "ss -tnp dst {server}",
        "netstat -ano -p tcp",
    ),
    cause(
        "D22",
        "a scanner that only wants to see whether the port is open",
        "this client tries many ports or hosts",
        "ss -tnp dst {server}",
        "netstat -abno -p tcp",
    ),
    cause(
        "D23",
        "the client's address was forged, and the client never asked",
        "many sources that never answer; the client knows of no attempt",
        "nstat -az | grep -i cookie",
        "netstat -s -p tcp",
    ),
    cause(
        "D24",
        "a device drops SYNs with ECN flags",
        "the SYN without them is answered",
        "sysctl -w net.ipv4.tcp_ecn=0",
        "netsh int tcp set global ecncapability=disabled",
    ),
    cause(
        "D25",
        "a device drops SYNs with Fast Open",
        "the plain SYN is answered",
        "sysctl -w net.ipv4.tcp_fastopen=0",
        "netsh int tcp set global fastopen=disabled",
    ),
    cause(
        "D26",
        "a device changes or removes TCP options",
        "captures at both ends: the options of the SYN differ",
        "tcpdump -ni any -v 'tcp[tcpflags] & tcp-syn != 0 and port {port}'",
        "dumpcap -i 1 -f \"port {port}\" -w here.pcapng",
    ),
    cause(
        "D27",
        "a device breaks window scaling: one end takes the window for smaller than it is",
        "captures at both ends; throughput stuck at 64 KiB a round trip",
        "ss -tie dst {server}",
        "netsh int tcp set global autotuninglevel=disabled",
    ),
    cause(
        "D28",
        "the server still keeps the last connection on these ports in TIME_WAIT",
        "the client, or its NAT, took the same port again within a minute",
        "sysctl net.ipv4.ip_local_port_range net.ipv4.tcp_tw_reuse",
        "netsh int ipv4 show dynamicport tcp",
    ),
    cause(
        "D29",
        "the server still has an old connection open: the client restarted",
        "the age of that connection on the server",
        "ss -tno 'sport = :{port} and dst {client}'",
        "Get-NetTCPConnection -LocalPort {port} -RemoteAddress {client}",
    ),
    cause(
        "D30",
        "the peer lost its state: the process or the host restarted",
        "its uptime; the RST leaves the server itself in a capture there",
        "uptime; journalctl -b -n 50",
        "Get-CimInstance Win32_OperatingSystem | Select-Object LastBootUpTime",
    ),
    cause(
        "D31",
        "a NAT or firewall forgot the idle connection and answers with a RST",
        "the same silence every time (60, 300, 350, 900, 3600 s); no RST leaves the server",
        "sysctl net.ipv4.tcp_keepalive_time; ss -tno dst {server}",
        "netsh int tcp show global",
    ),
    cause(
        "D32",
        "a NAT or firewall forgot the idle connection and drops silently",
        "the same silence every time; in a capture on the server nothing arrives any more",
        "sysctl net.ipv4.tcp_keepalive_time; ss -tno dst {server}",
        "netsh int tcp show global",
    ),
    cause(
        "D33",
        "the path changed or broke in the middle: rule, failover, link",
        "other connections over the same path stop in the same second",
        "mtr -n -T -P {port} {server}",
        "pathping {server}",
    ),
    cause(
        "D34",
        "a path with a smaller MTU, whose ICMP messages do not come through",
        "only large segments are lost: a ping of that size without fragments gets no answer",
        "ping -M do -s 1472 {server}; sysctl -w net.ipv4.tcp_mtu_probing=1",
        "ping -f -l 1472 {server}",
    ),
    cause(
        "D35",
        "path MTU discovery at work: a router asked for smaller packets, and got them",
        "the ICMP message is in the capture, and smaller segments follow it",
        "tracepath -n {server}",
        "ping -f -l 1472 {server}",
    ),
    cause(
        "D36",
        "a filter drops the TLS ClientHello",
        "the same with another server name, or with a smaller hello, works",
        "openssl s_client -connect {server}:{port} -servername other.example",
        "curl.exe -v --resolve other.example:{port}:{server} https://other.example:{port}/",
    ),
    cause(
        "D37",
        "a filter resets on the name in the TLS ClientHello",
        "a capture on the server: it sent no RST; the same with another name works",
        "openssl s_client -connect {server}:{port} -servername other.example",
        "curl.exe -v --resolve other.example:{port}:{server} https://other.example:{port}/",
    ),
    cause(
        "D38",
        "one end does not accept the other's TLS",
        "the alert's name; what the two offer",
        "openssl s_client -connect {server}:{port} -showcerts",
        "curl.exe -v https://{server}:{port}/",
    ),
    cause(
        "D39",
        "a filter resets on a word in the request",
        "a capture on the server: it sent no RST; the same request from another network works",
        "curl -v http://{server}:{port}/",
        "curl.exe -v http://{server}:{port}/",
    ),
    cause(
        "D40",
        "the program of the side that ended it gave the connection up",
        "its log in that second; a RST with the connection's time stamps and next IP ID is its own",
        "journalctl --since -1h; ss -tieo 'sport = :{port}'",
        "Get-WinEvent -LogName Application -MaxEvents 50",
    ),
    cause(
        "D41",
        "the program closed with data unread, so its system sent a RST",
        "the request was acknowledged right before the RST; the program's log",
        "strace -f -e trace=read,recvfrom,close -p PID",
        "netsh trace start scenario=NetConnection",
    ),
    cause(
        "D42",
        "the process was killed",
        "a FIN, then bare RSTs; the system's log",
        "journalctl -k | grep -i 'killed process'",
        "Get-WinEvent -LogName System -MaxEvents 50",
    ),
    cause(
        "D43",
        "the program accepts and does not answer: it hangs or waits for others",
        "what it waits for, in a dump of its threads; its own connections",
        "gdb -p PID -batch -ex 'thread apply all bt'; ss -tnp",
        "procdump -ma PID; netstat -abno",
    ),
    cause(
        "D44",
        "the receiving program does not read",
        "its CPU and disk; its receive queue is full",
        "ss -tnm 'sport = :{port}'; top",
        "Get-Process | Sort-Object CPU -Descending | Select-Object -First 10",
    ),
    cause(
        "D45",
        "the server or a proxy closes idle connections, and the request crossed that",
        "the same round silence every time; the server's keep-alive timeout",
        "ss -tno dst {server}",
        "netsh http show timeout",
    ),
    cause(
        "D46",
        "the peer or the path is gone: keep-alives get no answer",
        "does the host answer at all now?",
        "ping {server}; tcptraceroute -n {server} {port}",
        "tnc {server} -Port {port} -TraceRoute",
    ),
    cause(
        "D47",
        "a queue on the path overflows",
        "loss and round trips grow with the load",
        "tc -s qdisc; mtr -n -T -P {port} {server}",
        "pathping {server}",
    ),
    cause(
        "D48",
        "a bad link: cable, duplex, Wi-Fi",
        "loss at any load; error counters of interfaces grow",
        "ethtool -S {interface} | grep -iE 'err|drop|crc'",
        "netstat -e; Get-NetAdapterStatistics",
    ),
    cause(
        "D49",
        "a policer cuts off above a rate",
        "loss begins exactly at some rate, round trips do not grow",
        "iperf3 -c {server} -b 50M",
        "iperf3.exe -c {server} -b 50M",
    ),
    cause(
        "D50",
        "packets are late or reordered, not lost",
        "duplicate SACKs, or both SYNs answered; several links or full queues on the path",
        "nstat -az | grep -iE 'dsack|reorder'",
        "netstat -s -p tcp",
    ),
    cause(
        "D54",
        "a protection limits how many connections one source may open",
        "the first in a second work, the rest fail",
        "conntrack -L -s {client} | wc -l; nft list ruleset | grep -i limit",
        "Get-NetTCPConnection -RemoteAddress {server} | Measure-Object",
    ),
    cause(
        "D55",
        "ports of the client or of a NAT run out and are used again too soon",
        "how many connections it holds; the same port twice within a minute",
        "ss -s; sysctl net.ipv4.ip_local_port_range",
        "netsh int ipv4 show dynamicport tcp; Get-NetTCPConnection | Measure-Object",
    ),
    cause(
        "D56",
        "somebody guesses: forged or stale RSTs",
        "data goes on after them; another TTL than their sender's",
        "tcpdump -ni {interface} -v 'tcp[tcpflags] & tcp-rst != 0 and port {port}'",
        "dumpcap -i 1 -f \"tcp[tcpflags] & tcp-rst != 0 and port {port}\" -w resets.pcapng",
    ),
];

/// Those of the catalogue with these numbers, in this order.
#[must_use]
pub fn numbered(ids: &[&str]) -> Vec<&'static Cause> {
    let known = |id: &&str| CAUSES.iter().find(|cause| cause.id == *id);
    ids.iter().filter_map(known).collect()
}

//! The words of a verdict, exactly as in reports, CSV, JSON and `explain`, each with its meaning.

use crate::base::words;

words! {
    /// How the three-way handshake went.
    Handshake {
        Completed "completed" "SYN, SYN-ACK and ACK were seen, or the rest of the flow proves them.",
        Retransmitted "retransmitted" "It completed, but only after a SYN or a SYN-ACK had been sent again.",
        Rst "rst" "The SYN was answered by a RST: refused.",
        IcmpRejected "icmp-rejected" "The SYN was answered by an ICMP error.",
        SilentlyDropped "silently-dropped" "Nothing came back, and the capture waited long enough to say so.",
        HalfOpen "half-open" "A SYN-ACK was seen, but the handshake was never finished.",
        Aborted "aborted" "One side gave up with RST or FIN before the handshake completed.",
        StalePeer "stale-peer" "The SYN was answered by a bare ACK: the peer still holds an old connection on these ports.",
        Undetermined "undetermined" "The capture cannot tell: it ends too early, shows one direction only, or is damaged.",
        NotCaptured "not-captured" "The capture starts in the middle of the connection.",
    }
}

words! {
    /// How the flow ended.
    Ending {
        Fin "fin" "Both sides closed with FIN.",
        RstClient "rst-client" "The client reset the connection.",
        RstServer "rst-server" "The server reset the connection.",
        RstInjected "rst-injected" "It was reset, and evidence says that neither end sent the RST.",
        Icmp "icmp" "An ICMP error ended it.",
        Stalled "stalled" "Data was sent again and again and never acknowledged.",
        ZeroWindow "zero-window" "The receiver closed its window and never opened it again.",
        NoResponse "no-response" "The request was acknowledged, but no answer came.",
        HalfClosed "half-closed" "One side closed, the other stayed open.",
        Open "open" "The flow was still open when the capture ended.",
        Superseded "superseded" "A new SYN took the same ports while the flow was open.",
        None "none" "It was never established.",
        Undetermined "undetermined" "The capture cannot tell.",
    }
}

words! {
    /// What a reader sorts by.
    Status {
        Ok "ok" "It worked.",
        Degraded "degraded" "It worked, but with loss, retries or stalls.",
        Failed "failed" "It failed.",
        Unknown "unknown" "The capture does not show whether it worked.",
    }
}

words! {
    /// How far the flow got.
    Stage {
        Syn "syn" "A SYN was sent.",
        Handshake "handshake" "A SYN-ACK was seen.",
        Established "established" "The handshake completed, no data yet.",
        Request "request" "The client sent data.",
        TlsHello "tls-hello" "The client sent a TLS ClientHello.",
        TlsDone "tls-done" "Both sides sent encrypted TLS data.",
        Response "response" "The server sent application data.",
        Closed "closed" "Both sides closed with FIN.",
    }
}

words! {
    /// Who is at fault, as far as the evidence goes.
    Culprit {
        ClientApp "client-app" "The client's application.",
        ClientHost "client-host" "The client's operating system.",
        ClientFilter "client-filter" "A firewall on or right at the client.",
        Path "path" "Something between the capture points, or between the capture and the server.",
        Middlebox "middlebox" "A device on the path that spoke for one of the ends.",
        ServerFilter "server-filter" "A firewall on or right at the server.",
        ServerHost "server-host" "The server's operating system.",
        ServerApp "server-app" "The server's application.",
        Capture "capture" "The capture itself.",
        Unknown "unknown" "The evidence names nobody.",
    }
}

words! {
    /// Why a verdict is not surer.
    Doubt {
        OneSided "one-sided" "Only one direction of this flow, or of all flows, was captured.",
        CaptureEndsEarly "capture-ends-early" "The capture ended while an answer could still have come.",
        CaptureCut "capture-cut" "The file ends in the middle of a packet.",
        CaptureLoss "capture-loss" "Bytes were acknowledged that the capture never saw, or it recorded drops.",
        NoReverseTraffic "no-reverse-traffic" "Not one packet from the other host is in the capture.",
        SingleSyn "single-syn" "The SYN was sent only once, so the client may just have given up early.",
        MidStream "mid-stream" "The capture starts in the middle of the connection.",
        RolesGuessed "roles-guessed" "No SYN or SYN-ACK was seen; who is client is a guess.",
        Truncated "truncated" "Packets were cut by the snaplen before the end of their TCP header.",
        SenderUncertain "sender-uncertain" "A host's own firewall or a device on the path could have sent the same packet.",
        ClockSteps "clock-steps" "The capture's clock ran backwards.",
        FinalSecond "final-second" "It happened in the last second of the capture, whose last packets may be missing.",
        SingleVantage "single-vantage" "One capture point cannot tell where on the path it happened.",
        StateLimit "state-limit" "A memory limit was reached; details of this flow were given up.",
    }
}

words! {
    /// What the application saw.
    AppError {
        ConnectionRefused "ECONNREFUSED" "connection refused",
        TimedOut "ETIMEDOUT" "connection timed out",
        ConnectionReset "ECONNRESET" "connection reset by peer",
        BrokenPipe "EPIPE" "broken pipe",
        HostUnreachable "EHOSTUNREACH" "no route to host",
        NetworkUnreachable "ENETUNREACH" "network is unreachable",
        PermissionDenied "EACCES" "permission denied",
    }
}

//! From the error message of an application to what happened on the wire.

use super::app_meanings::APP_MEANINGS;
use super::meanings::MEANINGS;
use crate::verdict::words::AppError;

/// What a family of error messages means.
#[derive(Debug)]
pub(super) struct Meaning {
    /// A heading.
    pub(super) title: &'static str,
    /// The texts, in lower case; `*` stands for anything.
    pub(super) texts: &'static [&'static str],
    /// The value of column `app_error`.
    pub(super) error: Option<AppError>,
    /// What the application saw.
    pub(super) saw: &'static str,
    /// Verdicts that lead to it: column and word.
    pub(super) verdicts: &'static [(&'static str, &'static str)],
    /// Findings and incidents behind it, by id.
    pub(super) findings: &'static [&'static str],
    /// What to capture.
    pub(super) capture: &'static str,
}

/// Everything known.
fn all() -> impl Iterator<Item = &'static Meaning> + Clone {
    MEANINGS.iter().chain(APP_MEANINGS)
}

/// What `message` means: the meaning with the longest text that stands in it, else one whose text it is a part of.
pub(super) fn find(message: &str) -> Option<&'static Meaning> {
    let message = message.to_lowercase().replace(['\u{2019}', '`'], "'");
    let message = message.trim();
    let pairs = all().flat_map(|meaning| meaning.texts.iter().map(move |text| (meaning, *text)));
    let inside = pairs
        .clone()
        .filter(|(_, text)| stands_in(text, message))
        .max_by_key(|(_, text)| text.len());
    let around = || {
        pairs
            .filter(|(_, text)| message.len() >= 4 && text.contains(message))
            .min_by_key(|(_, text)| text.len())
    };
    inside.or_else(around).map(|(meaning, _)| meaning)
}

/// Some texts, for someone whose message is not known.
pub(super) fn nearest(message: &str) -> Vec<&'static str> {
    let message = message.to_lowercase();
    let texts = all().flat_map(|meaning| meaning.texts).copied();
    super::explain::nearest(&message, texts)
}

/// Every part of `text` stands in `message`, in order, as whole words.
fn stands_in(text: &str, message: &str) -> bool {
    let mut rest = message;
    text.split('*').all(|part| match find_word(part, rest) {
        Some(end) => {
            rest = rest.get(end..).unwrap_or_default();
            true
        }
        None => false,
    })
}

/// Where `part` ends in `text`, if it stands there and no letter or digit continues it.
fn find_word(part: &str, text: &str) -> Option<usize> {
    text.match_indices(part).find_map(|(start, found)| {
        let end = start + found.len();
        let before = text.get(..start)?.chars().next_back();
        let after = text.get(end..)?.chars().next();
        let free = |outside: Option<char>, edge: Option<char>| {
            !(outside.is_some_and(char::is_alphanumeric) && edge.is_some_and(char::is_alphanumeric))
        };
        let whole = free(before, part.chars().next()) && free(after, part.chars().next_back());
        whole.then_some(end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::columns::columns;

    #[track_caller]
    fn check(message: &str, title: &str) {
        let found = find(message).map(|meaning| meaning.title);
        assert!(found.is_some_and(|found| found.contains(title)), "{message}: {found:?}");
    }

    #[test]
    fn messages_as_applications_print_them() {
        check("dial tcp 10.0.0.5:8080: i/o timeout", "no answer");
        check("read tcp 10.0.0.1:52514->10.0.0.5:8080: i/o timeout", "in time");
        check("dial tcp [::1]:443: connect: connection refused", "refused");
        check("net/http: TLS handshake timeout", "TLS handshake did not");
        check("Get \"http://x/\": context deadline exceeded", "time limit");
        check("Get \"http://x/\": EOF", "without an answer");
        check("write: broken pipe", "had ended");
        check("ConnectionRefusedError: [Errno 111] Connection refused", "refused");
        check("TimeoutError: [Errno 110] Connection timed out", "no answer");
        check("BrokenPipeError: [Errno 32] Broken pipe", "had ended");
        check("java.net.SocketTimeoutException: connect timed out", "no answer");
        check("java.net.SocketTimeoutException: Read timed out", "in time");
        check(
            "java.net.NoRouteToHostException: No route to host (Host unreachable)",
            "host cannot",
        );
        check("Error: connect EHOSTUNREACH 10.0.0.5:80", "host cannot");
        check("Error: socket hang up", "without an answer");
        check("read ECONNRESET", "was reset");
        check(
            "No connection could be made because the target machine actively refused it. (10.0.0.5:80)",
            "refused",
        );
        check(
            "connectex: A connection attempt failed because the connected party did not properly respond after a period of time, or \
             established connection failed because connected host has failed to respond.",
            "no answer",
        );
        check(
            "wsarecv: An existing connection was forcibly closed by the remote host.",
            "was reset",
        );
        check(
            "An attempt was made to access a socket in a way forbidden by its access permissions. (10013)",
            "Not allowed",
        );
        check("curl: (52) Empty reply from server", "without an answer");
        check(
            "curl: (7) Failed to connect to x port 80 after 0 ms: Connection refused",
            "refused",
        );
        check("curl: (28) Connection timed out after 5001 milliseconds", "no answer");
        check(
            "curl: (28) Operation timed out after 5001 milliseconds with 0 bytes received",
            "in time",
        );
        check(
            "curl: (35) OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to x:443",
            "during the TLS",
        );
        check(
            "curl: (35) OpenSSL SSL_connect: Connection reset by peer in connection to x:443",
            "during the TLS",
        );
        check("curl: (56) Recv failure: Connection reset by peer", "was reset");
        check(
            "error:0A000126:SSL routines::unexpected eof while reading",
            "during the TLS",
        );
        check("net::ERR_ADDRESS_UNREACHABLE", "host cannot");
        check("ERR_SSL_PROTOCOL_ERROR", "come to terms");
        check("PR_CONNECT_RESET_ERROR", "was reset");
        check(
            "nc: connect to 10.0.0.5 port 22 (tcp) failed: Network is unreachable",
            "network cannot",
        );
        check(
            "kex_exchange_identification: Connection closed by remote host",
            "without an answer",
        );
        check("ssh: connect to host x port 22: Connection timed out", "no answer");
        check("WSAECONNREFUSED", "refused");
        check("forcibly closed", "was reset");
    }

    #[test]
    fn messages_about_names_certificates_and_proxies() {
        check(
            "dial tcp: lookup db.internal on 10.0.0.53:53: no such host",
            "no such name",
        );
        check(
            "lookup db on 10.0.0.53:53: read udp 10.0.0.1:4000->10.0.0.53:53: i/o timeout",
            "no usable answer",
        );
        check("lookup db on 127.0.0.53:53: server misbehaving", "no usable answer");
        check(
            "socket.gaierror: [Errno -3] Temporary failure in name resolution",
            "no usable answer",
        );
        check("socket.gaierror: [Errno -2] Name or service not known", "no such name");
        check("getaddrinfo ENOTFOUND db.internal", "no such name");
        check("getaddrinfo EAI_AGAIN db.internal", "no usable answer");
        check("java.net.UnknownHostException: db.internal", "no such name");
        check("net::ERR_NAME_NOT_RESOLVED", "no such name");
        check("x509: certificate signed by unknown authority", "does not trust");
        check(
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate",
            "does not trust",
        );
        check(
            "PKIX path building failed: unable to find valid certification path to requested target",
            "does not trust",
        );
        check(
            "curl: (60) SSL certificate problem: self signed certificate",
            "does not trust",
        );
        check("net::ERR_CERT_AUTHORITY_INVALID", "does not trust");
        check(
            "The remote certificate is invalid according to the validation procedure.",
            "does not trust",
        );
        check(
            "remote error: tls: unknown certificate authority",
            "does not accept a certificate",
        );
        check("tlsv1 alert unknown ca", "does not accept a certificate");
        check(
            "error:14094410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure",
            "come to terms",
        );
        check(
            "javax.net.ssl.SSLHandshakeException: Received fatal alert: handshake_failure",
            "come to terms",
        );
        check("ERR_SSL_VERSION_OR_CIPHER_MISMATCH", "come to terms");
        check("http: server gave HTTP response to HTTPS client", "One end speaks TLS");
        check(
            "error:0A00010B:SSL routines::wrong version number",
            "One end speaks TLS",
        );
        check("curl: (56) CONNECT tunnel failed, response 407", "proxy did not open");
        check("net::ERR_TUNNEL_CONNECTION_FAILED", "proxy did not open");
        check("OSError: Tunnel connection failed: 403 Forbidden", "proxy did not open");
        check(
            "curl: (97) Can't complete SOCKS5 connection to db. (4)",
            "proxy did not open",
        );
        check(
            "proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused",
            "proxy itself",
        );
        check("ERROR 1040 (HY000): Too many connections", "sent the client away");
        check("FATAL: sorry, too many clients already", "sent the client away");
        check("502 Bad Gateway", "HTTP error");
        check("System.Net.Sockets.SocketException (10060)", "no answer");
        check("SocketException (11001): No such host is known.", "no such name");
        check("connect ETIMEDOUT 10.0.0.5:443", "no answer");
    }

    #[test]
    fn every_finding_named_here_has_a_page() {
        let known = |id: &str| {
            let incidents = crate::incident::catalogue().iter();
            crate::finding::catalogue()
                .iter()
                .chain(incidents)
                .any(|meta| meta.id == id)
        };
        for id in all().flat_map(|meaning| meaning.findings) {
            assert!(known(id), "{id}");
        }
        assert!(all().all(|meaning| !meaning.findings.is_empty()));
    }

    #[test]
    fn a_word_inside_another_is_no_match() {
        assert!(find("the geofence is down").is_none());
        assert!(find("flux capacitor").is_none() && find("").is_none());
    }

    #[test]
    fn every_verdict_named_here_exists() {
        let columns = columns();
        for (name, word) in all().flat_map(|meaning| meaning.verdicts) {
            let column = columns.iter().find(|column| column.name == *name).unwrap();
            assert!(column.words.iter().any(|(each, _)| each == word), "{name} {word}");
        }
    }
}

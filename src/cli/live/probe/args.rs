//! What can be typed to have the connection made as well.

use super::target::Target;
use clap::Args;

/// `--probe` and what belongs to it.
#[derive(Clone, Debug, Default, Args)]
pub struct ProbeArgs {
    /// Make the connections too, and say of each what the application saw and what the wire showed. Ends by itself.
    /// Without -i it captures on the interfaces that lead there; without --port, --host and --filter only the probe's own
    /// connections are reported. A name with several addresses: each is tried
    #[arg(long, value_name = "HOST:PORT[,...]", value_delimiter = ',', value_parser = Target::read, help_heading = "Probing")]
    pub probe: Vec<Target>,
    /// Begin a TLS handshake: send a ClientHello, and read the server's answer (ServerHello or alert). The handshake is not
    /// finished, and no certificate is looked at
    #[arg(long, requires = "probe", help_heading = "Probing")]
    pub tls: bool,
    /// The server's name to put into the ClientHello; the host of --probe, if not given
    #[arg(long, value_name = "NAME", requires = "tls", help_heading = "Probing")]
    pub sni: Option<String>,
    /// Ask for a page by HTTP/1.1, without TLS; / if no PATH is given
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "/", value_parser = path, requires = "probe", conflicts_with = "tls", help_heading = "Probing")]
    pub http: Option<String>,
    /// How often each address is tried
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u32).range(1..=10_000), requires = "probe", help_heading = "Probing")]
    pub probe_count: u32,
}

/// What may stand in a request line.
fn path(text: &str) -> Result<String, String> {
    let is_plain = text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_plain
        .then(|| text.to_owned())
        .ok_or_else(|| "a path begins with / and has neither spaces nor control characters".to_owned())
}

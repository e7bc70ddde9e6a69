//! What can be typed. What it means is decided in `plan.rs`.

use super::live::args::Live;
use crate::report::{Block, Only};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A help text that clippy would not let stand in a comment.
pub(super) const COLOR_HELP: &str = "Colours: on a terminal (unless NO_COLOR is set), always, or never";

/// Which TCP connections failed, how, who dropped them, and how sure is that?
#[derive(Debug, Parser)]
#[command(name = "whodropped", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read captures and report which connections failed, how, and by whose doing
    Analyze(Box<Analyze>),
    /// Capture now, and say what fails while it happens
    ///
    /// Files of rows are written under their own names from the start and grow: each row is there, whole, as soon as its
    /// connection has ended. A disk that is full ends the capture with one sentence and the report of what was seen
    Live(Box<Live>),
    /// List what can be captured on
    Interfaces,
    /// Say what a finding, a verdict word or an application's error message means
    Explain(Explain),
}

/// `analyze`.
#[derive(Debug, Default, Args)]
pub struct Analyze {
    /// Capture files (pcap or pcapng, also gzip, zstd, lz4 or xz); - is standard input.
    /// Several are one recording cut in pieces
    #[arg(value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,
    /// Keep connections with any of these ports
    #[arg(long = "port", value_name = "P[,P...]", value_delimiter = ',', value_parser = port, help_heading = "Selecting")]
    pub ports: Vec<u16>,
    /// Keep connections with any of these hosts
    #[arg(long = "host", value_name = "IP|CIDR[,...]", value_delimiter = ',', value_parser = Block::read, help_heading = "Selecting")]
    pub hosts: Vec<Block>,
    /// Look only at packets that match, in tcpdump's filter syntax (through libpcap, if it is installed)
    #[arg(long, value_name = "BPF", help_heading = "Selecting")]
    pub filter: Option<String>,
    /// Show connection N of the list packet by packet, with what each packet means (reads the captures twice; a
    /// pipe is copied to a temporary file, its first GiB)
    #[arg(long = "flow", value_name = "N[,N...]", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..), help_heading = "Selecting")]
    pub flows: Vec<u64>,
    /// Rows of connections, and which of them.
    #[command(flatten)]
    pub rows: Rows,
    /// Write the packets of the connections that failed, as pcapng (reads the captures twice; a pipe is copied to a
    /// temporary file in TMPDIR, its first GiB)
    #[arg(long, value_name = "F", help_heading = "Output (F may be - for standard output)")]
    pub evidence: Option<PathBuf>,
    /// Worker threads; as many as there are processors, if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Stay about below so much memory (256M, 2G): connections beyond it are counted, and not tracked
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    pub max_memory: Option<u64>,
    /// What the terminal shows, and the exit status.
    #[command(flatten)]
    pub manner: Manner,
}

/// Rows for other programs, a page for people, and which connections are in them: what `analyze` and `live` share.
#[derive(Clone, Debug, Default, Args)]
pub struct Rows {
    /// List only connections that failed, or that failed or are degraded (troubled)
    #[arg(
        long,
        value_name = "WHICH",
        value_enum,
        default_value = "all",
        help_heading = "Output (F may be - for standard output)"
    )]
    pub only: Which,
    /// Write a row per connection, as CSV
    #[arg(long, value_name = "F", help_heading = "Output (F may be - for standard output)")]
    pub csv: Option<PathBuf>,
    /// Write a row per finding, as CSV
    #[arg(long, value_name = "F", help_heading = "Output (F may be - for standard output)")]
    pub findings: Option<PathBuf>,
    /// Write what Wireshark says of single packets, as CSV
    #[arg(long, value_name = "F", help_heading = "Output (F may be - for standard output)")]
    pub marks: Option<PathBuf>,
    /// Write captures, connections and totals as JSON Lines
    #[arg(long, value_name = "F", help_heading = "Output (F may be - for standard output)")]
    pub json: Option<PathBuf>,
    /// Write the report as one HTML page, for a ticket or a mail: needs nothing but a browser
    #[arg(long, value_name = "F", help_heading = "Output (F may be - for standard output)")]
    pub html: Option<PathBuf>,
}

impl Rows {
    /// Each with its option.
    pub(super) fn named(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let all = [
            ("--csv", &self.csv),
            ("--findings", &self.findings),
            ("--marks", &self.marks),
            ("--json", &self.json),
            ("--html", &self.html),
        ];
        all.into_iter()
            .filter_map(|(option, path)| Some((option, path.as_deref()?)))
    }
}

/// What the terminal shows, and what the exit status says: what `analyze` and `live` share.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Manner {
    /// Print no report, no progress and no lines, only errors
    #[arg(short, long)]
    pub quiet: bool,
    /// Colours
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto", help = COLOR_HELP)]
    pub color: Color,
    /// Progress on standard error: when it is a terminal, or never
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub progress: Progress,
    /// Exit with 1 when a connection failed, or is at least degraded
    #[arg(long, value_name = "WHAT", value_enum, default_value = "never")]
    pub fail_on: FailOn,
}

/// Less would leave no room for connections beside the buffers.
const LEAST_MEMORY: u64 = 48 << 20;

/// A number of bytes with K, M or G behind it.
fn parse_memory(text: &str) -> Result<u64, String> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let shift = match unit.to_ascii_uppercase().trim_end_matches("IB").trim_end_matches('B') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return Err("give a size such as 256M or 2G".to_string()),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "give a size such as 256M or 2G".to_string())?;
    let bytes = number.checked_mul(1 << shift).ok_or("that is more than there can be")?;
    if bytes < LEAST_MEMORY {
        return Err("less than 48M leaves no room to work in".to_string());
    }
    Ok(bytes)
}

/// `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A finding's id or a word of a verdict
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// List all findings and all words
    #[arg(long, conflicts_with = "id")]
    pub list: bool,
    /// An error message, as the application printed it
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["id", "list"])]
    pub error: Option<String>,
    /// Colours
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto", help = COLOR_HELP)]
    pub color: Color,
}

/// `--only`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// Those that failed
    Failed,
    /// Those that failed or are degraded
    Troubled,
    /// All
    #[default]
    All,
}

impl From<Which> for Only {
    fn from(which: Which) -> Self {
        match which {
            Which::Failed => Self::Failed,
            Which::Troubled => Self::Troubled,
            Which::All => Self::All,
        }
    }
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// `--progress`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Progress {
    /// When standard error is a terminal and the work lasts
    #[default]
    Auto,
    /// Never
    Never,
}

/// `--fail-on`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A connection failed
    Failed,
    /// A connection failed or is degraded
    Degraded,
    /// Nothing
    #[default]
    Never,
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    text.trim()
        .parse()
        .map_err(|_| "a port is a number from 0 to 65535".to_owned())
}

/// The command line with `analyze` put in where someone just names a capture, as many will.
#[must_use]
pub fn with_command(mut typed: Vec<OsString>) -> Vec<OsString> {
    let Some(first) = typed.get(1) else { return typed };
    let text = first.to_string_lossy();
    if text == "analyse" {
        typed[1] = "analyze".into();
        return typed;
    }
    let option = text.starts_with("--") && !matches!(&*text, "--help" | "--version" | "--");
    let capture = text == "-" || (!text.starts_with('-') && text.contains(['.', '/', '\\']));
    if option || capture {
        typed.insert(1, "analyze".into());
    }
    typed
}

/// A clap error as one line: what is wrong, and where to look.
pub fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("these arguments make no sense");
    let mut out = first.trim_start_matches("error: ").to_owned();
    for line in lines {
        if let Some(tip) = line.strip_prefix("tip: ").filter(|tip| !tip.starts_with("to pass")) {
            out = format!("{out}; {tip}");
        } else if line.starts_with("[possible values") || out.ends_with(':') {
            out = format!("{out} {line}");
        }
    }
    format!("{out} (see whodropped --help)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(typed: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(with_command(typed.iter().map(Into::into).collect()))
    }

    #[test]
    fn a_capture_alone_is_analyzed() {
        for typed in [
            ["whodropped", "a.pcap"],
            ["whodropped", "-"],
            ["whodropped", "--quiet"],
            ["whodropped", "analyse"],
        ] {
            assert!(matches!(
                parse(&typed),
                Ok(Cli {
                    command: Command::Analyze(_)
                })
            ));
        }
        assert!(parse(&["whodropped", "analyz"]).is_err());
    }

    #[test]
    fn lists_are_split_at_commas() {
        let cli = parse(&["whodropped", "analyze", "--port", "80,443", "--host=10.0.0.0/8,::1"]).unwrap();
        let Command::Analyze(analyze) = cli.command else {
            panic!("analyze")
        };
        assert_eq!((analyze.ports, analyze.hosts.len()), (vec![80, 443], 2));
    }

    #[test]
    fn a_bad_argument_is_one_clear_sentence() {
        let cases = [
            (
                &["whodropped", "analyze", "--port", "99999"][..],
                "a port is a number from 0 to 65535",
            ),
            (
                &["whodropped", "analyze", "--host", "example.com"],
                "names are not looked up",
            ),
            (
                &["whodropped", "analyze", "--only", "bad"],
                "[possible values: failed, troubled, all]",
            ),
            (&["whodropped", "analyz"], "'analyze'"),
            (&["whodropped", "analyze", "--finding", "x"], "'--findings'"),
        ];
        for (typed, part) in cases {
            let line = one_line(&parse(typed).unwrap_err());
            assert!(line.contains(part) && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}

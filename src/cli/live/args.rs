//! What can be typed after `live`.

use super::probe::args::ProbeArgs;
use crate::cli::args::{Manner, Rows, port};
use crate::report::Block;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// `live`.
#[derive(Debug, Args)]
pub struct Live {
    /// Interface to capture on; may be given several times. `any` is all of them (Linux).
    /// `whodropped interfaces` lists them
    #[arg(
        short,
        long = "interface",
        value_name = "IFACE",
        required_unless_present = "probe",
        help_heading = "Capturing"
    )]
    pub interface: Vec<String>,
    /// `--probe` and what belongs to it.
    #[command(flatten)]
    pub probing: ProbeArgs,
    /// Capture connections with any of these ports. Whatever is selected, the filter given to the kernel also lets through
    /// what a verdict needs: ICMP errors, DNS answers, ARP and later fragments
    #[arg(long = "port", value_name = "P[,P...]", value_delimiter = ',', value_parser = port, help_heading = "Capturing")]
    pub ports: Vec<u16>,
    /// Capture connections with any of these hosts
    #[arg(long = "host", value_name = "IP|CIDR[,...]", value_delimiter = ',', value_parser = Block::read, help_heading = "Capturing")]
    pub hosts: Vec<Block>,
    /// Capture packets that match, in tcpdump's filter syntax; --port and --host apply as well
    #[arg(long, value_name = "BPF", help_heading = "Capturing")]
    pub filter: Option<String>,
    /// Give the kernel exactly what was selected: no ICMP errors, DNS or ARP besides
    #[arg(long, help_heading = "Capturing")]
    pub strict_filter: bool,
    /// Bytes kept of each packet: the default keeps all headers and the first payload bytes
    #[arg(long, value_name = "BYTES", default_value = "512", value_parser = clap::value_parser!(u32).range(64..=262_144), help_heading = "Capturing")]
    pub snaplen: u32,
    /// Size of the kernel's buffer, for each interface
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = size, help_heading = "Capturing")]
    pub buffer: u64,
    /// Capture packets for others, too (promiscuous mode)
    #[arg(long, help_heading = "Capturing")]
    pub promiscuous: bool,
    /// Do not ask this machine itself (Linux: /proc) who listens, which process owns a socket, and what its counters say
    #[arg(long, help_heading = "Capturing")]
    pub no_host: bool,
    /// Stay root. Otherwise, started through sudo, it goes on as the user that called sudo once all is open (not with
    /// --ring, which opens files later)
    #[arg(long, help_heading = "Capturing")]
    pub stay_root: bool,
    /// Stop after this time: 90, 60s, 10m, 2h
    #[arg(long = "for", value_name = "TIME", value_parser = time, help_heading = "Stopping (or Ctrl-C)")]
    pub time: Option<Duration>,
    /// Stop after so many packets
    #[arg(long, value_name = "N", help_heading = "Stopping (or Ctrl-C)")]
    pub count: Option<u64>,
    /// Stop when so many connections have failed
    #[arg(long, value_name = "N", help_heading = "Stopping (or Ctrl-C)")]
    pub until_failures: Option<u64>,
    /// Record what is captured, as pcapng
    #[arg(long, value_name = "F", help_heading = "Output (F may be - for standard output)")]
    pub write: Option<PathBuf>,
    /// Record into so many files of this size in turn, named after F: 10x100M
    #[arg(long, value_name = "NxSIZE", value_parser = ring, requires = "write", help_heading = "Output (F may be - for standard output)")]
    pub ring: Option<(u32, u64)>,
    /// Write the packets of the connections that failed, as pcapng, at the end. They are read from the recording of --write,
    /// or else, as far as they are in its first GiB, from a temporary file (TMPDIR) that holds the beginning of the capture
    #[arg(long, value_name = "F", help_heading = "Output (F may be - for standard output)")]
    pub evidence: Option<PathBuf>,
    /// Rows of connections, and which of them.
    #[command(flatten)]
    pub rows: Rows,
    /// Worker threads; one, if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), default_value = "1")]
    pub threads: u16,
    /// What the terminal shows, and the exit status.
    #[command(flatten)]
    pub manner: Manner,
}

/// `100M`, `64k`, `1G`, or bytes.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || "a size is a number, with k, M or G behind it if need be".to_owned();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let shift = match unit.trim().trim_end_matches(['B', 'b']) {
        "" => 0,
        "k" | "K" => 10,
        "M" | "m" => 20,
        "G" | "g" => 30,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number
        .checked_mul(1 << shift)
        .filter(|&size| size > 0)
        .ok_or_else(wrong)
}

/// `90`, `60s`, `1.5m`, `2h`.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || "a time is a number of seconds, or 60s, 10m, 2h, 1d".to_owned();
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let seconds = match unit {
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * seconds)
        .ok()
        .filter(|time| !time.is_zero())
        .ok_or_else(wrong)
}

/// `10x100M`.
fn ring(text: &str) -> Result<(u32, u64), String> {
    let wrong = || "a ring is a number of files and their size: 10x100M".to_owned();
    let (files, bytes) = text.split_once('x').ok_or_else(wrong)?;
    let files = files.parse().ok().filter(|&files| files > 1).ok_or_else(wrong)?;
    Ok((files, size(bytes)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_times_and_rings_as_people_write_them() {
        assert_eq!(
            (size("512"), size("64k"), size("100M"), size("2GB")),
            (Ok(512), Ok(65_536), Ok(100 << 20), Ok(2 << 30))
        );
        assert!(size("M").is_err() && size("0").is_err() && size("1x").is_err());
        let seconds = |text| time(text).map(|time| time.as_secs());
        assert_eq!(
            (seconds("60s"), seconds("90"), seconds("1.5m"), seconds("2h")),
            (Ok(60), Ok(90), Ok(90), Ok(7200))
        );
        assert!(time("soon").is_err() && time("0").is_err() && time("-3").is_err());
        assert_eq!(ring("10x100M"), Ok((10, 100 << 20)));
        assert!(ring("1x100M").is_err() && ring("100M").is_err());
    }
}

//! What the command line means: arguments to a checked plan.

use super::args::{Analyze, Color, FailOn, Progress};
use super::pieces::{Twice, is_file};
use crate::report::file::is_stdout;
use crate::report::text::plain;
use crate::report::{Only, Selection};
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What `analyze` will do.
#[derive(Debug)]
pub struct Plan {
    /// The captures, in order; `-` is standard input.
    pub captures: Vec<PathBuf>,
    /// Which connections are looked at.
    pub selection: Selection,
    /// Which packets are looked at, in libpcap's syntax.
    pub filter: Option<String>,
    /// Which of them are listed.
    pub only: Only,
    /// Connections that are shown packet by packet.
    pub flows: Vec<u64>,
    /// Where the flows CSV goes.
    pub csv: Option<PathBuf>,
    /// Where the findings CSV goes.
    pub findings: Option<PathBuf>,
    /// Where the marks CSV goes.
    pub marks: Option<PathBuf>,
    /// Where the JSON Lines go.
    pub json: Option<PathBuf>,
    /// Where the HTML page goes.
    pub html: Option<PathBuf>,
    /// Where the packets of failed connections go.
    pub evidence: Option<PathBuf>,
    /// Print the terminal report.
    pub report: bool,
    /// Show progress, if standard error is a terminal.
    pub progress: bool,
    /// Colours on the terminal report.
    pub color: Color,
    /// Worker threads; `None` for as many as there are processors.
    pub threads: Option<usize>,
    /// Bytes of memory to stay below, about.
    pub max_memory: Option<u64>,
    /// What makes the exit status 1.
    pub fail_on: FailOn,
}

impl Plan {
    /// Checks what was typed. `piped` tells that standard input is not a terminal.
    ///
    /// # Errors
    /// One sentence with what is wrong.
    pub fn new(args: Analyze, piped: bool) -> Result<Self> {
        let captures = match (args.captures.is_empty(), piped) {
            (false, _) => args.captures,
            (true, true) => vec![PathBuf::from("-")],
            (true, false) => bail!("no capture given: name a file, or pipe one in (whodropped analyze capture.pcap)"),
        };
        check_captures(&captures)?;
        let evidence = args.evidence.as_deref().map(|path| ("--evidence", path));
        let outputs: Vec<_> = args.rows.named().chain(evidence).collect();
        check_outputs(&outputs, &captures)?;
        let to_stdout = outputs.iter().any(|(_, path)| is_stdout(path));
        Ok(Self {
            captures,
            selection: Selection {
                ports: args.ports,
                hosts: args.hosts,
            },
            filter: args.filter,
            only: args.rows.only.into(),
            flows: args.flows,
            csv: args.rows.csv,
            findings: args.rows.findings,
            marks: args.rows.marks,
            json: args.rows.json,
            html: args.rows.html,
            evidence: args.evidence,
            report: !args.manner.quiet && !to_stdout,
            progress: !args.manner.quiet && args.manner.progress == Progress::Auto,
            color: args.manner.color,
            threads: args.threads.map(usize::from),
            max_memory: args.max_memory,
            fail_on: args.manner.fail_on,
        })
    }

    /// All captures are files, which can be read once more by another run.
    #[must_use]
    pub fn are_files(&self) -> bool {
        self.captures.iter().all(|path| is_file(path))
    }

    /// What the captures are read a second time for.
    pub(super) fn twice(&self) -> Twice {
        if !self.flows.is_empty() || self.evidence.is_some() {
            Twice::Yes
        } else if self.html.is_some() {
            Twice::IfPossible
        } else {
            Twice::No
        }
    }
}

/// Every capture can be there: better said now than after an hour of reading the ones before it.
fn check_captures(captures: &[PathBuf]) -> Result<()> {
    if captures.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        bail!("standard input (-) can be read only once");
    }
    for path in captures.iter().filter(|path| path.as_os_str() != "-") {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => bail!(
                "{}: is a directory; name the capture files in it ({})",
                path.display(),
                path.join("*.pcap").display()
            ),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                bail!("{}: {}; check the path", path.display(), plain(&error))
            }
            Err(error) => bail!("{}: {}", path.display(), plain(&error)),
        }
    }
    named_twice(captures)
}

/// A piece of a recording that is read twice would show every packet twice.
fn named_twice(captures: &[PathBuf]) -> Result<()> {
    let mut known = BTreeMap::new();
    for path in captures {
        let Some(place) = same(path) else { continue };
        if let Some(before) = known.insert(place, path) {
            bail!(
                "{} and {} are the same capture; name each once",
                before.display(),
                path.display()
            );
        }
    }
    Ok(())
}

pub(super) fn check_outputs(outputs: &[(&str, &Path)], captures: &[PathBuf]) -> Result<()> {
    let inputs: Vec<_> = captures
        .iter()
        .filter(|path| !is_stdout(path))
        .filter_map(|path| same(path))
        .collect();
    for (index, (option, path)) in outputs.iter().enumerate() {
        if path.as_os_str().is_empty() {
            bail!("{option} needs a file name, or - for standard output");
        }
        let Some(place) = same(path) else { continue };
        if inputs.contains(&place) {
            bail!("{option} {} would overwrite the capture that is read", path.display());
        }
        let before = outputs
            .iter()
            .take(index)
            .find(|(_, other)| same(other) == Some(place.clone()));
        if let Some((other, _)) = before {
            let place = if is_stdout(path) {
                "standard output".to_owned()
            } else {
                path.display().to_string()
            };
            bail!("{other} and {option} cannot both go to {place}");
        }
    }
    Ok(())
}

/// What makes two names the same place; `None` for devices and pipes, which many may use.
fn same(path: &Path) -> Option<PathBuf> {
    if is_stdout(path) {
        return Some(PathBuf::from("-"));
    }
    match fs::metadata(path) {
        Ok(meta) if meta.is_file() => fs::canonicalize(path).ok(),
        Ok(_) => None,
        Err(_) => {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = fs::canonicalize(parent.unwrap_or(Path::new("."))).ok()?;
            Some(parent.join(path.file_name()?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Rows;

    fn args(csv: Option<&str>, json: Option<&str>) -> Analyze {
        Analyze {
            captures: vec!["Cargo.toml".into()],
            rows: Rows {
                csv: csv.map(Into::into),
                json: json.map(Into::into),
                ..Rows::default()
            },
            ..Analyze::default()
        }
    }

    #[track_caller]
    fn refused(args: Analyze, why: &str) {
        let error = Plan::new(args, false).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn two_outputs_cannot_share_a_place() {
        refused(args(Some("-"), Some("-")), "both go to standard output");
        refused(args(Some("-"), Some("/dev/stdout")), "both go to standard output");
        refused(args(Some("x.out"), Some("./x.out")), "both go to ./x.out");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_may_take_several() {
        assert!(Plan::new(args(Some("/dev/null"), Some("/dev/null")), false).is_ok());
    }

    #[test]
    fn an_input_is_never_overwritten() {
        refused(args(Some("./Cargo.toml"), None), "would overwrite the capture");
    }

    #[test]
    fn standard_output_carries_one_thing() {
        assert!(!Plan::new(args(Some("-"), None), false).unwrap().report);
        assert!(Plan::new(args(Some("x.out"), None), false).unwrap().report);
    }

    #[test]
    fn captures_that_cannot_be_read_are_named() {
        let with = |captures: &[&str]| Analyze {
            captures: captures.iter().map(Into::into).collect(),
            ..Analyze::default()
        };
        refused(with(&[]), "no capture given");
        // Windows has its own words.
        let reason = if cfg!(unix) { "No such file" } else { "" };
        refused(with(&["nowhere.pcap"]), &format!("nowhere.pcap: {reason}"));
        refused(with(&["src"]), "is a directory");
        refused(with(&["-", "-"]), "only once");
        let piped = Plan::new(with(&[]), true).unwrap();
        assert_eq!(piped.captures, [PathBuf::from("-")]);
    }
}

//! `--html`: the page for a ticket, with a connection of each kind packet by packet where the captures can be read again.

use super::live::args::Live;
use super::pieces::Pieces;
use super::plan::Plan;
use crate::analyzer::Wanted;
use crate::report::file::Output;
use crate::report::html::Look;
use crate::report::{Block, FlowRow, Html, Ladder, Only};
use anyhow::Result;
use std::ffi::OsStr;
use std::sync::atomic::AtomicBool;

/// Packets that are read again in a second or two.
const CHEAP: u64 = 4_000_000;
/// Connections shown packet by packet.
const LADDERS: usize = 12;
/// A connection with more packets is not: 300 bytes each.
const LONGEST: u64 = 20_000;

/// The page's settings for `analyze`.
pub(super) fn look(plan: &Plan) -> Look {
    let mut command = Line::new("analyze");
    command.selection(&plan.selection.ports, &plan.selection.hosts);
    if let Some(filter) = &plan.filter {
        command.option("--filter", filter);
    }
    let mut again = command.clone();
    command.only(plan.only);
    if let Some(bytes) = plan.max_memory {
        command.option("--max-memory", &bytes.to_string());
    }
    for line in [&mut command, &mut again] {
        plan.captures.iter().for_each(|path| line.word(path.as_os_str()));
    }
    Look {
        only: plan.only,
        selected: !plan.selection.is_everything(),
        command: command.0,
        again: plan.are_files().then_some(again.0),
    }
}

/// The page's settings for `live`.
pub(super) fn look_live(args: &Live) -> Look {
    let mut command = Line::new("live");
    args.interface.iter().for_each(|name| command.option("-i", name));
    let probing = &args.probing;
    if !probing.probe.is_empty() {
        let targets: Vec<String> = probing.probe.iter().map(ToString::to_string).collect();
        command.option("--probe", &targets.join(","));
        command.option("--probe-count", &probing.probe_count.to_string());
    }
    if probing.tls {
        command.word("--tls");
    }
    if let Some(name) = &probing.sni {
        command.option("--sni", name);
    }
    if let Some(path) = &probing.http {
        command.option("--http", path);
    }
    command.selection(&args.ports, &args.hosts);
    if let Some(filter) = &args.filter {
        command.option("--filter", filter);
    }
    if args.strict_filter {
        command.word("--strict-filter");
    }
    let only: Only = args.rows.only.into();
    command.only(only);
    let again = args.write.as_ref().filter(|_| args.ring.is_none()).map(|path| {
        let mut again = Line::new("analyze");
        again.selection(&args.ports, &args.hosts);
        again.word(path.as_os_str());
        again.0
    });
    Look {
        only,
        selected: !(args.ports.is_empty() && args.hosts.is_empty() && probing.probe.is_empty()),
        command: command.0,
        again,
    }
}

/// Reads the captures again, if that is cheap, and writes the page.
///
/// # Errors
/// One sentence, where the file cannot be written.
pub(super) fn write(html: Html<Output>, packets: u64, pieces: &Pieces, plan: &Plan, stop: &AtomicBool) -> Result<()> {
    let is_cheap = packets <= CHEAP || pieces.are_spooled();
    let told = is_cheap.then(|| ladders(&html, pieces, plan.filter.as_deref(), stop));
    html.write(&told.unwrap_or_default())?.commit()?;
    Ok(())
}

/// A connection of each kind packet by packet, as far as its packets can be read again. Of the others, the page says how to
/// see them.
pub(super) fn ladders(html: &Html<Output>, pieces: &Pieces, filter: Option<&str>, stop: &AtomicBool) -> Vec<Ladder> {
    let short = |row: &&FlowRow| row.client_side.packets + row.server_side.packets <= LONGEST;
    let mut rows: Vec<&FlowRow> = html.examples().into_iter().filter(short).take(LADDERS).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    rows.sort_by_key(|row| row.flow);
    let mut wanted = Wanted::default();
    for row in &rows {
        wanted.add(row);
    }
    let mut ladders: Vec<Ladder> = rows.iter().map(|row| Ladder::new((*row).clone())).collect();
    let reached = pieces.read_again(filter, wanted, stop, &mut |found| {
        if let Ok(place) = ladders.binary_search_by_key(&found.flow, Ladder::flow) {
            ladders[place].on(found.heard);
        }
        Ok(())
    });
    let Ok(reached) = reached else { return Vec::new() };
    let told = rows.iter().zip(ladders);
    told.filter(|(row, _)| reached.has(row.last_packet))
        .map(|(_, ladder)| ladder)
        .collect()
}

/// A command line as a shell takes it.
#[derive(Clone)]
struct Line(String);

impl Line {
    fn new(command: &str) -> Self {
        Self(format!("whodropped {command}"))
    }

    fn word(&mut self, word: impl AsRef<OsStr>) {
        let word = word.as_ref().to_string_lossy();
        let plain = |each: char| each.is_ascii_alphanumeric() || "_./:=@%+,-".contains(each);
        self.0.push(' ');
        if !word.is_empty() && word.chars().all(plain) {
            self.0.push_str(&word);
        } else {
            self.0.push('\'');
            self.0.push_str(&word.replace('\'', "'\\''"));
            self.0.push('\'');
        }
    }

    fn option(&mut self, name: &str, value: &str) {
        self.word(name);
        self.word(value);
    }

    fn selection(&mut self, ports: &[u16], hosts: &[Block]) {
        if !ports.is_empty() {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            self.option("--port", &ports.join(","));
        }
        if !hosts.is_empty() {
            let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
            self.option("--host", &hosts.join(","));
        }
    }

    fn only(&mut self, only: Only) {
        match only {
            Only::All => {}
            Only::Troubled => self.option("--only", "troubled"),
            Only::Failed => self.option("--only", "failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Analyze;

    #[test]
    fn the_command_line_is_what_the_result_depends_on() {
        let args = Analyze {
            captures: vec!["Cargo.toml".into(), "LICENSE-MIT".into()],
            ports: vec![80, 443],
            hosts: vec![Block::read("10.0.0.0/8").unwrap(), Block::read("::1").unwrap()],
            filter: Some("tcp and not 'x'".to_owned()),
            threads: Some(3),
            ..Analyze::default()
        };
        let look = look(&Plan::new(args, false).unwrap());
        assert_eq!(
            look.command,
            "whodropped analyze --port 80,443 --host 10.0.0.0/8,::1 --filter 'tcp and not '\\''x'\\''' \
             Cargo.toml LICENSE-MIT"
        );
        assert_eq!(look.again, Some(look.command));
        assert!(look.selected);
        let piped = Analyze::default();
        assert_eq!(super::look(&Plan::new(piped, true).unwrap()).again, None);
    }
}

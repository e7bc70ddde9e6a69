//! Makes captures of generated traffic: `traffic SHAPE --out FILE [--truth FILE] [--scale X] [--seed N]`, and checks
//! answers against the truth: `traffic check --truth FILE --csv FLOWS.csv`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

#[path = "mod.rs"]
#[expect(dead_code, reason = "tests and benches use the rest")]
mod traffic;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use traffic::shapes::{self, Shape, scaled};
use traffic::strange::{self, Strange};
use traffic::truth::compare;
use traffic::writer::Writer;

const USAGE: &str = "usage: traffic mixed|many|flood|elephants|disorder|duplicates|sack|reuse|ports|abreast-N --out FILE \
[--truth FILE] [--scale X] [--seed N]\n       traffic check --truth FILE --csv FILE";

#[derive(Default)]
struct Arguments {
    what: String,
    out: Option<String>,
    truth: Option<String>,
    csv: Option<String>,
    scale: Option<f64>,
    seed: Option<u64>,
}

fn main() -> ExitCode {
    let Some(arguments) = read_arguments() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let done = if arguments.what == "check" {
        check(&arguments)
    } else {
        generate(&arguments).map(|()| true)
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn read_arguments() -> Option<Arguments> {
    let mut words = std::env::args().skip(1);
    let mut arguments = Arguments {
        what: words.next()?,
        ..Arguments::default()
    };
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--out" => arguments.out = Some(value),
            "--truth" => arguments.truth = Some(value),
            "--csv" => arguments.csv = Some(value),
            "--scale" => arguments.scale = Some(value.parse().ok()?),
            "--seed" => arguments.seed = Some(value.parse().ok()?),
            _ => return None,
        }
    }
    Some(arguments)
}

fn named(name: Option<&String>) -> io::Result<&String> {
    name.ok_or_else(|| io::Error::other(USAGE))
}

fn generate(arguments: &Arguments) -> io::Result<()> {
    let (scale, seed) = (arguments.scale.unwrap_or(1.0), arguments.seed.unwrap_or(1));
    let file = BufWriter::with_capacity(1 << 20, File::create(named(arguments.out.as_ref())?)?);
    let mut capture = Writer::new(file)?;
    let mut truth: Box<dyn Write> = match &arguments.truth {
        Some(path) => Box::new(BufWriter::new(File::create(path)?)),
        None => Box::new(io::sink()),
    };
    if let Some(what) = Strange::named(&arguments.what) {
        strange::write(what, scaled(1_000_000, scale), seed, &mut capture, &mut truth)?;
    } else {
        let shape = match arguments.what.as_str() {
            "mixed" => Shape::mixed(scale, seed),
            "many" => Shape::many(scale, seed),
            "flood" => Shape::flood(scale, seed),
            "elephants" => Shape::elephants(scale, seed),
            _ => return Err(io::Error::other(USAGE)),
        };
        shapes::write(shape, &mut capture, &mut truth)?;
    }
    truth.flush()?;
    let (packets, bytes) = (capture.packets, capture.bytes);
    capture.finish()?;
    println!(
        "{packets} packets, {bytes} bytes, {} bytes a packet",
        bytes / packets.max(1) - 16
    );
    Ok(())
}

/// Says how many flows are judged right, and shows those that are not.
fn check(arguments: &Arguments) -> io::Result<bool> {
    let truth = File::open(named(arguments.truth.as_ref())?)?;
    let csv = File::open(named(arguments.csv.as_ref())?)?;
    let comparison = compare(truth, csv).map_err(io::Error::other)?;
    comparison.wrong.iter().take(200).for_each(|line| println!("{line}"));
    println!("{} right, {} wrong", comparison.right, comparison.wrong.len());
    Ok(comparison.wrong.is_empty())
}

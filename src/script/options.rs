//! The `<mss 1460,sackOK,…>` part of a packet line.

use super::Read;
use crate::base::Seq;
use crate::wire::Options;
use std::fmt::Write;
use std::str::FromStr;

/// Reads what stands between `<` and `>`. SACK edges count from `peer`, the ISN of the side whose bytes they name.
pub(super) fn read_options(text: &str, peer: Seq) -> Read<Options> {
    let mut options = Options::default();
    for item in text.split(',') {
        let words: Vec<&str> = item.split_whitespace().collect();
        match words.as_slice() {
            [] | ["nop" | "eol"] | ["MD5" | "md5", ..] => {}
            ["mss", size] => options.mss = Some(number(size)?),
            ["wscale", shift] => options.window_scale = Some(number(shift)?),
            ["sackOK"] => options.sack_permitted = true,
            ["TS", "val", value, "ecr", echo] => options.timestamps = Some((number(value)?, number(echo)?)),
            ["sack", first] => options.sack = Some(edges(first, peer)?),
            ["sack", first, second] => {
                options.sack = Some(edges(first, peer)?);
                options.second_sack = Some(edges(second, peer)?);
            }
            ["FO", ..] | ["tfo"] => options.fast_open_cookie = true,
            ["mptcp"] => options.multipath = true,
            ["damaged"] => options.damaged = true,
            _ => return Err(format!("unknown option `{}`", item.trim())),
        }
    }
    Ok(options)
}

/// Writes options as they are read; empty for none.
pub(super) fn write_options(options: &Options, peer: Seq) -> String {
    let mut items = Vec::new();
    if let Some(size) = options.mss {
        items.push(format!("mss {size}"));
    }
    if options.sack_permitted {
        items.push("sackOK".to_string());
    }
    if let Some((value, echo)) = options.timestamps {
        items.push(format!("TS val {value} ecr {echo}"));
    }
    if let Some(shift) = options.window_scale {
        items.push(format!("wscale {shift}"));
    }
    if let Some((left, right)) = options.sack {
        let mut sack = format!("sack {}:{}", relative(left, peer), relative(right, peer));
        if let Some((left, right)) = options.second_sack {
            // Writing to a String cannot fail.
            let _ = write!(sack, " {}:{}", relative(left, peer), relative(right, peer));
        }
        items.push(sack);
    }
    let words = [
        (options.fast_open_cookie, "tfo"),
        (options.multipath, "mptcp"),
        (options.damaged, "damaged"),
    ];
    items.extend(
        words
            .iter()
            .filter(|(set, _)| *set)
            .map(|(_, word)| (*word).to_string()),
    );
    items.join(",")
}

fn edges(text: &str, peer: Seq) -> Read<(Seq, Seq)> {
    let (left, right) = text
        .split_once(':')
        .ok_or_else(|| format!("`{text}` is not left:right"))?;
    Ok((peer.plus(offset(left)?), peer.plus(offset(right)?)))
}

/// A number of any width, or what is wrong with it.
pub(super) fn number<T: FromStr>(text: &str) -> Read<T> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a number that fits here"))
}

/// A relative sequence number: up to 2^32 - 1, and for bytes before the first one down to -2^31.
pub(super) fn offset(text: &str) -> Read<u32> {
    match number::<i64>(text)? {
        value @ -0x8000_0000..=0xffff_ffff => Ok(value as u32),
        _ => Err(format!("`{text}` is not a sequence number")),
    }
}

/// A sequence number as a script says it: small negative numbers as such.
pub(super) fn relative(seq: Seq, base: Seq) -> i64 {
    match seq.since(base) {
        back @ -0xffff..0 => i64::from(back),
        _ => i64::from(seq.minus(base.0).0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_comes_back() {
        let text = "mss 1460,sackOK,TS val 100 ecr 0,wscale 7,sack 1:2 -5:4000000000,tfo,mptcp,damaged";
        let peer = Seq(u32::MAX - 3);
        let options = read_options(text, peer).unwrap();
        assert_eq!(options.sack, Some((peer.plus(1), peer.plus(2))));
        assert_eq!(write_options(&options, peer), text);
        assert_eq!(write_options(&Options::default(), peer), "");
    }

    #[test]
    fn padding_means_nothing_and_nonsense_is_said() {
        assert_eq!(read_options("nop,nop, eol,MD5 abc,", Seq(0)), Ok(Options::default()));
        for bad in ["mss", "mss 70000", "wscale x", "sack 1", "TS val 1", "what"] {
            assert!(read_options(bad, Seq(0)).is_err(), "{bad}");
        }
        assert!(offset("4294967296").is_err() && offset("-2147483649").is_err());
    }
}

//! What a page has to be: well-formed, closed to the world, harmless, bounded, readable.

use super::page::{POLICY, SCRIPT, STYLE};
use super::*;
use crate::base::{Span, Stamp};
use crate::incident::{Incident, Sources, Timeline};
use crate::report::probe::{Attempt, Wire};
use crate::report::sample::{self, NOON};
use data_encoding::BASE64;
use sha2::{Digest, Sha256};

const HOSTILE: &str =
    "</script></style></title>\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\u{202e}\u{0}\n";

fn page(look: Look, rows: &[FlowRow]) -> String {
    let mut html = Html::new(Vec::new(), look);
    sample::play(&mut html, rows);
    String::from_utf8(html.write(&[]).unwrap()).unwrap()
}

/// Every tag that is opened is closed in order, every attribute stands between quotes. Returns the names of all tags.
#[track_caller]
fn tags(page: &str) -> Vec<String> {
    const VOID: [&str; 3] = ["meta", "input", "br"];
    let mut open: Vec<String> = Vec::new();
    let mut names = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a doctype");
    while let Some(start) = rest.find('<') {
        assert!(!rest[..start].contains('>'), "a stray >: {}", &rest[..start]);
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed in order");
            continue;
        }
        let name: String = tag.chars().take_while(|each| !each.is_whitespace()).collect();
        assert!(name.chars().all(|each| each.is_ascii_alphanumeric()), "<{tag}>");
        let attributes = &tag[name.len()..];
        let mut keys: Vec<&str> = attributes
            .split('"')
            .step_by(2)
            .map(str::trim)
            .filter(|key| !key.is_empty())
            .collect();
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all, "an attribute stands twice in <{tag}>");
        for (index, part) in attributes.split('"').enumerate() {
            let is_value = index % 2 == 1;
            let is_name = |each: char| each.is_ascii_alphanumeric() || "-= ".contains(each);
            assert!(is_value || part.chars().all(is_name), "<{tag}>");
            let words = part.split_whitespace().map(|word| word.trim_end_matches('='));
            let is_script = |word: &str| word.starts_with("on") || word == "style" || word == "src";
            assert!(is_value || !words.clone().any(is_script), "<{tag}>");
        }
        if matches!(&*name, "style" | "script") {
            let end = rest.find(&format!("</{name}>")).expect("it ends");
            rest = &rest[end..];
        }
        if !VOID.contains(&&*name) {
            open.push(name.clone());
        }
        names.push(name);
    }
    assert_eq!(open, Vec::<String>::new());
    names
}

fn of_all_kinds() -> Vec<FlowRow> {
    let mut unknown = sample::row(3);
    (unknown.status, unknown.cause) = (Status::Unknown, None);
    let mut degraded = sample::row(4);
    degraded.status = Status::Degraded;
    vec![sample::row(1), sample::fine(2), unknown, degraded]
}

#[test]
fn a_page_is_well_formed_and_has_one_style_and_one_script() {
    for rows in [vec![], vec![sample::fine(1)], of_all_kinds()] {
        let tags = tags(&page(Look::default(), &rows));
        for once in ["html", "head", "body", "title", "h1", "main", "style", "script"] {
            assert_eq!(tags.iter().filter(|tag| *tag == once).count(), 1, "{once}");
        }
    }
}

#[test]
fn nothing_hostile_becomes_markup() {
    let mut rows = of_all_kinds();
    for row in &mut rows {
        row.name = Some(HOSTILE.to_owned());
        row.summary = HOSTILE.to_owned();
        row.capture = HOSTILE.into();
    }
    let look = Look {
        command: HOSTILE.to_owned(),
        again: Some(HOSTILE.to_owned()),
        ..Look::default()
    };
    let mut html = Html::new(Vec::new(), look);
    let mut info = sample::info(HOSTILE);
    info.format = HOSTILE.to_owned();
    info.health.broken_compression = Some(HOSTILE.to_owned());
    let captures = [CaptureHead {
        info: &info,
        packets_before: 0,
        skipped: &[],
    }];
    sample::play_with(&mut html, &sample::head(&captures), &rows, &[&sample::SYN_SILENT]);
    let mut incident = Incident::new(
        &sample::SYN_SILENT,
        HOSTILE.to_owned(),
        (NOON, NOON),
        HOSTILE.to_owned(),
    );
    incident.contrast = vec![HOSTILE.to_owned()];
    incident.candidates = vec![HOSTILE.to_owned()];
    incident.next = HOSTILE.to_owned();
    html.incident(&incident).unwrap();
    let attempt = Attempt {
        number: 1,
        of: 1,
        target: HOSTILE.to_owned(),
        server: None,
        client_port: None,
        began: NOON,
        ended: NOON,
        steps: Vec::new(),
    };
    let probe = ProbeReport {
        attempt,
        wire: Wire::Unwatched,
        names: Some(HOSTILE.to_owned()),
        host: Some(HOSTILE.to_owned()),
        together: None,
    };
    html.probe(&probe).unwrap();
    let tail = Tail {
        limits: vec![HOSTILE.to_owned()],
        time: Some(Timeline::new(NOON, NOON + Span::from_secs(9))),
        ..Tail::default()
    };
    html.end(&tail).unwrap();
    let page = String::from_utf8(html.write(&[]).unwrap()).unwrap();
    let tags = tags(&page);
    assert_eq!(tags.iter().filter(|tag| *tag == "script").count(), 1);
    assert!(!tags.contains(&"img".to_owned()));
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert!(!page.contains('\u{202e}') && !page.contains('\0'));
}

#[test]
fn the_policy_allows_just_what_is_there() {
    for (name, text) in [("style", STYLE), ("script", SCRIPT)] {
        // A browser reads CRLF as LF, before it looks at the hash.
        let text = text.replace("\r\n", "\n");
        let hash = BASE64.encode(&Sha256::digest(text.as_bytes()));
        assert!(
            POLICY.contains(&format!("{name}-src 'sha256-{hash}'")),
            "{name}: {hash}"
        );
    }
    assert!(POLICY.starts_with("default-src 'none'; "));
    let page = page(Look::default(), &of_all_kinds());
    assert!(page.contains(&format!("content=\"{POLICY}\"")));
    for outside in [
        "http://", "https://", "url(", "@import", "//cdn", "<link", "<iframe", "<object", "<base",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn only_the_first_thousand_are_listed_failed_before_degraded() {
    let mut rows: Vec<FlowRow> = (1..=1500).map(sample::row).collect();
    for row in rows.iter_mut().step_by(3) {
        row.status = Status::Degraded;
    }
    rows.extend((1501..=1900).map(sample::row));
    let page = page(Look::default(), &rows);
    assert!(
        page.contains("The first 1,000, failed before degraded; 900 more"),
        "the rest is counted"
    );
    let table = &page[page.find("id=\"flows\"").unwrap()..];
    let table = &table[..table.find("</table>").unwrap()];
    assert_eq!(table.matches("<tr>").count(), 1 + 1000);
    assert!(!table.contains("status degraded"));
}

#[test]
fn only_what_is_asked_for_is_listed_and_all_is_counted() {
    let look = |only| Look {
        only,
        ..Look::default()
    };
    let failed = page(look(Only::Failed), &of_all_kinds());
    assert!(failed.contains("<strong>1</strong> degraded"));
    assert!(!failed.contains("status degraded") && !failed.contains("id=\"unknown\""));
    let all = page(look(Only::All), &of_all_kinds());
    assert!(all.contains("status degraded") && all.contains("id=\"unknown\""));
}

#[test]
fn the_headline_says_how_bad_it_is() {
    let headline = |rows: &[FlowRow]| {
        let page = page(Look::default(), rows);
        let start = page.find("<h1>").unwrap() + 4;
        page[start..start + page[start..].find("</h1>").unwrap()].to_owned()
    };
    let [failed, fine, unknown, degraded] = &of_all_kinds()[..] else {
        panic!("four kinds")
    };
    let one = |row: &FlowRow| headline(std::slice::from_ref(row));
    assert_eq!(headline(&[]), "No TCP connection");
    assert_eq!(one(failed), "The one TCP connection failed");
    assert_eq!(one(fine), "The one TCP connection worked");
    assert_eq!(one(degraded), "The one TCP connection worked, but badly");
    assert_eq!(one(unknown), "No TCP connection is known to have failed");
    assert_eq!(headline(&of_all_kinds()), "1 of 4 TCP connections failed");
    assert_eq!(headline(&[fine.clone(), fine.clone()]), "All 2 TCP connections worked");
    assert_eq!(
        headline(&[fine.clone(), degraded.clone()]),
        "1 of 2 TCP connections worked, but badly"
    );
    assert_eq!(
        headline(&[fine.clone(), unknown.clone()]),
        "No TCP connection is known to have failed"
    );
}

#[test]
fn an_incident_is_told_and_drawn_where_it_was() {
    let mut html = Html::new(Vec::new(), Look::default());
    sample::play(&mut html, &[sample::row(1), sample::row(2)]);
    let range = (NOON + Span::from_secs(10), NOON + Span::from_secs(20));
    let summary = "Every connection to 10.0.0.5:8080 is silently dropped.".to_owned();
    let mut incident = Incident::new(&sample::SYN_SILENT, "10.0.0.5:8080".to_owned(), range, summary);
    (incident.failed, incident.attempts) = (6, 8);
    incident.sources = Sources {
        listed: vec!["192.168.1.20".parse().unwrap()],
        count: 3,
        more: false,
    };
    html.incident(&incident).unwrap();
    let tail = Tail {
        time: Some(Timeline::new(NOON, NOON + Span::from_secs(30))),
        ..Tail::default()
    };
    html.end(&tail).unwrap();
    let page = String::from_utf8(html.write(&[]).unwrap()).unwrap();
    assert!(page.contains("12:35:06 to 12:35:16 UTC") && page.contains("6 of 8 in that time"));
    assert!(page.contains("192.168.1.20 and 2 more"));
    // The plot is 928 wide and 30.2 s long.
    assert!(page.contains("<g class=\"band\"><rect x=\"307.3\""), "{page}");
    tags(&page);
}

#[test]
fn the_longest_and_the_shortest_recording_can_be_drawn() {
    for (first, last) in [(Stamp(i64::MIN), Stamp(i64::MAX)), (NOON, NOON), (Stamp(0), Stamp(1))] {
        let mut html = Html::new(Vec::new(), Look::default());
        sample::play(&mut html, &[sample::row(1)]);
        let incident = Incident::new(&sample::SYN_SILENT, String::new(), (last, first), String::new());
        html.incident(&incident).unwrap();
        let tail = Tail {
            time: Some(Timeline::new(first, last)),
            ..Tail::default()
        };
        html.end(&tail).unwrap();
        let page = String::from_utf8(html.write(&[]).unwrap()).unwrap();
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
        tags(&page);
    }
}

/// WCAG 2.2, 1.4.3: a contrast of 4.5 to 1 for text, in the light, in the dark and on paper.
#[test]
fn every_text_has_enough_contrast() {
    let luminance = |hex: &str| {
        let part = |from: usize| {
            let value = f64::from(u8::from_str_radix(&hex[from..from + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
    };
    let themes: Vec<&str> = STYLE.split("color-scheme: light").collect();
    let dark = STYLE.split("prefers-color-scheme: dark").nth(1).unwrap();
    let light = STYLE.split(":root").nth(1).unwrap();
    let paper = themes.last().unwrap();
    for theme in [light, dark, paper] {
        let theme = &theme[..theme.find('}').unwrap()];
        let of = |name: &str| {
            let start = theme.find(&format!("--{name}: #")).expect(name) + name.len() + 5;
            luminance(&theme[start..start + 6])
        };
        for back in ["paper", "panel", "warm"] {
            for text in ["ink", "soft", "link", "failed", "degraded", "unknown", "ok"] {
                let (a, b) = (of(text).max(of(back)), of(text).min(of(back)));
                let contrast = (a + 0.05) / (b + 0.05);
                assert!(contrast >= 4.5, "{text} on {back}: {contrast:.2}");
            }
        }
    }
}

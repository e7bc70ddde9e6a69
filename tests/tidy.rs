//! The laws of the house: who may import whom, what the core may touch, what a finding consists of.

use crate::common::fixture::root;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use whodropped::finding::catalogue;

/// The rooms in the order of the flow. `script` and `flow` stand beside each other.
const ORDER: [&[&str]; 11] = [
    &["base"],
    &["capture"],
    &["wire"],
    &["script", "flow", "lookup"],
    &["case"],
    &["finding"],
    &["verdict"],
    &["incident"],
    &["report"],
    &["analyzer", "host"],
    &["cli"],
];

/// Lines of test code do not count against the length of a file's own business, but a file this long is two files.
const LONGEST: usize = 400;

/// One source file.
struct Source {
    /// From `src/`.
    name: String,
    text: String,
}

impl Source {
    fn room(&self) -> &str {
        self.name.split(['/', '.']).next().unwrap_or_default()
    }

    /// Its lines outside of `#[cfg(test)]` modules, which stand last.
    fn business(&self) -> &str {
        let end = self.text.find("#[cfg(test)]\nmod tests");
        &self.text[..end.unwrap_or(self.text.len())]
    }

    fn is_for_tests(&self) -> bool {
        ["testing.rs", "sample.rs", "_tests.rs", "samples/"]
            .iter()
            .any(|part| self.name.contains(part))
    }

    /// Its lines without comments.
    fn code(&self) -> impl Iterator<Item = &str> {
        self.business()
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default())
    }
}

fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the house") {
        let path = entry.expect("an entry of it").path();
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.extension().is_some_and(|extension| extension == end) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let read = |path: PathBuf| Source {
        name: path
            .strip_prefix(&src)
            .expect("it lies in src")
            .display()
            .to_string()
            .replace('\\', "/"),
        text: fs::read_to_string(&path).expect("source is UTF-8"),
    };
    let found: Vec<Source> = files(&src, "rs").into_iter().map(read).collect();
    assert!(found.len() > 50, "only {} files in src/", found.len());
    found
}

fn place(room: &str) -> Option<usize> {
    ORDER.iter().position(|rooms| rooms.contains(&room))
}

/// The rooms that a text names after `crate::`, in braces too.
fn rooms_named(text: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for part in text.split("crate::").skip(1) {
        let list = part
            .strip_prefix('{')
            .map_or(part, |inside| inside.split('}').next().unwrap_or_default());
        let parts: Vec<&str> = if part.starts_with('{') {
            list.split(',').collect()
        } else {
            vec![list]
        };
        for part in parts {
            let word: String = part
                .trim()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if !word.is_empty() {
                named.insert(word);
            }
        }
    }
    named
}

#[test]
fn rooms_import_only_from_rooms_up_the_river() {
    for source in sources() {
        let Some(mine) = place(source.room()) else {
            assert!(
                ["lib.rs", "main.rs"].contains(&&*source.name),
                "{} belongs to no room",
                source.name
            );
            continue;
        };
        for room in rooms_named(source.business()) {
            let theirs = place(&room);
            let may = theirs.is_some_and(|theirs| theirs < mine) || room == source.room();
            assert!(may, "{} may not name crate::{room}", source.name);
        }
    }
}

#[test]
fn every_room_is_on_the_map() {
    let folders = fs::read_dir(root().join("src")).expect("src/ is there");
    for path in folders
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
    {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
        assert!(place(name).is_some(), "src/{name} is no room of the house");
    }
}

#[test]
fn the_core_asks_no_clock_no_file_no_thread_and_no_environment() {
    const OUTSIDE: [&str; 9] = [
        "Instant",
        "SystemTime",
        "std::env",
        "std::fs",
        "std::thread",
        "rayon",
        "std::process",
        "std::net::Tcp",
        "std::io",
    ];
    for source in sources()
        .iter()
        .filter(|source| ["flow", "case", "finding", "verdict", "incident"].contains(&source.room()))
    {
        for line in source.code() {
            for word in OUTSIDE {
                assert!(!line.contains(word), "{}: {word} in `{}`", source.name, line.trim());
            }
        }
    }
}

#[test]
fn no_room_but_the_command_line_prints() {
    for source in sources()
        .iter()
        .filter(|source| source.room() != "cli" && !source.is_for_tests())
    {
        for line in source.code() {
            for word in ["println!", "print!", "dbg!"] {
                assert!(!line.contains(word), "{}: `{}`", source.name, line.trim());
            }
        }
    }
}

#[test]
fn only_the_loader_of_libpcap_may_be_unsafe() {
    for source in sources().iter().filter(|source| source.name != "capture/libpcap.rs") {
        for line in source
            .text
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default())
        {
            let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            assert!(
                words.clone().all(|word| word != "unsafe"),
                "{}: `{}`",
                source.name,
                line.trim()
            );
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let folders = ["src", "tests", "fuzz/fuzz_targets"];
    for path in folders.iter().flat_map(|folder| files(&root().join(folder), "rs")) {
        let text = fs::read_to_string(&path).expect("source is UTF-8");
        assert!(
            text.starts_with("//! ") || text.starts_with("#![no_main]\n//! "),
            "{}",
            path.display()
        );
    }
}

#[test]
fn nothing_points_to_a_place_outside_the_repository() {
    let shared = ["../", "shared"].concat();
    for end in ["rs", "md", "toml"] {
        for folder in ["src", "tests", "fuzz"] {
            for path in files(&root().join(folder), end) {
                let text = fs::read_to_string(&path).expect("it is UTF-8");
                assert!(!text.contains(&shared), "{}", path.display());
            }
        }
    }
}

#[test]
fn files_stay_short_enough_to_read() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(
            lines <= LONGEST,
            "src/{} has {lines} lines; look for the second thing inside it",
            source.name
        );
    }
}

#[test]
fn a_finding_is_one_line_one_source_and_one_page_of_the_same_name() {
    let ids: Vec<&str> = catalogue().iter().map(|meta| meta.id).collect();
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len(), "an id stands for one finding");
    let folder = root().join("src/finding");
    let stems = |end: &str| -> BTreeSet<String> {
        let names = files(&folder, end).into_iter();
        // What lies deeper belongs to a helper.
        names
            .filter(|path| path.parent() == Some(&folder))
            .map(|path| {
                path.file_stem()
                    .and_then(|stem| stem.to_str())
                    .expect("a plain name")
                    .replace('_', "-")
            })
            .collect()
    };
    let pages = stems("md");
    assert_eq!(
        pages.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        unique,
        "pages and catalogue"
    );
    let helpers = ["candidates", "causes", "lone", "mod", "need", "reset", "text"];
    let sources: BTreeSet<String> = stems("rs")
        .into_iter()
        .filter(|stem| !helpers.contains(&&**stem))
        .collect();
    assert_eq!(sources, pages, "sources and pages");
    for id in ids {
        let is_kebab = id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        assert!(
            is_kebab && folder.join(format!("{}.rs", id.replace('-', "_"))).exists(),
            "{id}"
        );
    }
}

#[test]
fn every_cause_of_the_catalogue_is_on_a_page() {
    let pages = whodropped::finding::catalogue()
        .iter()
        .chain(whodropped::incident::catalogue());
    let text: String = pages.map(|meta| meta.page).collect();
    let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    for number in 1..=56 {
        let id = format!("D{number}");
        assert!(words.contains(&*id), "{id} is on no page");
    }
    for cause in whodropped::finding::causes::CAUSES {
        assert!(words.contains(cause.id), "{}", cause.id);
    }
}

#[test]
fn a_page_has_its_three_parts_and_its_name() {
    for meta in catalogue() {
        assert!(
            meta.page.starts_with(&format!("# {}\n", meta.id)),
            "{}: its title is its id",
            meta.id
        );
        let parts: Vec<&str> = meta.page.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(
            parts,
            ["## What it means", "## What to do next", "## Examples"],
            "{}",
            meta.id
        );
        assert!(!meta.title.is_empty() && !meta.next.is_empty(), "{}", meta.id);
    }
}

#[test]
fn the_import_law_sees_every_way_of_naming_a_room() {
    let text = "use crate::base::{Map, Set};\nuse crate::{wire, flow::Flow};\nlet x = crate::cli::main();";
    assert_eq!(
        rooms_named(text),
        ["base", "cli", "flow", "wire"].map(str::to_string).into()
    );
}

#[test]
fn an_incident_has_a_page_that_says_what_it_means_and_what_to_do() {
    let pages: BTreeSet<String> = files(&root().join("src/incident"), "md")
        .iter()
        .filter_map(|path| path.file_stem()?.to_str().map(str::to_string))
        .collect();
    let metas = whodropped::incident::catalogue();
    let ids: BTreeSet<String> = metas.iter().map(|meta| meta.id.to_string()).collect();
    assert_eq!(pages, ids, "pages and catalogue");
    assert_eq!(ids.len(), metas.len(), "an id stands for one incident");
    for meta in metas {
        assert!(meta.page.starts_with(&format!("# {}\n", meta.id)), "{}", meta.id);
        let parts: Vec<&str> = meta.page.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(parts, ["## What it means", "## What to do next"], "{}", meta.id);
        assert!(
            catalogue().iter().all(|finding| finding.id != meta.id),
            "{}: a finding has that name",
            meta.id
        );
    }
}

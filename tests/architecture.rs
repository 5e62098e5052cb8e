//! The order of the modules: each uses only those that data have passed before.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

use std::path::{Path, PathBuf};

/// The rooms of `src` and, where a room has an order of its own, the modules in it.
const ORDER: [&str; 27] = [
    "base::error",
    "base::environment",
    "base::stop",
    "base::printable",
    "base::server_address",
    "base::secrets",
    "base::regular_file",
    "base::atomic",
    "base::checksum",
    "base::counter_rng",
    "config",
    "gpu",
    "kernels",
    "data::audio",
    "data::scenes",
    "data::features",
    "model",
    "evaluate",
    "train",
    "output",
    "experiments::study",
    "experiments::search",
    "experiments::report",
    "experiments::store",
    "experiments::worker",
    "bench",
    "cli",
];

fn source_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(source_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

/// The position in [`ORDER`] of the module that `path` names or lies in, for example of `data::audio::decode`.
fn rank(path: &str) -> Option<usize> {
    let inside = |module: &str| path.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    ORDER.iter().position(|module| inside(module))
}

/// The paths after every `crate::` of a source. A group in braces gives a path for each of its members.
fn crate_paths(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, root) in source.match_indices("crate::") {
        members("", &source[at + root.len()..], &mut found);
    }
    found
}

/// Adds the paths that `text`, which stands behind `prefix`, begins with, and returns the text after them.
fn members<'a>(prefix: &str, text: &'a str, found: &mut Vec<String>) -> &'a str {
    let text = text.trim_start();
    let Some(mut group) = text.strip_prefix('{') else {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        if word.is_empty() {
            return text.get(1..).unwrap_or("");
        }
        return match rest.strip_prefix("::") {
            Some(rest) if !rest.starts_with('<') => members(&format!("{prefix}{word}::"), rest, found),
            _ => {
                found.push(format!("{prefix}{word}"));
                rest
            }
        };
    };
    while !group.is_empty() && !group.starts_with('}') {
        group = members(prefix, group, found).trim_start();
        group = group.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
    }
    group.strip_prefix('}').unwrap_or(group)
}

/// The path of the module in the file at `inside`, a path in `src`.
fn module_of(inside: &Path) -> String {
    let names = inside.with_extension("");
    let names = names.iter().map(|name| name.to_str().unwrap()).filter(|name| *name != "mod");
    names.collect::<Vec<_>>().join("::")
}

#[test]
fn paths_are_found_in_lines_and_groups() {
    let source =
        "use crate::gpu::Gpu;\nuse crate::{\n    config::{A, audio},\n    kernels,\n};\nlet x = crate::model::f(a);";
    assert_eq!(crate_paths(source), ["gpu::Gpu", "config::A", "config::audio", "kernels", "model::f"]);
}

#[test]
fn modules_use_only_those_above_them() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut violations = Vec::new();
    for file in source_files(&src) {
        let module = module_of(file.strip_prefix(&src).unwrap());
        let declares_order = ["lib", "main", "base", "data", "experiments"].contains(&module.as_str());
        let Some(own) = rank(&module) else {
            if !declares_order {
                violations.push(format!("module {module} has no place in the order"));
            }
            continue;
        };
        for used in crate_paths(&std::fs::read_to_string(&file).unwrap()) {
            if rank(&used).is_some_and(|other| other > own) {
                violations.push(format!("{module} uses {used}, which comes after it"));
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn modules_are_declared_in_order() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let declared = |file: &str, room: &str| {
        let text = std::fs::read_to_string(src.join(file)).unwrap();
        let names = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
        names.map(|name| format!("{room}{name}")).collect::<Vec<_>>()
    };
    let mut modules = Vec::new();
    for room in declared("lib.rs", "") {
        match rank(&room) {
            Some(_) => modules.push(room),
            None => modules.extend(declared(&format!("{room}/mod.rs"), &format!("{room}::"))),
        }
    }
    assert_eq!(modules, ORDER);
}

#[test]
fn the_source_has_at_most_a_dozen_rooms() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rooms = src.read_dir().unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count();
    assert!(rooms <= 12, "src has {rooms} folders");
}

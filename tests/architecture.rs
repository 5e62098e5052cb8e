//! The order of the modules: each uses only those that data have passed before, and no files use each other in a circle.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The rooms of `src` and, where a room has an order of its own, the modules in it.
const ORDER: [&str; 28] = [
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
    "data::clips",
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

/// The lines of a source without comments and without items for tests.
fn code(source: &str) -> String {
    let mut kept = String::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let text = line.trim_start();
        if text.starts_with("#[cfg(test)]") {
            let indent = line.len() - text.len();
            let ends = |line: &str| line.len() - line.trim_start().len() == indent && line.ends_with([';', '}']);
            lines.find(|line| ends(line));
        } else if !text.starts_with("//") {
            kept.extend([line, "\n"]);
        }
    }
    kept
}

/// The paths that the file of `module` uses, from the root: those of `use` lines, and those behind `crate`, `super` and
/// `self`.
fn used_paths(module: &str, source: &str) -> Vec<String> {
    let code = code(source);
    let mut paths = Vec::new();
    for start in ["use ", "crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            if !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                members("", code[at..].trim_start_matches("use "), &mut paths);
            }
        }
    }
    let from_root = |path: String| {
        let mut from: Vec<_> = module.split("::").filter(|name| !name.is_empty()).collect();
        for name in path.split("::") {
            match name {
                "crate" => from.clear(),
                "super" => drop(from.pop()),
                "self" => {}
                name => from.push(name),
            }
        }
        from.join("::")
    };
    paths.into_iter().map(from_root).collect()
}

/// The files of a source tree by the paths of their modules.
struct Tree {
    /// The paths that each file uses.
    used: BTreeMap<String, Vec<String>>,
    /// The files that declare modules, `lib.rs` and every `mod.rs`. Circles through them do not count.
    declaring: BTreeSet<String>,
}

impl Tree {
    /// Makes the tree of `files`, each with its path in `src` and its text.
    fn new(files: impl IntoIterator<Item = (PathBuf, String)>) -> Self {
        let mut tree = Self { used: BTreeMap::new(), declaring: BTreeSet::new() };
        for (path, source) in files {
            let module = if path == Path::new("lib.rs") { String::new() } else { module_of(&path) };
            if path.ends_with("lib.rs") || path.ends_with("mod.rs") {
                tree.declaring.insert(module.clone());
            }
            tree.used.insert(module.clone(), used_paths(&module, &source));
        }
        tree
    }

    /// Returns the file in which the item at `path` stands. A file that declares modules leads to the file from which it
    /// takes the item, if it takes it from one.
    fn file(&self, path: &str) -> Option<&str> {
        let mut end = path.len();
        while !self.used.contains_key(&path[..end]) {
            end = path[..end].rfind("::").unwrap_or(0);
        }
        let (module, used) = self.used.get_key_value(&path[..end])?;
        if !self.declaring.contains(module) {
            return Some(module);
        }
        let item = path[end..].trim_start_matches("::").split("::").next()?;
        let taken = used.iter().find(|used| used.rsplit("::").next() == Some(item) && !path.starts_with(*used))?;
        self.file(taken)
    }

    /// Returns the files that `file` uses, directly and through others.
    fn reached<'a>(&'a self, file: &'a str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut next = vec![file];
        while let Some(file) = next.pop() {
            let others = self.used[file].iter().filter_map(|path| self.file(path));
            next.extend(others.filter(|other| *other != file && reached.insert(*other)));
        }
        reached
    }

    /// Returns the groups of files that use each other, directly or through others.
    fn circles(&self) -> BTreeSet<Vec<&str>> {
        let files = self.used.keys().filter(|file| !self.declaring.contains(*file));
        let reached: BTreeMap<_, _> = files.map(|file| (file.as_str(), self.reached(file))).collect();
        let back = |file: &str| reached[file].iter().copied().filter(|other| reached[other].contains(file)).collect();
        reached.keys().map(|file| back(file)).filter(|circle: &Vec<_>| !circle.is_empty()).collect()
    }
}

#[test]
fn circles_are_found_through_groups_and_through_items_that_a_folder_hands_on() {
    let dog =
        "// crate::zoo::owl\nfn f(cat: crate::Cat) {}\n#[cfg(test)]\nmod tests {\n    use super::super::owl;\n}\n";
    let circles = |owl: &str| {
        let files = [
            ("lib.rs", "pub mod zoo;\npub use zoo::Cat;"),
            ("zoo/mod.rs", "mod cat;\nmod dog;\npub mod owl;\npub use cat::{Cat, Tail};\npub use self::dog::Dog;"),
            ("zoo/cat.rs", "use std::{fmt, super_fast};\nuse super::{Dog, owl};\nstruct Cat;"),
            ("zoo/dog.rs", dog),
            ("zoo/owl.rs", owl),
        ];
        let tree = Tree::new(files.map(|(path, source)| (path.into(), source.into())));
        tree.circles().into_iter().map(|circle| circle.join(", ")).collect::<Vec<_>>()
    };
    assert_eq!(circles("use super::Nest;\n#[cfg(test)]\nuse super::{\n    Dog,\n};\n"), ["zoo::cat, zoo::dog"]);
    assert_eq!(circles("use crate::zoo::Tail;"), ["zoo::cat, zoo::dog, zoo::owl"]);
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |path: PathBuf| (path.strip_prefix(&src).unwrap().into(), std::fs::read_to_string(&path).unwrap());
    let tree = Tree::new(source_files(&src).into_iter().map(read));
    let circles = tree.circles();
    let lines: Vec<String> = circles.iter().map(|circle| circle.join(", ")).collect();
    assert!(lines.is_empty(), "these files use each other:\n{}", lines.join("\n"));
}

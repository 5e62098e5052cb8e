//! The order of the modules: each uses only those that data have passed before.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

use std::path::{Path, PathBuf};

const ORDER: [&str; 26] = [
    "error",
    "environment",
    "stop",
    "secrets",
    "printable",
    "regular_file",
    "atomic",
    "checksum",
    "counter_rng",
    "config",
    "audio",
    "scenes",
    "gpu",
    "kernels",
    "features",
    "model",
    "evaluate",
    "train",
    "report",
    "study",
    "search",
    "store",
    "worker",
    "bench",
    "tune",
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

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|m| *m == module)
}

/// The first path segments after every `crate::` of a source, groups in braces included.
fn crate_paths(source: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = Vec::new();
    for (at, _) in source.match_indices("crate::") {
        let rest = &source[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.push(word(rest));
            continue;
        };
        let mut depth = 1;
        let mut start = true;
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => start = true,
                _ if start && depth == 1 && !c.is_whitespace() => {
                    found.push(word(&group[i..]));
                    start = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

#[test]
fn paths_are_found_in_lines_and_groups() {
    let source =
        "use crate::gpu::Gpu;\nuse crate::{\n    config::{A, audio},\n    kernels,\n};\nlet x = crate::model::f(a, b);";
    assert_eq!(crate_paths(source), ["gpu", "config", "kernels", "model"]);
}

#[test]
fn modules_use_only_those_above_them() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut violations = Vec::new();
    for file in source_files(&src) {
        let inside = file.strip_prefix(&src).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if ["lib", "main"].contains(&module) {
            continue;
        }
        let Some(own) = rank(module) else {
            violations.push(format!("{}: module {module} has no place in the order", inside.display()));
            continue;
        };
        for used in crate_paths(&std::fs::read_to_string(&file).unwrap()) {
            if rank(&used).is_some_and(|other| other > own) {
                violations.push(format!("{}: {module} uses {used}, which comes after it", inside.display()));
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn the_library_declares_its_modules_in_order() {
    let lib = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared =
        lib.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod")?.strip_suffix(';'));
    let ranks: Vec<_> =
        declared.map(|name| rank(name.trim()).unwrap_or_else(|| panic!("{name} has no place"))).collect();
    assert!(!ranks.is_empty() && ranks.is_sorted(), "the modules of lib.rs are not in order: {ranks:?}");
}

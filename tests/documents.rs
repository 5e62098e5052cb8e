//! The documents are checked against the tree and the program: links and paths lead somewhere, command lines parse, and
//! configurations pass `weaklabel config check`.
//!
//! The changelog and the log of measurements tell of the past, so they may name what is gone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};
use weaklabel::cli::Cli;
use weaklabel::config;

const OF_THE_PAST: [&str; 2] = ["CHANGELOG.md", "benches/LOG.md"];

/// Folders of the repository: a word that begins with one of them and a slash is a path.
const FOLDERS: [&str; 9] = ["src", "shaders", "tests", "configs", "docs", "benches", "fuzz", "examples", ".ci"];

/// Programs of others in the `sh` blocks.
const OTHER_PROGRAMS: [&str; 6] = ["python3", "pip", "createdb", "export", "sbatch", "oarsub"];

/// Options of other programs that the text names.
const OTHER_OPTIONS: [&str; 7] =
    ["--burn", "--checkpoint", "--features", "--include-ignored", "--no-default-features", "--old", "--quick"];

struct Document {
    /// Relative to the repository.
    path: PathBuf,
    text: String,
    /// The text outside of fenced blocks.
    prose: String,
    blocks: Vec<Block>,
}

/// A fenced block of a document.
struct Block {
    language: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn markdown_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().unwrap() != "target" {
            markdown_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

fn documents() -> Vec<Document> {
    let mut paths: Vec<PathBuf> = root().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    ["docs", "benches", "tests"].iter().for_each(|folder| markdown_below(&root().join(folder), &mut paths));
    let paths = paths.iter().map(|path| path.strip_prefix(root()).unwrap());
    let documents: Vec<Document> =
        paths.filter(|path| OF_THE_PAST.iter().all(|past| *path != Path::new(past))).map(read).collect();
    assert!(documents.len() > 8, "most documents are missing");
    documents
}

fn read(path: &Path) -> Document {
    let text = fs::read_to_string(root().join(path)).unwrap();
    let (mut prose, mut blocks) = (String::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        match line.trim_start().strip_prefix("```") {
            None => prose = prose + line + "\n",
            Some(language) => {
                let inside = lines.by_ref().take_while(|line| line.trim_start() != "```");
                let text = inside.flat_map(|line| [line, "\n"]).collect();
                blocks.push(Block { language: language.into(), text });
            }
        }
    }
    Document { path: path.into(), text, prose, blocks }
}

/// Returns the code spans, which stand between single backticks.
fn spans(prose: &str) -> Vec<String> {
    let paragraphs = prose.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs
        .flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2).map(String::from).collect::<Vec<_>>())
        .collect()
}

/// Fails with all faults, each beside the document that it was found in.
fn assert_none(faults: &[(PathBuf, String)]) {
    let lines: Vec<String> = faults.iter().map(|(path, fault)| format!("{}: {fault}", path.display())).collect();
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}

/// The faults that `check` finds in every document.
fn faults(check: impl Fn(&Document) -> Vec<String>) -> Vec<(PathBuf, String)> {
    let of = |document: Document| {
        let found = check(&document);
        found.into_iter().map(move |fault| (document.path.clone(), fault))
    };
    documents().into_iter().flat_map(of).collect()
}

/// The anchor that a heading has on a page of the repository's host.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}

fn link_fault(document: &Document, link: &str) -> Option<String> {
    if link.starts_with("http://") || link.starts_with("https://") {
        return None;
    }
    let (path, wanted) = link.split_once('#').unwrap_or((link, ""));
    let folder = root().join(&document.path).parent().unwrap().to_owned();
    let target = if path.is_empty() { root().join(&document.path) } else { folder.join(path) };
    if !target.exists() {
        return Some(format!("the link {link} leads nowhere"));
    }
    let has_heading = || {
        let text = fs::read_to_string(&target).unwrap();
        text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line.trim_start_matches('#')) == wanted)
    };
    (!wanted.is_empty() && !has_heading()).then(|| format!("no heading for the link {link}"))
}

#[test]
fn every_link_leads_somewhere() {
    assert_none(&faults(|document| {
        let links = document.prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        links.filter_map(|(link, _)| link_fault(document, link)).collect()
    }));
}

#[test]
fn every_path_exists() {
    assert_none(&faults(|document| {
        let is_path = |word: &&str| {
            let in_folder = word.split_once('/').is_some_and(|(first, _)| FOLDERS.contains(&first));
            // Built programs are in `target`, which a checkout does not have.
            !word.contains("/target/") && in_folder
                || word.contains('/') && [".rs", ".wgsl"].iter().any(|ending| word.ends_with(ending))
        };
        let words = document.text.split(|c: char| !c.is_alphanumeric() && !"_./-".contains(c));
        let paths = words.map(|word| word.trim_end_matches(['.', '/', '-'])).filter(is_path);
        let beside = root().join(document.path.parent().unwrap());
        let missing = |path: &&str| !root().join(path).exists() && !beside.join(path).exists();
        paths.filter(missing).map(|path| format!("there is no {path}")).collect()
    }));
}

/// The simple commands of a shell line, words of several words included (`--wrap 'exec weaklabel …'`); without
/// variables that are set for one command, and without `exec`.
fn commands(line: &str) -> Result<Vec<Vec<String>>, String> {
    let words = shlex::split(line).ok_or_else(|| format!("an open quote in `{line}`"))?;
    let mut found = Vec::new();
    for inner in words.iter().filter(|word| word.contains(" weaklabel ")) {
        found.extend(commands(&inner.replace(';', " ; "))?);
    }
    for part in words.split(|word| ["&", "&&", ";", "|"].contains(&word.as_str())) {
        // A word behind `>` is a file.
        let part = part.split(|word| word == ">").next().unwrap_or_default();
        let leads_in = |word: &&String| *word == "exec" || word.split_once('=').is_some_and(|(name, _)| is_name(name));
        let command: Vec<String> = part.iter().skip_while(leads_in).cloned().collect();
        found.extend((!command.is_empty()).then_some(command));
    }
    Ok(found)
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What is wrong with a command of the program: the options and values of its command line, and its settings.
fn program_fault(words: &[String], allowed: &[ErrorKind]) -> Option<String> {
    let line = words.join(" ");
    let matches = match Cli::command().try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) if allowed.contains(&error.kind()) || error.exit_code() == 0 => return None,
        Err(error) => return Some(format!("`{line}`: {}", error.to_string().lines().next().unwrap_or_default())),
    };
    let options = Cli::from_arg_matches(&matches).unwrap().options;
    let files: Vec<PathBuf> =
        options.config.iter().map(|path| root().join(path)).filter(|path| path.exists()).collect();
    config::read_config(&files, &options.set).err().map(|error| format!("`{line}`: {error}"))
}

/// The commands of `dev`, as its usage lists them.
fn commands_of_dev() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("dev")).unwrap();
    let usage = text.split("<<'TEXT'\n").nth(1).unwrap().split("\nTEXT\n").next().unwrap();
    let entries = usage.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    entries.filter_map(|line| line.split(' ').next()).map(String::from).collect()
}

/// What is wrong with a call of cargo: a test, benchmark or example that does not exist.
fn cargo_fault(words: &[String]) -> Option<String> {
    let missing = words.windows(2).find(|pair| {
        let folder = [("--test", "tests"), ("--bench", "benches"), ("--example", "examples")];
        let folder = folder.iter().find(|(option, _)| pair[0] == *option);
        folder.is_some_and(|(_, folder)| !root().join(folder).join(format!("{}.rs", pair[1])).exists())
    });
    missing.map(|pair| format!("`{}`: no {}", words.join(" "), pair[1]))
}

fn command_fault(words: &[String], allowed: &[ErrorKind]) -> Option<String> {
    match words[0].as_str() {
        "weaklabel" => program_fault(words, allowed),
        "cargo" => cargo_fault(words),
        "./dev" => {
            let known = words.get(1).is_some_and(|command| commands_of_dev().contains(command));
            let quick = words[1..] == ["test", "--quick"];
            let kind = words.get(2).is_none_or(|kind| root().join("tests/fuzz/corpus").join(kind).is_dir());
            (!known || !kind && !quick).then(|| format!("`{}` is not what ./dev can do", words.join(" ")))
        }
        program => {
            let known = OTHER_PROGRAMS.contains(&program) || program.starts_with('$') || root().join(program).exists();
            (!known).then(|| format!("`{program}` is no program that the documents know"))
        }
    }
}

#[test]
fn every_command_line_of_a_shell_block_parses() {
    assert_none(&faults(|document| {
        let shell = document.blocks.iter().filter(|block| block.language == "sh");
        let lines = shell.flat_map(|block| {
            let joined = block.text.replace("\\\n", " ");
            // The group of commands in parentheses that writes a file has none of ours.
            joined.lines().filter(|line| !line.starts_with('(')).map(String::from).collect::<Vec<_>>()
        });
        // A store that is named in the environment need not stand on the command line.
        let named = document.text.contains("export WEAKLABEL_STORE");
        let allowed: &[ErrorKind] = if named { &[ErrorKind::MissingRequiredArgument] } else { &[] };
        let of_line = |line: String| match commands(&line) {
            Ok(commands) => commands.iter().filter_map(|words| command_fault(words, allowed)).collect(),
            Err(fault) => vec![fault],
        };
        lines.flat_map(of_line).collect()
    }));
}

#[test]
fn every_command_and_option_of_the_text_exists() {
    /// The text may leave out what a command needs.
    const SHORT: [ErrorKind; 3] = [
        ErrorKind::MissingRequiredArgument,
        ErrorKind::MissingSubcommand,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
    ];
    fn options_of(command: &clap::Command, found: &mut BTreeSet<String>) {
        let long = command.get_arguments().filter_map(clap::Arg::get_long_and_visible_aliases).flatten();
        found.extend(long.map(|name| format!("--{name}")));
        command.get_subcommands().for_each(|command| options_of(command, found));
    }
    let mut options: BTreeSet<String> =
        ["--help", "--version"].iter().chain(&OTHER_OPTIONS).map(|o| (*o).into()).collect();
    options_of(&Cli::command(), &mut options);
    assert_none(&faults(|document| {
        let of_option = |span: &str| {
            let name = span.split([' ', '=', ',']).next().unwrap();
            (name.starts_with("--") && !options.contains(name)).then(|| format!("no command has the option {name}"))
        };
        let of_command = |words: &[String]| {
            let ours = words.len() > 1 && ["weaklabel", "./dev", "cargo"].contains(&words[0].as_str());
            ours.then(|| command_fault(words, &SHORT)).flatten()
        };
        let of_span = |span: String| {
            let commands = commands(&span).unwrap_or_default();
            commands.iter().find_map(|words| of_command(words)).or_else(|| of_option(&span))
        };
        spans(&document.prose).into_iter().filter_map(of_span).collect()
    }));
}

#[test]
fn every_configuration_passes_the_check_of_the_program() {
    let folder = tempfile::tempdir().unwrap();
    assert_none(&faults(|document| {
        let snippets = document.blocks.iter().filter(|block| block.language == "toml");
        let check = |block: &Block| {
            let file = folder.path().join("snippet.toml");
            fs::write(&file, &block.text).unwrap();
            let mut program = Command::new(env!("CARGO_BIN_EXE_weaklabel"));
            let output = program.args(["config", "check"]).arg(&file).output().unwrap();
            (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
        };
        snippets.filter_map(check).collect()
    }));
}

#[test]
fn every_key_of_the_text_exists() {
    let sections = serde_json::to_value(config::Config::default()).unwrap();
    let sections = sections.as_object().unwrap();
    assert_none(&faults(|document| {
        let of_span = |span: String| {
            let key = span.split(['[', '=']).next().unwrap().trim();
            let (section, name) = key.split_once('.')?;
            let is_file = ["csv", "json", "toml", "tsv"].contains(&name);
            if !sections.contains_key(section) || is_file || !name.split('.').all(is_name) {
                return None;
            }
            let error = config::read_config(&[], &[format!("{key}=0")]).err()?.to_string();
            error.contains("unknown key").then(|| format!("`{key}` is no key of a configuration: {error}"))
        };
        spans(&document.prose).into_iter().filter_map(of_span).collect()
    }));
}

#[test]
fn the_documents_at_the_top_stay_short() {
    for (name, most) in [("README.md", 130), ("ARCHITECTURE.md", 200)] {
        let lines = fs::read_to_string(root().join(name)).unwrap().lines().count();
        assert!(lines <= most, "{name} has {lines} lines, and may have {most}");
    }
}

#[test]
fn the_architecture_names_every_module() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let modules = ["lib.rs", "base/mod.rs", "data/mod.rs", "experiments/mod.rs"].map(|file| {
        let source = fs::read_to_string(root().join("src").join(file)).unwrap();
        let names = source.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
        names.map(str::to_owned).collect::<Vec<_>>()
    });
    let modules: Vec<String> = modules.into_iter().flatten().collect();
    assert!(modules.len() > 20, "{modules:?}");
    let missing: Vec<&String> = modules
        .iter()
        .filter(|name| !text.contains(&format!("`{name}`")) && !text.contains(&format!("`src/{name}")))
        .collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md lacks {missing:?}");
}

/// The path in `src` of the folder `module`, which may lie in another one: `scenes` is in `data/scenes`.
fn folder(module: &str) -> String {
    let src = root().join("src");
    if src.join(module).is_dir() {
        return module.into();
    }
    let rooms = src.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut found = rooms.map(|room| format!("{room}/{module}")).filter(|path| src.join(path).is_dir());
    found.next().unwrap_or_else(|| panic!("src has no folder {module}"))
}

/// The Rust sources in and below `path`.
fn sources(path: &Path) -> String {
    if path.is_dir() {
        return path.read_dir().unwrap().map(|entry| sources(&entry.unwrap().path())).collect();
    }
    if path.extension().is_some_and(|extension| extension == "rs") {
        fs::read_to_string(path).unwrap()
    } else {
        String::new()
    }
}

#[test]
fn the_arrows_of_the_architecture_are_uses() {
    let document = read(Path::new("ARCHITECTURE.md"));
    let picture = document.blocks.iter().find(|block| block.language == "mermaid").unwrap();
    let module = |part: &str| part.trim().split('[').next().unwrap().to_owned();
    let chains = picture.text.lines().map(|line| line.split("-->").map(module).collect::<Vec<_>>());
    let arrows: Vec<[String; 2]> = chains
        .flat_map(|chain| chain.windows(2).map(|pair| pair.to_vec().try_into().unwrap()).collect::<Vec<_>>())
        .collect();
    assert!(arrows.len() > 10, "{arrows:?}");
    for [used, user] in &arrows {
        let path = format!("crate::{}", folder(used).replace('/', "::"));
        let uses = sources(&root().join("src").join(folder(user))).contains(&path);
        assert!(uses, "{user} does not use {used}");
    }
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let help = Cli::command().render_long_help().to_string();
    let listed = help.split("Exit codes:\n").nth(1).unwrap().lines().map_while(|line| line.split_whitespace().next());
    let listed: BTreeSet<u8> = listed.map_while(|code| code.parse().ok()).collect();
    let reference = fs::read_to_string(root().join("docs/reference.md")).unwrap();
    let rows = reference.split("| code |").nth(1).unwrap().lines().skip(2);
    let rows = rows.map_while(|line| line.strip_prefix("| ")?.split(" |").next()?.parse().ok());
    assert_eq!(rows.collect::<BTreeSet<u8>>(), listed);
}

#[test]
fn shell_lines_are_read_as_a_shell_reads_them() {
    let words = |line: &str| commands(line).unwrap().iter().map(|words| words.join(" ")).collect::<Vec<_>>();
    assert_eq!(words("A=1 weaklabel train -o run & # later"), ["weaklabel train -o run"]);
    assert_eq!(
        words("sbatch --wrap '. env; exec weaklabel worker --max-time 1h'"),
        [". env", "weaklabel worker --max-time 1h", "sbatch --wrap . env; exec weaklabel worker --max-time 1h"]
    );
    assert!(commands("weaklabel 'train").is_err());
    assert!(program_fault(&["weaklabel".into(), "train".into()], &[]).is_some());
    assert!(
        program_fault(&["weaklabel".into(), "train".into(), "-orun".into(), "--set=train.epoch=1".into()], &[])
            .is_some()
    );
    assert_eq!(anchor(" Add a kernel: six steps"), "add-a-kernel-six-steps");
}

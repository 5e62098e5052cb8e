//! Loading of a [`Config`] from files and `--set` edits.
//!
//! Every file and every edit is a *layer*, a TOML document. A layer is first deserialised alone, so that a wrong key or
//! type is reported where it was written, and then merged over the layers before it. Tables merge key by key; any other
//! value, lists included, replaces the earlier one.
//!
//! A document has at most 256 KiB and a key at most eight parts, which bounds the time and memory of reading.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::quoted::{MAX_QUOTED, quoted, shortened};
use super::{Config, decimal_comma, keys_called, seconds, validate};
use crate::{Error, Result};

/// Largest size of a document in bytes. Parsing a list of short numbers takes about a hundred times its size in memory.
const MAX_BYTES: usize = 256 << 10;
/// Largest number of parts of a dotted key. A valid key has two, a section and a name; deserialisation reports what is
/// wrong with a few more.
const MAX_PARTS: usize = 8;

/// Reads `files` in order, applies the `key.path=value` edits of `sets` in order, and validates the result.
///
/// The value of an edit is TOML (`3e-4`, `[1, 2]`, `"a b"`). A value that is not TOML or does not fit its key is taken
/// as a bare string (`classifier`, `/some/folder`). Relative paths in a file are relative to the current directory, as
/// on the command line.
///
/// # Errors
/// [`Error::Io`] for a file that cannot be read; [`Error::Config`] for a file that does not exist or is larger than 256
/// KiB, and, with file and line or with the edit, for an invalid setting.
pub fn read_config(files: &[PathBuf], sets: &[String]) -> Result<Config> {
    merged(Table::new(), &layers(files, sets)?)
}

/// Reads `files` and `sets` as layers, of which later ones take precedence.
fn layers(files: &[PathBuf], sets: &[String]) -> Result<Vec<SettingsLayer>> {
    let of_files = files.iter().map(SettingsLayer::from_file);
    of_files.chain(sets.iter().map(|edit| SettingsLayer::from_edit("--set", edit))).collect()
}

/// Dotted names of the keys that a user set, whatever their values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetKeys {
    /// Keys of configuration files.
    pub in_files: BTreeSet<String>,
    /// Keys of the command line: `--set`, and options that stand for a key.
    pub on_command_line: BTreeSet<String>,
}

impl SetKeys {
    /// Returns whether `key` was set anywhere.
    pub fn contains(&self, key: &str) -> bool {
        self.in_files.contains(key) || self.on_command_line.contains(key)
    }
}

/// Returns the dotted names of the keys that `files` and the `key.path=value` edits of `sets` set.
///
/// # Errors
/// The errors of [`read_config`].
pub fn keys_set(files: &[PathBuf], sets: &[String]) -> Result<SetKeys> {
    let mut set = SetKeys::default();
    for layer in layers(files, sets)? {
        let keys = if layer.text.is_some() { &mut set.in_files } else { &mut set.on_command_line };
        for (section, table) in &layer.table {
            let names = table.as_table().into_iter().flat_map(Table::keys);
            keys.extend(names.map(|name| format!("{section}.{name}")));
        }
    }
    Ok(set)
}

/// Parses and validates a configuration in memory, without access to the disk. `name` is the document's name in errors.
///
/// # Errors
/// The errors of [`read_config`].
pub fn parse_config(name: &str, text: &str) -> Result<Config> {
    merged(Table::new(), &[SettingsLayer::from_text(name.into(), text.into())?])
}

fn merged(mut base: Table, layers: &[SettingsLayer]) -> Result<Config> {
    for layer in layers {
        merge(&mut base, &layer.table);
    }
    let config = base.try_into().map_err(|e: toml::de::Error| Error::config("configuration", e.message()))?;
    validate(&config).map_err(|error| locate(error, layers))?;
    Ok(config)
}

/// Applies the `key.path=value` edits of `sets` to `config` in order. `origin` is the flag or key from which the edits
/// come.
///
/// # Errors
/// [`Error::Config`] naming `origin` and the edit.
pub fn edit(config: &Config, origin: &str, sets: &[String]) -> Result<Config> {
    let layers = sets.iter().map(|edit| SettingsLayer::from_edit(origin, edit)).collect::<Result<Vec<_>>>()?;
    let base = Table::try_from(config).map_err(|e| Error::config("configuration", e.to_string()))?;
    merged(base, &layers)
}

/// Sets `values` at their dotted keys in `config`, all at once.
///
/// # Errors
/// [`Error::Config`] naming the key of an invalid value, or of a value that is incompatible with another.
pub fn assign(config: &Config, values: &[(&str, Value)]) -> Result<Config> {
    let mut layers = Vec::with_capacity(values.len());
    for (key, value) in values {
        let table = nest(&parts(key)?, value.clone());
        table.clone().try_into::<Config>().map_err(|e| Error::config(quoted(key), explain(e.message())))?;
        layers.push(SettingsLayer { name: quoted(&format!("{key} = {value}")), text: None, table });
    }
    let base = Table::try_from(config).map_err(|e| Error::config("configuration", e.to_string()))?;
    merged(base, &layers)
}

/// Serialises `config` to a TOML document that [`read_config`] turns into an equal configuration.
///
/// # Errors
/// [`Error::Config`] for a path that is not UTF-8, which TOML cannot hold and [`validate()`] refuses, and for a
/// document that is too large for [`read_config`].
pub fn to_toml(config: &Config) -> Result<String> {
    let text = toml::to_string(config).map_err(|e| Error::config("configuration", e.to_string()))?;
    check_size("configuration", text.len())?;
    Ok(text)
}

/// Serialises `config` like [`to_toml`], and names also the keys that a training on clips of one's own chooses from the
/// data where they are not set. [`to_toml`] leaves them out at their default, so that `-c` with its document would
/// choose anew.
///
/// # Errors
/// The errors of [`to_toml`].
pub fn to_explicit_toml(config: &Config) -> Result<String> {
    let refused = |e: toml::ser::Error| Error::config("configuration", e.to_string());
    let mut table = Table::try_from(config).map_err(refused)?;
    if let Some(Value::Table(train)) = table.get_mut("train") {
        for (key, value) in [
            ("crop", Value::try_from(config.train.crop)),
            ("clip_s", Value::try_from(config.train.clip_s)),
            ("sampling", Value::try_from(config.train.sampling)),
        ] {
            train.entry(key).or_insert(value.map_err(refused)?);
        }
    }
    let text = toml::to_string(&table).map_err(refused)?;
    check_size("configuration", text.len())?;
    Ok(text)
}

/// One source of settings, with the text needed to report a line number.
struct SettingsLayer {
    /// Path of a file, or the edit with its flag, such as `--set a.b=v`.
    name: String,
    /// Text of a file; `None` for an edit, which errors quote as a whole.
    text: Option<String>,
    table: Table,
}

impl SettingsLayer {
    fn from_file(path: &PathBuf) -> Result<Self> {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        // One byte more than the limit, so that a larger file is detected without reading all of it: a device file may
        // be endless.
        let read = File::open(path).and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes));
        match read {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let reason = "there is no such file: name a TOML file with settings, or none for the defaults, which \
                              `weaklabel config print` shows";
                return Err(Error::config(name, reason));
            }
            Err(e) => return Err(Error::io("read", path, e)),
            Ok(_) => check_size(&name, bytes.len())?,
        }
        let text = String::from_utf8(bytes).map_err(|e| {
            let line = 1 + e.as_bytes()[..e.utf8_error().valid_up_to()].iter().filter(|&&b| b == b'\n').count();
            Error::config(format!("{name}:{line}"), "not UTF-8: a configuration is a text file in TOML")
        })?;
        Self::from_text(name, text)
    }

    fn from_text(name: String, text: String) -> Result<Self> {
        check_size(&name, text.len())?;
        let table = parse(&text).map_err(|e| {
            let line = line_of(&text, e.span().map_or(0, |span| span.start));
            let written = text.lines().nth(line - 1).and_then(|line| line.split_once('='));
            let comma = written.and_then(|(_, value)| decimal_comma(value)).map(|hint| format!("; {hint}"));
            let reason = explain(e.message()) + &comma.unwrap_or_default() + &snippet(&e);
            Error::config(format!("{name}:{line}"), reason)
        })?;
        Ok(Self { name, text: Some(text), table })
    }

    /// Parses `edit`, which comes from the flag or key `origin`.
    fn from_edit(origin: &str, edit: &str) -> Result<Self> {
        let name = format!("{origin} {}", quoted(edit));
        let expected = |what: &str| Error::config(&name, format!("expected {what}, for example train.epochs=50"));
        let (key, value) = edit.split_once('=').ok_or_else(|| expected("KEY=VALUE"))?;
        let path = parts(key).map_err(|_| expected("SECTION.KEY=VALUE"))?;
        let bare = Value::String(value.trim().into());
        let parsed = toml::from_str::<Table>(&format!("value = {value}")).ok().filter(|t| t.len() == 1);
        let typed = parsed.and_then(|mut table| table.remove("value"));
        // The first reading that fits its key is taken. If none fits, the error of the typed reading is the more
        // helpful one.
        let mut first_error = None;
        for reading in typed.into_iter().chain([bare]) {
            let table = nest(&path, reading);
            match table.clone().try_into::<Config>() {
                Ok(_) => return Ok(Self { name, text: None, table }),
                Err(e) => first_error = first_error.or(Some(e)),
            }
        }
        let error = first_error.expect("the bare string is always tried");
        Err(Error::config(name, explain(error.message())))
    }
}

/// Parses a document as an untyped table, after checking that it is a valid, possibly partial, configuration.
fn parse(text: &str) -> Result<Table, toml::de::Error> {
    toml::from_str::<Config>(text)?;
    toml::from_str(text)
}

/// Splits a dotted key into its parts.
///
/// # Errors
/// [`Error::Config`] naming a key with an empty part or with more than [`MAX_PARTS`] parts.
fn parts(key: &str) -> Result<Vec<&str>> {
    let parts: Vec<&str> = key.split('.').map(str::trim).take(MAX_PARTS + 1).collect();
    if parts.len() > MAX_PARTS || parts.iter().any(|part| part.is_empty()) {
        return Err(Error::config(quoted(key), "is no key: a key is a section and a name, as in train.epochs"));
    }
    Ok(parts)
}

/// Refuses a document that is too large.
///
/// # Errors
/// [`Error::Config`] naming the document.
fn check_size(name: &str, bytes: usize) -> Result<()> {
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    Err(Error::config(name, format!("larger than {} KiB: a configuration is a short text file", MAX_BYTES >> 10)))
}

/// Returns a table that holds `value` under the nested names of `path`.
fn nest(path: &[&str], value: Value) -> Table {
    let (last, tables) = path.split_last().expect("splitting a string yields at least one part");
    let leaf = Table::from_iter([((*last).to_owned(), value)]);
    tables.iter().rev().fold(leaf, |inner, name| Table::from_iter([((*name).to_owned(), Value::Table(inner))]))
}

fn merge(base: &mut Table, layer: &Table) {
    for (key, value) in layer {
        match (base.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Rewords serde's message for a configuration. Where a name is unknown, the nearest allowed name is suggested.
fn explain(message: &str) -> String {
    let message =
        message.trim_end().replacen("unknown field", "unknown key", 1).replacen("unknown variant", "unknown value", 1);
    // serde lists the unknown name first and the allowed names after it, each between backticks.
    let mut names = message.split('`').skip(1).step_by(2);
    let wrong = names.next().filter(|name| message.starts_with("unknown ") && name.len() <= MAX_QUOTED);
    let nearest = wrong.and_then(|wrong| {
        names
            .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
            .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
            .min_by_key(|(distance, _)| *distance)
    });
    if let Some((_, name)) = nearest {
        return format!("{message}; did you mean `{name}`?");
    }
    let elsewhere: Vec<String> = wrong.map(keys_called).unwrap_or_default();
    let elsewhere: Vec<String> = elsewhere.iter().map(|key| format!("`{key}`")).collect();
    if !elsewhere.is_empty() {
        return format!("{message}; did you mean {}?", elsewhere.join(" or "));
    }
    shortened(&expected_in_words(&message))
}

/// A message about a wrong type, with the expected type in words and not as Rust calls it.
fn expected_in_words(message: &str) -> String {
    const WORDS: [(&str, &str); 6] = [
        ("f64", "a number"),
        ("usize", "a whole number from 0"),
        ("u64", "a whole number from 0"),
        ("u32", "a whole number from 0"),
        ("a sequence", "a list, as in [1, 2]"),
        ("path string", "a path"),
    ];
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return message.into() };
    if expected.starts_with("struct ") {
        return format!("{found}, expected the keys of a section, as in train.epochs=50");
    }
    let Some((_, words)) = WORDS.iter().find(|(rust, _)| *rust == expected) else { return message.into() };
    let text = found.split_once("string \"").and_then(|(_, text)| text.strip_suffix('"')).unwrap_or_default();
    let hint = match (decimal_comma(text), seconds(text)) {
        _ if !words.contains("number") => String::new(),
        (Some(comma), _) => format!("; {comma}"),
        (None, Ok(seconds)) => format!("; a time is a number of seconds: {seconds}"),
        (None, Err(_)) => String::new(),
    };
    format!("{found}, expected {words}{hint}")
}

/// Returns the source lines of toml's rendered error, without its heading and message, or an empty string where the
/// lines are too long to read.
fn snippet(error: &toml::de::Error) -> String {
    let rendered = error.to_string();
    let shown: Vec<&str> = rendered.lines().skip(1).take(3).collect();
    let readable = error.span().is_some() && shown.iter().all(|line| line.len() <= MAX_QUOTED);
    if readable { format!("\n{}", shown.join("\n")) } else { String::new() }
}

/// Returns the line of byte `offset`, counted from 1.
fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|&&b| b == b'\n').count()
}

/// Adds the name of the layer from which a refused value came, since [`validate()`] knows only the value's key.
fn locate(error: Error, layers: &[SettingsLayer]) -> Error {
    let Error::Config { origin: key, reason } = error else { return error };
    let layer = layers.iter().rev().find(|layer| holds(&layer.table, &key));
    let origin = match layer {
        None => key,
        Some(SettingsLayer { name, text: None, .. }) => name.clone(),
        Some(SettingsLayer { name, text: Some(text), .. }) => match offset_of(text, &key) {
            Some(offset) => format!("{name}:{}: {key}", line_of(text, offset)),
            None => format!("{name}: {key}"),
        },
    };
    Error::Config { origin, reason }
}

fn holds(table: &Table, key: &str) -> bool {
    let mut parts = key.split('.');
    let first = parts.next().and_then(|name| table.get(name));
    parts.fold(first, |value, name| value.and_then(|v| v.get(name))).is_some()
}

/// Returns the position at which the value of a dotted `key` starts in a document.
fn offset_of(text: &str, key: &str) -> Option<usize> {
    fn child<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<&'a Spanned<DeValue<'i>>> {
        table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
    }
    let document = DeTable::parse(text).ok()?;
    let (sections, last) = key.rsplit_once('.')?;
    let table = sections
        .split('.')
        .try_fold(document.get_ref(), |table, name| child(table, name).and_then(|v| v.get_ref().as_table()))?;
    child(table, last).map(|value| value.span().start)
}

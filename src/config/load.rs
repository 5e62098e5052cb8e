//! From files and `--set` edits to a checked [`Config`].
//!
//! Every file and every edit is a *layer*: a TOML document that is deserialised alone first, so that a wrong key or type
//! is reported where it was written, and then merged over the layers before it. Tables merge key by key; any other value,
//! lists included, replaces the earlier one.

use std::path::PathBuf;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::{Config, validate};
use crate::{Error, Result};

/// Reads `files` in order, applies the `key.path=value` edits of `sets` in order, and checks the result.
///
/// A value of an edit is TOML (`3e-4`, `[1, 2]`, `"a b"`); what is not, or does not fit its key, is taken as a bare string
/// (`classifier`, `/some/folder`). Relative paths in a file are relative to the current directory, as on the command line.
///
/// # Errors
/// [`Error::Io`] for a file that cannot be read; [`Error::Config`] with file and line, or the edit, for anything wrong in it.
pub fn load(files: &[PathBuf], sets: &[String]) -> Result<Config> {
    let mut layers = Vec::with_capacity(files.len() + sets.len());
    for path in files {
        layers.push(Layer::from_file(path)?);
    }
    for edit in sets {
        layers.push(Layer::from_edit(edit)?);
    }
    merged(Table::new(), &layers)
}

/// Reads a whole configuration that [`to_toml`] wrote; `name` stands for it in errors.
///
/// # Errors
/// As [`load`].
pub fn load_text(name: &str, text: &str) -> Result<Config> {
    merged(Table::new(), &[Layer::from_text(name.into(), text.into())?])
}

fn merged(mut base: Table, layers: &[Layer]) -> Result<Config> {
    for layer in layers {
        merge(&mut base, &layer.table);
    }
    let config = base.try_into().map_err(|e: toml::de::Error| Error::config("configuration", e.message()))?;
    validate(&config).map_err(|error| locate(error, layers))?;
    Ok(config)
}

/// `config` with the `key.path=value` edits of `sets` applied in order.
///
/// # Errors
/// As [`load`].
pub fn edit(config: &Config, sets: &[String]) -> Result<Config> {
    let layers = sets.iter().map(|edit| Layer::from_edit(edit)).collect::<Result<Vec<_>>>()?;
    let base = Table::try_from(config).map_err(|e| Error::config("configuration", e.to_string()))?;
    merged(base, &layers)
}

/// `config` with `values` at their dotted keys, all at once.
///
/// # Errors
/// [`Error::Config`] naming the key of a value that does not fit, or the key at fault when they do not fit together.
pub fn assign(config: &Config, values: &[(&str, Value)]) -> Result<Config> {
    let mut layers = Vec::with_capacity(values.len());
    for (key, value) in values {
        let table = nest(&key.split('.').collect::<Vec<_>>(), value.clone());
        table.clone().try_into::<Config>().map_err(|e| Error::config(*key, explain(e.message())))?;
        layers.push(Layer { name: format!("{key} = {value}"), text: None, table });
    }
    let base = Table::try_from(config).map_err(|e| Error::config("configuration", e.to_string()))?;
    merged(base, &layers)
}

/// `config` as a TOML document that [`load`] turns into an equal configuration.
///
/// # Errors
/// [`Error::Config`] for a path that is not UTF-8, which TOML cannot hold and [`validate`] refuses.
pub fn to_toml(config: &Config) -> Result<String> {
    toml::to_string(config).map_err(|e| Error::config("configuration", e.to_string()))
}

/// One source of settings, with what is needed to point at a line of it.
struct Layer {
    /// A file's path, or `--set a.b=v`.
    name: String,
    /// The text of a file; an edit is named whole and needs none.
    text: Option<String>,
    table: Table,
}

impl Layer {
    fn from_file(path: &PathBuf) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
        let name = path.display().to_string();
        let text = String::from_utf8(bytes).map_err(|e| {
            let line = 1 + e.as_bytes()[..e.utf8_error().valid_up_to()].iter().filter(|&&b| b == b'\n').count();
            Error::config(format!("{name}:{line}"), "not UTF-8: a configuration is a text file in TOML")
        })?;
        Self::from_text(name, text)
    }

    fn from_text(name: String, text: String) -> Result<Self> {
        let table = parse(&text).map_err(|e| {
            let line = line_of(&text, e.span().map_or(0, |span| span.start));
            Error::config(format!("{name}:{line}"), format!("{}\n{}", explain(e.message()), snippet(&e)))
        })?;
        Ok(Self { name, text: Some(text), table })
    }

    fn from_edit(edit: &str) -> Result<Self> {
        let name = format!("--set {edit}");
        let (key, value) = edit
            .split_once('=')
            .ok_or_else(|| Error::config(&name, "expected KEY=VALUE, for example --set train.epochs=50"))?;
        let path: Vec<&str> = key.split('.').map(str::trim).collect();
        if path.iter().any(|part| part.is_empty()) {
            return Err(Error::config(&name, "expected SECTION.KEY=VALUE, for example --set train.epochs=50"));
        }
        let bare = Value::String(value.trim().into());
        let parsed = toml::from_str::<Table>(&format!("value = {value}")).ok().filter(|t| t.len() == 1);
        let typed = parsed.and_then(|mut table| table.remove("value"));
        // The first reading that fits its key wins; if none does, the error of the more specific one is the useful one.
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

/// A document as an untyped table, after checking that it is a valid, possibly partial, configuration.
fn parse(text: &str) -> Result<Table, toml::de::Error> {
    toml::from_str::<Config>(text)?;
    toml::from_str(text)
}

/// `value` below the tables named by `path`.
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

/// serde's message in the words of a configuration, with the nearest allowed name where a name is unknown.
fn explain(message: &str) -> String {
    let message =
        message.trim_end().replacen("unknown field", "unknown key", 1).replacen("unknown variant", "unknown value", 1);
    // serde lists the unknown name first and the allowed ones after it, each between backticks.
    let mut names = message.split('`').skip(1).step_by(2);
    let nearest = names.next().filter(|_| message.starts_with("unknown ")).and_then(|wrong| {
        names
            .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
            .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
            .min_by_key(|(distance, _)| *distance)
    });
    match nearest {
        Some((_, name)) => format!("{message}; did you mean `{name}`?"),
        None => message,
    }
}

/// The lines of toml's own rendering that show the source, without its heading and its message.
fn snippet(error: &toml::de::Error) -> String {
    let rendered = error.to_string();
    let shown: Vec<&str> = rendered.lines().skip(1).take(3).collect();
    if error.span().is_some() { shown.join("\n") } else { String::new() }
}

/// The 1-based line of byte `offset`.
fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|&&b| b == b'\n').count()
}

/// Names the layer a refused value came from: [`validate`] knows only its key.
fn locate(error: Error, layers: &[Layer]) -> Error {
    let Error::Config { origin: key, reason } = error else { return error };
    let layer = layers.iter().rev().find(|layer| holds(&layer.table, &key));
    let origin = match layer {
        None => key,
        Some(Layer { name, text: None, .. }) => name.clone(),
        Some(Layer { name, text: Some(text), .. }) => match offset_of(text, &key) {
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

/// Where the value of a dotted `key` starts in a document.
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

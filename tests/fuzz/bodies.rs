//! A function for each kind of input. It passes bytes to the program as a file or a database would, and asserts what
//! must hold for any bytes. The plain tests and the fuzz targets in `fuzz/` call the same functions.
//!
//! Input that the program accepts must be the same after it is written and read again. Other input must be refused with
//! exit code 3 and the name of the input. A function returns whether the program accepts the input.

use std::path::Path;

use weaklabel::Error;
use weaklabel::config::{Method, TableConfig, parse_config, to_toml};
use weaklabel::data::audio::decode_bytes;
use weaklabel::data::clips::annotation::{self, ClipEvents};
use weaklabel::data::clips::{TableFormat, list};
use weaklabel::data::scenes::Cooccurrence;
use weaklabel::experiments::search;
use weaklabel::experiments::store::fuzz::{MadeUpRows, Value, read_rows};
use weaklabel::experiments::study::cells;
use weaklabel::experiments::worker::SeedResult;
use weaklabel::model::Architecture;
use weaklabel::model::checkpoint::{TrainingState, model_from_bytes};
use weaklabel::output::curves_from_json;

use super::repair;

/// Largest memory in use at a time for an input of up to 1 MiB, in bytes.
const MOST_BYTES: u64 = 64 << 20;
/// Largest number of frames that are decoded of a sound: half a minute at 16 kHz.
const MOST_SAMPLES: usize = 500_000;
/// Classes of the soundbank against which a co-occurrence file is checked.
const CLASSES: [&str; 3] = ["Cat", "Dog", "Frying"];
/// Name of the input in errors.
const NAME: &str = "input";
/// All kinds of input with their functions.
pub const KINDS: [(&str, Body); 7] = [
    ("audio", audio),
    ("annotations", annotations),
    ("cooccurrence", cooccurrence),
    ("configuration", configuration),
    ("model", model),
    ("state", state),
    ("rows", rows),
];

/// A function that passes an input to the program.
pub type Body = fn(&[u8]) -> bool;

/// Runs `body` on `bytes`.
///
/// # Panics
/// If `body` panics or uses more than 64 MiB at a time.
pub fn check(body: Body, bytes: &[u8]) -> bool {
    let mut accepted = false;
    let memory = allocation_counter::measure(|| accepted = body(bytes));
    assert!(memory.bytes_max <= MOST_BYTES, "{} bytes are taken for an input of {}", memory.bytes_max, bytes.len());
    accepted
}

/// Decodes an audio file, as it is and with corrected checksums.
pub fn audio(bytes: &[u8]) -> bool {
    decode(bytes) | repair::audio(bytes).is_some_and(|repaired| decode(&repaired))
}

fn decode(bytes: &[u8]) -> bool {
    match decode_bytes(bytes, MOST_SAMPLES) {
        Ok(decoded) => {
            let samples = &decoded.audio.samples;
            assert!((1..=MOST_SAMPLES).contains(&samples.len()) && samples.iter().all(|x| x.is_finite()));
            assert!(decoded.channels > 0 && decoded.warnings.iter().all(|warning| !warning.is_empty()));
            true
        }
        Err(reason) => {
            assert!(!reason.is_empty());
            false
        }
    }
}

/// Parses a table of clips in any format.
pub fn annotations(bytes: &[u8]) -> bool {
    match list::parse(Path::new(NAME), bytes, &TableConfig::default()) {
        Ok(table) => {
            let clips: Vec<ClipEvents> = table.clips.into_iter().map(|clip| clip.events).collect();
            let lines: Vec<u64> = clips.iter().flat_map(|clip| clip.events.iter().map(|(line, _)| *line)).collect();
            let in_table = bytes.split(|byte| *byte == b'\n').count() as u64;
            assert!(lines.iter().all(|line| (1..=in_table).contains(line)), "{lines:?} of {in_table}");
            // A single carriage return also ends a row, though editors do not count it as a line.
            let rows = bytes.split(|byte| b"\r\n".contains(byte)).count();
            assert!(clips.len() <= rows, "{} clips in {rows} rows", clips.len());
            assert!(clips.iter().flat_map(|clip| &clip.events).all(|(_, event)| !event.label.trim().is_empty()));
            // Two segments of one video in AudioSet are clips of the same name, which DESED's format cannot tell apart.
            if table.format != TableFormat::AudioSet {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join(NAME);
                annotation::write(&path, &clips).unwrap();
                let without_lines = |clips: Vec<ClipEvents>| -> Vec<_> {
                    let events = |clip: ClipEvents| clip.events.into_iter().map(|(_, event)| event).collect::<Vec<_>>();
                    clips.into_iter().map(|clip| (clip.filename.clone(), events(clip))).collect()
                };
                assert_eq!(without_lines(annotation::read(&path).unwrap()), without_lines(clips));
            }
            true
        }
        Err(error) => refused(&error),
    }
}

/// Parses a co-occurrence file and checks it against a soundbank.
pub fn cooccurrence(bytes: &[u8]) -> bool {
    match Cooccurrence::parse(Path::new(NAME), bytes) {
        Ok(cooccurrence) => {
            let classes = CLASSES.map(String::from);
            assert!(!cooccurrence.check(&classes, [1, 4]).is_err_and(|reason| reason.is_empty()));
            let json = serde_json::to_vec(&cooccurrence).unwrap();
            assert_eq!(Cooccurrence::parse(Path::new(NAME), &json).unwrap(), cooccurrence);
            true
        }
        Err(error) => refused(&error),
    }
}

/// Parses a configuration file and checks it like `config check`.
pub fn configuration(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    match parse_config(NAME, text) {
        Ok(config) => {
            let written = to_toml(&config).unwrap();
            assert_eq!(parse_config(NAME, &written).unwrap(), config);
            let trials = if config.search.space.is_empty() { Ok(()) } else { search::check(&config, drop) };
            for error in [trials, cells(&config).map(drop)].into_iter().filter_map(Result::err) {
                assert!(matches!(error, Error::Config { .. }), "{error:?}");
            }
            true
        }
        Err(error) => {
            assert!(matches!(error, Error::Config { .. }), "{error:?}");
            false
        }
    }
}

/// Parses a trained model, as it is and with corrected lengths and checksum.
pub fn model(bytes: &[u8]) -> bool {
    of_model(bytes) | repair::safetensors(bytes).is_some_and(|repaired| of_model(&repaired))
}

fn of_model(bytes: &[u8]) -> bool {
    match model_from_bytes(Path::new(NAME), bytes) {
        Ok((parameters, about)) => {
            let architecture = Architecture::new(&about.model, &about.features, about.classes.len());
            assert_eq!(parameters.len(), architecture.elements());
            assert!(parameters.iter().all(|x| x.is_finite()) && about.std.iter().all(|std| *std > 0.0));
            true
        }
        Err(error) => refused(&error),
    }
}

/// Parses a training state, as it is and with corrected lengths and checksum.
pub fn state(bytes: &[u8]) -> bool {
    of_state(bytes) | repair::safetensors(bytes).is_some_and(|repaired| of_state(&repaired))
}

fn of_state(bytes: &[u8]) -> bool {
    let path = Path::new(NAME);
    match TrainingState::from_bytes(path, bytes) {
        Ok(training_state) => {
            let written = training_state.to_bytes(path).unwrap();
            let again = TrainingState::from_bytes(path, &written).unwrap();
            assert_eq!(again.to_bytes(path).unwrap(), written);
            true
        }
        Err(error) => refused(&error),
    }
}

/// Reads rows of a store. Each line has a table's name and the values of its columns, separated by tabs. A number
/// stands for itself, an empty value is NULL, `#` starts bytes, and anything else is text with carriage returns for
/// line feeds.
pub fn rows(bytes: &[u8]) -> bool {
    let mut rows = MadeUpRows::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b'\t');
        let table = match fields.next().unwrap_or_default() {
            b"schema" => &mut rows.schema,
            b"studies" => &mut rows.studies,
            b"trials" => &mut rows.trials,
            b"results" => &mut rows.results,
            b"checkpoints" => &mut rows.checkpoints,
            _ => &mut rows.workers,
        };
        table.push(fields.map(value).collect());
    }
    for text in rows.results.iter().chain(&rows.checkpoints).flatten() {
        let Value::Text(text) = text else { continue };
        let curves =
            Method::all().map(|method| curves_from_json(text, 1, method).is_err_and(|reason| reason.is_empty()));
        assert!(!curves.contains(&true) && !SeedResult::from_json(text).is_err_and(|reason| reason.is_empty()));
    }
    match read_rows(&rows) {
        Ok(()) => true,
        Err(error) => {
            assert!(matches!(error, Error::Store { passing: false, .. }), "{error:?}");
            false
        }
    }
}

fn value(field: &[u8]) -> Value {
    let text = String::from_utf8_lossy(field);
    match (text.parse(), text.parse()) {
        (Ok(integer), _) => Value::Integer(integer),
        (_, Ok(real)) => Value::Real(real),
        _ if text.is_empty() => Value::Null,
        _ => match field.strip_prefix(b"#") {
            Some(bytes) => Value::Bytes(bytes.into()),
            None => Value::Text(text.replace('\r', "\n")),
        },
    }
}

fn refused(error: &Error) -> bool {
    assert!(error.exit_code() == 3 && error.to_string().contains(NAME), "{error:?}");
    false
}

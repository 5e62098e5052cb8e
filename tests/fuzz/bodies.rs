//! A function for each kind of input: it gives bytes to the program as a file or a database would, and asserts what must hold
//! whatever the bytes are. The plain tests and the fuzz targets in `fuzz/` call the same functions.
//!
//! What the program accepts must survive being written and read again; what it refuses must be refused with exit code 3 and
//! the name of the input. A function returns whether the program accepts the input.

use std::path::Path;

use weaklabel::Error;
use weaklabel::audio::decode_bytes;
use weaklabel::config::{load_text, to_toml};
use weaklabel::model::Architecture;
use weaklabel::model::checkpoint::{Standing, read_model, write_model};
use weaklabel::scenes::annotation::{self, ClipEvents};
use weaklabel::search::trials;
use weaklabel::study::cells;

use super::repair;

/// What an input of up to 1 MiB may take at a time, in bytes.
const MOST_BYTES: u64 = 64 << 20;
/// Frames of a sound that are decoded at most: half a minute at 16 kHz.
const MOST_SAMPLES: usize = 500_000;
/// What the inputs are called in errors.
const NAME: &str = "input";
/// Every kind of input.
pub const KINDS: [(&str, Body); 5] = [
    ("audio", audio),
    ("annotations", annotations),
    ("configuration", configuration),
    ("model", model),
    ("state", state),
];
/// Models in a training state, and the parameters of each.
pub const STATE: (usize, usize) = (2, 8);

/// What is done with an input.
pub type Body = fn(&[u8]) -> bool;

/// Runs `body` on `bytes`.
///
/// # Panics
/// When `body` does, or holds more than 64 MiB at a time.
pub fn check(body: Body, bytes: &[u8]) -> bool {
    let mut accepted = false;
    let memory = allocation_counter::measure(|| accepted = body(bytes));
    assert!(memory.bytes_max <= MOST_BYTES, "{} bytes are taken for an input of {}", memory.bytes_max, bytes.len());
    accepted
}

/// A WAV, FLAC or Ogg file, as it is and with right checksums.
pub fn audio(bytes: &[u8]) -> bool {
    decode(bytes) | repair::audio(bytes).is_some_and(|repaired| decode(&repaired))
}

fn decode(bytes: &[u8]) -> bool {
    match decode_bytes(bytes, MOST_SAMPLES) {
        Ok(decoded) => {
            let samples = &decoded.audio.samples;
            assert!((1..=MOST_SAMPLES).contains(&samples.len()) && samples.iter().all(|x| x.is_finite()));
            assert!(decoded.channels > 0 && decoded.warning.is_none_or(|warning| !warning.is_empty()));
            true
        }
        Err(reason) => {
            assert!(!reason.is_empty());
            false
        }
    }
}

/// A table of annotations.
pub fn annotations(bytes: &[u8]) -> bool {
    let read = |bytes: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        std::fs::write(&path, bytes).unwrap();
        annotation::read(&path)
    };
    match read(bytes) {
        Ok(clips) => {
            let lines: Vec<u64> = clips.iter().flat_map(|clip| clip.events.iter().map(|(line, _)| *line)).collect();
            let in_table = bytes.split(|byte| *byte == b'\n').count() as u64;
            assert!(lines.len() as u64 <= in_table && lines.iter().all(|line| (1..=in_table).contains(line)));
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(NAME);
            annotation::write(&path, &clips).unwrap();
            let without_lines = |clips: Vec<ClipEvents>| -> Vec<_> {
                let events = |clip: ClipEvents| clip.events.into_iter().map(|(_, event)| event).collect::<Vec<_>>();
                clips.into_iter().map(|clip| (clip.filename.clone(), events(clip))).collect()
            };
            assert_eq!(without_lines(annotation::read(&path).unwrap()), without_lines(clips));
            true
        }
        Err(error) => refused(&error),
    }
}

/// A configuration file, which `config check` would check.
pub fn configuration(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    match load_text(NAME, text) {
        Ok(config) => {
            let written = to_toml(&config).unwrap();
            assert_eq!(load_text(NAME, &written).unwrap(), config);
            let trials = if config.search.space.is_empty() { Ok(()) } else { trials(&config).map(drop) };
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

/// A trained model, as it is and with right lengths.
pub fn model(bytes: &[u8]) -> bool {
    of_model(bytes) | repair::safetensors(bytes).is_some_and(|repaired| of_model(&repaired))
}

fn of_model(bytes: &[u8]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(NAME);
    std::fs::write(&path, bytes).unwrap();
    match read_model(&path) {
        Ok((parameters, about)) => {
            let architecture = Architecture::new(&about.model, &about.features, about.classes.len());
            assert_eq!(parameters.len(), architecture.elements());
            assert!(parameters.iter().all(|x| x.is_finite()) && about.std.iter().all(|std| *std > 0.0));
            write_model(&path, &architecture, &parameters, &about).unwrap();
            assert_eq!(read_model(&path).unwrap(), (parameters, about));
            true
        }
        Err(error) => refused(&error),
    }
}

/// The state of a training, as it is and with right lengths.
pub fn state(bytes: &[u8]) -> bool {
    of_state(bytes) | repair::safetensors(bytes).is_some_and(|repaired| of_state(&repaired))
}

fn of_state(bytes: &[u8]) -> bool {
    let path = Path::new(NAME);
    match Standing::from_bytes(path, bytes, STATE.0, STATE.1) {
        Ok(standing) => {
            let written = standing.to_bytes(path).unwrap();
            let again = Standing::from_bytes(path, &written, STATE.0, STATE.1).unwrap();
            assert_eq!(again.to_bytes(path).unwrap(), written);
            true
        }
        Err(error) => refused(&error),
    }
}

fn refused(error: &Error) -> bool {
    assert!(error.exit_code() == 3 && error.to_string().contains(NAME), "{error:?}");
    false
}

//! Measurements as lines of JSON, each with its case and its adapter.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::Samples;
use crate::base::{atomic, regular_file};
use crate::gpu::AdapterDescription;
use crate::{Error, Result};

/// A measurement: its case, its samples, and the other entries of its line.
///
/// A line holds `kind`, the keys of the case, the samples as `ms`, and `adapter`. Other programs may write such lines
/// too.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Case: `kind` and the keys that distinguish it from other cases.
    pub case: Map<String, Value>,
    /// Measured times.
    pub samples: Samples,
    /// Name of the adapter.
    pub adapter: String,
    /// All entries of the line.
    line: Map<String, Value>,
}

/// Keys that belong to the case. All other keys describe the measurement.
const CASE: [&str; 10] =
    ["kind", "name", "workload", "kernel", "method", "frames", "batch", "members", "seconds", "clips"];

impl Record {
    /// Makes a measurement of `case` on `adapter`.
    pub fn new(case: Map<String, Value>, samples: Samples, adapter: &AdapterDescription) -> Self {
        let mut line = case.clone();
        line.extend([
            ("ms".to_string(), json!(samples.sorted())),
            ("ms_median".to_string(), json!(samples.median())),
            ("ms_min".to_string(), json!(samples.min())),
            ("ms_max".to_string(), json!(samples.max())),
            ("adapter".to_string(), json!(adapter.name)),
            ("backend".to_string(), json!(adapter.backend)),
            ("driver".to_string(), json!(adapter.driver)),
            ("version".to_string(), json!(env!("CARGO_PKG_VERSION"))),
        ]);
        Self { case, samples, adapter: adapter.name.clone(), line }
    }

    /// Adds an entry to the line that is not part of the case.
    pub fn set(&mut self, key: &str, value: Value) {
        self.line.insert(key.into(), value);
    }

    /// Returns all entries of the line.
    pub fn line(&self) -> &Map<String, Value> {
        &self.line
    }

    /// Finds the last measurement of `case` in `records`.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the case, and the cases in `records`.
    pub fn find<'a>(records: &'a [Self], case: &Map<String, Value>) -> Result<&'a Self> {
        records.iter().rfind(|record| record.case == *case).ok_or_else(|| {
            let held: BTreeSet<String> = records.iter().map(Self::name).collect();
            let held = held.into_iter().collect::<Vec<_>>().join("; ");
            Error::Usage(format!("nothing to compare {} with: the file holds {held}", case_name(case)))
        })
    }

    /// Describes the case: `classifier, 20 frames, batch 10, members 1`.
    pub fn name(&self) -> String {
        case_name(&self.case)
    }

    fn parse(text: &str) -> std::result::Result<Self, String> {
        let Value::Object(line) = serde_json::from_str(text).map_err(|e| e.to_string())? else {
            return Err("not an object".into());
        };
        let case: Map<String, Value> =
            CASE.iter().filter_map(|key| Some(((*key).to_string(), line.get(*key)?.clone()))).collect();
        if !case.contains_key("kind") {
            return Err("it has no `kind`".into());
        }
        let numbers = line.get("ms").and_then(Value::as_array).ok_or("it has no samples `ms`")?;
        let samples: Option<Vec<f64>> = numbers.iter().map(Value::as_f64).collect();
        let samples = samples.and_then(Samples::new).ok_or("`ms` is not a list of times")?;
        let adapter = line.get("adapter").and_then(Value::as_str).unwrap_or("an unnamed adapter").to_string();
        Ok(Self { case, samples, adapter, line })
    }

    /// Reads the measurements in `path`, one per line.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read; [`Error::Data`] naming the line that holds no measurement.
    pub fn read(path: &Path) -> Result<Vec<Self>> {
        let text = regular_file::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let records = lines
            .map(|(number, line)| {
                let refuse = |reason| {
                    Error::data(path, format!("line {} is no measurement of `weaklabel bench`: {reason}", number + 1))
                };
                Self::parse(line).map_err(refuse)
            })
            .collect::<Result<Vec<_>>>()?;
        if records.is_empty() {
            return Err(Error::data(path, "it holds no measurement: write one with `weaklabel bench … -o FILE`"));
        }
        Ok(records)
    }

    /// Writes `records` to `path`, one per line.
    ///
    /// # Errors
    /// [`Error::Io`] naming the path; an earlier file there is kept.
    pub fn write(path: &Path, records: &[Self]) -> Result<()> {
        let lines: String = records.iter().map(|record| json!(record.line).to_string() + "\n").collect();
        atomic::write_bytes(path, lines.as_bytes())
    }
}

/// Makes a case from keys and values.
pub fn case<const N: usize>(keys: [(&str, Value); N]) -> Map<String, Value> {
    keys.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
}

/// Describes a case. Values that are words stand without their keys.
pub fn case_name(case: &Map<String, Value>) -> String {
    let part = |(key, value): (&String, &Value)| match (key.as_str(), value) {
        ("kind", _) => None,
        ("frames" | "clips", value) => Some(format!("{value} {key}")),
        ("seconds", value) => Some(format!("{value} s")),
        (_, Value::String(word)) => Some(word.clone()),
        (key, value) => Some(format!("{key} {value}")),
    };
    case.iter().filter_map(part).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::Gpu;

    fn record() -> Record {
        let keys = [
            ("kind", json!("step")),
            ("method", json!("classifier")),
            ("frames", json!(20)),
            ("batch", json!(10)),
            ("members", json!(1)),
        ];
        Record::new(case(keys), Samples::new(vec![2.0, 1.0, 4.0]).unwrap(), Gpu::noop().adapter())
    }

    #[test]
    fn a_record_comes_out_of_its_file_as_it_went_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let mut with_more = record();
        with_more.set("kernels", json!([1, 2]));
        Record::write(&path, &[record(), with_more.clone()]).unwrap();
        assert_eq!(Record::read(&path).unwrap(), [record(), with_more]);
        assert_eq!(record().name(), "classifier, 20 frames, batch 10, members 1");
    }

    #[test]
    fn a_line_without_measurement_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        for (text, part) in [
            ("", "holds no measurement"),
            ("{\"kind\": \"step\", \"ms\": [1]}\n[]\n", "line 2 is no measurement"),
            ("{\"ms\": [1]}", "has no `kind`"),
            ("{\"kind\": \"step\"}", "no samples `ms`"),
            ("{\"kind\": \"step\", \"ms\": [1, -2]}", "not a list of times"),
            ("{\"kind\"", "line 1"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Record::read(&path).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("a.json"), "{text}: {error}");
        }
    }
}

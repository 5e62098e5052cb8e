//! The recordings of `tests/audio-formats` and the table of what they decode to.

use std::path::{Path, PathBuf};

/// The folder of the recordings and of the table.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audio-formats")
}

/// A recording and what comes out when it is decoded.
pub struct Row {
    pub file: String,
    pub outcome: String,
    pub rate: Option<u32>,
    pub channels: Option<u16>,
    pub frames: Option<usize>,
}

/// The rows of `expected.tsv`.
pub fn rows() -> Vec<Row> {
    let mut table = csv::ReaderBuilder::new().delimiter(b'\t').from_path(folder().join("expected.tsv")).unwrap();
    let rows: Vec<Row> = table
        .records()
        .map(|record| {
            let record = record.unwrap();
            Row {
                file: record[0].into(),
                outcome: record[1].into(),
                rate: record[2].parse().ok(),
                channels: record[3].parse().ok(),
                frames: record[4].parse().ok(),
            }
        })
        .collect();
    assert!(rows.len() >= 35, "{} rows", rows.len());
    rows
}

//! Real recordings: the soundbank at `WEAKLABEL_SOUNDBANK`, or beside the project.

use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::prelude::*;
use weaklabel::config::{Config, Variant};
use weaklabel::data::scenes::generate::{GenerateOptions, generate};
use weaklabel::data::scenes::{Dataset, Subset};

use crate::bank::{number, table};
use crate::support::missing::leave_out;

/// Finds the soundbank. Returns `None` if there is none, but fails if the variable names one or in continuous
/// integration.
fn soundbank() -> Option<PathBuf> {
    let named = std::env::var_os("WEAKLABEL_SOUNDBANK").map(PathBuf::from);
    let required = named.is_some();
    let path = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/soundbank"));
    if path.is_dir() {
        return Some(path);
    }
    assert!(!required, "no soundbank at {}", path.display());
    leave_out(&format!("there is no soundbank at {} (WEAKLABEL_SOUNDBANK names another place)", path.display()));
    None
}

#[test]
fn real_recordings_become_balanced_clips() {
    let Some(root) = soundbank() else { return };
    let home = tempfile::tempdir().unwrap();
    for variant in [Variant::Waa, Variant::Ms200] {
        let mut config = Config::default();
        config.data.soundbank = Some(root.clone());
        config.data.variant = variant;
        (config.data.train, config.data.validation, config.data.eval) = (100, 20, 50);
        let out = home.path().join(format!("{variant:?}"));
        let started = Instant::now();
        let summary =
            generate(&GenerateOptions { config: &config, out: &out, wav: false, force: false }, &|_, _| ()).unwrap();
        eprintln!("{variant:?}: 170 clips in {:.2?}, sources not yet decoded", started.elapsed());
        assert_eq!(summary.n_clips, [100, 20, 50]);

        let rows = table(&out.join("manifest.tsv"));
        for row in &rows {
            assert!(number(row, "onset_s") + number(row, "duration_s") <= 10.000_002);
            assert!((6.0..=30.0).contains(&number(row, "snr_db")));
            assert!(number(row, "event_gain_db").is_finite() && number(row, "background_gain_db").is_finite());
        }
        let files = |subset: &str| {
            let ours = rows.iter().filter(|row| row["filename"].starts_with(subset));
            ours.map(|row| row["event_file"].clone()).collect::<std::collections::BTreeSet<_>>()
        };
        assert!(files("train").is_disjoint(&files("validation")));

        config.data.dataset = Some(out);
        let dataset = Dataset::of(&config).unwrap();
        let clips: Vec<_> = Subset::all().iter().flat_map(|&s| (0..dataset.len(s)).map(move |i| (s, i))).collect();
        for pass in ["sources not yet decoded", "again"] {
            let started = Instant::now();
            let lengths: Vec<usize> =
                clips.par_iter().map(|&(s, i)| dataset.segment(s, i, 1.0).unwrap().samples.len()).collect();
            let elapsed = started.elapsed().as_secs_f64();
            let times = 10.0 * clips.len() as f64 / elapsed / rayon::current_num_threads() as f64;
            eprintln!("{variant:?}: segments at {times:.0} x real time per core, {pass}");
            assert!(lengths.iter().all(|&n| n == 16_000));
        }
    }
}

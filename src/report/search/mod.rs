//! The report of a search: which trials climbed which rung, and what their parameters were.
//!
//! In: the trials ([`SearchData`]). Out: files in the search's folder.

mod data;

pub use data::{Drawn, ParameterAxis, SearchData, TrialData};

// SHIM
pub fn best(search: &SearchData) -> Option<&TrialData> {
    search.trials.iter().filter(|t| !t.scores.is_empty()).max_by(|a, b| {
        a.scores.len().cmp(&b.scores.len()).then(a.scores.last().unwrap().total_cmp(b.scores.last().unwrap())).then(b.number.cmp(&a.number))
    })
}
pub fn summary(search: &SearchData) -> crate::report::Table {
    let mut t = crate::report::Table::new(vec!["rung".into(), "results".into()]);
    for r in 0..search.rungs.len() { t.push(vec![r.to_string(), search.trials.iter().filter(|t| t.scores.len() > r).count().to_string()]); }
    t
}
pub fn write_search_report(folder: &std::path::Path, search: &SearchData) -> crate::Result<std::path::PathBuf> {
    let path = folder.join("report.html");
    crate::atomic::write_bytes(&path, format!("{search:?}").as_bytes())?;
    Ok(path)
}

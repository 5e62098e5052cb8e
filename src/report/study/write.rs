//! The report on disk.
use std::path::{Path, PathBuf};

use super::{StudyData, claims, claims_grid, claims_markdown, tables};
use crate::Result;
/// Writes it.
pub fn write_report(folder: &Path, study: &StudyData) -> Result<PathBuf> {
    let dir = folder.join("tables");
    std::fs::create_dir_all(&dir).map_err(|e| crate::Error::io("create", &dir, e))?;
    let claims = claims(study);
    let mut grids = tables(study);
    grids.push(claims_grid(&claims));
    let mut html = claims_markdown(&claims);
    for grid in grids {
        crate::atomic::write_bytes(&dir.join(format!("{}.tsv", grid.name)), grid.tsv().as_bytes())?;
        html += &grid.markdown();
    }
    let path = folder.join("report.html");
    crate::atomic::write_bytes(&path, html.as_bytes())?;
    Ok(path)
}

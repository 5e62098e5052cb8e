//! `weaklabel doctor --dump-wgsl`: the WGSL that is compiled, in files to read or to give to other tools.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::base::atomic;
use crate::gpu::Gpu;
use crate::kernels::KernelEntry;
use crate::{Error, Result};

/// Refuses a `folder` that is not empty, unless it is wanted so by `force`.
///
/// # Errors
/// [`Error::Data`] naming the folder; [`Error::Io`] when it cannot be listed.
pub fn check_folder(folder: &Path, force: bool) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    if !folder.is_dir() {
        return Err(Error::data(folder, "is a file: name a folder for the WGSL files"));
    }
    let mut entries = fs::read_dir(folder).map_err(|e| Error::io("list", folder, e))?;
    if entries.next().is_some() && !force {
        return Err(Error::data(folder, "is not empty: name another folder, or write into it with --force"));
    }
    Ok(())
}

/// Writes the source of every form of `entries` that `gpu` gets, one file for each:
/// `conv_forward.lanes-whole-rows.wgsl` is the kernel `conv_forward` as its case "lanes, whole rows" has it. Cases of
/// equal source share the file of the first.
///
/// # Errors
/// Errors of making tensors and joining sources; [`Error::Io`] when a file cannot be written.
pub fn write(folder: &Path, gpu: &Gpu, entries: &[&KernelEntry]) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
    let mut files = Vec::new();
    for entry in entries {
        let mut written = BTreeSet::new();
        for case in (entry.cases)().iter().filter(|case| case.is_for(gpu.class())) {
            let source = gpu.compiled_source(case.prepare(gpu)?.kernel.as_ref())?;
            if !written.contains(&source) {
                let path = folder.join(format!("{}.{}.wgsl", entry.name, plain(&case.name)));
                atomic::write_bytes(&path, source.as_bytes())?;
                files.push(path);
                written.insert(source);
            }
        }
    }
    Ok(files)
}

/// `name` in lower-case letters, digits and single hyphens.
fn plain(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::REGISTRY;

    #[test]
    fn every_kernel_of_the_device_has_files_that_parse() {
        let folder = tempfile::tempdir().unwrap();
        let gpu = Gpu::noop();
        let entries: Vec<_> = REGISTRY.iter().collect();
        let files = write(&folder.path().join("wgsl"), &gpu, &entries).unwrap();
        let distinct: BTreeSet<_> = files.iter().collect();
        assert_eq!(distinct.len(), files.len(), "two forms in one file");
        for entry in entries {
            let runs = (entry.cases)().iter().any(|case| case.is_for(gpu.class()));
            let name = format!("{}.", entry.name);
            let has_file = files.iter().any(|file| file.file_name().unwrap().to_str().unwrap().starts_with(&name));
            assert_eq!(runs, has_file, "{}", entry.name);
        }
        for file in &files {
            let source = fs::read_to_string(file).unwrap();
            assert!(naga::front::wgsl::parse_str(&source).is_ok(), "{}", file.display());
        }
    }

    #[test]
    fn names_of_files_are_plain() {
        assert_eq!(plain("SPEC 1"), "spec-1");
        assert_eq!(plain("lanes, whole rows"), "lanes-whole-rows");
        assert_eq!(plain("the paper's G"), "the-paper-s-g");
    }
}

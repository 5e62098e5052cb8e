//! Lock that keeps a second worker off a GPU: a file in the cache folder, named after the GPU's PCI address. Software
//! adapters have no such address and may be shared.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::gpu::{AdapterDescription, AdapterKind};
use crate::{Error, Result};

/// Exclusive use of a GPU by this process, until the lock is dropped or the process ends in any way.
#[derive(Debug)]
pub struct GpuLock {
    _lock: Option<File>,
}

impl GpuLock {
    /// Locks the GPU of `adapter` with a file in `folder`. Returns `None` when another worker holds it.
    ///
    /// # Errors
    /// [`Error::Io`] when the lock file cannot be created.
    pub fn take(adapter: &AdapterDescription, folder: &Path) -> Result<Option<Self>> {
        if adapter.kind == AdapterKind::Cpu || adapter.pci.bus.is_empty() {
            return Ok(Some(Self { _lock: None }));
        }
        std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
        let path = folder.join(format!("card-{}.lock", adapter.pci.bus.replace([':', '/', '\\'], "-")));
        let file =
            OpenOptions::new().append(true).create(true).open(&path).map_err(|e| Error::io("create", &path, e))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _lock: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(Error::io("lock", path, e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::Gpu;

    #[test]
    fn a_card_is_held_by_one_worker_and_a_software_adapter_by_any_number() {
        let folder = tempfile::tempdir().unwrap();
        let mut adapter = Gpu::noop().adapter().clone();
        (adapter.kind, adapter.pci.bus) = (AdapterKind::Discrete, "0000:01:00.0".into());
        let take = |adapter: &AdapterDescription| GpuLock::take(adapter, folder.path()).unwrap();
        let first = take(&adapter).unwrap();
        assert!(take(&adapter).is_none());
        adapter.pci.bus = "0000:02:00.0".into();
        assert!(take(&adapter).is_some(), "another card");
        adapter.pci.bus = "0000:01:00.0".into();
        drop(first);
        assert!(take(&adapter).is_some());
        adapter.kind = AdapterKind::Cpu;
        let (one, other) = (take(&adapter), take(&adapter));
        assert!(one.is_some() && other.is_some());
    }
}

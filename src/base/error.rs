//! The library's error type, and the exit codes of the program.
//!
//! Every variant names the object to act on (a path, a key, a kernel, an adapter), and its message says what to do next
//! where that is not obvious. Wrong shapes inside the crate are bugs and panic with both shapes; whatever comes from a
//! file, an option or an adapter is reported as an [`Error`].

use std::io;
use std::path::{Path, PathBuf};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error outside the crate's own logic.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write a path.
    #[error("cannot {action} {path}", path = .path.display())]
    Io {
        /// Attempted action, as an infinitive: "read", "create", "rename".
        action: &'static str,
        /// Path of the file or folder.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// An audio file cannot be used.
    #[error("{path}: {reason}", path = .path.display())]
    Audio {
        /// Audio file.
        path: PathBuf,
        /// Reason, in the terms of the file format.
        reason: String,
    },
    /// A soundbank, dataset, annotation or run folder is incomplete or invalid.
    #[error("{path}: {reason}", path = .path.display())]
    Data {
        /// File or folder.
        path: PathBuf,
        /// Explanation of what is wrong and what to do about it.
        reason: String,
    },
    /// A configuration value is unknown, of the wrong type or out of its range.
    #[error("{origin}: {reason}")]
    Config {
        /// File, option or key at fault.
        origin: String,
        /// Explanation of what is wrong and what is allowed.
        reason: String,
    },
    /// The command line is used wrongly, for example with options that exclude each other.
    #[error("{0}")]
    Usage(String),
    /// No adapter matches the request.
    #[error("{0}")]
    Adapter(String),
    /// The device stopped answering: removed, reset by its driver, or out of memory.
    #[error("the device {adapter} was lost: {reason}")]
    DeviceLost {
        /// Name of the adapter.
        adapter: String,
        /// Message of the driver.
        reason: String,
    },
    /// The graphics API refused an operation, or a kernel does not fit the adapter.
    #[error("kernel {kernel}: {reason}")]
    Kernel {
        /// Name of the kernel or recording.
        kernel: String,
        /// Explanation of what was expected and what was found.
        reason: String,
    },
    /// The store of a study cannot be used.
    #[error("{store}: {reason}")]
    Store {
        /// File, or the server's URL without its password.
        store: String,
        /// Message of the database, or what is wrong and what to do about it.
        reason: String,
        /// Whether the same operation may succeed later, because the server cannot be reached or is busy.
        passing: bool,
    },
    /// Computed numbers are outside their tolerance.
    #[error("{0}")]
    Tolerance(String),
    /// Some of several items failed; each of them was reported.
    #[error("{failed} of {all} {what}, as reported above")]
    Partly {
        /// Description of the failed items: "files could not be used".
        what: &'static str,
        /// Number of failed items.
        failed: usize,
        /// Number of all items.
        all: usize,
    },
    /// A signal came during work that cannot be resumed.
    #[error("stopped early, before there was anything to keep: the same command starts again")]
    Stopped,
    /// A signal asked the run to stop, and its state is on disk.
    #[error("stopped early: continue {path} with {next}", path = .path.display())]
    Interrupted {
        /// Folder of the run or study.
        path: PathBuf,
        /// Option or command that continues the run.
        next: &'static str,
    },
}

impl Error {
    /// Makes an [`Error::Io`] for `path`; `action` is an infinitive such as "read".
    pub fn io(action: &'static str, path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io { action, path: path.as_ref().into(), source }
    }

    /// Makes an [`Error::Audio`] for `path`.
    pub fn audio(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::Audio { path: path.as_ref().into(), reason: reason.into() }
    }

    /// Makes an [`Error::Data`] for `path`.
    pub fn data(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::Data { path: path.as_ref().into(), reason: reason.into() }
    }

    /// Makes an [`Error::Config`] for the file, option or key `origin`.
    pub fn config(origin: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Config { origin: origin.into(), reason: reason.into() }
    }

    /// Makes an [`Error::Kernel`] for `kernel`.
    pub fn kernel(kernel: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Kernel { kernel: kernel.into(), reason: reason.into() }
    }

    /// Turns [`Error::Stopped`] into [`Error::Interrupted`] of `path`, which `next` continues. Other errors stay as
    /// they are.
    pub fn resumable(self, path: impl AsRef<Path>, next: &'static str) -> Self {
        match self {
            Self::Stopped => Self::Interrupted { path: path.as_ref().into(), next },
            other => other,
        }
    }

    /// Returns the message, followed by those of its causes.
    pub fn with_causes(&self) -> String {
        let mut message = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            message += &format!(": {error}");
            cause = error.source();
        }
        message
    }

    /// The program's exit code for this error; `weaklabel --help` lists them all.
    pub fn exit_code(&self) -> u8 {
        match self {
            // A pipe or a device where a file belongs: `regular_file` refuses it.
            Self::Io { source, .. } if source.kind() == io::ErrorKind::InvalidInput => 3,
            Self::Io { .. } | Self::Kernel { .. } | Self::Store { passing: true, .. } => 1,
            Self::Usage(_) => 2,
            Self::Audio { .. } | Self::Data { .. } | Self::Config { .. } | Self::Store { .. } => 3,
            Self::Adapter(_) | Self::DeviceLost { .. } => 4,
            Self::Tolerance(_) => 5,
            Self::Partly { failed, all, .. } if failed < all => 6,
            Self::Partly { .. } => 3,
            Self::Stopped | Self::Interrupted { .. } => 75,
        }
    }
}

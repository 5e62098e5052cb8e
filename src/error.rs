//! The one error type of the library, and the exit codes of the program.
//!
//! Every variant carries the noun a user needs to act on it (a path, a key, a kernel, an adapter) and its message says
//! what to do next where that is not obvious. Shape mistakes inside the crate are bugs and panic with both shapes;
//! anything that comes from a file, a flag or an adapter is one of these.

use std::path::{Path, PathBuf};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong outside the crate's own logic.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused to read or write a path.
    #[error("cannot {action} {path}", path = .path.display())]
    Io {
        /// What was tried, as an infinitive: "read", "create", "rename".
        action: &'static str,
        /// The path it was tried on.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// An audio file cannot be used.
    #[error("{path}: {reason}", path = .path.display())]
    Audio {
        /// The file.
        path: PathBuf,
        /// Why, in the terms of the file format.
        reason: String,
    },
    /// A soundbank, dataset, annotation or run folder does not hold what it must.
    #[error("{path}: {reason}", path = .path.display())]
    Data {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong and what to do about it.
        reason: String,
    },
    /// A configuration value is unknown, of the wrong type or out of its range.
    #[error("{origin}: {reason}")]
    Config {
        /// The file, flag or key at fault.
        origin: String,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// Options of the command line that do not go together.
    #[error("{0}")]
    Usage(String),
    /// No adapter fits what was asked for.
    #[error("{0}")]
    Adapter(String),
    /// The device stopped answering: removed, reset by its driver, or out of memory.
    #[error("the device {adapter} was lost: {reason}")]
    DeviceLost {
        /// The adapter's name.
        adapter: String,
        /// The driver's words.
        reason: String,
    },
    /// The graphics API refused an operation, or a kernel does not fit the adapter.
    #[error("kernel {kernel}: {reason}")]
    Kernel {
        /// The kernel or recording.
        kernel: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// The store of a study cannot be used.
    #[error("{store}: {reason}")]
    Store {
        /// The file, or the server's URL without its password.
        store: String,
        /// The database's words, or what is wrong and what to do about it.
        reason: String,
        /// Whether the same may work in a while: the server is away, or busy.
        passing: bool,
    },
    /// Computed numbers are outside their tolerance.
    #[error("{0}")]
    Tolerance(String),
    /// Something could not be done to some of several things; each of them was reported.
    #[error("{failed} of {all} {what}, as reported above")]
    Partly {
        /// What could not be done to what: "files could not be used".
        what: &'static str,
        /// To how many.
        failed: usize,
        /// How many there were.
        all: usize,
    },
    /// A signal came during work that keeps nothing for another time.
    #[error("stopped early, before there was anything to keep: the same command begins anew")]
    Stopped,
    /// A signal asked the run to stop; its state is on disk.
    #[error("stopped early: continue {path} with {next}", path = .path.display())]
    Interrupted {
        /// The run or study folder.
        path: PathBuf,
        /// What continues it.
        next: &'static str,
    },
}

impl Error {
    /// An [`Error::Io`] for `path`; `action` is an infinitive such as "read".
    pub fn io(action: &'static str, path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io { action, path: path.as_ref().into(), source }
    }

    /// An [`Error::Audio`] for `path`.
    pub fn audio(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::Audio { path: path.as_ref().into(), reason: reason.into() }
    }

    /// An [`Error::Data`] for `path`.
    pub fn data(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::Data { path: path.as_ref().into(), reason: reason.into() }
    }

    /// An [`Error::Config`] for the file, flag or key `origin`.
    pub fn config(origin: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Config { origin: origin.into(), reason: reason.into() }
    }

    /// An [`Error::Kernel`] for `kernel`.
    pub fn kernel(kernel: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Kernel { kernel: kernel.into(), reason: reason.into() }
    }

    /// An [`Error::Stopped`] as [`Error::Interrupted`] of `path`, which `next` continues; any other error as it is.
    pub fn resumable(self, path: impl AsRef<Path>, next: &'static str) -> Self {
        match self {
            Self::Stopped => Self::Interrupted { path: path.as_ref().into(), next },
            other => other,
        }
    }

    /// The message, followed by those of its causes.
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

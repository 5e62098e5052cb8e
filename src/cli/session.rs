//! The options and services that are set up once, before any command runs.

use std::path::Path;

use super::log::Log;
use super::{Options, compiling, log, tiles};
use crate::data::features::keep_features_in;
use crate::data::scenes::remember_contents_in;
use crate::gpu::{AdapterChoice, Gpu};
use crate::model::Tiles;
use crate::output::{Progress, ProgressMode};
use crate::{Error, Result};

/// The options and the services every command uses.
#[derive(Debug)]
pub struct Session {
    /// The options of the command line.
    pub options: Options,
    /// Display of the progress of long work.
    pub progress: Progress,
    /// The log, to be attached to a run folder once there is one.
    pub log: Log,
}

impl Session {
    /// Starts the thread pool, the progress display and the log, and sets the folder in which features and hashes of
    /// data are kept.
    ///
    /// # Errors
    /// [`Error::Usage`] when as many threads cannot be started.
    pub fn start(options: Options) -> Result<Self> {
        if let Some(jobs) = options.jobs {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs);
            pool.build_global().map_err(|e| Error::Usage(format!("cannot start {jobs} threads: {e}")))?;
        }
        let progress = Progress::new(if options.quiet { ProgressMode::None } else { options.progress });
        let log = log::start(&options, &progress);
        // Without a folder for caches, data are hashed and features computed at each start.
        if let Ok(folder) = tiles::cache_folder() {
            remember_contents_in(&folder);
            keep_features_in(&folder);
        }
        Ok(Self { options, progress, log })
    }

    /// The adapter that `--adapter` and `--backend` name.
    pub fn adapter_choice(&self) -> AdapterChoice {
        AdapterChoice { adapter: self.options.adapter.clone(), backend: self.options.backend.clone() }
    }

    /// Opens the adapter that the options name and logs its name, as a warning if it is software.
    ///
    /// # Errors
    /// The errors of [`Gpu::open`].
    pub fn open_gpu(&self) -> Result<Gpu> {
        Gpu::open(&self.adapter_choice()).map(|gpu| self.announced(gpu))
    }

    /// Opens the adapter at position `index` of `weaklabel devices`.
    ///
    /// # Errors
    /// The errors of [`Session::open_gpu`].
    pub fn open_gpu_at(&self, index: usize) -> Result<Gpu> {
        let choice = AdapterChoice { adapter: Some(index.to_string()), ..self.adapter_choice() };
        Gpu::open(&choice).map(|gpu| self.announced(gpu))
    }

    /// Opens the adapter for a dry run ([`Gpu::dry_run`]).
    ///
    /// # Errors
    /// The errors of [`Gpu::dry_run`].
    pub fn gpu_on_paper(&self) -> Result<Gpu> {
        Gpu::dry_run(&self.adapter_choice())
    }

    /// Returns the tiles to compute with on `gpu`: those of `--tiles`, or else those that `weaklabel tune` found.
    ///
    /// # Errors
    /// The errors of [`tiles::choose`].
    pub fn tiles(&self, gpu: &Gpu) -> Result<Tiles> {
        tiles::choose(gpu, self.options.tiles.as_ref())
    }

    /// Returns the tiles in `file`, which a run or a study was begun with, or those of [`Session::tiles`] where there
    /// is no such file.
    ///
    /// # Errors
    /// The errors of [`Session::tiles`]; [`Error::Usage`] when `--tiles` names others.
    pub fn tiles_to_continue(&self, gpu: &Gpu, file: &Path) -> Result<Tiles> {
        if !file.is_file() {
            return self.tiles(gpu);
        }
        if self.options.tiles.is_some() {
            return Err(Error::Usage(format!(
                "{} holds the tiles that this was begun with, and it continues with them: leave out --tiles",
                file.display()
            )));
        }
        tiles::read(file)
    }

    /// Logs which adapter `gpu` is, and has it show when it compiles for long.
    fn announced(&self, mut gpu: Gpu) -> Gpu {
        gpu.on_compiling(compiling::show_on(&self.progress));
        let adapter = gpu.adapter();
        if gpu.class().is_software() {
            tracing::warn!("{} is a software adapter: everything works, slowly", adapter.name);
        } else {
            tracing::info!("computing on {} ({})", adapter.name, adapter.backend);
        }
        gpu
    }
}

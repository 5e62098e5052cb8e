//! The options and services that are set up once, before any command runs.

use std::path::Path;

use super::log::Log;
use super::{Options, compiling, log, tiles};
use crate::data::scenes::remember_contents_in;
use crate::gpu::{AdapterChoice, Gpu};
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
    /// Starts the thread pool, the progress display and the log, and sets the folder in which hashes of data are kept.
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
        // Without a folder for caches, data are hashed at each start.
        if let Ok(folder) = tiles::cache_folder() {
            remember_contents_in(&folder);
        }
        Ok(Self { options, progress, log })
    }

    /// The adapter that `--adapter` and `--backend` name.
    pub fn adapter_choice(&self) -> AdapterChoice {
        AdapterChoice { adapter: self.options.adapter.clone(), backend: self.options.backend.clone() }
    }

    /// Opens the adapter that the options name, with its tiles, and logs its name, as a warning if it is software.
    ///
    /// # Errors
    /// The errors of [`Gpu::open`] and [`tiles::attach`].
    pub fn open_gpu(&self) -> Result<Gpu> {
        let mut gpu = self.open_untuned_gpu()?;
        tiles::attach(&mut gpu, self.options.tiles.as_ref())?;
        Ok(gpu)
    }

    /// Opens the adapter for a dry run ([`Gpu::dry_run`]), with its tiles.
    ///
    /// # Errors
    /// The errors of [`Session::open_gpu`].
    pub fn gpu_on_paper(&self) -> Result<Gpu> {
        let mut gpu = Gpu::dry_run(&self.adapter_choice())?;
        tiles::attach(&mut gpu, self.options.tiles.as_ref())?;
        Ok(gpu)
    }

    /// Opens the adapter with the tiles in `file`, which a run or a study was begun with, or with its own where there
    /// is no such file.
    ///
    /// # Errors
    /// The errors of [`Session::open_gpu`]; [`Error::Usage`] when `--tiles` names others.
    pub fn open_gpu_to_continue(&self, file: &Path) -> Result<Gpu> {
        if !file.is_file() {
            return self.open_gpu();
        }
        if self.options.tiles.is_some() {
            return Err(Error::Usage(format!(
                "{} holds the tiles that this was begun with, and it continues with them: leave out --tiles",
                file.display()
            )));
        }
        let mut gpu = self.open_untuned_gpu()?;
        tiles::attach_path(&mut gpu, file)?;
        Ok(gpu)
    }

    /// Opens the adapter at position `index` of `weaklabel devices`, with its tiles.
    ///
    /// # Errors
    /// The errors of [`Session::open_gpu`].
    pub fn open_gpu_at(&self, index: usize) -> Result<Gpu> {
        let choice = AdapterChoice { adapter: Some(index.to_string()), ..self.adapter_choice() };
        let mut gpu = self.announced(Gpu::open(&choice)?);
        tiles::attach(&mut gpu, self.options.tiles.as_ref())?;
        Ok(gpu)
    }

    /// Opens the adapter that the options name, without tiles that were measured.
    ///
    /// # Errors
    /// The errors of [`Gpu::open`].
    pub fn open_untuned_gpu(&self) -> Result<Gpu> {
        Gpu::open(&self.adapter_choice()).map(|gpu| self.announced(gpu))
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

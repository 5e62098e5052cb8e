//! Output of the program: the run folder, results as JSON and as tables, embeddings, progress.
//!
//! In: configurations, metrics and scores. Out: files ([`RunDir`]), text ([`Results::table`], [`Table`]) and lines or a
//! bar on stderr ([`Progress`]).

mod curve;
mod embeddings;
mod metrics;
mod progress;
mod recorder;
mod results;
mod resume;
mod run_dir;
mod table;
pub mod tsv;

pub use curve::{CurvePoint, check_curves, curves_from_json};
pub use embeddings::{Bounds, EmbeddingFormat, EmbeddingRow, Embeddings};
pub use metrics::Metrics;
pub use progress::{Progress, ProgressMode, Task};
pub use recorder::{Recorder, Watch};
pub use results::{ClassSummary, LengthScores, Results, Scored, SeedSummary, WHOLE_CLIPS};
pub use run_dir::RunDir;
pub(crate) use run_dir::{absolute_paths, lock};
pub use table::Table;

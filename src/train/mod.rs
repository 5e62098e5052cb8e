//! Training (SPEC §§4, 5): the batches of a step, the schedule of an epoch, the stages of each method, and the loop
//! that keeps the GPU busy.
//!
//! In: training and validation examples on the GPU. Out: the parameters of every member's best epoch.

mod balanced;
mod coverage;
mod data;
mod deck;
mod draws;
mod episodes;
mod feature_plan;
mod memory_estimate;
mod methods;
mod metric_episodes;
mod natural;
mod observer;
mod sampler;
mod schedule;
mod stage;
mod stage_settings;
mod step;
mod step_context;
mod synthetic_step;
mod time_estimate;
mod trainer;

use crate::config::StageName;

pub use balanced::BalancedSampler;
pub use data::TrainingData;
pub use draws::Draws;
pub use episodes::Episodes;
pub use feature_plan::{feature_plan, only_f16_fits};
pub use memory_estimate::{MemoryEstimate, PlannedData, memory_estimate};
pub use metric_episodes::{BalancedEpisodes, PrototypeEpisodes, Triplets};
pub use natural::NaturalSampler;
pub use observer::{EpochReport, Observer, Unwatched};
pub use sampler::Sampler;
pub use schedule::{EpochRows, Schedule};
pub use step::{StepInput, TrainingStep};
pub use step_context::StepContext;
pub use synthetic_step::{ROWS, random_data, random_examples, synthetic_step};
pub use time_estimate::time_estimate;
pub use trainer::{Trainer, are_compatible, most_members};

//! `random_crop`: random parts of a batch's examples, copied from one shard of the example store.

use super::population::{Member, ScheduleStep};
use super::stored::{Stored, random_stored};
use crate::Result;
use crate::base::counter_rng::threefry2x32;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::{Case, CaseRun, Expectation};

const WORKGROUP: usize = 64;

/// Number that stands where dropout has that of a layer. Layers have smaller numbers, so crops and dropout draw
/// different bits with the same key.
const CROP_LAYER: u32 = 15;

/// Copy of a random part of each example of a batch from one shard of the store; another part at every step and for
/// every member. Slots whose example is in another shard stay unchanged.
pub struct RandomCrop {
    /// Features of the shard's examples.
    pub shard: Stored,
    /// Position of the shard's first example.
    pub first: usize,
    /// Example ids, `[step, member, slot]`.
    pub batches: Tensor<u32>,
    /// Positions of the examples in the store, `[step, member, slot]`: their ids, unless the store is streamed.
    pub positions: Tensor<u32>,
    /// Number of frames of each example before the end of its clip, `[example]` of all shards.
    pub real_frames: Tensor<u32>,
    /// State of each member, with the key of its draws, `[member]`.
    pub members: Tensor<Member>,
    /// Step numbers, which enter the draws, `[step, member]`.
    pub schedule: Tensor<ScheduleStep>,
    /// Parts, `[member, slot, frame, band]`.
    pub input: Tensor<f32>,
}

impl Kernel for RandomCrop {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("data/random_crop.wgsl").fill("stored", self.shard.slot("data/stored_values.wgsl"))
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [members, batch_size, frames, bands] = self.input.dims();
        let [count, example_frames, _] = self.shard.dims();
        vec![
            ("MEMBERS", members.into()),
            ("BATCH_SIZE", batch_size.into()),
            ("FRAMES", frames.into()),
            ("EXAMPLE_FRAMES", example_frames.into()),
            ("BANDS", bands.into()),
            ("FIRST", self.first.into()),
            ("COUNT", count.into()),
            ("WORKGROUP", WORKGROUP.into()),
            ("CROP_LAYER", (CROP_LAYER as usize).into()),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.shard, self.batches, self.positions, self.real_frames, self.members, self.schedule, self.input]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, batch_size, frames, bands] = self.input.dims();
        [(frames * bands).div_ceil(WORKGROUP), batch_size, members]
    }

    fn work(&self) -> Work {
        Work { flops: 0.0, bytes: (self.input.len() * 8) as f64 }
    }
}

/// Returns the first frame of the part of `frames` frames that position `slot` of the batch gets at step `t`, in an
/// example with `real_frames` frames before the end of its clip.
pub fn oracle(key: [u32; 2], t: u32, slot: usize, frames: usize, real_frames: usize) -> usize {
    let [bits, _] = threefry2x32(key, [t, CROP_LAYER << 28 | slot as u32]);
    let starts = real_frames.max(frames) - frames + 1;
    ((bits as usize >> 16) * starts) >> 16
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, first: usize, count: usize, half: bool, shift: usize| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let (members, batch_size, frames, example_frames, bands, step) = (2, 5, 20, 70, 6, 1);
            let (shard, values) = random_stored(gpu, [count, example_frames, bands], half)?;
            let ids: Vec<u32> = (0..2 * members * batch_size).map(|i| (i * 3 % 11) as u32).collect();
            let real: Vec<u32> = (0..11).map(|example| [70, 33, 20, 5, 64][example % 5]).collect();
            let schedule: Vec<ScheduleStep> =
                (0..2 * members).map(|i| ScheduleStep { t: 40 + i as u32, step_size: 0.0, decay: 0.0 }).collect();
            let states: Vec<Member> = (0..members).map(|seed| Member::new(seed as u64)).collect();
            let input = gpu.tensor("input", &[members, batch_size, frames, bands])?;
            let part = |index: usize| {
                let (member, slot) = (index / batch_size, index % batch_size);
                let example = ids[step * members * batch_size + index] as usize;
                let Some(local) = ((example + shift) % 11).checked_sub(first).filter(|local| *local < count) else {
                    return vec![0.0; frames * bands];
                };
                let t = schedule[step * members + member].t;
                let start = oracle(states[member].dropout_key, t, slot, frames, real[example] as usize);
                values[(local * example_frames + start) * bands..][..frames * bands].to_vec()
            };
            let positions: Vec<u32> = ids.iter().map(|id| (id + shift as u32) % 11).collect();
            let expected = (0..members * batch_size).flat_map(part).collect();
            let kernel = RandomCrop {
                shard,
                first,
                batches: gpu.tensor_from("batches", &[2, members, batch_size], &ids)?,
                positions: gpu.tensor_from("positions", &[2, members, batch_size], &positions)?,
                real_frames: gpu.tensor_from("real frames", &[real.len()], &real)?,
                members: gpu.tensor_from("members", &[members], &states)?,
                schedule: gpu.tensor_from("schedule", &[2, members], &schedule)?,
                input: input.clone(),
            };
            Ok(CaseRun::new(kernel, vec![Expectation::within(&input, expected, 0.0)]).at_step(step as u32))
        })
    };
    vec![
        case("one shard of all", 0, 11, false, 0),
        case("a shard in the middle", 3, 4, false, 0),
        case("half precision", 3, 4, true, 0),
        case("examples at other positions", 0, 11, false, 5),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_is_drawn_and_none_reaches_behind_the_clip() {
        let starts: Vec<usize> = (0..4000).map(|t| oracle([1, 2], t, 3, 20, 29)).collect();
        let counts: Vec<usize> = (0..10).map(|start| starts.iter().filter(|found| **found == start).count()).collect();
        assert!(counts.iter().all(|count| (300..500).contains(count)), "{counts:?}");
        assert_eq!(counts.iter().sum::<usize>(), 4000);
        assert!((0..100).all(|t| oracle([1, 2], t, 0, 20, 7) == 0), "a clip that is too short starts at its beginning");
    }
}

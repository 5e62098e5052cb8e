//! The places of a population's parameters: in the optimiser's state, and in the layouts from which other kernels read them.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use crate::Result;
use crate::gpu::{Binding, Constant, Element, Gpu, Tensor};
use crate::kernels::forms::{needs_uniform_hint, uniform_slots};

/// One layer's parameters: where they stand among all parameters, where their partial gradients are, and where the kernels
/// that use them read them. `shaders/lib/span.wgsl` has the same record.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
pub struct Span {
    /// Parameters of one member before this layer's first one.
    pub first: u32,
    /// Number of parameters, rounded up to a multiple of [`PARAMETERS_PER_THREAD`].
    pub count: u32,
    /// Elements of one member before this layer's partial gradients.
    pub partials: u32,
    /// Number of partial gradients of every parameter.
    pub splits: u32,
    /// Elements of `packed` before this layer's forward layout.
    pub forward: u32,
    /// Elements of one member in the forward layout.
    pub forward_stride: u32,
    /// Elements of `packed` before this layer's transposed layout, which the backward pass reads.
    pub backward: u32,
    /// Elements of one member in the transposed layout.
    pub backward_stride: u32,
    /// Workgroups before those of this layer; [`Layout::new`] sets it.
    pub first_group: u32,
}

impl Element for Span {
    const SCALAR: Option<&'static str> = None;
}

/// Parameters that a thread computes at a time; a layer has a multiple of them.
pub const PARAMETERS_PER_THREAD: usize = 4;

/// Returns `count`, a number of parameters, rounded up to a multiple of [`PARAMETERS_PER_THREAD`].
pub fn padded(count: usize) -> usize {
    count.next_multiple_of(PARAMETERS_PER_THREAD)
}

/// Stands in `places` for a parameter that a layout does not contain.
const NOWHERE: u32 = u32::MAX;

/// Threads per workgroup of the kernels that go over parameters: each workgroup stays within one layer.
const WORKGROUP: usize = 64;

/// Workgroups that go over a layer.
fn groups_of(span: &Span) -> u32 {
    span.count.div_ceil((WORKGROUP * PARAMETERS_PER_THREAD) as u32)
}

/// The layers of a population and the places of their parameters.
#[derive(Clone)]
pub struct Layout {
    /// The layers, in order.
    pub layers: Vec<Span>,
    /// All layouts of all members, which kernels read.
    pub packed: Tensor<f32>,
    spans: Tensor<Span>,
    places: Tensor<u32>,
    uniform_hint: bool,
}

impl Layout {
    /// The layout of `layers`; `places` holds each parameter's places in its layer's two layouts, where it has any.
    ///
    /// # Errors
    /// Errors of making tensors.
    pub fn new(gpu: &Gpu, mut layers: Vec<Span>, places: &[[Option<usize>; 2]], packed: usize) -> Result<Self> {
        let place = |of: Option<usize>| of.map_or(NOWHERE, |place| place as u32);
        let fours = places.chunks_exact(PARAMETERS_PER_THREAD);
        let fours: Vec<u32> = fours
            .flat_map(|four| [0, 1].map(|of| four.iter().map(move |places| place(places[of]))))
            .flatten()
            .collect();
        let mut groups = 0;
        for span in &mut layers {
            span.first_group = groups;
            assert!(
                span.first.is_multiple_of(PARAMETERS_PER_THREAD as u32)
                    && span.count.is_multiple_of(PARAMETERS_PER_THREAD as u32),
                "{span:?}"
            );
            groups += groups_of(span);
        }
        Ok(Self {
            packed: gpu.tensor("packed", &[packed])?,
            spans: gpu.tensor_from("spans", &[layers.len()], &layers)?,
            places: gpu.tensor_from(
                "places",
                &[places.len() / PARAMETERS_PER_THREAD, 2, PARAMETERS_PER_THREAD],
                &fours,
            )?,
            uniform_hint: needs_uniform_hint(gpu),
            layers,
        })
    }

    /// Elements of one member's parameters.
    pub fn elements(&self) -> usize {
        self.places.size(0) * PARAMETERS_PER_THREAD
    }

    /// The workgroups of the layers that `parameters` are made of; panics when a layer is in it by halves.
    pub(super) fn groups(&self, parameters: &Range<usize>) -> Range<usize> {
        let group_at = |parameter: usize| {
            let behind = self.layers.last().map_or(0, |span| span.first_group + groups_of(span));
            let starts = self.layers.iter().map(|span| (span.first as usize, span.first_group));
            let mut edges = starts.chain([(self.elements(), behind)]);
            let edge = edges.find(|(first, _)| *first == parameter);
            edge.unwrap_or_else(|| panic!("parameter {parameter} is within a layer")).1 as usize
        };
        group_at(parameters.start)..group_at(parameters.end)
    }

    pub(super) fn slots(&self) -> [(&'static str, &'static str); 2] {
        uniform_slots(self.uniform_hint)
    }

    pub(super) fn constants(&self, groups: &Range<usize>) -> Vec<(&'static str, Constant)> {
        vec![("FIRST_GROUP", groups.start.into()), ("SPANS", self.layers.len().into()), ("WORKGROUP", WORKGROUP.into())]
    }

    pub(super) fn bindings(&self) -> Vec<(&'static str, Binding)> {
        vec![("spans", self.spans.binding()), ("places", self.places.binding()), ("packed", self.packed.binding())]
    }
}

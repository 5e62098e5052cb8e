//! Locations of a population's parameters: in the optimiser's state, and in the packed layouts that other kernels read.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use crate::Result;
use crate::gpu::{Binding, Constant, Element, Gpu, Tensor, bindings};
use crate::kernels::forms::{needs_uniform_hint, uniform_slots};

/// Location of one layer's parameters, laid out as in `shaders/lib/span.wgsl`. All counts are in elements.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
pub struct Span {
    /// First parameter of the layer, within a member.
    pub first: u32,
    /// Number of parameters, padded to a multiple of [`PARAMETERS_PER_THREAD`].
    pub count: u32,
    /// Elements of a member's partial gradients before this layer.
    pub partials: u32,
    /// Number of partial gradients per parameter.
    pub splits: u32,
    /// Elements before this layer's forward layout.
    pub forward: u32,
    /// Elements of the forward layout per member.
    pub forward_stride: u32,
    /// Elements before this layer's transposed layout.
    pub backward: u32,
    /// Elements of the transposed layout per member.
    pub backward_stride: u32,
    /// Number of workgroups before those of this layer; set by [`Layout::new`].
    pub first_group: u32,
}

impl Element for Span {
    const SCALAR: Option<&'static str> = None;
}

/// Number of parameters that a thread updates at a time; every layer is padded to a multiple of it.
pub const PARAMETERS_PER_THREAD: usize = 4;

/// Rounds `count` parameters up to a multiple of [`PARAMETERS_PER_THREAD`].
pub fn padded(count: usize) -> usize {
    count.next_multiple_of(PARAMETERS_PER_THREAD)
}

/// Entry of `places` for a parameter that is absent from a layout.
const NOWHERE: u32 = u32::MAX;

/// Threads per workgroup of the kernels that traverse the parameters; a workgroup stays within one layer.
const WORKGROUP: usize = 64;

/// Returns the number of workgroups that traverse a layer.
fn groups_of(span: &Span) -> u32 {
    span.count.div_ceil((WORKGROUP * PARAMETERS_PER_THREAD) as u32)
}

/// Layers of a population, and the elements of the packed layouts at which their parameters are stored.
#[derive(Clone)]
pub struct Layout {
    /// Layers in order.
    pub layers: Vec<Span>,
    /// Packed layouts of all layers and members, which other kernels read.
    pub packed: Tensor<f32>,
    spans: Tensor<Span>,
    places: Tensor<u32>,
    uniform_hint: bool,
}

impl Layout {
    /// Creates the layout of `layers`. For each parameter, `places` holds the element of its layer's forward layout and
    /// that of the transposed layout, and `None` where a layout lacks the parameter. `packed` is the size of the packed
    /// tensor.
    ///
    /// # Errors
    /// Errors of making tensors.
    pub fn new(gpu: &Gpu, mut layers: Vec<Span>, places: &[[Option<usize>; 2]], packed: usize) -> Result<Self> {
        let entry = |element: Option<usize>| element.map_or(NOWHERE, |element| element as u32);
        // A thread reads the entries of its parameters in one layout together.
        let by_thread: Vec<u32> = places
            .chunks_exact(PARAMETERS_PER_THREAD)
            .flat_map(|of_thread| [0, 1].map(|layout| of_thread.iter().map(move |places| entry(places[layout]))))
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
                &by_thread,
            )?,
            uniform_hint: needs_uniform_hint(gpu),
            layers,
        })
    }

    /// Returns the number of parameters per member, including padding.
    pub fn elements(&self) -> usize {
        let [threads, _, per_thread] = self.places.dims();
        threads * per_thread
    }

    /// Returns the workgroups of the layers that `parameters` covers; panics if the range covers a part of a layer.
    pub(super) fn groups(&self, parameters: &Range<usize>) -> Range<usize> {
        let group_at = |parameter: usize| {
            let end = self.layers.last().map_or(0, |span| span.first_group + groups_of(span));
            let starts = self.layers.iter().map(|span| (span.first as usize, span.first_group));
            let mut edges = starts.chain([(self.elements(), end)]);
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
        bindings![self.spans, self.places, self.packed]
    }
}

//! Layers and parameters of the networks as described by the configuration, without any tensors.

use crate::config::{FeatureConfig, ModelConfig};
use crate::kernels::conv::ConvShape;
use crate::kernels::layout::padded;
use crate::kernels::linear::LinearShape;
use crate::{Error, Result};

/// The layers of E and G.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// Convolution layers, input first.
    pub convs: Vec<ConvLayer>,
    /// Units of G's hidden layers, first to last; empty for a single linear layer.
    pub hidden: Vec<usize>,
    /// Number of classes.
    pub classes: usize,
    /// Number of mel bands.
    pub bands: usize,
    /// Frames per chunk.
    pub chunk_frames: usize,
    /// Side length of the convolution kernels.
    pub kernel: usize,
    /// Slope of LeakyReLU below zero.
    pub slope: f64,
    /// Dropout probability in training.
    pub dropout: f64,
}

/// One convolution layer with its max-pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvLayer {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Time steps before the pool.
    pub time: usize,
    /// Mel positions before the pool.
    pub mel: usize,
    /// Pool window as [time, mel].
    pub pool: [usize; 2],
}

/// One parameter tensor in PyTorch's layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Name, from `cnn.conv0.weight` to the bias of G's last linear layer, such as `fc.linear1.bias`.
    pub name: String,
    /// Shape: out × in × time × mel, out × in, or out.
    pub shape: Vec<usize>,
    /// Number of inputs that one output depends on, which bounds the initial values.
    pub fan_in: usize,
    /// Index of the first element among all parameters of a model.
    pub first: usize,
}

impl Parameter {
    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Architecture {
    /// Computes the layers that `model` describes for features of `features` and `classes` classes. The configuration
    /// must have been validated.
    pub fn new(model: &ModelConfig, features: &FeatureConfig, classes: usize) -> Self {
        let (mut inputs, mut time, mut mel) = (1, model.chunk_frames, features.bands);
        let layer = |(&outputs, &pool): (&usize, &[usize; 2])| {
            let layer = ConvLayer { inputs, outputs, time, mel, pool };
            (inputs, time, mel) = (outputs, time / pool[0], mel / pool[1]);
            layer
        };
        Self {
            convs: model.filters.iter().zip(&model.pools).map(layer).collect(),
            hidden: model.hidden.clone(),
            classes,
            bands: features.bands,
            chunk_frames: model.chunk_frames,
            kernel: model.kernel,
            slope: model.slope,
            dropout: model.dropout,
        }
    }

    /// Returns the channels, time steps and mel positions after the last pool.
    pub fn last(&self) -> [usize; 3] {
        let last = self.convs.last().expect("a checked configuration has a layer");
        [last.outputs, last.time / last.pool[0], last.mel / last.pool[1]]
    }

    /// Returns the dimension of an embedding.
    pub fn embedding(&self) -> usize {
        let [channels, _, mel] = self.last();
        channels * mel
    }

    /// Returns the shape of convolution layer `layer` for a population.
    pub fn conv_shape(&self, layer: usize, members: usize, chunks: usize) -> ConvShape {
        let ConvLayer { inputs, outputs, time, mel, pool } = self.convs[layer];
        ConvShape { members, chunks, inputs, outputs, time, mel, kernel: self.kernel, pool }
    }

    /// Returns the number of fully connected layers of G: the hidden layers and the output layer.
    pub fn n_linears(&self) -> usize {
        self.hidden.len() + 1
    }

    /// Returns the number of layers with dropout: the convolutions and G's hidden layers.
    pub fn n_dropouts(&self) -> usize {
        self.convs.len() + self.hidden.len()
    }

    /// Returns the shape of fully connected layer `layer` of G for a population.
    pub fn linear_shape(&self, layer: usize, members: usize, rows: usize) -> LinearShape {
        let inputs = if layer == 0 { self.embedding() } else { self.hidden[layer - 1] };
        let outputs = self.hidden.get(layer).copied().unwrap_or(self.classes);
        LinearShape { members, rows, inputs, outputs }
    }

    /// Lists all parameter tensors in storage order: each layer's weights, then its biases. Every layer starts at a
    /// multiple of four elements, since a thread of the optimiser updates four at a time.
    pub fn parameters(&self) -> Vec<Parameter> {
        let convs = self.convs.iter().enumerate().map(|(index, conv)| {
            (format!("cnn.conv{index}"), vec![conv.outputs, conv.inputs, self.kernel, self.kernel])
        });
        let linears = (0..self.n_linears()).map(|index| {
            let shape = self.linear_shape(index, 1, 1);
            (format!("fc.linear{index}"), vec![shape.outputs, shape.inputs])
        });
        let mut first = 0;
        let mut parameters = Vec::new();
        for (name, shape) in convs.chain(linears) {
            let fan_in = shape[1..].iter().product();
            first = padded(first);
            for (kind, shape) in [("weight", shape.clone()), ("bias", vec![shape[0]])] {
                let parameter = Parameter { name: format!("{name}.{kind}"), shape, fan_in, first };
                first += parameter.len();
                parameters.push(parameter);
            }
        }
        parameters
    }

    /// Returns the number of elements of E's parameters, which are stored before those of G.
    pub fn embedding_elements(&self) -> usize {
        self.parameters()[2 * self.convs.len()].first
    }

    /// Returns the number of elements of one model's parameters, including the padding between layers.
    pub fn elements(&self) -> usize {
        self.parameters().last().map_or(0, |last| padded(last.first + last.len()))
    }

    /// Returns the number of parameters of one model. The count saturates instead of overflowing, so that it can be
    /// checked before anything is allocated.
    pub fn size(&self) -> u64 {
        self.layer_sizes().fold(0, |all, (_, size)| all.saturating_add(size))
    }

    /// Returns the configuration key that sets the width of the layer with the most parameters.
    pub fn widest_key(&self) -> &'static str {
        self.layer_sizes().max_by_key(|(_, size)| *size).map_or("model.filters", |(key, _)| key)
    }

    /// Checks that a device can bind the parameters and moments of `members` models in one binding of at most
    /// `most_bytes` bytes.
    ///
    /// # Errors
    /// [`Error::Config`] naming the key whose value is too large.
    pub fn check_fits(&self, members: usize, most_bytes: u64) -> Result<()> {
        let of_one = self.size().saturating_mul(3 * size_of::<f32>() as u64);
        let of_all = of_one.saturating_mul(members as u64);
        if of_all <= most_bytes {
            return Ok(());
        }
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        let (key, advice) = match of_one > most_bytes {
            true => (self.widest_key(), "choose narrower layers"),
            false => ("train.seeds", "train fewer models together"),
        };
        let models = if members == 1 { "a model".into() } else { format!("{members} models") };
        let reason = format!(
            "{models} with {} parameters and their moments take {} MiB, and the adapter binds at most {} MiB at a time: {advice}",
            self.size(),
            mib(of_all),
            mib(most_bytes),
        );
        Err(Error::config(key, reason))
    }

    /// Returns the number of parameters of each layer and the key that sets the layer's width. The last layer's width
    /// is the number of classes, so its key is that of the layer before.
    fn layer_sizes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let size = |outputs: usize, inputs: u64| (outputs as u64).saturating_mul(inputs.saturating_add(1));
        let taps = (self.kernel as u64).saturating_mul(self.kernel as u64);
        let convs = self.convs.iter().map(move |conv| {
            let inputs = (conv.inputs as u64).saturating_mul(taps);
            ("model.filters", size(conv.outputs, inputs))
        });
        let [channels, _, mel] = self.last();
        let embedding = (channels as u64).saturating_mul(mel as u64);
        let linears = (0..self.n_linears()).map(move |layer| {
            let inputs = if layer == 0 { embedding } else { self.hidden[layer - 1] as u64 };
            let key = if self.hidden.is_empty() { "model.filters" } else { "model.hidden" };
            (key, size(self.hidden.get(layer).copied().unwrap_or(self.classes), inputs))
        });
        convs.chain(linears)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SPEC §§2 and 3 count 25 905 parameters in E, and 4 192 and 330 in G.
    #[test]
    fn the_default_architecture_has_the_parameters_of_the_specification() {
        let architecture = Architecture::new(&ModelConfig::default(), &FeatureConfig::default(), 10);
        let counts = |of: &str| -> usize {
            architecture.parameters().iter().filter(|p| p.name.starts_with(of)).map(Parameter::len).sum()
        };
        assert_eq!([counts("cnn."), counts("fc.linear0."), counts("fc.linear1.")], [25_905, 4_192, 330]);
        // Three elements of padding after E, two after G.
        assert_eq!([architecture.embedding_elements(), architecture.elements()], [25_908, 25_908 + 4_192 + 332]);
        assert_eq!(architecture.embedding(), 130);
        let parameters = architecture.parameters();
        assert_eq!(parameters[0].name, "cnn.conv0.weight");
        assert_eq!(parameters[6].shape, [65, 32, 3, 3]);
        assert_eq!((parameters[8].name.as_str(), parameters[8].fan_in), ("fc.linear0.weight", 130));
    }

    #[test]
    fn models_that_no_device_could_hold_are_refused_by_their_key() {
        let with = |filters: &[usize], hidden: &[usize]| {
            let pools = vec![[1, 1]; filters.len()];
            let model = ModelConfig { filters: filters.into(), pools, hidden: hidden.into(), ..ModelConfig::default() };
            Architecture::new(&model, &FeatureConfig::default(), 10)
        };
        let default = Architecture::new(&ModelConfig::default(), &FeatureConfig::default(), 10);
        assert_eq!(default.size(), 30_427);
        default.check_fits(8, 8 * 30_427 * 12).unwrap();
        let refusal = |of: &Architecture, members| of.check_fits(members, 128 << 20).unwrap_err().to_string();
        assert!(refusal(&default, 1000).starts_with("train.seeds: "));
        let message = refusal(&with(&[65_536; 8], &[32]), 1);
        assert!(message.starts_with("model.filters: ") && message.contains("at most 128 MiB"), "{message}");
        assert!(refusal(&with(&[16], &[65_536; 4]), 1).starts_with("model.hidden: "));
        assert!(refusal(&with(&[65_536], &[]), 1).starts_with("model.filters: "));
        // Sizes at the limit of the integer types.
        let widest = Architecture { kernel: usize::MAX, classes: usize::MAX, ..with(&[65_536; 15], &[]) };
        assert_eq!(widest.size(), u64::MAX);
    }

    #[test]
    fn the_tagger_has_as_many_linear_layers_as_it_is_given_widths_and_one() {
        let of_g = |hidden: &[usize]| {
            let model = ModelConfig { hidden: hidden.into(), ..ModelConfig::default() };
            let architecture = Architecture::new(&model, &FeatureConfig::default(), 10);
            assert_eq!(architecture.embedding_elements(), 25_908);
            assert_eq!(architecture.n_dropouts(), 4 + hidden.len());
            let parameters = architecture.parameters().split_off(8);
            let of_g = parameters.iter().map(Parameter::len).sum::<usize>();
            assert_eq!(parameters.len(), 2 * architecture.n_linears());
            let weights = parameters.chunks(2).enumerate().map(|(layer, pair)| {
                assert_eq!(pair[0].name, format!("fc.linear{layer}.weight"));
                assert_eq!(pair[1].name, format!("fc.linear{layer}.bias"));
                assert_eq!(pair.iter().map(|p| p.fan_in).collect::<Vec<_>>(), [pair[0].shape[1]; 2]);
                assert_eq!(pair[1].shape, pair[0].shape[..1]);
                [pair[0].shape[0], pair[0].shape[1]]
            });
            (weights.collect::<Vec<_>>(), of_g)
        };
        assert_eq!(of_g(&[]), (vec![[10, 130]], 1_310));
        assert_eq!(of_g(&[32]), (vec![[32, 130], [10, 32]], 4_192 + 330));
        assert_eq!(of_g(&[64, 32]), (vec![[64, 130], [32, 64], [10, 32]], 8_384 + 2_080 + 330));
    }
}

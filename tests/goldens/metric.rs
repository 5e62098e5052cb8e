//! grads_triplet.safetensors and grads_proto.safetensors: E on triplet and prototypical loss, values and gradients of
//! every parameter (SPEC §§2, 4.2, 4.3).

use weaklabel::config::Normalise;
use weaklabel::gpu::{AdapterChoice, Gpu, Recording, Tensor};
use weaklabel::kernels::distances::Distances;
use weaklabel::kernels::distances_grad::{DistancesGrad, PairSide};
use weaklabel::kernels::dropout::Dropout;
use weaklabel::kernels::input::Input;
use weaklabel::kernels::prototype_loss::PrototypeLoss;
use weaklabel::kernels::prototypes::ClassPrototypes;
use weaklabel::kernels::rows::MemberRows;
use weaklabel::kernels::triplet_loss::TripletLoss;
use weaklabel::kernels::{normalise, normalise_grad};
use weaklabel::model::{Activations, Mode, Pass, Population};

use crate::file::{File, Golden, assert_close};
use crate::network::{GRADIENT, VALUE, architecture, batch, population};

/// E with the weights of a file, on `input` `[segment, frame, band]`.
struct Embedding {
    population: Population,
    input: Input,
    activations: Activations,
    normalise: Normalise,
}

impl Embedding {
    fn new(gpu: &Gpu, file: &File, input: &Golden, normalise: Normalise) -> Self {
        let architecture = architecture(file, "", input, None);
        let batch = batch(&architecture, input);
        let mode = Mode::Train { dropout: vec![Dropout::Off; architecture.n_dropouts()] };
        let population = population(gpu, file, "", architecture, batch);
        let activations = Activations::new(gpu, &population, batch, mode).unwrap();
        let input = Input::Dense(gpu.tensor_from("input", &input.shape, &input.f32()).unwrap());
        Self { population, input, activations, normalise }
    }

    fn pass<'a>(&'a self, gpu: &'a Gpu) -> Pass<'a> {
        Pass { gpu, population: &self.population, activations: &self.activations }
    }

    fn push(&self, gpu: &Gpu, recording: &mut Recording) {
        self.pass(gpu).embed_forward(recording, &self.input, self.normalise);
    }

    fn push_back(&self, gpu: &Gpu, recording: &mut Recording) {
        self.pass(gpu).embed_backward(recording, &self.input, self.normalise).unwrap();
    }

    fn d_embedding(&self) -> &Tensor<f32> {
        &self.activations.gradients().embedding
    }

    /// Compares the gradients `<prefix><parameter>` of E's parameters.
    fn compare(&self, gpu: &Gpu, file: &File, prefix: &str) {
        let found = self.population.gradients(gpu).unwrap();
        let parameters = self.population.architecture.parameters();
        for parameter in parameters.iter().filter(|parameter| parameter.name.starts_with("cnn.")) {
            let name = format!("{prefix}{}", parameter.name);
            assert_close(&name, &found[parameter.first..][..parameter.len()], file.get(&name), GRADIENT);
        }
    }
}

#[test]
fn triplets_agree_in_every_gradient_mode_and_normalisation() {
    let file = File::load("grads_triplet.safetensors");
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    for case in file.cases(".margin") {
        for (mode, side) in [("all", PairSide::Same), ("anchor", PairSide::Lhs)] {
            if file.find(&format!("{case}.{mode}.grad.embedding")).is_some() {
                triplets(&gpu, &file, case, mode, side);
            }
        }
    }
}

fn triplets(gpu: &Gpu, file: &File, case: &str, mode: &str, side: PairSide) {
    let golden = |name: &str| file.get(&format!("{case}.{name}"));
    // A case without the embedding before the segment's normalisation has normalised time steps.
    let segment = file.find(&format!("{case}.embedding_segment")).is_some();
    let embedding =
        Embedding::new(gpu, file, golden("input"), if segment { Normalise::Segment } else { Normalise::Frame });
    let raw = embedding.activations.embedding.clone();
    let [_, slots, _] = raw.dims();
    let ids: Vec<u32> = golden("anchors")
        .i32()
        .iter()
        .zip(golden("positives").i32())
        .zip(golden("negatives").i32())
        .flat_map(|((anchor, positive), negative)| [*anchor as u32, positive as u32, negative as u32])
        .collect();
    let triplets = gpu.tensor_from("triplets", &[1, ids.len() / 3, 3], &ids).unwrap();
    let matrix = |name: &str| gpu.tensor(name, &[1, slots, slots]).unwrap();
    let (distances, grad_distances) = (matrix("distances"), matrix("grad_distances"));
    let losses = gpu.tensor("losses", &[1, 1]).unwrap();
    let (rows, d_rows) = match segment {
        true => (gpu.tensor("normalised", raw.shape()).unwrap(), gpu.tensor("d_normalised", raw.shape()).unwrap()),
        false => (raw.clone(), embedding.d_embedding().clone()),
    };
    let mut recording = Recording::new("triplets");
    embedding.push(gpu, &mut recording);
    if segment {
        recording.push(normalise::NormaliseRows { embedding: raw.clone(), normalised: rows.clone() });
    }
    let all = MemberRows::all(&rows);
    recording.push(Distances { lhs: all.clone(), rhs: all.clone(), distances: distances.clone() });
    recording.push(TripletLoss {
        distances: distances.clone(),
        triplets,
        grad_input: grad_distances.clone(),
        losses: losses.clone(),
        margin: golden("margin").scalar(),
    });
    recording.push(DistancesGrad {
        grad_output: grad_distances,
        rows: all.clone(),
        others: all,
        side,
        repeat: 1,
        grad_input: MemberRows::all(&d_rows),
    });
    if segment {
        recording.push(normalise_grad::NormaliseGrad {
            embedding: raw.clone(),
            grad_output: d_rows.clone(),
            grad_input: embedding.d_embedding().clone(),
        });
    }
    embedding.push_back(gpu, &mut recording);
    gpu.replay(&recording.resolve(gpu).unwrap(), 0..1).unwrap();

    let against = |name: &str, found: &[f32], tolerance: f64| {
        let name = format!("{case}.{name}");
        assert_close(&name, found, file.get(&name), tolerance);
    };
    against("embedding", &gpu.read(&raw).unwrap(), VALUE);
    let found = gpu.read(&distances).unwrap();
    let between = |other: usize| -> Vec<f32> {
        ids.chunks(3).map(|triplet| found[triplet[0] as usize * slots + triplet[other] as usize]).collect()
    };
    against("distance_positive", &between(1), VALUE);
    against("distance_negative", &between(2), VALUE);
    against("loss", &gpu.read(&losses).unwrap(), VALUE);
    against(&format!("{mode}.grad.embedding"), &gpu.read(embedding.d_embedding()).unwrap(), GRADIENT);
    if segment {
        against("embedding_segment", &gpu.read(&rows).unwrap(), VALUE);
        against(&format!("{mode}.grad.embedding_segment"), &gpu.read(&d_rows).unwrap(), GRADIENT);
    }
    embedding.compare(gpu, file, &format!("{case}.{mode}.grad."));
}

#[test]
fn prototypes_agree_for_any_way_and_any_number_of_supports_and_queries() {
    let file = File::load("grads_proto.safetensors");
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    for case in file.cases(".support") {
        prototypes(&gpu, &file, case);
    }
}

fn prototypes(gpu: &Gpu, file: &File, case: &str) {
    let golden = |name: &str| file.get(&format!("{case}.{name}"));
    let (support, query) = (golden("support"), golden("query"));
    let input = Golden {
        shape: vec![support.shape[0] + query.shape[0], support.shape[1], support.shape[2]],
        values: [support.values.clone(), query.values.clone()].concat(),
    };
    let (supports, queries, way) = (support.shape[0], query.shape[0], golden("prototypes").shape[0]);
    let embedding = Embedding::new(gpu, file, &input, Normalise::None);
    let rows = embedding.activations.embedding.clone();
    let part = |tensor: &Tensor<f32>, first, count| MemberRows { tensor: tensor.clone(), first, count };
    let [_, _, dimensions] = rows.dims();
    let prototypes = gpu.tensor("prototypes", &[1, way, dimensions]).unwrap();
    let d_prototypes = gpu.tensor("d_prototypes", &[1, way, dimensions]).unwrap();
    let (distances, grad_distances) = (
        gpu.tensor("distances", &[1, queries, way]).unwrap(),
        gpu.tensor("grad_distances", &[1, queries, way]).unwrap(),
    );
    let losses = gpu.tensor("losses", &[1, 1]).unwrap();
    let (query, centroids) = (part(&rows, supports, queries), MemberRows::all(&prototypes));
    let mut recording = Recording::new("prototypes");
    embedding.push(gpu, &mut recording);
    recording.push(ClassPrototypes { support: part(&rows, 0, supports), prototypes: prototypes.clone() });
    recording.push(Distances { lhs: query.clone(), rhs: centroids.clone(), distances: distances.clone() });
    recording.push(PrototypeLoss {
        distances: distances.clone(),
        grad_input: grad_distances.clone(),
        losses: losses.clone(),
    });
    let d_rows = embedding.d_embedding();
    for (rows, others, side, repeat, grad_input) in [
        (&query, &centroids, PairSide::Lhs, 1, part(d_rows, supports, queries)),
        (&centroids, &query, PairSide::Rhs, supports / way, part(d_rows, 0, supports)),
        (&centroids, &query, PairSide::Rhs, 1, MemberRows::all(&d_prototypes)),
    ] {
        let (grad_output, rows, others) = (grad_distances.clone(), rows.clone(), others.clone());
        recording.push(DistancesGrad { grad_output, rows, others, side, repeat, grad_input });
    }
    embedding.push_back(gpu, &mut recording);
    gpu.replay(&recording.resolve(gpu).unwrap(), 0..1).unwrap();

    let against = |name: &str, found: &[f32], tolerance: f64| {
        let name = format!("{case}.{name}");
        assert_close(&name, found, file.get(&name), tolerance);
    };
    let at = supports * dimensions;
    let found = gpu.read(&rows).unwrap();
    against("embedding_support", &found[..at], VALUE);
    against("embedding_query", &found[at..], VALUE);
    against("prototypes", &gpu.read(&prototypes).unwrap(), VALUE);
    let negated = |values: Vec<f32>| values.into_iter().map(|x| -x).collect::<Vec<_>>();
    against("logits", &negated(gpu.read(&distances).unwrap()), VALUE);
    against("loss", &gpu.read(&losses).unwrap(), VALUE);
    against("grad.logits", &negated(gpu.read(&grad_distances).unwrap()), GRADIENT);
    against("grad.prototypes", &gpu.read(&d_prototypes).unwrap(), GRADIENT);
    let found = gpu.read(d_rows).unwrap();
    against("grad.embedding_support", &found[..at], GRADIENT);
    against("grad.embedding_query", &found[at..], GRADIENT);
    embedding.compare(gpu, file, &format!("{case}.grad."));
}

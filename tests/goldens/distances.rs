//! distances.safetensors: squared distances and their gradients element by element, and mining (SPEC §§4, 4.2).

use weaklabel::gpu::{AdapterChoice, Gpu, Kernel, Recording, Tensor};
use weaklabel::kernels::distances::Distances;
use weaklabel::kernels::distances_grad::{DistancesGrad, PairSide};
use weaklabel::kernels::mine_negatives::{MineNegatives, Mining};
use weaklabel::kernels::rows::MemberRows;

use crate::file::{File, Golden, assert_close};
use crate::network::{GRADIENT, VALUE};

fn run(gpu: &Gpu, kernel: impl Kernel + 'static) {
    let mut recording = Recording::new("golden");
    recording.push(kernel);
    gpu.replay(&recording.resolve(gpu).unwrap(), 0..1).unwrap();
}

/// The rows of one member.
fn rows(gpu: &Gpu, golden: &Golden) -> MemberRows {
    let shape = [1, golden.shape[0], golden.shape[1]];
    MemberRows::all(&gpu.tensor_from("rows", &shape, &golden.f32()).unwrap())
}

fn distances(gpu: &Gpu, a: &MemberRows, b: &MemberRows) -> Tensor<f32> {
    let distances = gpu.tensor("distances", &[1, a.count, b.count]).unwrap();
    run(gpu, Distances { lhs: a.clone(), rhs: b.clone(), distances: distances.clone() });
    distances
}

#[test]
fn distances_agree_also_where_rows_almost_coincide() {
    let file = File::load("distances.safetensors");
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let (a, b) = (rows(&gpu, file.get("a")), rows(&gpu, file.get("b")));
    let found = gpu.read(&distances(&gpu, &a, &b)).unwrap();
    assert_close("D", &found, file.get("D"), VALUE);
    for (pair, expected) in file.get("near.pairs").i32().chunks(2).zip(&file.get("near.D").values) {
        let distance = f64::from(found[pair[0] as usize * b.count + pair[1] as usize]);
        println!("D[{}, {}] = {distance:.3e}, expected {expected:.3e}", pair[0], pair[1]);
        assert!((distance - expected).abs() <= VALUE * expected, "pair {pair:?}: {distance:e}, expected {expected:e}");
    }
}

#[test]
fn gradients_agree_also_where_rows_almost_coincide() {
    let file = File::load("distances.safetensors");
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let (a, b) = (rows(&gpu, file.get("a")), rows(&gpu, file.get("b")));
    for case in ["", "near."] {
        let golden = file.get(&format!("{case}upstream"));
        let grad_distances = gpu.tensor_from("grad_distances", &[1, a.count, b.count], &golden.f32()).unwrap();
        for (side, own, others, name) in [(PairSide::Lhs, &a, &b, "grad_a"), (PairSide::Rhs, &b, &a, "grad_b")] {
            let gradient = gpu.tensor("gradient", own.tensor.shape()).unwrap();
            run(
                &gpu,
                DistancesGrad {
                    grad_output: grad_distances.clone(),
                    rows: own.clone(),
                    others: others.clone(),
                    side,
                    repeat: 1,
                    grad_input: MemberRows::all(&gradient),
                },
            );
            let (name, found) = (format!("{case}{name}"), gpu.read(&gradient).unwrap());
            assert_close(&name, &found, file.get(&name), GRADIENT);
            // Row by row: the norm of the whole hides the rows whose partners are near.
            let size = own.dimensions();
            for (row, (found, expected)) in found.chunks(size).zip(file.get(&name).values.chunks(size)).enumerate() {
                let error = weaklabel::kernels::relative_error(found, expected);
                assert!(error <= GRADIENT, "{name}, row {row}: relative error {error:.2e}");
            }
        }
    }
}

#[test]
fn negatives_are_mined_as_specified() {
    let file = File::load("distances.safetensors");
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let embeddings = rows(&gpu, file.get("mine.embeddings"));
    let distances = distances(&gpu, &embeddings, &embeddings);
    assert_close("mine.D", &gpu.read(&distances).unwrap(), file.get("mine.D"), VALUE);
    let n = embeddings.count;
    let labels: Vec<u32> = file.get("mine.labels").i32().iter().map(|label| *label as u32).collect();
    let positives = file.get("mine.positive").i32();
    for (mining, name) in [(Mining::SemiHard, "mine.semi_hard"), (Mining::Hard, "mine.hard_negative")] {
        let given: Vec<u32> = (0..n).flat_map(|anchor| [anchor as u32, positives[anchor] as u32, 0]).collect();
        let triplets = gpu.tensor_from("triplets", &[1, n, 3], &given).unwrap();
        run(
            &gpu,
            MineNegatives {
                distances: distances.clone(),
                labels: gpu.tensor_from("labels", &[n], &labels).unwrap(),
                batches: gpu.tensor_from("batches", &[1, 1, n], &(0..n as u32).collect::<Vec<_>>()).unwrap(),
                triplets: triplets.clone(),
                mining,
            },
        );
        let found: Vec<i32> = gpu.read(&triplets).unwrap().chunks(3).map(|triplet| triplet[2] as i32).collect();
        assert_eq!(found, file.get(name).i32(), "{name}");
    }
}

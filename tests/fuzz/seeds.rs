//! Small valid inputs of every kind, made anew on every run: outputs of the program itself, and files from other
//! sources.

use std::path::Path;

use weaklabel::config::{Config, FeatureConfig, Method, ModelConfig, Normalise, StageName, Variant, to_toml};
use weaklabel::evaluate::Quality;
use weaklabel::experiments::study::Events;
use weaklabel::experiments::study::{CellResult, CoverageBin, Group};
use weaklabel::experiments::worker::SeedResult;
use weaklabel::kernels::population::Member;
use weaklabel::model::checkpoint::{Description, Provenance, TrainingState, write_model};
use weaklabel::model::{Architecture, initial_parameters};
use weaklabel::output::CurvePoint;

use super::repair;

/// Returns all seeds as (kind, name, bytes).
pub fn all() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let texts = texts().into_iter().map(|(kind, name, text)| (kind, name, text.into_bytes()));
    texts.chain(sounds()).chain(models()).chain(states()).collect()
}

fn texts() -> Vec<(&'static str, &'static str, String)> {
    vec![
        (
            "annotations",
            "desed.tsv",
            "filename\tonset\toffset\tevent_label\nb.wav\t0.5\t2.25\tCat\na.wav\t\t\t\nb.wav\t1\t10.0\tDog\n\
             c.wav\t3.5\t\tDog\nd.wav\t\t\tCat\ne.wav\n"
                .into(),
        ),
        (
            "annotations",
            "other-columns.tsv",
            "\u{feff}event_label\tsnr\toffset\tonset\tfilename\r\nRunning water\t3e0\t1e1\t.5\t\u{e9} 1.wav\r\n\r\n\
             \"Cat\"\t\t2\t1\t\"a \"\"b\"\".wav\"\r\n"
                .into(),
        ),
        ("annotations", "weak.csv", "filename,event_labels\r\na.wav,\"Cat, Dog\"\r\nb.wav,\r\n".into()),
        ("annotations", "esc50.csv", ESC50.into()),
        (
            "annotations",
            "fsd50k.csv",
            "fname,labels,mids,split\n64760,\"Dog,Bark\",\"/m/1,/m/2\",train\n7,Cat,/m/3,val\n".into(),
        ),
        ("annotations", "audioset.csv", AUDIOSET.into()),
        ("annotations", "list.txt", "group;path;tags\n1;x/a.wav;Cat|Dog\n2;b;\n1;x/a.wav;Rain\n".into()),
        ("cooccurrence", "desed.json", COOCCURRENCE.into()),
        ("configuration", "default.toml", to_toml(&Config::default()).unwrap()),
        ("configuration", "search.toml", SEARCH.into()),
        ("configuration", "study.toml", STUDY.into()),
        ("configuration", "forms.toml", FORMS.into()),
        ("rows", "search.tsv", search_rows()),
        ("rows", "grid.tsv", grid_rows()),
    ]
}

/// A table as ESC-50 has it.
const ESC50: &str = "filename,fold,target,category,esc10,src_file,take\n\
                     1-100032-A-0.wav,1,0,dog,True,100032,A\n1-100038-A-14.wav,2,14,chirping_birds,False,100038,A\n";

/// A table as AudioSet has it.
const AUDIOSET: &str = "# Segments csv created Sun Mar  5 10:54:31 2017\n# num_ytids=2, num_segs=2\n\
                        # YTID, start_seconds, end_seconds, positive_labels\n\
                        --PJHxphWEs, 30.000, 40.000, \"/m/09x0r,/t/dd00088\"\n-0RWZT-miFs, 420.000, 430.000, \"/m/03v3yw\"\n";

/// Co-occurrences in all formats that DESED's files have had.
const COOCCURRENCE: &str = r#"{
    "Cat": {"proba": 0.1, "co-occurences": {"max_events": 2, "classes": ["Dog", "Frying"], "probas": [0.2, 0.8]}},
    "Dog": {"prob": 0.5, "event_max": 9, "event_class": ["Cat"], "event_prob": [100]},
    "Frying": {"max_events": 0, "classes": ["Frying"], "probas": [0.999]},
    "Frying_nOff": {"max_events": 3, "classes": ["Cat", "Dog_nOn"], "probas": [0.5, 0.5]}
}"#;

const SEARCH: &str = r#"
[search]
trials = 8
eta = 2
rungs = 3
seed = 7

[[search.space]]
name = "layers"
choice = [3, 4]

[[search.space]]
name = "model.filters[0]"
integer = [4, 40]

[[search.space]]
name = "model.filters[1]"
choice = [24]

[[search.space]]
name = "model.pools"
choice = [[[4, 4], [5, 8]]]
when = { layers = [3] }

[[search.space]]
name = "optimiser.lr"
log_uniform = [1e-4, 1e-2]

[[search.space]]
name = "model.dropout"
uniform = [0.0, 0.5]
"#;

const STUDY: &str = r#"
[study]
title = "A study"
variants = ["waa"]
methods = ["triplets", "prototypes"]
seconds = [0.2, 1.0]
seeds = 3

[[study.cell]]
method = "triplets"
seconds = 1.0
set = ["train.epochs=3", "triplets.margin=0.25"]

[prototypes]
support = 2
way = 5
"#;

/// Most syntactic forms of a TOML value.
const FORMS: &str = "train.epochs = 1_0\ntrain.seeds = [0x1, 0o2, 0b11,\n  18] # four\n\
                     model = { hidden = 16, \"dropout\" = 1e-1, pools = [[2, 2], [2, 2], [1, 4], [1, 2]] }\n\
                     [data]\ndataset = '''C:\\sounds'''\n[study]\ntitle = \"\"\"two\nlines \\u00e9\"\"\"\n";

fn sounds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let pcm16: Vec<u8> = (0..40_i16).flat_map(|n| (n * 700 - 14_000).to_le_bytes()).collect();
    let float: Vec<u8> = (0..40_u8).flat_map(|n| (f32::from(n) / 50.0 - 0.4).to_le_bytes()).collect();
    let pcm24: Vec<u8> = (0..40_i32).flat_map(|n| (n << 24).to_le_bytes()).collect();
    let plain = |codec: u16, channels: u16, bits: u16| {
        let frame = channels * bits / 8;
        let fields = [codec.to_le_bytes(), channels.to_le_bytes()].concat();
        let rates = [16_000_u32.to_le_bytes(), (16_000 * u32::from(frame)).to_le_bytes()].concat();
        [fields, rates, frame.to_le_bytes().to_vec(), bits.to_le_bytes().to_vec()].concat()
    };
    // The 22 bytes of the extension: 24 valid bits, the first speaker, and the registered codec 1.
    let tail = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
    let extensible = [plain(0xfffe, 1, 32), vec![22, 0, 24, 0, 4, 0, 0, 0, 1, 0], tail.to_vec()].concat();
    let tagged = [b"ID3\x04\0\0\0\0\0\x0bTIT2\0\0\0\x01\0\0\0".as_slice(), &flac(None)].concat();
    vec![
        ("audio", "pcm16.wav", wav(&plain(1, 1, 16), &pcm16, pcm16.len() as u32)),
        ("audio", "float-stereo.wav", wav(&plain(3, 2, 32), &float, float.len() as u32)),
        ("audio", "24-in-32.wav", wav(&extensible, &pcm24, pcm24.len() as u32)),
        ("audio", "no-size.wav", wav(&plain(1, 1, 16), &pcm16, 0)),
        ("audio", "plain.flac", flac(Some(96))),
        ("audio", "no-length.flac", flac(None)),
        ("audio", "tagged.flac", tagged),
        ("audio", "pcm16.aiff", aiff(&pcm16)),
        ("audio", "pcm16.caf", caf(&pcm16)),
        ("audio", "pcm16.rf64", rf64(&plain(1, 1, 16), &pcm16)),
    ]
}

/// Makes a mono AIFF-C file at 16 kHz from samples of 16 bits whose lowest byte is the first.
fn aiff(data: &[u8]) -> Vec<u8> {
    let rate = [0x40, 0x0c, 0xfa, 0, 0, 0, 0, 0, 0, 0];
    let n_frames = (data.len() as u32 / 2).to_be_bytes();
    let common = [&[0, 1][..], &n_frames, &[0, 16], &rate, b"sowt\0\0"].concat();
    let sound = [&(data.len() as u32 + 8).to_be_bytes()[..], &[0; 8], data].concat();
    let rest = [b"AIFCCOMM\0\0\0\x18".as_slice(), &common, b"ANNO\0\0\0\x03odd\0SSND", &sound].concat();
    [b"FORM".as_slice(), &(rest.len() as u32).to_be_bytes(), &rest].concat()
}

/// Makes a mono CAF file at 16 kHz from samples of 16 bits whose lowest byte is the first.
fn caf(data: &[u8]) -> Vec<u8> {
    let numbers = [2_u32, 2, 1, 1, 16].map(u32::to_be_bytes).concat();
    let description = [&16_000_f64.to_be_bytes()[..], b"lpcm", &numbers].concat();
    let chunk = |name: &[u8], body: &[u8]| [name, &(body.len() as u64).to_be_bytes(), body].concat();
    let data = [&[0; 4], data].concat();
    [b"caff\0\x01\0\0".to_vec(), chunk(b"desc", &description), chunk(b"free", b"12345"), chunk(b"data", &data)].concat()
}

/// Makes an RF64 file.
fn rf64(format: &[u8], data: &[u8]) -> Vec<u8> {
    let lengths = [0, data.len() as u64, data.len() as u64 / 2].map(u64::to_le_bytes).concat();
    let lengths = [b"ds64\x1c\0\0\0".as_slice(), &lengths, &[0; 4]].concat();
    let format = [b"fmt ".as_slice(), &(format.len() as u32).to_le_bytes(), format].concat();
    [b"RF64\xff\xff\xff\xffWAVE".as_slice(), &lengths, &format, b"data\xff\xff\xff\xff", data].concat()
}

/// Makes a WAV file with a chunk of odd length before the data chunk, which claims to have `claimed` bytes.
fn wav(format: &[u8], data: &[u8], claimed: u32) -> Vec<u8> {
    let n_format = format.len() as u32;
    let format = [b"fmt ".as_slice(), &n_format.to_le_bytes(), format].concat();
    let list = b"LIST\x05\0\0\0INFO\0\0";
    let rest = [&format, list.as_slice(), b"data", &claimed.to_le_bytes(), data].concat();
    [b"RIFF".as_slice(), &(rest.len() as u32 + 4).to_le_bytes(), b"WAVE", &rest].concat()
}

/// A bit string, highest bit first.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, value: u64, width: u32) -> &mut Self {
        self.0.extend((0..width).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | u8::from(*bit) << (7 - at));
        self.0.chunks(8).map(byte).collect()
    }
}

/// Makes a mono FLAC file of 16 bits with three frames: 32 equal samples, 32 verbatim samples, and 32 stored by their
/// differences.
fn flac(n_samples: Option<u64>) -> Vec<u8> {
    let mut info = Bits::default();
    info.put(32, 16).put(32, 16).put(0, 48).put(16_000, 20).put(0, 3).put(15, 5).put(n_samples.unwrap_or(0), 36);
    let mut bytes = [b"fLaC\x80\0\0\x22".as_slice(), &info.put(0, 64).put(0, 64).bytes()].concat();
    let sample = |n: i64| (n * 300 - 4_800) as u64;
    for number in 0..3 {
        let mut body = Bits::default();
        match number {
            0 => _ = body.put(0, 8).put(1_000, 16),
            1 => {
                body.put(1 << 1, 8);
                (0..32).for_each(|n| _ = body.put(sample(n), 16));
            }
            _ => {
                // The frame has one sample, then differences in one partition with Rice parameter 8: 600 is 2·256 + 88.
                body.put(9 << 1, 8).put(sample(0), 16).put(0, 6).put(8, 4);
                (1..32).for_each(|_| _ = body.put(1, 3).put(600 - 512, 8));
            }
        }
        let header = [0xff, 0xf8, 6 << 4, 0, number, 31];
        let header = [header.as_slice(), &[repair::crc(&header, 8, 0x07) as u8]].concat();
        let frame = [header, body.bytes()].concat();
        let sum = repair::crc(&frame, 16, 0x8005) as u16;
        bytes.extend([frame, sum.to_be_bytes().to_vec()].concat());
    }
    bytes
}

fn models() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let config = |filters: &[usize], pools: &[[usize; 2]], hidden: &[usize]| ModelConfig {
        filters: filters.to_vec(),
        pools: pools.to_vec(),
        hidden: hidden.to_vec(),
        ..ModelConfig::default()
    };
    let model = |model: ModelConfig, method: Method, classes: &[&str]| {
        let features = FeatureConfig { bands: 4, ..FeatureConfig::default() };
        let architecture = Architecture::new(&model, &features, classes.len());
        let description = Description {
            classes: classes.iter().map(ToString::to_string).collect(),
            features,
            model,
            method,
            normalise: Normalise::Segment,
            mean: vec![0.1; 4],
            std: vec![1.5; 4],
            seed: 3,
            epoch: 4,
            thresholds: None,
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        write_model(&path, &architecture, &initial_parameters(&architecture, 3), &description).unwrap();
        std::fs::read(path).unwrap()
    };
    vec![
        ("model", "one-layer.safetensors", model(config(&[2], &[[4, 4]], &[]), Method::Classifier, &["a", "b"])),
        (
            "model",
            "two-layers.safetensors",
            model(config(&[2, 3], &[[2, 2], [2, 1]], &[2, 3]), Method::Triplets, &["Cat", "\u{e9} \"x\""]),
        ),
    ]
}

fn states() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let state = |seeds: &[u64], stage: StageName| {
        let mut config = Config::default();
        config.train.seeds = seeds.to_vec();
        let floats = |n: usize| (0..n).map(|value| value as f32 / 7.0).collect::<Vec<_>>();
        let training_state = TrainingState {
            stage,
            epoch: 3,
            state: floats(seeds.len() * 3 * 4),
            best: floats(seeds.len() * 4),
            progress: seeds.iter().map(|seed| Member::new(*seed)).collect(),
            provenance: Provenance::new(&[config], "ab12"),
            metrics: Some("12 ab".into()),
        };
        training_state.to_bytes(Path::new("state")).unwrap()
    };
    vec![
        ("state", "one.safetensors", state(&[1], StageName::Classifier)),
        ("state", "two.safetensors", state(&[7, 2], StageName::Tagger)),
    ]
}

/// Makes a search of nine trials on two rungs, with trials in every state.
fn search_rows() -> String {
    let curves = |epochs: usize| {
        let point = |epoch: usize| format!(r#"{{"stage":"classifier","epoch":{epoch},"loss":0.5,"score":40.0}}"#);
        format!("[[{}]]", (0..epochs).map(point).collect::<Vec<_>>().join(","))
    };
    let config =
        "[search]\rtrials = 9\reta = 3\rrungs = 2\r[[search.space]]\rname = \"optimiser.lr\"\runiform = [0.1, 0.2]\r";
    let mut rows = vec![
        "schema\t1".to_owned(),
        format!("studies\t1\ts\tsearch\t{config}\t0.1.0\tab\t9\t3\t2"),
        "trials\t1\t0\t1\trunning\t0\t1\t4\thost:7:ab\t1700000030000\t60000\t2\t".into(),
        "trials\t1\t1\t0\tpaused\t0\t0\t1\t\t\t\t1\t".into(),
        "trials\t1\t2\t0\tpaused\t0\t0\t1\t\t\t\t1\t".into(),
        "trials\t1\t3\t0\tinterrupted\t1\t0\t2\t\t\t\t0\tit failed".into(),
        "trials\t1\t4\t0\tfailed\t3\t0\t3\t\t\t\t0\tit diverged".into(),
    ];
    for (trial, score) in [(0, 50.5), (1, 30.0), (2, 1e1)] {
        rows.push(format!("results\t1\t{trial}\t0\t{score:?}\t{}\thost:7:ab\tllvmpipe\t1.5", curves(1)));
    }
    rows.push(format!("checkpoints\t1\t0\t#bytes\t{}", curves(2)));
    rows.push("workers\thost:7:ab\tllvmpipe\t1699999999999".into());
    rows.join("\n")
}

/// Makes a study of one cell and one seed, with its result.
fn grid_rows() -> String {
    let classes = vec!["a".to_owned(), "b".into()];
    let quality = Quality { f: 50.0, scatter: 1.5, silhouette: 0.1, confusion: vec![vec![2, 0], vec![1, 1]] };
    let result = CellResult {
        variant: Variant::Waa,
        method: Method::Classifier,
        train_seconds: 1.0,
        seeds: vec![1],
        classes: classes.clone(),
        seconds: vec![1.0],
        f1: vec![vec![vec![Some(50.0), Some(25.0)]]],
        curves: vec![vec![CurvePoint { stage: StageName::Classifier, epoch: 0, loss: 0.5, score: 40.0 }]],
        best: vec![40.0],
        quality: vec![vec![quality]],
        groups: vec![Group { name: "short".into(), clips: 4, f1: vec![vec![37.5]] }],
        coverage: vec![vec![CoverageBin { low: 0.0, high: 1.0, clips: 4, f1: vec![37.5] }]],
        points: vec![vec![0.5, -0.5], vec![1.0, 2.0]],
        point_labels: vec![0, 1],
        seconds_taken: 2.5,
        adapter: "llvmpipe".into(),
        data: "ab".into(),
    };
    let events =
        Events { variant: Variant::Waa, classes, clips: [4, 2, 4], durations: vec![vec![0.5, 1.0], vec![2.0]] };
    let details = serde_json::to_string(&SeedResult { result, events }).unwrap();
    let config = "[study]\rvariants = [\"waa\"]\rmethods = [\"classifier\"]\rseconds = [1.0]\rseeds = 1\r";
    format!(
        "studies\t3\tg\tgrid\t{config}\t0.1.0\twaa ab\t1\t2\t1\ntrials\t3\t0\t0\tpaused\t0\t0\t2\t\t\t\t0\t\n\
         results\t3\t0\t0\t40.0\t{details}\tw\tllvmpipe\t2.5"
    )
}

//! Every key refuses what is outside its range, and its message says which key and what is allowed.

use weaklabel::config::{Config, read_config, validate};

/// An edit that must be refused, and words its message must contain.
const REFUSED: &[(&str, &str)] = &[
    ("data.dataset=", "a folder"),
    ("data.soundbank=", "a folder"),
    ("data.cooccurrence=", "a file"),
    ("data.train=0", "between 1 and 10000000"),
    ("data.validation=0", "between 1"),
    ("data.eval=10000001", "between 1"),
    ("data.fold=one", "invalid type"),
    ("data.fold=-1", "integer `-1`"),
    ("data.table.file=", "name of a column"),
    ("data.table.labels=' '", "name of a column"),
    ("data.table.delimiter=", "one ASCII character"),
    ("data.table.delimiter='\"'", "other than a quote"),
    ("data.table.separator=\"a\\nb\"", "one line"),
    ("data.table.onset=\"a\\nb\"", "one line"),
    ("data.table.offset=\"a\\nb\"", "one line"),
    ("data.table.split=\"a\\nb\"", "one line"),
    ("data.table.fold=\"a\\nb\"", "one line"),
    ("data.table.group=\"a\\nb\"", "one line"),
    ("data.variant=1s", "`waa` or `200ms`"),
    ("scene.clip_s=0", "above 0"),
    ("scene.clip_s=nan", "above 0"),
    ("scene.clip_s=inf", "at most 3600"),
    ("scene.rate=0", "1000 and 768000"),
    ("scene.events=[0, 1]", "[least, most] between 1 and 100"),
    ("scene.events=[3, 2]", "[least, most]"),
    ("scene.events=[1, 101]", "between 1 and 100"),
    ("scene.events=2", "invalid type"),
    ("scene.snr_db=[30, 6]", "[low, high]"),
    ("scene.snr_db=[nan, 6]", "[low, high]"),
    ("scene.snr_db=[1, 2, 3]", "invalid length"),
    ("scene.background_lufs=3", "-120 and 0"),
    ("scene.loudness_floor_lufs=1", "-120 and 0"),
    ("scene.loudness_min_s=0.39", "0.4"),
    ("scene.fade_s=-0.1", "between 0"),
    ("scene.fade_s=5.1", "half of scene.clip_s"),
    ("scene.onset_margin_s=11", "scene.clip_s"),
    ("scene.short_event_s=0", "above 0"),
    ("scene.peak=1.01", "at most 1"),
    ("scene.holdout=1", "below 1"),
    ("scene.holdout=0", "above 0"),
    ("features.rate=999", "1000"),
    ("features.fft=500", "power of two"),
    ("features.window=1", "between 2"),
    ("features.hop=0", "between 1"),
    ("features.bands=257", "half of features.fft (256)"),
    ("features.bands=0", "between 1"),
    ("features.high_hz=8001", "half of features.rate (8000 Hz)"),
    ("features.low_hz=7500", "below features.high_hz"),
    ("features.low_hz=-1", "at least 0"),
    ("features.log_offset=0", "1.2e-38"),
    ("features.epsilon=1e-60", "1.2e-38"),
    ("model.chunk_frames=0", "between 1"),
    ("model.filters=[]", "per convolution"),
    ("model.filters=[16, 0, 32, 65]", "between 1"),
    ("model.pools=[[2, 2]]", "4 model.filters"),
    ("model.kernel=4", "odd"),
    ("model.kernel=0", "odd"),
    ("model.pools=[[2,2],[2,2],[1,4],[0,2]]", "conv3"),
    ("model.slope=-0.1", "between 0 and 1"),
    ("model.dropout=1", "below 1"),
    ("model.dropout=nan", "below 1"),
    ("model.filters=[8,8,8,8,8,8,8,8,8,8,8,8,8,8,8]", "at most 14 convolutions beside model.hidden = [32]"),
    ("model.hidden=0", "between 1 and 65536 each, not [0]"),
    ("model.hidden=[32, 65537]", "between 1 and 65536 each"),
    ("model.hidden=[5, 4, 3, 2, 1]", "at most 4 hidden layers"),
    ("model.hidden=-1", "integer `-1`, expected a number of units or a list of them"),
    ("model.hidden=[-1]", "integer `-1`"),
    ("model.hidden=wide", "expected a number of units or a list of them"),
    ("train.method=magic", "classifier"),
    ("train.seconds=-1", "above 0"),
    ("train.seconds=0.3", "multiple of 0.2 s"),
    ("train.seconds=0.001", "0 frames"),
    ("train.seconds=1e300", "at most 3600"),
    ("train.epochs=0", "between 1"),
    ("train.init=", "a model or a run folder"),
    ("train.freeze=E", "`none` or `embedding`"),
    ("train.batch=0", "between 1"),
    ("train.sampling=even", "`paper`, `balanced`, `natural`"),
    ("train.negatives=1", "below 1"),
    ("train.negatives=-0.1", "at least 0"),
    ("train.negatives=nan", "at least 0"),
    ("train.seeds=[]", "at least one"),
    ("train.seeds=[1, 2, 1]", "1 is there twice"),
    ("train.seeds=[-1]", "integer `-1`"),
    ("train.watch=loss", "macro_f1"),
    ("train.precision=f64", "`f32` or `f16`"),
    ("train.memory=0", "above 0 bytes"),
    ("train.memory=much", "as in 2GiB"),
    ("train.cache=yes", "`auto`, `on`, `off`"),
    ("train.checkpoint_s=-1", "0 or more"),
    ("triplets.margin=-0.1", "between 0"),
    ("triplets.margin=nan", "between 0"),
    ("triplets.sampling=easy", "semi_hard"),
    ("triplets.gradient=none", "anchor"),
    ("triplets.normalise=chunk", "segment"),
    ("prototypes.support=0", "between 1"),
    ("prototypes.way=1", "at least 2"),
    ("prototypes.normalise=batch", "segment"),
    ("tagger.epochs=0", "between 1"),
    ("tagger.batch=0", "between 1"),
    ("tagger.lr=0", "1.2e-38"),
    ("tagger.weight_decay=1000", "below 1"),
    ("optimiser.lr=0", "1.2e-38"),
    ("optimiser.lr=inf", "3.4e38"),
    ("optimiser.beta1=1", "below 1"),
    ("optimiser.beta2=-0.1", "at least 0"),
    ("optimiser.epsilon=0", "1.2e-38"),
    ("optimiser.weight_decay=-1", "at least 0"),
    ("optimiser.weight_decay=1000", "below 1"),
    ("study.seeds=0", "between 1 and 1024, or a list"),
    ("study.seeds=[]", "at least one seed"),
    ("study.seeds=[3, 3]", "3 is there twice"),
    ("study.methods=[]", "at least one"),
    ("study.seconds=[0.2, 0.2]", "twice"),
    ("study.seconds=[0]", "above 0"),
    ("study.title=", "a name"),
    ("study.variants=[]", "at least one"),
    ("study.short_s=0", "above 0"),
    ("study.seeds=1025", "between 1 and 1024"),
    ("search.space=[{ name = 'a', choice = [1, nan] }]", "holds nan"),
    ("search.space=[{ name = 'a', choice = [1], when = { b = [nan] } }]", "holds nan"),
    ("study.cell=[{ seconds = nan }]", "holds nan"),
    ("search.title=", "a name"),
    ("search.trials=0", "between 1"),
    ("search.trials=10001", "between 1 and 10000"),
    ("search.eta=1", "between 2"),
    ("search.minimum=0", "between 1"),
    ("search.rungs=0", "between 1"),
    ("search.rungs=5", "60 trials with eta 3 reach 4 rungs: set search.rungs=4, or search.trials=81 or more"),
    ("search.together=0", "between 1"),
    ("evaluate.seconds=[]", "at least one"),
    ("evaluate.seconds=[1, 1.0]", "twice"),
    ("evaluate.seconds=[1, 0.25]", "multiple of model.chunk_frames = 20"),
    ("evaluate.threshold=1", "below 1"),
];

#[test]
fn values_outside_their_range_are_refused_by_name() {
    for (edit, words) in REFUSED {
        let error = read_config(&[], &[(*edit).to_owned()]).expect_err(edit);
        let message = error.to_string();
        assert_eq!(error.exit_code(), 3, "{message}");
        assert!(message.starts_with(&format!("--set {edit}: ")), "{message}");
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_search_of_too_few_trials_is_told_how_many_rungs_they_reach() {
    let message = |edits: &[&str]| {
        read_config(&[], &edits.iter().map(|&s| s.to_owned()).collect::<Vec<_>>()).unwrap_err().to_string()
    };
    let few = message(&["search.trials=6"]);
    let words = "6 trials with eta 3 reach 2 rungs: set search.rungs=2, or search.trials=27 or more";
    assert_eq!(few, format!("search.rungs: {words}"));
    assert!(
        message(&["search.trials=2", "search.rungs=2"])
            .ends_with("reach 1 rung: set search.rungs=1, or search.trials=3 or more")
    );
    let words = "from 100000 epochs with eta 3, 1000000 epochs are enough for 3 rungs: set search.rungs=3";
    assert_eq!(message(&["search.minimum=100000"]), format!("search.rungs: {words}"));
    // More trials than a search may have are no advice.
    assert!(message(&["search.rungs=12"]).ends_with("reach 4 rungs: set search.rungs=4"));
}

#[test]
fn every_key_has_a_refusal() {
    let document = toml::Table::try_from(Config::default()).unwrap();
    for (section, keys) in &document {
        for key in keys.as_table().unwrap().keys() {
            // Any unsigned number is a seed, a patience or a first epoch that may stop.
            let free = ["data.seed", "search.seed", "train.patience", "train.min_epochs"];
            let name = format!("{section}.{key}");
            let refused = REFUSED.iter().any(|(edit, _)| edit.starts_with(&format!("{name}=")));
            assert!(refused || free.contains(&name.as_str()), "{name} is not tested");
        }
    }
}

#[test]
fn bounds_are_inside() {
    let edits = [
        "scene.events=[1, 100]",
        "scene.events=[4, 4]",
        "scene.peak=1",
        "scene.fade_s=0",
        "scene.snr_db=[6, 6]",
        "features.high_hz=8000",
        "features.low_hz=0",
        "model.slope=0",
        "model.dropout=0",
        "model.kernel=1",
        "model.hidden=[]",
        "model.hidden=[1, 65536, 1, 1]",
        "optimiser.beta1=0",
        "optimiser.weight_decay=0",
        "train.checkpoint_s=0",
        "train.negatives=0",
        "train.sampling=paper",
        "train.seconds=0.2",
        "evaluate.seconds=[10]",
    ];
    for edit in edits {
        read_config(&[], &[edit.to_owned()]).unwrap();
    }
}

#[test]
fn a_pool_that_leaves_a_remainder_names_the_layer_and_the_sizes() {
    let message = read_config(&[], &["features.bands=48".into(), "model.pools=[[2,2],[2,2],[1,4],[1,2]]".into()]);
    let message = message.unwrap_err().to_string();
    assert!(message.contains("the 1×2 pool of conv3 does not divide its 5×3 (time × mel) input"), "{message}");
    let mut config = Config::default();
    config.model.pools[1] = [4, 2];
    let message = validate(&config).unwrap_err().to_string();
    assert!(message.starts_with("model.pools: the 4×2 pool of conv1 does not divide its 10×32"), "{message}");
}

#[test]
fn the_last_of_six_layers_is_named_as_well() {
    let six =
        |pools: &str| read_config(&[], &["model.filters=[5, 7, 9, 11, 13, 15]".into(), format!("model.pools={pools}")]);
    assert!(six("[[2,2],[2,2],[1,2],[1,2],[5,2],[1,2]]").is_ok());
    let message = six("[[2,2],[2,2],[1,2],[1,2],[5,2],[1,3]]").unwrap_err().to_string();
    let words = "the 1×3 pool of conv5 does not divide its 1×2 (time × mel) input, which comes from \
                 model.chunk_frames = 20 and features.bands = 64";
    assert!(message.ends_with(words), "{message}");
    let message = six("[[2,2],[2,2],[1,2],[1,2],[5,2]]").unwrap_err().to_string();
    assert!(message.contains("one [time, mel] pair for each of the 6 model.filters"), "{message}");
}

/// Sixteen layers are told apart, the last linear one among them.
#[test]
fn convolutions_and_hidden_layers_share_a_limit_whose_message_names_both() {
    let layers = |convs: usize, hidden: usize| {
        let mut config = Config::default();
        (config.model.filters, config.model.pools) = (vec![8; convs], vec![[1, 1]; convs]);
        config.model.hidden = vec![8; hidden];
        validate(&config)
    };
    for hidden in 0..=4 {
        assert!(layers(15 - hidden, hidden).is_ok(), "{hidden}");
        let message = layers(16 - hidden, hidden).unwrap_err().to_string();
        assert!(message.starts_with("model.filters: ") && message.contains("beside model.hidden = ["), "{message}");
        assert!(message.ends_with(&format!("and the last layer: 16 in all, not {}", 16 - hidden)), "{message}");
    }
}

#[test]
fn the_key_at_fault_may_be_one_that_kept_its_default() {
    let message = read_config(&[], &["features.fft=256".into()]).unwrap_err().to_string();
    assert_eq!(message, "features.window: must be between 2 and features.fft (256), not 400");
}

#[test]
fn segments_follow_the_rate_and_the_hop() {
    let sets = |edits: &[&str]| edits.iter().map(|&s| s.to_owned()).collect::<Vec<_>>();
    // 20 ms hops: a chunk of 20 frames lasts 0.4 s.
    let hop = ["features.hop=320", "features.window=512", "evaluate.seconds=[0.4, 2]"];
    assert!(read_config(&[], &sets(&[&hop[..], &["train.seconds=0.4"]].concat())).is_ok());
    let message = read_config(&[], &sets(&[&hop[..], &["train.seconds=0.2"]].concat())).unwrap_err().to_string();
    assert!(message.contains("0.2 s are 10 frames") && message.contains("multiple of 0.4 s"), "{message}");
}

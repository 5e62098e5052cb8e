//! Clips of one's own in every layout that is understood, good and broken.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tempfile::TempDir;
use weaklabel::Result;
use weaklabel::config::Config;
use weaklabel::data::clips::TableFormat;
use weaklabel::data::scenes::{Dataset, Subset};

use crate::bank::{assert_names, noise, write};

/// Makes a folder of `files`. A sound holds its name only, since nothing is decoded to understand a dataset.
fn folder(files: &[(&str, &str)], sounds: &[String]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let sounds = sounds.iter().map(|name| (name.as_str(), name.as_str()));
    for (name, content) in files.iter().copied().chain(sounds) {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir
}

fn open(path: &Path, set: impl FnOnce(&mut Config)) -> Result<Dataset> {
    let mut config = Config::default();
    set(&mut config);
    Dataset::open(path, &config)
}

fn names(start: &str, n: usize, end: &str) -> Vec<String> {
    (0..n).map(|i| format!("{start}{i}{end}")).collect()
}

/// Returns file names and labels of the clips of a subset.
fn clips(dataset: &Dataset, subset: Subset) -> Vec<String> {
    let clip = |clip: &weaklabel::data::clips::Clip| {
        let labels: Vec<&str> = clip.labels.iter().map(|label| dataset.classes()[*label].as_str()).collect();
        format!("{} {}", clip.path.file_name().unwrap().to_str().unwrap(), labels.join("+"))
    };
    dataset.clip_set().unwrap().clips[subset as usize].iter().map(clip).collect()
}

fn counts(dataset: &Dataset) -> [usize; 3] {
    Subset::all().map(|subset| dataset.len(subset))
}

fn format(dataset: &Dataset) -> TableFormat {
    dataset.clip_set().unwrap().format
}

/// Asserts that the chosen settings of a dataset contain `words`, in order.
fn assert_chosen(dataset: &Dataset, words: &[&str]) {
    let choices = &dataset.clip_set().unwrap().choices;
    assert_eq!(choices.len(), words.len(), "{choices:#?}");
    assert!(choices.iter().zip(words).all(|(choice, word)| choice.contains(word)), "{choices:#?}");
}

#[test]
fn desed_s_weak_labels_are_read() {
    let table = "filename\tevent_labels\na.wav\tCat,Dog\nb.wav\tCat\nc.wav\t\nd.wav\tDog\n";
    let sounds = ["train/a.wav", "train/b.wav", "train/c.wav", "train/d.wav", "eval/a.wav"].map(String::from);
    let dir = folder(
        &[
            ("train.tsv", table),
            ("validation.tsv", "filename\tevent_labels\n"),
            ("eval.tsv", "filename\tevent_labels\na.wav\tDog\n"),
        ],
        &sounds,
    );
    let dataset = open(dir.path(), |_| ()).unwrap();
    assert_eq!((format(&dataset), dataset.classes()), (TableFormat::DesedWeak, &["Cat".to_owned(), "Dog".into()][..]));
    assert_eq!(clips(&dataset, Subset::Train), ["a.wav Cat+Dog", "b.wav Cat", "c.wav ", "d.wav Dog"]);
    let weak: Vec<bool> = (0..4).map(|index| dataset.is_weak(Subset::Train, index)).collect();
    assert_eq!(weak, [true, true, false, true], "a clip without labels has none without times");
    assert_chosen(&dataset, &["labels are separated by \",\""]);
}

#[test]
fn events_with_times_and_labels_without_are_read_together() {
    let train = "filename,onset,offset,event_label\r\na.wav,0.5,1,Cat\r\nb.wav,,,Dog\r\nc.wav,1,,Dog\r\n";
    let dir = folder(
        &[
            ("train.csv", train),
            ("test.csv", "filename;labels\n\"a.wav\";Cat,Dog\n"),
            ("valid.csv", "file,tags\na.wav,Dog\n"),
        ],
        &["train/a.wav", "train/b.wav", "train/c.wav", "test/a.wav", "valid/a.wav"].map(String::from),
    );
    let dataset = open(dir.path(), |_| ()).unwrap();
    assert_eq!(counts(&dataset), [3, 1, 1]);
    let weak: Vec<bool> = (0..3).map(|index| dataset.is_weak(Subset::Train, index)).collect();
    assert_eq!(weak, [false, true, false]);
    assert_eq!(dataset.left_out(&[]), []);
}

#[test]
fn a_plain_list_is_shared_out_by_class() {
    let mut table = "\u{feff}path,label\r\n".to_owned();
    for i in 0..40 {
        table += &format!("clips/{i}.WAV,{}\r\n", ["Cat", "Dog"][i % 2]);
    }
    let dir = folder(&[("list.csv", &table), ("notes.txt", "a, b")], &names("clips/", 40, ".WAV"));
    for path in [dir.path().to_owned(), dir.path().join("list.csv")] {
        let dataset = open(&path, |_| ()).unwrap();
        assert_eq!((format(&dataset), counts(&dataset)), (TableFormat::List, [32, 4, 4]));
        assert_chosen(&dataset, &["4 clips held out for evaluation", "4 clips held out for validation"]);
        for subset in [Subset::Validation, Subset::Eval] {
            let cats = clips(&dataset, subset).iter().filter(|clip| clip.ends_with("Cat")).count();
            assert_eq!(cats, 2, "{subset:?}");
        }
        assert_eq!(clips(&dataset, Subset::Eval), clips(&open(&path, |_| ()).unwrap(), Subset::Eval));
        let other = open(&path, |config| config.data.seed = 5).unwrap();
        assert_ne!(clips(&dataset, Subset::Eval), clips(&other, Subset::Eval));
        assert_ne!(dataset.fingerprint().unwrap(), other.fingerprint().unwrap());
        assert_eq!(dataset.left_out(&Subset::all()), []);
    }
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let alone = one.install(|| open(dir.path(), |_| ()).unwrap());
    assert_eq!(alone.fingerprint().unwrap(), open(dir.path(), |_| ()).unwrap().fingerprint().unwrap());
}

/// A folder like ESC-50: three folds of four recordings of two takes each.
fn esc50() -> TempDir {
    let mut table = "filename,fold,target,category,esc10,src_file,take\n".to_owned();
    let mut sounds = Vec::new();
    for i in 0..24 {
        let (fold, recording) = (i / 8 + 1, i / 2);
        let name = format!("{fold}-{recording}-{}-{}.wav", ["A", "B"][i % 2], recording % 2);
        table += &format!("{name},{fold},{0},{1},False,{recording},A\n", recording % 2, ["dog", "rain"][recording % 2]);
        sounds.push(format!("audio/{name}"));
    }
    folder(&[("meta/esc50.csv", &table), ("requirements.txt", "numpy"), ("README.md", "")], &sounds)
}

#[test]
fn esc_50_evaluates_a_fold_and_keeps_recordings_together() {
    let dir = esc50();
    for path in [dir.path().to_owned(), dir.path().join("meta/esc50.csv")] {
        let dataset = open(&path, |_| ()).unwrap();
        assert_eq!((format(&dataset), dataset.classes()), (TableFormat::Esc50, &["dog".to_owned(), "rain".into()][..]));
        assert!(clips(&dataset, Subset::Eval).iter().all(|clip| clip.starts_with("3-")), "the last fold");
        assert_eq!(counts(&dataset), [12, 4, 8]);
        assert_chosen(&dataset, &["same src_file", "fold 3 of 1, 2, 3 evaluates", "4 clips held out for validation"]);
        let recordings = |subset: Subset| -> BTreeSet<String> {
            let set = dataset.clip_set().unwrap();
            set.clips[subset as usize].iter().map(|clip| clip.group.clone().unwrap()).collect()
        };
        assert!(recordings(Subset::Train).is_disjoint(&recordings(Subset::Validation)));
        assert_eq!(recordings(Subset::Validation).len(), 2);
    }
    let first = open(dir.path(), |config| config.data.fold = Some(1)).unwrap();
    assert!(clips(&first, Subset::Eval).iter().all(|clip| clip.starts_with("1-")));
    let error = open(dir.path(), |config| config.data.fold = Some(4)).unwrap_err();
    assert_names(&error, &["data.fold", "no fold 4", "1, 2, 3"]);
    let without = |config: &mut Config| config.data.table.fold = Some(String::new());
    let shared = open(dir.path(), without).unwrap();
    assert_eq!(counts(&shared), [16, 4, 4]);
}

#[test]
fn urban_sound_8k_is_read_from_its_folders() {
    let mut table = "slice_file_name,fsID,start,end,salience,fold,classID,class\n".to_owned();
    let mut sounds = Vec::new();
    for i in 0..12 {
        let fold = i % 3 + 1;
        table += &format!("{}-{i}.wav,{},0.0,4.0,1,{fold},{},{}\n", i / 2, i / 2, i % 2, ["siren", "drilling"][i % 2]);
        sounds.push(format!("audio/fold{fold}/{}-{i}.wav", i / 2));
    }
    // Another fold has a file of the same name.
    sounds.push("audio/fold2/0-0.wav".into());
    let dir = folder(&[("metadata/UrbanSound8K.csv", &table), ("UrbanSound8K_README.txt", "")], &sounds);
    let dataset = open(dir.path(), |config| config.data.fold = Some(1)).unwrap();
    assert_eq!((format(&dataset), dataset.len(Subset::Eval)), (TableFormat::UrbanSound8k, 4));
    let paths = &dataset.clip_set().unwrap().clips[Subset::Eval as usize];
    assert!(paths.iter().all(|clip| clip.path.parent().unwrap().ends_with("audio/fold1")));
    let left_out = dataset.left_out(&[]);
    assert!(left_out[0].message.contains("1 clip left out, audio/fold2/0-0.wav"), "{left_out:?}");
    let groups = left_out.last().unwrap();
    assert!(groups.message.contains("4 groups in several subsets, 0 first"), "{left_out:?}");
}

#[test]
fn fsd50k_is_read_with_its_splits() {
    let dev = "fname,labels,mids,split\n0,\"Bark,Dog\",\"/m/1,/m/2\",train\n1,Dog,/m/2,train\n2,Rain,/m/3,train\n3,Dog,/m/2,val\n";
    let eval = "fname,labels,mids\n0,Rain,/m/3\n9,\"Dog,Bark\",\"/m/1,/m/2\"\n";
    let sounds = names("FSD50K.dev_audio/", 4, ".wav").into_iter();
    let sounds: Vec<String> = sounds.chain([0, 9].map(|i| format!("FSD50K.eval_audio/{i}.wav"))).collect();
    let tables = [
        ("FSD50K.ground_truth/dev.csv", dev),
        ("FSD50K.ground_truth/eval.csv", eval),
        ("FSD50K.ground_truth/vocabulary.csv", "0,Bark,/m/1\n"),
    ];
    let dataset = open(folder(&tables, &sounds).path(), |_| ()).unwrap();
    assert_eq!((format(&dataset), dataset.classes().len()), (TableFormat::Fsd50k, 3));
    assert_eq!(clips(&dataset, Subset::Train), ["0.wav Bark+Dog", "1.wav Dog", "2.wav Rain"]);
    assert_eq!(clips(&dataset, Subset::Validation), ["3.wav Dog"]);
    assert_eq!(clips(&dataset, Subset::Eval), ["0.wav Rain", "9.wav Bark+Dog"]);
    let eval = &dataset.clip_set().unwrap().clips[Subset::Eval as usize][0];
    assert!(eval.path.ends_with("FSD50K.eval_audio/0.wav"), "{}", eval.path.display());
    let left_out = dataset.left_out(&[]);
    assert!(left_out.len() == 1 && left_out[0].harmless, "a vocabulary is no list of clips: {left_out:?}");
}

#[test]
fn audioset_is_read_with_the_names_of_its_labels() {
    let head = "# Segments csv\n# num_ytids=3\n# YTID, start_seconds, end_seconds, positive_labels\n";
    let train = format!(
        "{head}--aa, 30.000, 40.000, \"/m/1,/m/2\"\nb-b, 0.000, 10.000, \"/m/1\"\ngone, 0.000, 10.000, \"/m/2\"\nccc, 5.000, 15.000, \"/m/2\"\nddd, 5.000, 15.000, \"/m/1\"\n"
    );
    let eval = format!("{head}eee, 0.000, 10.000, \"/m/2\"\n");
    let names = "index,mid,display_name\n0,/m/1,\"Speech, indoors\"\n1,/m/2,Music\n";
    let tables = [
        ("balanced_train_segments.csv", train.as_str()),
        ("eval_segments.csv", &eval),
        ("class_labels_indices.csv", names),
    ];
    let sounds =
        ["wavs/--aa_30.000_40.000.wav", "wavs/Yb-b.flac", "wavs/ccc_5000.wav", "wavs/ddd_5_15.wav", "wavs/eee.wav"];
    let dir = folder(&tables, &sounds.map(String::from));
    let dataset = open(dir.path(), |_| ()).unwrap();
    assert_eq!(
        (format(&dataset), dataset.classes()),
        (TableFormat::AudioSet, &["Music".to_owned(), "Speech, indoors".into()][..])
    );
    assert_eq!(counts(&dataset).iter().sum::<usize>(), 5);
    let left_out = dataset.left_out(&[]);
    assert!(left_out.len() == 1, "{left_out:?}");
    assert!(left_out[0].message.contains("1 segments left out, gone in line 6 first"), "{left_out:?}");
    fs::remove_file(dir.path().join("class_labels_indices.csv")).unwrap();
    assert_eq!(open(dir.path(), |_| ()).unwrap().classes(), ["/m/1", "/m/2"]);
}

#[test]
fn a_folder_for_each_class_is_read() {
    let all = [names("Cat/", 10, ".wav"), names("Dog/deep/", 10, ".Flac")].concat();
    let dataset = open(folder(&[("README.txt", "")], &all).path(), |_| ()).unwrap();
    assert_eq!((format(&dataset), counts(&dataset)), (TableFormat::ClassFolders, [16, 2, 2]));
    assert_eq!(dataset.left_out(&Subset::all()), []);
    assert!(dataset.is_weak(Subset::Train, 0));

    let all = [names("train/Cat/", 4, ".wav"), names("train/Dog/", 4, ".wav"), names("test/Cat/", 2, ".wav")].concat();
    let dataset = open(folder(&[], &all).path(), |_| ()).unwrap();
    assert_eq!((counts(&dataset), dataset.classes().len()), ([6, 2, 2], 2));
    let all = [names("train/Cat/", 4, ".wav"), names("train/Dog/", 4, ".wav")].concat();
    let dataset = open(folder(&[], &all).path(), |_| ()).unwrap();
    assert_eq!(counts(&dataset), [6, 2, 0], "evaluation is optional");
    assert_names(&dataset.need(&[Subset::Eval]).unwrap_err(), &["has no eval clip", "folder eval"]);
    let mut unknown = all;
    unknown.push("eval/Emu/0.wav".into());
    assert_names(
        &open(folder(&[], &unknown).path(), |_| ()).unwrap_err(),
        &["eval/Emu/0.wav", "Emu is none", "Cat, Dog"],
    );
}

#[test]
fn any_table_is_read_by_the_names_of_its_columns() {
    let table = "id|what|part|session\nx/1|Cat + Dog|fit|a\n2.wav|Cat|fit|b\n3|Dog|fit|b\n4|Dog|check|c\n5.wav|Cat|fit|d\n6|Dog|fit|e\n";
    let dir =
        folder(&[("any.txt", table)], &["x/1.wav", "2.wav", "3.wav", "4.wav", "5.wav", "6.wav"].map(String::from));
    let set = |config: &mut Config| {
        let some = |name: &str| Some(name.to_owned());
        let table = &mut config.data.table;
        (table.file, table.labels, table.separator) = (some("id"), some("what"), some("+"));
        (table.delimiter, table.group) = (some("|"), some("session"));
    };
    let dataset = open(dir.path(), set).unwrap();
    assert_eq!((format(&dataset), dataset.classes()), (TableFormat::Named, &["Cat".to_owned(), "Dog".into()][..]));
    assert_eq!(counts(&dataset).iter().sum::<usize>(), 6);
    let error = open(dir.path(), |config| {
        set(config);
        config.data.table.split = Some("part".into());
    });
    assert_names(&error.unwrap_err(), &["any.txt:", "the split \"fit\"", "data.table.split"]);
    let error = open(dir.path(), |config| {
        set(config);
        config.data.table.labels = Some("labels".into());
    });
    assert_names(&error.unwrap_err(), &["no column labels, which data.table.labels names", "\"what\""]);
}

#[test]
fn absolute_paths_and_composed_names_are_found() {
    let dir = folder(&[], &["audio/cafe\u{301}.wav", "audio/b.wav", "c.wav", "d.wav"].map(String::from));
    let home = dir.path().display();
    let table =
        format!("file,label\ncaf\u{e9}.wav,Cat\n{home}/audio/b.wav,Cat\n../c.wav,Dog\n/home/someone/else/d.wav,Dog\n");
    fs::create_dir(dir.path().join("meta")).unwrap();
    fs::write(dir.path().join("meta/list.csv"), table).unwrap();
    let dataset = open(dir.path(), |_| ()).unwrap();
    let found: BTreeSet<String> = Subset::all().iter().flat_map(|subset| clips(&dataset, *subset)).collect();
    assert_eq!(found.len(), 4, "{found:?}");
    assert_eq!(dataset.left_out(&[]), []);
}

/// The cases `weak-tables` on which an earlier version failed: DESED's weak table, and several labels in one field of a
/// table of events.
#[test]
fn several_labels_in_one_field_are_several_or_named() {
    let sounds: Vec<String> =
        ["train", "validation", "eval"].iter().flat_map(|subset| names(&format!("{subset}/"), 4, ".wav")).collect();
    let tables = |head: &str, separator: &str| {
        let table =
            format!("{head}0.wav{separator}Cat,Dog\n1.wav{separator}Cat\n2.wav{separator}Dog\n3.wav{separator}Cat\n");
        let dir = folder(&[], &sounds);
        for subset in ["train", "validation", "eval"] {
            fs::write(dir.path().join(format!("{subset}.tsv")), &table).unwrap();
        }
        dir
    };
    let weak = tables("filename\tevent_labels\n", "\t");
    assert_eq!(open(weak.path(), |_| ()).unwrap().classes(), ["Cat", "Dog"]);
    let strong = tables("filename\tonset\toffset\tevent_label\n", "\t\t\t");
    let dataset = open(strong.path(), |_| ()).unwrap();
    assert_eq!(dataset.classes(), ["Cat", "Cat,Dog", "Dog"]);
    let said = &dataset.left_out(&[])[0].message;
    assert!(said.contains("\"Cat,Dog\" first, beside \"Cat\"") && said.contains("data.table.separator=','"), "{said}");
    let separated = open(strong.path(), |config| config.data.table.separator = Some(",".into())).unwrap();
    assert_eq!(separated.classes(), ["Cat", "Dog"]);
    assert_eq!(clips(&separated, Subset::Eval)[0], "0.wav Cat+Dog");
}

#[test]
fn what_does_not_fit_is_named_with_the_next_thing_to_do() {
    let sounds = names("", 4, ".wav");
    let cases: [(&str, &[&str]); 15] = [
        ("", &["list.csv:1", "the table is empty", "header"]),
        ("file,label\n", &["list.csv: ", "no clip in it"]),
        ("file,sound\n0.wav,Cat\n", &["list.csv:1", "no column event_labels", "\"sound\"", "data.table.labels"]),
        ("wave,label\n0.wav,Cat\n", &["list.csv:1", "no column filename", "\"wave\"", "data.table.file"]),
        (
            "file,label\n0.wav,Cat\nx.wav,Cat\ny.wav,Dog\n",
            &["list.csv:3", "x.wav", "is not there", "1 others", "remove the line"],
        ),
        (
            "file,label,split\n0.wav,Cat,train\n1.wav,Cat,later\n",
            &["list.csv:3", "split \"later\"", "data.table.split"],
        ),
        ("file,label,fold\n0.wav,Cat,one\n", &["list.csv:2", "fold \"one\"", "data.table.fold"]),
        ("file,label,split\n0.wav,Cat,train\n1.wav,Cat,train\n2.wav,Emu,test\n", &["list.csv:4", "Emu is none", "Cat"]),
        ("file,label\n0.wav,\"Cat\n1.wav,Dog\n", &["list.csv:2", "quote at the beginning of field 2"]),
        ("file,label\n0.wav,Cat\n,Dog\n", &["list.csv:3", "filename is blank"]),
        ("file,label,label\n0.wav,Cat,Dog\n", &["list.csv:1", "two columns label"]),
        ("file,label\n0.wav,\n1.wav,\n", &["list.csv: ", "no class"]),
        ("file,labels\n0.wav,Cat\n1.wav,Cat,Dog\n", &["list.csv:3", "3 fields under 2 columns", "\"Dog\"", "quotes"]),
        ("file,label\n0.wav,Cat\n./0.wav,Dog\n", &["list.csv:", "./0.wav", "is the file of", "one of the two"]),
        ("file,label\n0.wav,Cat\n1.wav,Dog\n", &["list.csv", "too few clips"]),
    ];
    for (table, words) in cases {
        let dir = folder(&[("list.csv", table)], &sounds);
        for path in [dir.path().to_owned(), dir.path().join("list.csv")] {
            let error = open(&path, |_| ()).unwrap_err();
            assert_names(&error, words);
            assert_eq!(error.exit_code(), 3);
        }
    }
    let two = folder(&[("a.csv", "file,label\n"), ("b.csv", "file,label\n")], &sounds);
    assert_names(&open(two.path(), |_| ()).unwrap_err(), &["several tables", "a.csv, b.csv", "name the one"]);
    let same = folder(&[("list.csv", "file,label\na.wav,Cat\n")], &["x/a.wav", "y/a.wav"].map(String::from));
    assert_names(&open(same.path(), |_| ()).unwrap_err(), &["list.csv:2", "x/a.wav, y/a.wav", "write its path"]);
    for (sounds, word) in [
        (names("", 2, ".wav"), "no table of clips in it to say what is heard in 0.wav"),
        (names("audio/", 2, ".wav"), "one folder of sounds only, audio"),
        (Vec::new(), "no sound and no table"),
    ] {
        assert_names(&open(folder(&[], &sounds).path(), |_| ()).unwrap_err(), &[word, "data.table.file"]);
    }
    #[cfg(unix)]
    {
        // A link to a folder above has nothing new in it.
        let around = folder(&[], &["Cat", "Dog"].map(|class| names(&format!("{class}/"), 4, ".wav")).concat());
        std::os::unix::fs::symlink("..", around.path().join("Cat/loop")).unwrap();
        assert_eq!(counts(&open(around.path(), |_| ()).unwrap()).iter().sum::<usize>(), 8);
    }
    let bank = folder(&[], &["train/soundbank/foreground/Cat/0.wav".into()]);
    assert_names(&open(bank.path(), |_| ()).unwrap_err(), &["is a soundbank", "--soundbank"]);
}

#[test]
fn lines_that_are_there_twice_and_labels_that_differ_little_are_said() {
    let table = "file,label\n0.wav,Dog bark\n1.wav,dog_bark\n0.wav,Dog bark\n2.wav,Dog bark\n3.wav,dog_bark\n4.wav,Dog bark\n5.wav,dog_bark\n";
    let dir = folder(&[("list.csv", table)], &names("", 7, ".wav"));
    let said: Vec<String> =
        open(dir.path(), |_| ()).unwrap().left_out(&[]).into_iter().map(|line| line.message).collect();
    assert_eq!(said.len(), 3, "{said:#?}");
    assert!(said[0].contains("1 clip left out, 6.wav: not listed in list.csv"), "{said:#?}");
    assert!(said[1].contains("list.csv: 1 line said before, line 4"), "{said:#?}");
    assert!(said[2].contains("\"Dog bark\" and \"dog_bark\""), "{said:#?}");
}

#[test]
fn a_summary_counts_clips_hours_and_what_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    for (i, seconds) in [1.0, 2.0, 3.0, 4.0, 5.0, 6.0].into_iter().enumerate() {
        write(&dir.path().join(format!("{i}.wav")), &noise(&i.to_string(), seconds, 0.1));
    }
    fs::write(dir.path().join("5.wav"), "text").unwrap();
    let table = "file,onset,offset,labels,split\n0.wav,,,Cat,train\n1.wav,0.5,1,\"Cat,Dog\",train\n2.wav,,,,train\n\
                 3.wav,,,Dog,val\n4.wav,,,Dog,test\n5.wav,,,Dog,test\n";
    fs::write(dir.path().join("list.csv"), table).unwrap();
    let summary = open(dir.path(), |_| ()).unwrap().summary().unwrap();
    let train = &summary.subsets["train"];
    assert_eq!((train.clips, train.timed, train.weak, train.without_class), (3, 1, 1, 1));
    assert!((train.hours - 6.0 / 3600.0).abs() < 1e-9, "{}", train.hours);
    let dog = &summary.classes["Dog"];
    assert_eq!(dog.clips.values().copied().collect::<Vec<_>>(), [1, 1, 2]);
    assert_eq!(summary.labels_per_clip.into_iter().collect::<Vec<_>>(), [(0, 1), (1, 4), (2, 1)]);
    let durations = summary.durations.unwrap();
    assert_eq!((durations.min_s, durations.median_s, durations.max_s), (1.0, 3.0, 5.0));
    assert_eq!((summary.rates[&16_000], summary.unreadable), (5, 1));
    assert!(summary.first_unreadable.unwrap().contains("5.wav"));
}

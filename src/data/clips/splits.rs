//! The division of clips into those that train, validate and evaluate.
//!
//! In: names of subsets as tables and folders have them, folds and groups. Out: a [`Subset`] for each clip. Clips of
//! which nothing says where they belong are shared out by chance: a share of every class, and all clips of one group
//! together, since clips of one recording on both sides would make scores worthless.

use std::collections::{BTreeMap, BTreeSet};

use super::Subset;
use crate::base::counter_rng::Key;

/// Usual names of the subsets. `dev` is a training set where there is none of that name, as in FSD50K.
const NAMES: [(&str, Subset); 12] = [
    ("train", Subset::Train),
    ("training", Subset::Train),
    ("dev", Subset::Train),
    ("development", Subset::Train),
    ("validation", Subset::Validation),
    ("validate", Subset::Validation),
    ("valid", Subset::Validation),
    ("val", Subset::Validation),
    ("eval", Subset::Eval),
    ("evaluation", Subset::Eval),
    ("test", Subset::Eval),
    ("testing", Subset::Eval),
];

/// Returns the subset that a word of `name` stands for, as in `train_labels` or `FSD50K.eval_audio`.
pub fn subset_of(name: &str) -> Option<Subset> {
    let name = name.to_lowercase();
    let word = |word: &str| NAMES.iter().find(|(usual, _)| *usual == word).map(|(_, subset)| *subset);
    name.split(|c: char| !c.is_alphanumeric()).find_map(word)
}

/// Returns the subset that each of several `names` stands for: `dev` validates where another name trains.
pub fn subsets_of<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Option<Subset>> {
    let names: Vec<&str> = names.into_iter().collect();
    let is_dev = |name: &str| {
        let name = name.to_lowercase();
        name.split(|c: char| !c.is_alphanumeric()).any(|word| word == "dev" || word == "development")
    };
    let trains = names.iter().any(|name| subset_of(name) == Some(Subset::Train) && !is_dev(name));
    let of = |name: &&str| match subset_of(name) {
        Some(Subset::Train) if trains && is_dev(name) => Some(Subset::Validation),
        subset => subset,
    };
    names.iter().map(of).collect()
}

/// Removes a random `share` of `items`, at least one and never all, and returns the removed ones. Both parts stay in
/// order.
pub(in crate::data) fn hold_back(items: &mut Vec<usize>, share: f64, key: Key) -> Vec<usize> {
    let most = items.len().saturating_sub(1);
    let n_held = ((items.len() as f64 * share).round() as usize).max(1).min(most);
    let mut order = items.clone();
    key.stream().shuffle(&mut order);
    let held: BTreeSet<usize> = order[..n_held].iter().copied().collect();
    items.retain(|item| !held.contains(item));
    held.into_iter().collect()
}

/// Chooses a share of the clips from every combination of classes that occurs more than once. `labels` has the classes
/// of each clip.
pub fn by_combination(labels: &[&[usize]], share: f64, key: Key) -> Vec<bool> {
    let mut combinations: BTreeMap<&[usize], Vec<usize>> = BTreeMap::new();
    for (clip, labels) in labels.iter().enumerate() {
        combinations.entry(labels).or_default().push(clip);
    }
    let mut held = vec![false; labels.len()];
    for (combination, mut members) in combinations.into_values().enumerate() {
        for clip in hold_back(&mut members, share, key.child(combination as u64)) {
            held[clip] = true;
        }
    }
    held
}

/// Chooses a share of the clips of every class, and of those without a class, at least one, but leaves `keep` of them.
/// Clips of one group stay together; a clip without a group is one of its own. `clips` has the classes and the group of
/// each clip.
///
/// Groups are drawn class by class, the rarest first, so that a clip of several classes counts for all of them and a
/// rare class is not left with what common ones happen to leave over.
pub fn by_class(clips: &[(&[usize], Option<&str>)], share: f64, keep: usize, key: Key) -> Vec<bool> {
    let groups = groups(clips);
    let n_classes = clips.iter().flat_map(|(labels, _)| labels.iter()).max().map_or(0, |class| class + 1);
    // Clips without a class are counted as a class of their own, behind the others.
    let mut count = vec![0; n_classes + 1];
    let mut of_group = vec![BTreeMap::new(); groups.len()];
    for (group, members) in groups.iter().enumerate() {
        for &clip in members {
            let labels = clips[clip].0;
            let classes = if labels.is_empty() { &[n_classes][..] } else { labels };
            for &class in classes {
                *of_group[group].entry(class).or_insert(0_usize) += 1;
                count[class] += 1;
            }
        }
    }
    let needed = |n: usize| ((n as f64 * share).round() as usize).max(1).min(n.saturating_sub(keep));
    let mut order: Vec<usize> = (0..count.len()).filter(|class| count[*class] > 0).collect();
    order.sort_by_key(|class| (count[*class], *class));
    let mut held_of = vec![0; count.len()];
    let mut held = vec![false; groups.len()];
    for class in order {
        let mut open: Vec<usize> =
            (0..groups.len()).filter(|group| !held[*group] && of_group[*group].contains_key(&class)).collect();
        key.child(class as u64).stream().shuffle(&mut open);
        for group in open {
            if held_of[class] >= needed(count[class]) {
                break;
            }
            // No class may lose the clips that it keeps.
            if of_group[group].iter().all(|(class, n)| held_of[*class] + n + keep <= count[*class]) {
                held[group] = true;
                of_group[group].iter().for_each(|(class, n)| held_of[*class] += n);
            }
        }
    }
    let mut chosen = vec![false; clips.len()];
    for (members, held) in groups.iter().zip(held) {
        members.iter().for_each(|&clip| chosen[clip] = held);
    }
    chosen
}

/// Returns the positions of the clips of each group, in the order of their first clips.
fn groups(clips: &[(&[usize], Option<&str>)]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for (clip, (_, group)) in clips.iter().enumerate() {
        let next = groups.len();
        let at = group.map_or(next, |group| *known.entry(group).or_insert(next));
        if at == next {
            groups.push(Vec::new());
        }
        groups[at].push(clip);
    }
    groups
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_stand_for_subsets() {
        for (name, subset) in [
            ("train", Some(Subset::Train)),
            ("Labels_Train", Some(Subset::Train)),
            ("balanced_train_segments", Some(Subset::Train)),
            ("FSD50K.eval_audio", Some(Subset::Eval)),
            ("val", Some(Subset::Validation)),
            ("rain", None),
            ("contest", None),
        ] {
            assert_eq!(subset_of(name), subset, "{name}");
        }
        assert_eq!(subsets_of(["dev", "eval"]), [Some(Subset::Train), Some(Subset::Eval)]);
        let three = [Some(Subset::Train), Some(Subset::Validation), Some(Subset::Eval)];
        assert_eq!(subsets_of(["train", "dev", "test"]), three);
    }

    proptest! {
        #[test]
        fn a_share_of_every_class_is_chosen_and_no_group_is_split(
            clips in proptest::collection::vec((proptest::collection::btree_set(0_usize..4, 0..3), proptest::option::of(0_u8..12)), 1..120),
            seed in any::<u64>(),
        ) {
            let clips: Vec<(Vec<usize>, Option<String>)> = clips.into_iter()
                .map(|(labels, group)| (labels.into_iter().collect(), group.map(|group| group.to_string()))).collect();
            let given: Vec<(&[usize], Option<&str>)> =
                clips.iter().map(|(labels, group)| (labels.as_slice(), group.as_deref())).collect();
            let held = by_class(&given, 0.2, 1, Key::new(seed));
            prop_assert_eq!(&held, &by_class(&given, 0.2, 1, Key::new(seed)));
            let mut of_group = BTreeMap::new();
            for ((_, group), held) in given.iter().zip(&held) {
                if let Some(group) = group {
                    prop_assert_eq!(*of_group.entry(group).or_insert(*held), *held, "group {} is split", group);
                }
            }
            for class in 0..4 {
                let of_class = |held_back: bool| {
                    given.iter().zip(&held).filter(|((labels, _), held)| labels.contains(&class) && **held == held_back).count()
                };
                prop_assert!(of_class(false) > 0 || of_class(true) == 0, "class {} has no clip left", class);
            }
        }
    }

    #[test]
    fn clips_of_single_classes_are_shared_evenly() {
        let labels = [[0], [1], [2]];
        let clips: Vec<(&[usize], Option<&str>)> = [20, 200, 3]
            .iter()
            .zip(&labels)
            .flat_map(|(n, labels)| std::iter::repeat_n((&labels[..], None), *n))
            .collect();
        let held = by_class(&clips, 0.1, 1, Key::new(3));
        let of = |range: std::ops::Range<usize>| held[range].iter().filter(|held| **held).count();
        assert_eq!((of(0..20), of(20..220), of(220..223)), (2, 20, 1));
        assert_eq!(by_class(&clips[218..222], 0.5, 2, Key::new(3)), [false; 4], "two of each are kept");
    }

    #[test]
    fn a_share_is_held_back_and_nothing_is_lost() {
        for n in 2..40 {
            let all: Vec<usize> = (100..100 + n).collect();
            let mut kept = all.clone();
            let held = hold_back(&mut kept, 0.1, Key::new(5));
            assert_eq!(held.len(), ((n as f64 * 0.1).round() as usize).max(1));
            let mut union = [kept, held].concat();
            union.sort_unstable();
            assert_eq!(union, all);
        }
        let held = |seed| hold_back(&mut (0..100).collect(), 0.1, Key::new(seed));
        assert_eq!(held(1), held(1));
        assert_ne!(held(1), held(2));
        assert_eq!(hold_back(&mut vec![3, 4], 0.99, Key::new(1)).len(), 1);
    }
}

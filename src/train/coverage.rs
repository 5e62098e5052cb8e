//! Log messages about training segments that an epoch leaves out or repeats, for each way to sample.

use std::collections::HashSet;

use crate::data::scenes::LeftOut;

/// Number of times that an epoch may draw each segment of a class before this is a warning: a class of so few segments
/// is learned by heart.
const MANY_TIMES: usize = 10;

/// Returns the message about batches with equally many segments of each class. An epoch ends with the smallest class.
/// `by_class` holds the segments of each class, of which an epoch takes `taken` in all. The message is harmless if at
/// most a tenth is left out.
pub(super) fn until_the_smallest(
    stage: &str,
    classes: &[String],
    by_class: &[Vec<u32>],
    taken: usize,
) -> Option<LeftOut> {
    let all = by_class.iter().map(Vec::len).sum::<usize>();
    let smallest = (0..by_class.len()).min_by_key(|class| by_class[*class].len()).filter(|_| taken < all)?;
    let (class, n) = (&classes[smallest], by_class[smallest].len());
    let message = format!(
        "an epoch of the {stage} stage takes {taken} of {all} training segments: batches take equally many segments of each \
         class, and {class} has {n}"
    );
    Some(LeftOut { harmless: taken * 10 >= all * 9, message })
}

/// Returns the messages about an epoch in which the classes take turns: classes whose segments repeat, and segments
/// that are left to other epochs. `by_class` holds the segments of each class, and `drawn` those that are drawn for it
/// in an epoch, with repetitions.
pub(super) fn in_turn(stage: &str, classes: &[String], by_class: &[Vec<u32>], drawn: &[Vec<u32>]) -> Vec<LeftOut> {
    let mut found = Vec::new();
    let present: Vec<usize> = (0..classes.len()).filter(|class| !by_class[*class].is_empty()).collect();
    // Number of times that an epoch draws each segment of a class, in the mean and rounded.
    let times = |class: usize| (drawn[class].len() as f64 / by_class[class].len() as f64).round() as usize;
    let repeated: Vec<usize> = present.iter().copied().filter(|class| times(*class) > 1).collect();
    if let Some(most) = repeated.iter().copied().max_by_key(|class| times(*class)) {
        let (n, all, times, class, size) =
            (repeated.len(), classes.len(), times(most), &classes[most], by_class[most].len());
        let message = format!(
            "an epoch of the {stage} stage repeats the training segments of {n} of {all} classes, {class} most: each of its {size} \
             is drawn {times} times"
        );
        found.push(LeftOut { harmless: times < MANY_TIMES, message });
    }
    let (all, taken) = (different(by_class.iter().flatten()), different(drawn.iter().flatten()));
    let share = |class: usize| different(&drawn[class]) as f64 / by_class[class].len() as f64;
    let least = present.into_iter().min_by(|a, b| share(*a).total_cmp(&share(*b))).filter(|_| taken < all);
    found.extend(least.map(|least| {
        let (class, some, size) = (&classes[least], different(&drawn[least]), by_class[least].len());
        let message = format!(
            "an epoch of the {stage} stage takes {taken} of {all} training segments with a class, {some} of the {size} of {class}; \
             other epochs take others"
        );
        LeftOut { harmless: true, message }
    }));
    found
}

/// Returns the number of different segments among `ids`.
fn different<'a>(ids: impl IntoIterator<Item = &'a u32>) -> usize {
    ids.into_iter().collect::<HashSet<_>>().len()
}

/// Returns the message about an epoch that takes each of `all` segments once, and `more` of them again to fill the last
/// batch.
pub(super) fn once(stage: &str, all: usize, more: usize) -> Option<LeftOut> {
    let message = format!(
        "an epoch of the {stage} stage takes each of {all} training segments once, and {more} again to fill the last batch"
    );
    (more > 0).then_some(LeftOut { harmless: true, message })
}

/// Returns the message about `count` of `all` segments without a class, if there are any. `fate` says what becomes of
/// them.
pub(super) fn without_class(count: usize, all: usize, fate: &str) -> Option<LeftOut> {
    let message = format!("{count} of {all} training segments without a class: {fate}");
    (count > 0).then_some(LeftOut { harmless: true, message })
}

//! The order in which `train.sampling = "balanced"` draws the examples of a class, and the order of the classes.

use crate::base::counter_rng::Key;

/// The examples of one class as a deck of cards: shuffled, dealt from the top, and shuffled anew when it is used up.
#[derive(Debug)]
pub(super) struct Deck {
    key: Key,
    cards: Vec<u32>,
    /// Number of cards dealt since the last shuffle.
    dealt: usize,
    /// Number of shuffles so far.
    passes: u64,
}

impl Deck {
    /// Makes a deck of `examples`, whose shuffles are drawn below `key`.
    pub fn new(examples: &[u32], key: Key) -> Self {
        Self { key, cards: examples.to_vec(), dealt: examples.len(), passes: 0 }
    }

    /// Deals `count` different examples. Where fewer are left, all are shuffled first. `count` is at most the number of
    /// examples, and at least 1.
    pub fn deal(&mut self, count: usize) -> &[u32] {
        if self.dealt + count > self.cards.len() {
            self.key.child(self.passes).stream().shuffle(&mut self.cards);
            (self.dealt, self.passes) = (0, self.passes + 1);
        }
        self.dealt += count;
        &self.cards[self.dealt - count..self.dealt]
    }
}

/// The turns of the classes in an epoch: the class that was heard least is next. Classes that were heard equally often
/// are in a random order, which is drawn anew whenever every class was heard once more.
#[derive(Debug)]
pub(super) struct Turns {
    key: Key,
    /// Classes that take turns, in the order of this round.
    order: Vec<usize>,
    /// Number of times that each class was heard.
    heard: Vec<u64>,
    /// Number of times that the class heard least had been heard when the order was drawn.
    round: Option<u64>,
}

impl Turns {
    /// Makes the turns of the classes that have examples. The orders are drawn below `key`.
    pub fn new(by_class: &[Vec<u32>], key: Key) -> Self {
        let order = (0..by_class.len()).filter(|class| !by_class[*class].is_empty()).collect();
        Self { key, order, heard: vec![0; by_class.len()], round: None }
    }

    /// Counts that `class` was heard.
    pub fn hear(&mut self, class: usize) {
        self.heard[class] += 1;
    }

    /// Returns the class whose turn it is.
    pub fn next(&mut self) -> usize {
        self.begin_round();
        *self.order.iter().min_by_key(|class| self.heard[**class]).expect("a class has examples")
    }

    /// Returns the `count` different classes whose turns are next, in no particular order.
    pub fn next_classes(&mut self, count: usize) -> Vec<usize> {
        self.begin_round();
        let mut classes = self.order.clone();
        classes.sort_by_key(|class| self.heard[*class]);
        classes.truncate(count);
        classes
    }

    /// Draws a new order if every class was heard once more. The order depends on the number of the round alone.
    fn begin_round(&mut self) {
        let least = self.order.iter().map(|class| self.heard[*class]).min();
        if let Some(least) = least.filter(|_| self.round != least) {
            self.order.sort_unstable();
            self.key.child(least).stream().shuffle(&mut self.order);
            self.round = Some(least);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_deck_deals_all_before_it_repeats_one() {
        let examples: Vec<u32> = (10..17).collect();
        let mut deck = Deck::new(&examples, Key::new(1));
        let passes: Vec<Vec<u32>> = (0..20).map(|_| (0..7).map(|_| deck.deal(1)[0]).collect()).collect();
        assert!(passes.iter().all(|pass| pass.iter().collect::<HashSet<_>>().len() == 7), "{passes:?}");
        assert_ne!(passes[0], passes[1]);
        // Seven cards make two hands of three, and the seventh is left for a later shuffle.
        let mut deck = Deck::new(&examples, Key::new(1));
        for _ in 0..20 {
            let hands = [deck.deal(3).to_vec(), deck.deal(3).to_vec()].concat();
            assert_eq!(hands.iter().collect::<HashSet<_>>().len(), 6, "{hands:?}");
        }
    }

    #[test]
    fn every_class_has_its_turn_in_each_round_in_changing_orders() {
        let by_class = [vec![0], vec![], vec![1], vec![2]];
        let mut turns = Turns::new(&by_class, Key::new(3));
        let mut orders = HashSet::new();
        for _ in 0..30 {
            let mut round: Vec<usize> = Vec::new();
            for _ in 0..3 {
                round.push(turns.next());
                turns.hear(round[round.len() - 1]);
            }
            orders.insert(round.clone());
            round.sort_unstable();
            assert_eq!(round, [0, 2, 3]);
        }
        assert_eq!(orders.len(), 6, "{orders:?}");
        turns.hear(0);
        assert_eq!(turns.next_classes(2).into_iter().collect::<HashSet<_>>(), HashSet::from([2, 3]));
    }
}

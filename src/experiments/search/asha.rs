//! The rule of asynchronous successive halving (ASHA; Li et al., arXiv 1810.05934, algorithm 2): which trials are
//! promoted to the next rung, as a pure function of the results so far.
//!
//! The published rule promotes whichever trial is among the best 1/η of a rung *at the moment*. With many workers, the
//! promoted trials depend on which workers are fast, and mistakes of the beginning are corrected by promoting more than
//! 1/η. Here the results of a rung are read in the order of its members, not in that of their arrival, and a place on
//! the next rung opens with every η-th result. So the same trials are promoted whatever the number of workers, their
//! speed and their deaths, exactly 1/η of each rung, and no worker waits while there is a trial that has not begun. The
//! last place is given when all results are there: the best of a rung is always promoted.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// The number of trials, of rungs, and of promotions between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuccessiveHalving {
    /// Number of trials on the first rung.
    pub trials: usize,
    /// Reduction factor η: one of this many trials is promoted.
    pub eta: usize,
    /// Number of rungs.
    pub rungs: usize,
}

impl SuccessiveHalving {
    /// Returns the final number of members of every rung.
    pub fn sizes(&self) -> Vec<usize> {
        (0..self.rungs).scan(self.trials, |size, _| Some(std::mem::replace(size, *size / self.eta))).collect()
    }

    /// Returns the members of every rung in the order of their promotion, as far as the known scores decide it. `score`
    /// returns the score of a trial on a rung, or `None` while it is unknown. A trial that failed scores −∞ on that
    /// rung and on every rung above.
    pub fn members(&self, score: impl Fn(usize, usize) -> Option<f64>) -> Vec<Vec<usize>> {
        let sizes = self.sizes();
        let mut rungs: Vec<Vec<usize>> = vec![(0..self.trials).collect()];
        for (rung, &size) in sizes.iter().enumerate().take(self.rungs - 1) {
            let known: Vec<PromotionCandidate> = rungs[rung]
                .iter()
                .enumerate()
                .map_while(|(order, &trial)| Some(PromotionCandidate { score: score(trial, rung)?, order, trial }))
                .collect();
            let places = size / self.eta;
            let (mut candidates, mut read, mut promoted) = (BinaryHeap::<PromotionCandidate>::new(), 0, Vec::new());
            for place in 1..=places {
                let needed = if place == places { size } else { place * self.eta };
                let Some(more) = known.get(read..needed) else { break };
                candidates.extend(more);
                read = needed;
                promoted.extend(candidates.pop().map(|best| best.trial));
            }
            rungs.push(promoted);
        }
        rungs
    }
}

/// A trial that has not been promoted yet. The greater candidate has the higher score; of equal scores, the earlier
/// candidate is greater. NaN counts as a failure.
#[derive(Clone, Copy)]
struct PromotionCandidate {
    score: f64,
    order: usize,
    trial: usize,
}

impl Ord for PromotionCandidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let value = |score: f64| if score.is_nan() { f64::NEG_INFINITY } else { score };
        value(self.score).total_cmp(&value(other.score)).then(other.order.cmp(&self.order))
    }
}

impl PartialOrd for PromotionCandidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PromotionCandidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for PromotionCandidate {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::counter_rng::Key;

    /// Scores of trials, some of them still unknown.
    struct ResultTable {
        halving: SuccessiveHalving,
        scores: Vec<Vec<Option<f64>>>,
    }

    impl ResultTable {
        fn members(&self) -> Vec<Vec<usize>> {
            self.halving.members(|trial, rung| self.scores[trial][rung])
        }
    }

    const SMALL: SuccessiveHalving = SuccessiveHalving { trials: 9, eta: 3, rungs: 3 };

    /// A table worked by hand beside algorithm 2 of the paper. η = 3, nine trials that one worker trains in order, so
    /// the order of members is that of arrival. Scores on rung 0: 50 70 60
    /// 90 80 10
    /// 75 20 95.
    ///
    /// After 3: best third {1}; both rules promote 1. After 6: best third {3, 4}; the paper promotes 3 and then 4 as
    /// well, three of six; here the second place goes to 3. After 9: best third {8, 3, 4}; the paper has promoted 1, 3,
    /// 4 and adds 8, four of nine; here the third place goes to 8. On rung 1 (1: 71, 3: 85, 8: 97) both rules promote
    /// 8.
    #[test]
    fn promotions_are_those_of_the_table_worked_by_hand() {
        let rung0 = [50.0, 70.0, 60.0, 90.0, 80.0, 10.0, 75.0, 20.0, 95.0];
        let mut table = ResultTable { halving: SMALL, scores: vec![vec![None; 3]; 9] };
        let promoted_after = [(2, vec![]), (3, vec![1]), (5, vec![1]), (6, vec![1, 3]), (9, vec![1, 3, 8])];
        let mut known = 0;
        for (results, expected) in promoted_after {
            while known < results {
                table.scores[known][0] = Some(rung0[known]);
                known += 1;
            }
            assert_eq!(table.members()[1], expected, "after {results} results");
        }
        for (trial, score) in [(1, 71.0), (3, 85.0)] {
            table.scores[trial][1] = Some(score);
            assert!(table.members()[2].is_empty(), "the rung is not complete");
        }
        table.scores[8][1] = Some(97.0);
        assert_eq!(table.members()[2], [8]);
    }

    #[test]
    fn a_rung_has_a_third_of_the_one_below() {
        assert_eq!(SuccessiveHalving { trials: 60, eta: 3, rungs: 4 }.sizes(), [60, 20, 6, 2]);
        assert_eq!(SuccessiveHalving { trials: 7, eta: 2, rungs: 1 }.sizes(), [7]);
    }

    #[test]
    fn results_are_read_in_the_order_of_the_members_and_failures_are_results() {
        let mut table = ResultTable { halving: SMALL, scores: vec![vec![None; 3]; 9] };
        for trial in 1..9 {
            table.scores[trial][0] = Some(trial as f64);
        }
        assert!(table.members()[1].is_empty(), "the first is missing");
        table.scores[0] = vec![Some(f64::NEG_INFINITY); 3];
        assert_eq!(table.members()[1], [2, 5, 8]);
        table.scores.iter_mut().for_each(|scores| scores.fill(Some(f64::NAN)));
        assert_eq!(table.members()[1..], [vec![0, 1, 2], vec![0]], "a place is filled even so, once each");
    }

    #[test]
    fn the_best_of_a_rung_goes_on_even_as_the_last_to_come() {
        let halving = SuccessiveHalving { trials: 20, eta: 3, rungs: 2 };
        let members = |known: usize| halving.members(|trial, _| (trial < known).then_some(trial as f64));
        assert_eq!(members(18)[1].len(), 5, "the last place is kept until all are there");
        assert_eq!(members(20)[1], [2, 5, 8, 11, 14, 19]);
    }

    /// A thousand workers of random speed, on which one trial in ten dies and is started again, give the same
    /// promotions as one worker that never fails.
    #[test]
    fn the_same_trials_climb_whatever_the_workers_do() {
        let halving = SuccessiveHalving { trials: 1500, eta: 3, rungs: 5 };
        let score = |trial: usize, rung: usize| Key::new(5).child(trial as u64).child(rung as u64).stream().unit();
        let alone = halving.members(|trial, rung| Some(score(trial, rung)));
        for run in 0..3 {
            let mut random = Key::new(run).named("workers").stream();
            let mut known = vec![vec![None; halving.rungs]; halving.trials];
            let mut begun = vec![0; halving.rungs];
            // (when it ends, trial, rung, whether its worker dies)
            let mut running: Vec<(f64, usize, usize, bool)> = Vec::new();
            let mut again: Vec<(usize, usize)> = Vec::new();
            let (mut now, mut results) = (0.0, 0);
            loop {
                let members = halving.members(|trial, rung| known[trial][rung]);
                while running.len() < 1000 {
                    let rung = (0..halving.rungs).rev().find(|&rung| begun[rung] < members[rung].len());
                    let (trial, rung) = match (again.pop(), rung) {
                        (Some(job), _) => job,
                        (None, Some(rung)) => {
                            begun[rung] += 1;
                            (members[rung][begun[rung] - 1], rung)
                        }
                        (None, None) => break,
                    };
                    let takes = random.uniform(0.5, 20.0) * 3f64.powi(rung as i32);
                    running.push((now + takes, trial, rung, random.chance(0.1)));
                }
                let Some(next) = (0..running.len()).min_by(|&a, &b| running[a].0.total_cmp(&running[b].0)) else {
                    break;
                };
                let (end, trial, rung, dies) = running.swap_remove(next);
                now = end;
                if dies {
                    again.push((trial, rung));
                } else {
                    assert!(known[trial][rung].replace(score(trial, rung)).is_none(), "a result twice");
                    results += 1;
                }
            }
            assert_eq!(results, halving.sizes().iter().sum::<usize>(), "no result is lost");
            assert_eq!(halving.members(|trial, rung| known[trial][rung]), alone);
        }
        for (rung, members) in alone.iter().enumerate().skip(1) {
            assert_eq!(members.len(), halving.sizes()[rung]);
            // Each member was the best unpromoted trial of those read when its place opened, so it is among the best
            // 1/η of them.
            let below = &alone[rung - 1];
            for (place, trial) in members.iter().enumerate().take(members.len() - 1) {
                let read = &below[..(place + 1) * halving.eta];
                let above = read.iter().filter(|other| score(**other, rung - 1) > score(*trial, rung - 1)).count();
                assert!(read.contains(trial) && above <= place, "rung {rung}, place {place}");
            }
        }
    }
}

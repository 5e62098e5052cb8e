//! Splitting of a cell's result into its seeds, and joining: workers train the seeds of a cell one by one.

use super::{CellResult, CoverageBin, Group};

impl CellResult {
    /// Returns the result of the seed at index `seed` alone. Points exist for the first seed only.
    pub fn of_seed(&self, seed: usize) -> Self {
        let one =
            |bin: &CoverageBin| CoverageBin { f1: bin.f1.get(seed).copied().into_iter().collect(), ..bin.clone() };
        Self {
            seeds: vec![self.seeds[seed]],
            f1: vec![self.f1[seed].clone()],
            curves: vec![self.curves[seed].clone()],
            best: vec![self.best[seed]],
            quality: vec![self.quality[seed].clone()],
            groups: self.groups.iter().map(|g| Group { f1: vec![g.f1[seed].clone()], ..g.clone() }).collect(),
            coverage: self.coverage.iter().map(|bins| bins.iter().map(one).collect()).collect(),
            points: if seed == 0 { self.points.clone() } else { Vec::new() },
            seconds_taken: self.seconds_taken / self.seeds.len() as f64,
            ..self.clone()
        }
    }

    /// Joins the results of a cell's seeds; `None` without any.
    pub fn join(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let mut whole = parts.next()?;
        for part in parts {
            whole.seeds.extend(part.seeds);
            whole.f1.extend(part.f1);
            whole.curves.extend(part.curves);
            whole.best.extend(part.best);
            whole.quality.extend(part.quality);
            for (group, more) in whole.groups.iter_mut().zip(part.groups) {
                group.f1.extend(more.f1);
            }
            for (bin, more) in whole.coverage.iter_mut().flatten().zip(part.coverage.into_iter().flatten()) {
                bin.f1.extend(more.f1);
            }
            whole.seconds_taken += part.seconds_taken;
            if !whole.adapter.split("; ").any(|adapter| adapter == part.adapter) {
                whole.adapter = format!("{}; {}", whole.adapter, part.adapter);
            }
        }
        Some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;
    use crate::config::{Method, Variant};

    #[test]
    fn a_cell_comes_apart_and_together_again() {
        let mut cell = example::cell(Variant::Waa, Method::Triplets, 1.0, &[1, 2, 3], &|_, test| 10.0 + test);
        cell.seconds_taken = 12.0;
        let parts: Vec<CellResult> = (0..3).map(|seed| cell.of_seed(seed)).collect();
        assert!(parts.iter().all(|part| part.seeds.len() == 1 && part.seconds_taken == 4.0));
        assert_eq!(CellResult::join(parts), Some(cell));
        assert_eq!(CellResult::join(Vec::new()), None);
    }
}

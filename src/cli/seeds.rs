//! `--seed 1-3,7`: seeds on the command line.

use std::ops::RangeInclusive;

/// Most seeds of one range: a training takes no more.
const MOST: u64 = 1024;

/// A seed or a range of seeds, an element of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedRange(RangeInclusive<u64>);

impl std::str::FromStr for SeedRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, last): (u64, u64) = range(text).ok_or("a seed, or a range of seeds as in 1-3")?;
        match last.checked_sub(first) {
            Some(more) if more < MOST => Ok(Self(first..=last)),
            Some(_) => Err(format!("a range of at most {MOST} seeds")),
            None => Err(format!("a range from the lowest to the highest seed, as in {last}-{first}")),
        }
    }
}

/// The seeds of `ranges`, in the order given.
pub fn listed(ranges: &[SeedRange]) -> Vec<u64> {
    ranges.iter().flat_map(|SeedRange(range)| range.clone()).collect()
}

/// Both ends of a range of whole numbers, written `1-3` or `1..3`; a number alone is both ends.
pub fn range<T: std::str::FromStr>(text: &str) -> Option<(T, T)> {
    let (first, last) = text.split_once("..").or_else(|| text.split_once('-')).unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<u64>, String> {
        text.split(',').map(str::parse).collect::<Result<Vec<_>, _>>().map(|ranges| listed(&ranges))
    }

    #[test]
    fn seeds_are_numbers_and_ranges() {
        assert_eq!(parsed("4,5"), Ok(vec![4, 5]));
        assert_eq!(parsed("1-3,7"), Ok(vec![1, 2, 3, 7]));
        assert_eq!(parsed("1..3"), Ok(vec![1, 2, 3]));
        assert_eq!(parsed("0-1023").map(|seeds| seeds.len()), Ok(1024));
    }

    #[test]
    fn what_is_no_seed_is_refused_with_what_is_one() {
        for text in ["", "-1", "1-", "a", "1.5", "1-2-3"] {
            assert!(parsed(text).unwrap_err().contains("as in 1-3"), "{text}");
        }
        assert!(parsed("3-1").unwrap_err().contains("as in 1-3"));
        assert!(parsed("0-18446744073709551615").unwrap_err().contains("at most 1024"));
    }
}

//! The division of the rows of a schedule into windows, each of which reads no more examples than fit into a tensor.

use std::collections::HashMap;
use std::ops::Range;

/// Consecutive rows, and the examples that they read.
#[derive(Debug, PartialEq)]
pub(super) struct RowWindow {
    /// Rows, counted from the first one.
    pub rows: Range<u32>,
    /// Ids of the examples, ascending. The place of an id in the list is its position in the tensor.
    pub examples: Vec<u32>,
}

/// Divides rows of `per_row` ids each into windows of at most `room` examples. Returns the windows, and the positions
/// that take the place of the ids. Ids from `count` on, which mark empty slots, stay as they are.
///
/// # Errors
/// The number of examples of the first row that reads more than `room`.
pub(super) fn windows(
    ids: &[u32],
    per_row: usize,
    room: usize,
    count: usize,
) -> Result<(Vec<RowWindow>, Vec<u32>), usize> {
    let (mut windows, mut positions) = (Vec::new(), Vec::with_capacity(ids.len()));
    let (mut first, mut found): (usize, HashMap<u32, u32>) = (0, HashMap::new());
    let n_rows = ids.len() / per_row.max(1);
    let mut close = |rows: Range<usize>, found: &mut HashMap<u32, u32>| {
        let mut examples: Vec<u32> = found.keys().copied().collect();
        examples.sort_unstable();
        examples.iter().zip(0..).for_each(|(id, position)| *found.get_mut(id).expect("a key of the map") = position);
        let of_rows = &ids[rows.start * per_row..rows.end * per_row];
        positions.extend(of_rows.iter().map(|id| found.get(id).copied().unwrap_or(*id)));
        windows.push(RowWindow { rows: rows.start as u32..rows.end as u32, examples });
        found.clear();
    };
    for row in 0..n_rows {
        let of_row = || ids[row * per_row..][..per_row].iter().filter(|id| (**id as usize) < count);
        let mut more: Vec<u32> = of_row().filter(|id| !found.contains_key(*id)).copied().collect();
        more.sort_unstable();
        more.dedup();
        if found.len() + more.len() > room && row > first {
            close(first..row, &mut found);
            first = row;
            more = of_row().copied().collect();
        }
        found.extend(more.into_iter().map(|id| (id, 0)));
        if found.len() > room {
            return Err(found.len());
        }
    }
    if first < n_rows {
        close(first..n_rows, &mut found);
    }
    Ok((windows, positions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_where_the_next_row_has_no_room() {
        let ids = [7, 3, 3, 7, 5, 7, 1, 2, 1, 9];
        let (windows, positions) = windows(&ids, 2, 3, 100).unwrap();
        let window = |rows, examples: &[u32]| RowWindow { rows, examples: examples.into() };
        assert_eq!(windows, [window(0..3, &[3, 5, 7]), window(3..5, &[1, 2, 9])]);
        assert_eq!(positions, [2, 0, 0, 2, 1, 2, 0, 1, 0, 2]);
    }

    #[test]
    fn every_id_is_found_at_its_position() {
        let ids: Vec<u32> = (0..600).map(|i| if i % 50 == 3 { u32::MAX } else { i * i * 31 % 97 }).collect();
        for room in [6, 10, 40, 97] {
            let (windows, positions) = windows(&ids, 6, room, 97).unwrap();
            assert!(windows.iter().all(|window| window.examples.len() <= room));
            assert_eq!(
                windows.iter().flat_map(|window| window.rows.clone()).collect::<Vec<_>>(),
                (0..100).collect::<Vec<_>>()
            );
            for window in &windows {
                for at in window.rows.start as usize * 6..window.rows.end as usize * 6 {
                    let found = window.examples.get(positions[at] as usize).copied();
                    assert_eq!(found.unwrap_or(u32::MAX), ids[at]);
                }
            }
        }
    }

    #[test]
    fn a_row_without_room_is_refused() {
        assert_eq!(windows(&[1, 1, 1, 2, 3, 4], 3, 2, 10), Err(3));
        assert_eq!(windows(&[], 3, 2, 10), Ok((Vec::new(), Vec::new())));
    }
}

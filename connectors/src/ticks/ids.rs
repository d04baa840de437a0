//! Set of mostly consecutive numbers.

/// Set of whole numbers as disjoint, ascending ranges; numbers without holes take one range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct IdRanges {
    /// First and last number of each range.
    ranges: Vec<(u64, u64)>,
}

impl IdRanges {
    /// Inserts a number; returns whether it is new.
    pub(super) fn insert(&mut self, id: u64) -> bool {
        // Preceding ranges end below the number.
        let i = self.ranges.partition_point(|range| range.1 < id);
        if self.ranges.get(i).is_some_and(|range| range.0 <= id) {
            return false;
        }
        let after_previous = i > 0 && self.ranges[i - 1].1 + 1 == id;
        let before_next = self.ranges.get(i).is_some_and(|range| range.0 - 1 == id);
        match (after_previous, before_next) {
            (true, true) => {
                self.ranges[i - 1].1 = self.ranges[i].1;
                self.ranges.remove(i);
            }
            (true, false) => self.ranges[i - 1].1 = id,
            (false, true) => self.ranges[i].0 = id,
            (false, false) => self.ranges.insert(i, (id, id)),
        }
        true
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.ranges.first().map(|range| range.0)
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.ranges.last().map(|range| range.1)
    }

    /// Returns the number of ranges, which determines memory.
    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Returns whether the set contains the number.
    pub(super) fn contains(&self, id: u64) -> bool {
        let i = self.ranges.partition_point(|range| range.1 < id);
        self.ranges.get(i).is_some_and(|range| range.0 <= id)
    }

    /// Counts the numbers from `first` to `last`, both included, that are not in the set.
    pub(super) fn missing_in(&self, first: u64, last: u64) -> u64 {
        let from = self.ranges.partition_point(|range| range.1 < first);
        let inside = self.ranges[from..].iter().take_while(|range| range.0 <= last);
        let there = inside.map(|range| range.1.min(last) - range.0.max(first) + 1).sum::<u64>();
        (last - first).saturating_add(1).saturating_sub(there)
    }

    /// Fills the hole before the second range.
    pub(super) fn close_first_hole(&mut self) {
        if let [first, _, ..] = self.ranges[..] {
            self.ranges[1].0 = first.0;
            self.ranges.remove(0);
        }
    }

    /// Removes the lowest range.
    pub(super) fn forget_first(&mut self) {
        if !self.ranges.is_empty() {
            self.ranges.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::IdRanges;

    #[test]
    fn ranges_grow_and_join_and_report_members() {
        let mut ids = IdRanges::default();
        let steps = [
            (5, true, "5-5"),
            (6, true, "5-6"),
            (6, false, "5-6"),
            (9, true, "5-6 9-9"),
            (8, true, "5-6 8-9"),
            (7, true, "5-9"),
            (7, false, "5-9"),
            (0, true, "0-0 5-9"),
            (u64::MAX, true, "0-0 5-9 18446744073709551615-18446744073709551615"),
            (u64::MAX, false, "0-0 5-9 18446744073709551615-18446744073709551615"),
        ];
        for (id, new, expected) in steps {
            assert_eq!(ids.insert(id), new, "{id}");
            let shown: Vec<_> = ids.ranges.iter().map(|range| format!("{}-{}", range.0, range.1)).collect();
            assert_eq!(shown.join(" "), expected, "{id}");
        }
        assert_eq!((ids.first(), ids.last(), ids.len()), (Some(0), Some(u64::MAX), 3));
        let inside = [(0, 0, 0), (1, 4, 4), (3, 12, 5), (5, 9, 0), (10, u64::MAX - 1, u64::MAX - 10)];
        for (first, last, missing) in inside {
            assert_eq!(ids.missing_in(first, last), missing, "{first} to {last}");
        }
        assert_eq!([0, 1, 7, 10].map(|id| ids.contains(id)), [true, false, true, false]);
        ids.close_first_hole();
        assert_eq!((ids.first(), ids.len(), ids.contains(3)), (Some(0), 2, true));
        ids.forget_first();
        assert_eq!((ids.first(), ids.len()), (Some(u64::MAX), 1));
        // A set without a hole stays as it is.
        ids.close_first_hole();
        assert_eq!((ids.first(), ids.last(), ids.len()), (Some(u64::MAX), Some(u64::MAX), 1));
        ids.forget_first();
        ids.forget_first();
        assert_eq!((ids.first(), ids.last(), ids.len()), (None, None, 0));
        assert_eq!((ids.missing_in(0, u64::MAX), ids.contains(0)), (u64::MAX, false));
    }
}

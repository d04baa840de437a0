//! The gap between the values of two runs, split by where it comes from.

use serde::Serialize;

use super::book::Book;
use super::ledger::Row;

/// Parts of a gap in currency: B less A. They add up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Parts {
    /// The gap on the first common frame.
    pub(crate) start: f64,
    pub(crate) data: f64,
    pub(crate) decision: f64,
    pub(crate) fill: f64,
    pub(crate) cost: f64,
    pub(crate) interest: f64,
    pub(crate) not_explained: f64,
}

impl Parts {
    /// Each part by its name.
    pub(crate) fn items(&self) -> [(&'static str, f64); 7] {
        [
            ("start", self.start),
            ("data", self.data),
            ("decision", self.decision),
            ("fill", self.fill),
            ("cost", self.cost),
            ("interest", self.interest),
            ("not explained", self.not_explained),
        ]
    }

    pub(crate) fn total(&self) -> f64 {
        self.items().iter().map(|(_, part)| part).sum()
    }

    /// Adds those of a frame.
    pub(crate) fn add(&mut self, other: &Self) {
        self.start += other.start;
        self.data += other.data;
        self.decision += other.decision;
        self.fill += other.fill;
        self.cost += other.cost;
        self.interest += other.interest;
        self.not_explained += other.not_explained;
    }
}

/// What interest and costs alone say of a frame's gap; the rest of it, `gap`, is not explained.
pub(crate) fn by_record(a: &Row, b: &Row, gap: f64) -> Parts {
    let cost = a.costs.iter().sum::<f64>() - b.costs.iter().sum::<f64>();
    let interest = b.interest - a.interest;
    Parts { cost, interest, not_explained: gap - cost - interest, ..Parts::default() }
}

/// The parts of a frame's gap, where both have gone from one common frame to the next. `differs`: whether the data of an
/// instrument on the frame does.
pub(crate) fn by_frame(
    a: (&Book, &Row),
    b: (&Book, &Row),
    differs: impl Fn(usize) -> bool,
    gap: f64,
) -> Parts {
    let ((a, row_a), (b, row_b)) = (a, b);
    let mut parts = by_record(row_a, row_b, gap);
    for i in 0..a.held_before.len() {
        let (held_a, held_b) = (a.held_before[i], b.held_before[i]);
        let (wanted_a, wanted_b) = (a.wanted_before[i], b.wanted_before[i]);
        parts.data += held_a * (b.moved[i] - a.moved[i]);
        parts.decision += (wanted_b - wanted_a) * b.moved[i];
        parts.fill += ((held_b - wanted_b) - (held_a - wanted_a)) * b.moved[i];
        let (of_a, of_b) = (a.traded[i], b.traded[i]);
        if of_a == of_b {
            continue;
        }
        // What a unit earned from its fill to the close.
        let unit = |earned: f64, filled: f64| if filled == 0.0 { 0.0 } else { earned / filled };
        let (unit_a, unit_b) = (unit(of_a.earned, of_a.filled), unit(of_b.earned, of_b.filled));
        let data = match differs(i) && of_a.filled != 0.0 && of_b.filled != 0.0 {
            true => of_a.filled * (unit_b - unit_a),
            false => 0.0,
        };
        let decision = (of_b.ordered - of_a.ordered) * if of_b.filled == 0.0 { unit_a } else { unit_b };
        parts.data += data;
        parts.decision += decision;
        parts.fill += of_b.earned - of_a.earned - data - decision;
    }
    parts.not_explained = gap - parts.data - parts.decision - parts.fill - parts.cost - parts.interest;
    parts
}

/// Parts of a gap over frames that only one of the two has: the data.
pub(crate) fn by_frames(gap: f64) -> Parts {
    Parts { data: gap, ..Parts::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_frame_add_up_to_its_gap_whatever_differs() {
        let book = |held: f64, wanted: f64, moved: f64, traded: (f64, f64, f64)| {
            let mut book = Book::default();
            book.resize(1);
            (book.held_before[0], book.wanted_before[0], book.moved[0]) = (held, wanted, moved);
            let traded =
                crate::commands::diff::book::Traded { filled: traded.0, earned: traded.1, ordered: traded.2 };
            book.traded[0] = traded;
            book
        };
        let row = |cost: f64, interest: f64| {
            let mut row = Row::default();
            (row.interest, row.costs[0]) = (interest, cost);
            row
        };
        let a = book(10.0, 12.0, 0.5, (4.0, 1.0, 4.0));
        // B wanted and ordered more, filled less, at another price, on other data, at other costs.
        let b = book(8.0, 20.0, 0.75, (5.0, -1.0, 6.0));
        let earned = |held: f64, moved: f64, traded: f64, cost: f64| held * moved + traded + 0.25 - cost;
        let gap = earned(8.0, 0.75, -1.0, 2.0) - earned(10.0, 0.5, 1.0, 1.5);
        for differs in [false, true] {
            let parts = by_frame((&a, &row(1.5, 0.25)), (&b, &row(2.0, 0.25)), |_| differs, gap);
            assert!(parts.not_explained.abs() < 1e-12 && (parts.total() - gap).abs() < 1e-12, "{parts:?}");
            assert_eq!((parts.cost, parts.interest), (-0.5, 0.0));
            // 10 × 0.25 on what A held, and 4 × (-0.2 - 0.25) on what it filled.
            assert!((parts.data - if differs { 2.5 - 1.8 } else { 2.5 }).abs() < 1e-12, "{parts:?}");
            // 8 × 0.75 on what was wanted more, and 2 × -0.2 on what was ordered more.
            assert!((parts.decision - (6.0 - 0.4)).abs() < 1e-12, "{parts:?}");
        }
    }
}

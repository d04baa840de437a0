//! Performance difference of two runs: the gap between their NAVs, split by cause.
//!
//! Quantities per instrument of runs A and B:
//!
//! Held quantity q.
//!
//! Intended quantity w: the quantity held if every order filled whole on its first frame. It counts until the
//! next orders fall due.
//!
//! Gain m of one unit by price, split and dividend.
//!
//! Parts of a frame:
//!
//! | part | |
//! |---|---|
//! | data | Σ q_A (m_B − m_A), and the gain of the same fills from different prices |
//! | decision | Σ (w_B − w_A) m_B, and the gain, from fill price to close, of a different order size |
//! | fill | Σ ((q_B − w_B) − (q_A − w_A)) m_B, and the remaining difference of the gains from fill price to close |
//! | cost | costs of A − costs of B |
//! | interest | interest of B − interest of A |
//!
//! The first three sums add up to Σ q_B m_B − Σ q_A m_A. By the accounting identity `not_explained` is
//! rounding only.
//!
//! Prices come from the data of each run. They must reproduce the recorded NAV of every frame. Otherwise
//! positions are not used, and everything except costs and interest is not explained.

mod positions;

use std::ops::AddAssign;

use serde::Serialize;

pub use positions::{InstrumentNumbers, Positions, Traded};

/// Costs and interest of a frame, in currency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Carried {
    /// Costs, all items.
    pub costs: f64,
    /// Interest on cash.
    pub interest: f64,
}

/// Parts of the gap B − A, in currency. They add up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Difference {
    /// Gap on the first common frame.
    pub start: f64,
    /// Part from different prices.
    pub data: f64,
    /// Part from different orders.
    pub decision: f64,
    /// Part from different fills of the same orders.
    pub fill: f64,
    /// Part from different costs.
    pub cost: f64,
    /// Part from different interest.
    pub interest: f64,
    /// Remainder.
    pub not_explained: f64,
}

impl Difference {
    /// Parts with their names.
    #[must_use]
    pub fn items(&self) -> [(&'static str, f64); 7] {
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

    /// Sum of the parts.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.items().iter().map(|(_, part)| part).sum()
    }

    /// Splits a gap by costs and interest alone, without positions; the remainder of `gap` is not explained.
    #[must_use]
    pub fn by_carried(a: Carried, b: Carried, gap: f64) -> Self {
        let cost = a.costs - b.costs;
        let interest = b.interest - a.interest;
        Self { cost, interest, not_explained: gap - cost - interest, ..Self::default() }
    }

    /// Splits the gap of a frame whose preceding frame is the same in both runs. `differs`: true if the data
    /// of an instrument differs on the frame.
    #[must_use]
    pub fn by_frame(
        (a, carried_a): (&Positions, Carried),
        (b, carried_b): (&Positions, Carried),
        differs: impl Fn(usize) -> bool,
        gap: f64,
    ) -> Self {
        let mut parts = Self::by_carried(carried_a, carried_b, gap);
        for i in 0..a.held_before.len() {
            let (held_a, held_b) = (a.held_before[i], b.held_before[i]);
            let (intended_a, intended_b) = (a.intended_before[i], b.intended_before[i]);
            parts.data += held_a * (b.moved[i] - a.moved[i]);
            parts.decision += (intended_b - intended_a) * b.moved[i];
            parts.fill += ((held_b - intended_b) - (held_a - intended_a)) * b.moved[i];
            let (of_a, of_b) = (a.traded[i], b.traded[i]);
            if of_a == of_b {
                continue;
            }
            // Gain of a unit from its fill to the close.
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

    /// Attributes to the data a gap over frames that only one run has.
    #[must_use]
    pub fn by_data(gap: f64) -> Self {
        Self { data: gap, ..Self::default() }
    }
}

impl AddAssign for Difference {
    fn add_assign(&mut self, other: Self) {
        self.start += other.start;
        self.data += other.data;
        self.decision += other.decision;
        self.fill += other.fill;
        self.cost += other.cost;
        self.interest += other.interest;
        self.not_explained += other.not_explained;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::{Action, Reason};

    #[test]
    fn parts_of_a_frame_add_up_to_its_gap() {
        let positions = |held: f64, intended: f64, moved: f64, traded: (f64, f64, f64)| {
            let mut positions = Positions::default();
            positions.resize(1);
            (positions.held_before[0], positions.intended_before[0], positions.moved[0]) =
                (held, intended, moved);
            positions.traded[0] = Traded { filled: traded.0, earned: traded.1, ordered: traded.2 };
            positions
        };
        let carried = |costs: f64, interest: f64| Carried { costs, interest };
        let a = positions(10.0, 12.0, 0.5, (4.0, 1.0, 4.0));
        // B intends and orders more, and fills less, at another price, on other data, at other costs.
        let b = positions(8.0, 20.0, 0.75, (5.0, -1.0, 6.0));
        let earned = |held: f64, moved: f64, traded: f64, cost: f64| held * moved + traded + 0.25 - cost;
        let gap = earned(8.0, 0.75, -1.0, 2.0) - earned(10.0, 0.5, 1.0, 1.5);
        for differs in [false, true] {
            let parts =
                Difference::by_frame((&a, carried(1.5, 0.25)), (&b, carried(2.0, 0.25)), |_| differs, gap);
            assert!(parts.not_explained.abs() < 1e-12 && (parts.total() - gap).abs() < 1e-12, "{parts:?}");
            assert_eq!((parts.cost, parts.interest), (-0.5, 0.0));
            // 10 × 0.25 on the units that A held, and 4 × (-0.2 - 0.25) on those that it filled.
            assert!((parts.data - if differs { 2.5 - 1.8 } else { 2.5 }).abs() < 1e-12, "{parts:?}");
            // 8 × 0.75 on the additional intended units, and 2 × -0.2 on the additional ordered ones.
            assert!((parts.decision - (6.0 - 0.4)).abs() < 1e-12, "{parts:?}");
        }
    }

    #[test]
    fn positions_follow_splits_fractions_and_forced_closes() {
        let (mut numbers, mut positions) = (InstrumentNumbers::default(), Positions::default());
        let names = ["A".to_owned()];
        positions.begin(&names, &[10.0], &[], &mut numbers);
        positions.order([("A", 5.0)].into_iter(), &mut numbers);
        positions.fill("A", (5.0, 9.0), Reason::Order, &mut numbers);
        assert_eq!((positions.value(), positions.traded[0].earned), (50.0, 5.0));
        let split = Action { instrument: 0, split: 0.5, dividend: 0.0 };
        positions.begin(&names, &[21.0], &[split], &mut numbers);
        positions.fill("A", (-0.5, 21.0), Reason::CashInLieu, &mut numbers);
        assert_eq!((positions.moved[0], positions.value()), (0.5, 42.0));
        positions.begin(&names, &[f64::NAN], &[], &mut numbers);
        positions.fill("A", (-2.0, 20.0), Reason::Delisting, &mut numbers);
        assert_eq!((positions.moved[0], positions.value()), (-1.0, 0.0));
    }
}

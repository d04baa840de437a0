//! Spells of membership of a universe: an instrument is estimated whenever it has prices, and held only while it is a
//! member.

mod members;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::dated::{DatedValues, FROM_BEGINNING};
use crate::time::{DAY_NS, Date, TimestampNs};

pub(crate) use members::Members;
pub use members::{Change, MembershipChange, MembershipFacts};

/// Spell of membership of a symbol. Dates are in days since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spell {
    /// The symbol.
    pub symbol: String,
    /// First date; `None`: from the beginning.
    pub from: Option<i64>,
    /// Last date; `None`: still a member.
    pub to: Option<i64>,
}

/// Reason why spells contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpellFault {
    /// The last date lies before the first.
    Reversed,
    /// The spell overlaps another one of the symbol, with these first and last dates.
    Overlap(Option<i64>, Option<i64>),
}

impl fmt::Display for SpellFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |date: &Option<i64>, without: &str| {
            date.map_or(without.to_owned(), |days| {
                Date::of(TimestampNs(days.saturating_mul(DAY_NS))).to_string()
            })
        };
        match self {
            Self::Reversed => f.write_str("a last date on or after the first"),
            Self::Overlap(from, to) => write!(
                f,
                "spells of a symbol without a common date, but another one lasts from {} to {}",
                text(from, "the beginning"),
                text(to, "the end")
            ),
        }
    }
}

/// Spells of all symbols.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Membership {
    /// True from the first date of a spell on, false from the date after its last.
    table: Arc<DatedValues<bool>>,
    /// Dates on which the number of members changes, and the number from each on.
    counts: Vec<(i64, u64)>,
}

impl Membership {
    /// Spells in any order.
    ///
    /// # Errors
    /// Returns the position of the first spell, in the order given, whose dates are reversed or overlap those of an
    /// earlier one of its symbol.
    pub fn new(spells: &[Spell]) -> Result<Self, (usize, SpellFault)> {
        let mut by_symbol: BTreeMap<&str, Vec<(i64, Option<i64>)>> = BTreeMap::new();
        for (row, Spell { symbol, from, to }) in spells.iter().enumerate() {
            let first = from.unwrap_or(FROM_BEGINNING);
            if to.is_some_and(|to| to < first) {
                return Err((row, SpellFault::Reversed));
            }
            let known = by_symbol.entry(symbol).or_default();
            let last = |to: Option<i64>| to.unwrap_or(i64::MAX);
            let overlaps = |other: &&(i64, Option<i64>)| first <= last(other.1) && other.0 <= last(*to);
            if let Some((from, to)) = known.iter().find(overlaps) {
                let from = Some(*from).filter(|from| *from != FROM_BEGINNING);
                return Err((row, SpellFault::Overlap(from, *to)));
            }
            known.push((first, *to));
        }
        let (mut rows, mut steps) = (Vec::new(), BTreeMap::<i64, i64>::new());
        for (symbol, mut spells) in by_symbol {
            spells.sort_unstable();
            for (at, (from, to)) in spells.iter().enumerate() {
                *steps.entry(*from).or_default() += 1;
                // Two spells without a date between them are one.
                let continues = at > 0 && spells[at - 1].1.is_some_and(|last| last + 1 == *from);
                if !continues {
                    rows.push((symbol, *from, true));
                }
                let Some(end) = to.and_then(|to| to.checked_add(1)) else { continue };
                *steps.entry(end).or_default() -= 1;
                if spells.get(at + 1).is_none_or(|(next, _)| *next != end) {
                    rows.push((symbol, end, false));
                }
            }
        }
        let mut members = 0_i64;
        let counts = steps.into_iter().map(|(date, step)| {
            members += step;
            (date, members.unsigned_abs())
        });
        let counts = counts.collect();
        // Spells without a common date have no two rows of one date.
        let table = DatedValues::new(rows).unwrap_or_default();
        Ok(Self { table: Arc::new(table), counts })
    }

    /// True from the first date of a spell on, false from the date after its last.
    #[must_use]
    pub fn table(&self) -> &Arc<DatedValues<bool>> {
        &self.table
    }

    /// Number of members on a date, in days since 1970, whether the data has them or not.
    #[must_use]
    pub fn count_on(&self, date: i64) -> u64 {
        let later = self.counts.partition_point(|(from, _)| *from <= date);
        later.checked_sub(1).map_or(0, |at| self.counts[at].1)
    }
}

//! Membership of the universe: its part of `summary.json`, of the terminal page and of the warnings.

use betaflow_engine::ledger::RunFacts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Code, Number, Rendered};
use crate::terminal::{counted, grouped, percent};

/// Names that a warning shows.
const SHOWN: usize = 5;

/// Counts of a run whose universe has spells of membership. Changes count from the first rebalance on.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct MembershipSummary {
    /// Instruments that joined.
    pub(crate) joined: u64,
    /// Instruments that left.
    pub(crate) left: u64,
    /// Those of them that were held.
    pub(crate) left_held: u64,
    /// Positions held beyond a spell that were closed.
    pub(crate) closed: u64,
    /// Positions held beyond a spell, summed over the frames.
    pub(crate) held_outside: u64,
    /// Orders cancelled because the instrument left before the fill.
    pub(crate) cancelled_orders: u64,
    /// Rebalances after which an instrument outside its spells keeps a weight.
    pub(crate) rebalances_outside: u64,
    /// Members summed over the dates of the data, whether the data has them or not.
    pub(crate) member_days: u64,
    /// Those of them with a price.
    pub(crate) priced_days: u64,
    /// Share of the member-days with a price.
    pub(crate) priced_share: Number,
    /// Instruments of the data without any spell, never held.
    pub(crate) never: u64,
    /// The first of them.
    pub(crate) never_first: Vec<String>,
}

impl MembershipSummary {
    /// Summary of the facts; `None` without a membership.
    pub(super) fn of(facts: &RunFacts) -> Option<Self> {
        let counts = facts.membership.as_ref()?;
        Some(Self {
            joined: counts.joined,
            left: counts.left,
            left_held: counts.left_held,
            closed: counts.closed,
            held_outside: counts.held_outside,
            cancelled_orders: facts.execution.cancelled_outside,
            rebalances_outside: facts.sizing.membership_inherited,
            member_days: counts.member_days,
            priced_days: counts.priced_days,
            priced_share: counts.priced_share().into(),
            never: counts.never.len() as u64,
            never_first: counts.never.iter().take(SHOWN).cloned().collect(),
        })
    }

    /// Labels and values for a page.
    pub(crate) fn fields(&self) -> [(&'static str, String); 3] {
        let frames = counted(self.held_outside, "position-frame");
        [
            (
                "Changes of membership",
                format!("{} joined, {} left, {} of them held", self.joined, self.left, self.left_held),
            ),
            (
                "Held outside a spell",
                format!(
                    "{frames} until sold under the turnover cap; {} closed",
                    counted(self.closed, "position")
                ),
            ),
            (
                "Member-days with prices",
                format!("{} of {}", percent(self.priced_share.0), grouped(self.member_days as f64)),
            ),
        ]
    }

    /// Note about the biases that a membership removes and does not remove; `None` if every member has prices.
    pub(super) fn survivorship(&self) -> Option<Rendered> {
        (self.priced_days < self.member_days).then(|| {
            let share = percent(self.priced_share.0);
            Rendered::new(
                Code::Survivorship,
                format!(
                    "Only {share} of the member-days of universe.membership have prices. The membership removes the bias of \
                     inclusion (instruments held before they joined), not that of missing names: members that were delisted and \
                     are not in the data are missing from the returns of strategy and benchmark."
                ),
            )
        })
    }

    /// Warning about instruments without any spell.
    pub(super) fn never_members(&self) -> Option<Rendered> {
        let names = self.never_first.join(", ");
        let more = self.never.saturating_sub(self.never_first.len() as u64);
        let names = if more > 0 { format!("{names} and {more} more") } else { names };
        (self.never > 0).then(|| {
            Rendered::new(
                Code::NeverMembers,
                format!(
                    "{} of the data without a row in universe.membership, so never held: {names}. Add their spells, or check \
                     that both files use the symbols of the time (data.renames joins two symbols of one company).",
                    counted(self.never, "instrument")
                ),
            )
        })
    }
}

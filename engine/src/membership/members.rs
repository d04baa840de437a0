//! Members of each frame, their changes and counts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Membership;
use crate::dated::InForce;
use crate::execution::Portfolio;
use crate::frame::Frame;
use crate::names::InstrumentNames;

/// Change of membership of an instrument of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// First frame within a spell.
    Joined,
    /// First frame after a spell.
    Left,
    /// First frame on which the position held beyond a spell is closed.
    Closed,
}

impl Change {
    /// Name in outputs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Left => "left",
            Self::Closed => "closed",
        }
    }
}

/// Change of membership on a frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MembershipChange {
    /// Engine index.
    pub instrument: u32,
    /// The change.
    pub change: Change,
    /// Weight held after the frame's fills, at its close.
    pub held_weight: f64,
}

/// Counts of a run with a membership. Changes count from the first rebalance on, member-days over all frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MembershipFacts {
    /// Instruments that joined.
    pub joined: u64,
    /// Instruments that left.
    pub left: u64,
    /// Those of them that were held.
    pub left_held: u64,
    /// Positions held beyond a spell that were closed.
    pub closed: u64,
    /// Positions held beyond a spell at the close of a frame, summed over the frames.
    pub held_outside: u64,
    /// Members summed over the dates of the data, whether the data has them or not.
    pub member_days: u64,
    /// Those of them with a price in the data.
    pub priced_days: u64,
    /// Instruments of the data without any spell.
    pub never: Vec<String>,
}

impl MembershipFacts {
    /// Share of the member-days with a price; NaN without member-days.
    #[must_use]
    pub fn priced_share(&self) -> f64 {
        self.priced_days as f64 / self.member_days as f64
    }
}

/// Members of the frames of a run.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    membership: Arc<Membership>,
    in_force: InForce<bool>,
    members: Vec<bool>,
    state: State,
    /// Instruments whose membership differs from the preceding frame.
    moved: Vec<(usize, bool)>,
}

/// State between frames.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// Date of the last frame.
    date: Option<i64>,
    /// Members after the last frame.
    members: Vec<bool>,
    /// True for each member that has had a price on the date.
    priced: Vec<bool>,
    /// True for each position held beyond a spell.
    outside: Vec<bool>,
    facts: MembershipFacts,
}

impl Members {
    pub(crate) fn new(membership: Arc<Membership>) -> Self {
        let in_force = InForce::new(Arc::clone(membership.table()));
        Self { membership, in_force, members: Vec::new(), state: State::default(), moved: Vec::new() }
    }

    /// State for a checkpoint.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Resumes from a checkpoint.
    pub(crate) fn resume(&mut self, state: State) {
        self.members.clone_from(&state.members);
        self.state = state;
    }

    /// Moves to a frame and returns the members, in engine order.
    pub(crate) fn advance(&mut self, frame: &Frame, names: &InstrumentNames) -> &[bool] {
        let Self { membership, in_force, members, state, moved } = self;
        let (date, n) = (frame.date(), frame.instruments());
        moved.clear();
        // A source other than the connectors may emit frames without names.
        let known = &names[..names.len().min(n)];
        if in_force.advance(date, known) || members.len() != n {
            let listed = members.len();
            members.resize(n, false);
            for (i, member) in members.iter_mut().enumerate() {
                let now = in_force.of(i) == Some(&true);
                // An instrument that is listed within its spell joins; one listed outside does not leave.
                if now != *member {
                    moved.push((i, now));
                }
                *member = now;
            }
            state.priced.resize(n, false);
            state.outside.resize(n, false);
            state.members.clone_from(members);
            for name in known.iter().skip(listed).filter(|name| membership.table().rows_of(name).is_empty()) {
                state.facts.never.push(name.to_string());
            }
        }
        for renamed in &frame.renamed {
            if membership.table().rows_of(&renamed.name).is_empty() {
                state.facts.never.push(renamed.name.to_string());
            }
        }
        if state.date != Some(date) {
            state.date = Some(date);
            state.priced.fill(false);
            state.facts.member_days += membership.count_on(date);
        }
        for ((priced, member), close) in state.priced.iter_mut().zip(&*members).zip(&frame.close) {
            if *member && !*priced && !close.is_nan() {
                *priced = true;
                state.facts.priced_days += 1;
            }
        }
        members
    }

    /// Writes the changes of a frame of the ledger from the portfolio after its fills.
    pub(crate) fn close(&mut self, portfolio: &Portfolio, changes: &mut Vec<MembershipChange>) {
        let Self { members, state, moved, .. } = self;
        let facts = &mut state.facts;
        let weight = |i: usize| match portfolio.quantity[i] {
            0.0 => 0.0,
            quantity => quantity * portfolio.price[i] / portfolio.nav,
        };
        for (i, joined) in moved.drain(..) {
            let held = portfolio.quantity[i] != 0.0;
            let change = if joined { Change::Joined } else { Change::Left };
            facts.joined += u64::from(joined);
            facts.left += u64::from(!joined);
            facts.left_held += u64::from(!joined && held);
            changes.push(MembershipChange { instrument: i as u32, change, held_weight: weight(i) });
        }
        for (i, (outside, member)) in state.outside.iter_mut().zip(&*members).enumerate() {
            let now = !member && portfolio.quantity[i] != 0.0;
            facts.held_outside += u64::from(now);
            if *outside && !now && !member {
                facts.closed += 1;
                changes.push(MembershipChange {
                    instrument: i as u32,
                    change: Change::Closed,
                    held_weight: 0.0,
                });
            }
            *outside = now;
        }
    }

    /// Counts so far.
    pub(crate) fn facts(&self) -> MembershipFacts {
        self.state.facts.clone()
    }
}

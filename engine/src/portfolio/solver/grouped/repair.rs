//! Reduction of the violations of bounds by group, one bound after another.

use super::super::problem::Problem;
use super::reference::GroupSums;
use crate::portfolio::group_limits::{GroupBound, UNBOUNDED};

/// Share of the remaining turnover and gross exposure that reduces violations: other weights then satisfy the limits too.
const REPAIR_SHARE: f64 = 0.9;

/// Largest number of passes over the violated bounds.
const PASSES: usize = 5;

/// Direction in which the weights of a group move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    Down,
    Up,
    Smaller,
}

/// Sums by group and the bounds on them, of all divisions one after another.
pub(super) struct Sums {
    pub(super) groups: Vec<GroupSums>,
    bounds: Vec<GroupBound>,
    /// Number of groups before each division.
    before: Vec<usize>,
}

impl Sums {
    /// Sums of the weights.
    pub(super) fn of(problem: &Problem<'_>, weights: &[f64]) -> Self {
        let mut all = Self { groups: Vec::new(), bounds: Vec::new(), before: Vec::new() };
        for limits in problem.group_limits {
            let [mut net, mut gross] = [vec![0.0; limits.bounds.len()], vec![0.0; limits.bounds.len()]];
            limits.add_sums(weights.iter().copied(), &mut net);
            limits.add_sums(weights.iter().map(|weight| weight.abs()), &mut gross);
            all.before.push(all.groups.len());
            all.groups.extend(net.into_iter().zip(gross).map(|(net, gross)| GroupSums { net, gross }));
            all.bounds.extend_from_slice(&limits.bounds);
        }
        all
    }

    /// Excess over a bound in the given direction of repair; below 0 inside it.
    fn excess_of(&self, group: usize, to: Move) -> f64 {
        let (bound, sums) = (&self.bounds[group], &self.groups[group]);
        match to {
            Move::Down => sums.net - bound.upper,
            Move::Up => bound.lower - sums.net,
            Move::Smaller => sums.gross - bound.gross,
        }
    }

    /// Sum of the violations.
    pub(super) fn excess(&self) -> f64 {
        let of = |group| [Move::Down, Move::Up, Move::Smaller].map(|to| self.excess_of(group, to).max(0.0));
        (0..self.groups.len()).flat_map(of).sum()
    }

    /// Moves weights inside their bounds towards the violated bounds by group. Each gets a share of the turnover `left` in
    /// proportion to its excess. No move increases another violation, or Σ|w| beyond the gross limit.
    pub(super) fn repair(&mut self, problem: &Problem<'_>, weights: &mut [f64], left: f64) {
        let mut left = if left >= self.excess() { left } else { REPAIR_SHARE * left };
        // A move can end at another bound, after which other members can move.
        for _ in 0..PASSES {
            let moved = self.pass(problem, weights, left);
            left -= moved;
            if moved <= 0.0 || self.excess() <= 0.0 {
                break;
            }
        }
    }

    /// Moves towards each violated bound once; returns the turnover.
    fn pass(&mut self, problem: &Problem<'_>, weights: &mut [f64], left: f64) -> f64 {
        let mut moved = 0.0;
        let share = (left / self.excess()).min(1.0);
        if share <= 0.0 {
            return 0.0;
        }
        for (division, limits) in problem.group_limits.iter().enumerate() {
            let violated = |group: &usize| {
                [Move::Down, Move::Up, Move::Smaller].iter().any(|to| self.excess_of(*group, *to) > 0.0)
            };
            let first = self.before[division];
            let groups: Vec<usize> = (first..first + limits.bounds.len()).filter(violated).collect();
            if groups.is_empty() {
                continue;
            }
            let mut members = vec![Vec::new(); limits.bounds.len()];
            for (i, group) in limits.group.iter().enumerate() {
                let (lower, upper) = problem.bounds(i);
                if *group != UNBOUNDED && lower < upper {
                    members[*group as usize].push(i);
                }
            }
            for group in groups {
                for to in [Move::Smaller, Move::Down, Move::Up] {
                    let mut wanted = share * self.excess_of(group, to);
                    // First towards zero, which reduces gross exposure too.
                    for grows in [false, true] {
                        if wanted > 0.0 && !(grows && to == Move::Smaller) {
                            let members = &members[group - first];
                            let part = self.shift(problem, weights, members, (to, grows), wanted);
                            (wanted, moved) = (wanted - part, moved + part);
                        }
                    }
                }
            }
        }
        moved
    }

    /// Groups of an instrument.
    fn groups_of(&self, problem: &Problem<'_>, i: usize) -> impl Iterator<Item = usize> {
        let limits = problem.group_limits.iter().zip(&self.before);
        limits.filter_map(move |(limits, before)| {
            let group = limits.group.get(i).filter(|group| **group != UNBOUNDED)?;
            Some(before + *group as usize)
        })
    }

    /// Moves the members by at most `wanted` in all; returns by how much.
    fn shift(
        &mut self,
        problem: &Problem<'_>,
        weights: &mut [f64],
        members: &[usize],
        (to, grows): (Move, bool),
        wanted: f64,
    ) -> f64 {
        // Signed room of each member: to zero, or from there to its bound.
        let room = |i: usize, weight: f64| {
            let (lower, upper) = problem.bounds(i);
            let down = if grows {
                lower - weight.min(0.0).max(lower)
            } else {
                0.0_f64.max(lower).min(weight) - weight
            };
            let up = if grows {
                upper - weight.max(0.0).min(upper)
            } else {
                0.0_f64.min(upper).max(weight) - weight
            };
            match to {
                Move::Down => down.min(0.0),
                Move::Up => up.max(0.0),
                Move::Smaller => {
                    if weight > 0.0 {
                        down
                    } else {
                        up
                    }
                }
            }
        };
        let blocked = |of: &Self, i: usize, room: f64| {
            of.groups_of(problem, i).any(|group| {
                let net = if room > 0.0 { Move::Down } else { Move::Up };
                of.excess_of(group, net) >= 0.0 || grows && of.excess_of(group, Move::Smaller) >= 0.0
            })
        };
        let rooms: Vec<(usize, f64)> = members
            .iter()
            .map(|&i| (i, room(i, weights[i])))
            .filter(|(i, room)| *room != 0.0 && !blocked(self, *i, *room))
            .collect();
        let all: f64 = rooms.iter().map(|(_, room)| room.abs()).sum();
        if all <= 0.0 {
            return 0.0;
        }
        let gross: f64 = weights.iter().map(|weight| weight.abs()).sum();
        let most = if grows { wanted.min(REPAIR_SHARE * (problem.gross - gross)) } else { wanted };
        let mut part = (most / all).clamp(0.0, 1.0);
        // Changes of the sums of all groups under the whole of the move.
        let mut changes = vec![GroupSums::default(); self.groups.len()];
        for (i, room) in &rooms {
            for group in self.groups_of(problem, *i) {
                changes[group].net += room;
                changes[group].gross += if grows { room.abs() } else { -room.abs() };
            }
        }
        for (group, change) in changes.iter().enumerate() {
            let worse = [
                (change.net, self.excess_of(group, Move::Down)),
                (-change.net, self.excess_of(group, Move::Up)),
                (change.gross, self.excess_of(group, Move::Smaller)),
            ];
            for (change, excess) in worse.into_iter().filter(|(change, _)| *change > 0.0) {
                part = part.min((-excess / change).max(0.0));
            }
        }
        for (i, room) in &rooms {
            weights[*i] += part * room;
        }
        for (sums, change) in self.groups.iter_mut().zip(&changes) {
            sums.net += part * change.net;
            sums.gross += part * change.gross;
        }
        part * all
    }
}

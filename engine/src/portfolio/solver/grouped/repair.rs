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
            let mut members = vec![Vec::new(); limits.bounds.len()];
            for (i, group) in limits.group.iter().enumerate() {
                if *group != UNBOUNDED {
                    members[*group as usize].push(i);
                }
            }
            for (members, group) in members.iter().zip(self.before[division]..) {
                for to in [Move::Smaller, Move::Down, Move::Up] {
                    let mut wanted = share * self.excess_of(group, to);
                    // First towards zero, which reduces gross exposure too.
                    for grows in [false, true] {
                        if wanted > 0.0 && !(grows && to == Move::Smaller) {
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
                // One of the two is 0, because no weight grows.
                Move::Smaller => down + up,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portfolio::{GroupLimits, Rebalance};

    /// Weights before and after, their bounds, and bounds by group.
    #[derive(Clone)]
    struct Case {
        name: &'static str,
        weights: [f64; 3],
        lower: [f64; 3],
        upper: [f64; 3],
        /// Group of each instrument and bounds of each group, by division.
        divisions: Vec<([u32; 3], Vec<GroupBound>)>,
        gross: f64,
        left: f64,
        expected: [f64; 3],
    }

    const NONE: u32 = UNBOUNDED;

    fn net(lower: f64, upper: f64) -> GroupBound {
        GroupBound { lower, upper, ..GroupBound::default() }
    }

    fn cases() -> Vec<Case> {
        let base = Case {
            name: "",
            weights: [0.3, 0.1, 0.25],
            lower: [-0.5; 3],
            upper: [0.5; 3],
            divisions: vec![([0, 0, NONE], vec![net(-1.0, 0.2)])],
            gross: 10.0,
            left: 1.0,
            expected: [0.15, 0.05, 0.25],
        };
        let through = Case {
            name: "long weights are sold before shorts grow",
            weights: [0.1, -0.05, 0.25],
            lower: [-0.5, -0.35, -0.5],
            divisions: vec![([0, 0, NONE], vec![net(-1.0, -0.25)])],
            // After the sale of 0.1, 0.2 of the room of 0.5 and 0.3.
            expected: [-0.125, -0.125, 0.25],
            ..base.clone()
        };
        let smaller = Case {
            name: "both sides shrink",
            weights: [0.3, -0.2, 0.25],
            divisions: vec![([0, 0, NONE], vec![GroupBound { gross: 0.3, ..net(-1.0, 1.0) }])],
            expected: [0.18, -0.12, 0.25],
            ..base.clone()
        };
        let two = Case {
            name: "excesses share what is left",
            weights: [0.5, 0.4, 0.25],
            divisions: vec![([0, 1, NONE], vec![net(-1.0, 0.3), net(-1.0, 0.3)])],
            // Nine tenths of 0.1, two to one.
            left: 0.1,
            expected: [0.44, 0.37, 0.25],
            ..base.clone()
        };
        let crossed = Case {
            name: "another division stops the move",
            weights: [0.5, 0.25, 0.25],
            divisions: vec![
                ([0, NONE, NONE], vec![net(-1.0, 0.25)]),
                ([1, 1, 0], vec![net(-1.0, 1.0), net(0.625, 1.0)]),
            ],
            expected: [0.375, 0.25, 0.25],
            ..base.clone()
        };
        vec![
            Case {
                name: "the box ends the move",
                lower: [0.2, 0.0, -0.5],
                divisions: vec![([0, 0, NONE], vec![net(-1.0, 0.1)])],
                expected: [0.2, 0.0, 0.25],
                ..base.clone()
            },
            Case {
                name: "a fixed weight stays",
                weights: [0.5, 0.25, 0.25],
                lower: [0.5, -0.5, 0.0],
                divisions: vec![([0, 0, NONE], vec![net(-1.0, 0.5)])],
                expected: [0.5, 0.0, 0.25],
                ..base.clone()
            },
            Case {
                name: "shorts grow to their bounds",
                divisions: vec![([0, 0, NONE], vec![net(-2.0, -1.0)])],
                left: 5.0,
                expected: [-0.5, -0.35, 0.25],
                ..through.clone()
            },
            Case {
                name: "shorts grow to nine tenths of the gross limit, five times",
                weights: [0.1, -0.05, 0.0],
                gross: 0.15,
                // 0.1 less a millionth in all, 5 to 3.
                expected: [-0.062_499_375, -0.087_499_625, 0.0],
                ..through.clone()
            },
            Case {
                name: "a bound on the net weight keeps the long side",
                divisions: vec![([0, 0, NONE], vec![GroupBound { gross: 0.3, ..net(0.1, 1.0) }])],
                expected: [0.3, 0.0, 0.25],
                ..smaller.clone()
            },
            Case {
                name: "a gross bound stops the growth",
                weights: [0.25, 0.0, 0.25],
                divisions: vec![([0, 0, NONE], vec![GroupBound { gross: 0.25, ..net(0.5, 1.0) }])],
                expected: [0.25, 0.0, 0.25],
                ..base.clone()
            },
            Case {
                name: "a gross bound limits the growth",
                weights: [0.25, 0.0, 0.25],
                divisions: vec![([0, 0, NONE], vec![GroupBound { gross: 0.375, ..net(0.5, 1.0) }])],
                // Half of the way, with room of 0.25 and 0.5.
                expected: [0.25 + 0.125 / 3.0, 0.25 / 3.0, 0.25],
                ..base.clone()
            },
            Case {
                name: "all that is needed is left",
                weights: [0.5, 0.375, 0.25],
                divisions: vec![([0, 1, NONE], vec![net(-1.0, 0.25), net(-1.0, 0.25)])],
                left: 0.375,
                expected: [0.25, 0.25, 0.25],
                ..base.clone()
            },
            Case { name: "nothing is left", left: 0.0, expected: [0.5, 0.4, 0.25], ..two.clone() },
            Case {
                name: "a division without the instrument does not stop it",
                divisions: vec![
                    ([0, NONE, NONE], vec![net(-1.0, 0.25)]),
                    ([NONE, 1, 0], vec![net(-1.0, 1.0), net(0.625, 1.0)]),
                ],
                // The second is brought up to its box.
                expected: [0.25, 0.5, 0.25],
                ..crossed.clone()
            },
            Case {
                name: "the second group of the second division",
                weights: [0.25, 0.25, 0.5],
                divisions: vec![
                    ([0, NONE, 1], vec![net(-1.0, 0.5), net(-1.0, 0.75)]),
                    ([0, 1, 1], vec![net(-1.0, 0.5), net(-1.0, 0.375)]),
                ],
                // Half of 0.25 and of 0.5.
                expected: [0.25, 0.125, 0.25],
                ..base.clone()
            },
            Case { name: "in proportion to the room", ..base },
            through,
            smaller,
            two,
            crossed,
        ]
    }

    /// The same case with all signs turned.
    fn mirrored(case: &Case) -> Case {
        let turned = |of: &GroupBound| GroupBound { lower: -of.upper, upper: -of.lower, ..*of };
        let division = |(group, bounds): &([u32; 3], Vec<GroupBound>)| {
            (*group, bounds.iter().map(turned).collect::<Vec<_>>())
        };
        let minus = |of: [f64; 3]| of.map(|weight| -weight);
        Case {
            weights: minus(case.weights),
            lower: minus(case.upper),
            upper: minus(case.lower),
            divisions: case.divisions.iter().map(division).collect(),
            expected: minus(case.expected),
            ..case.clone()
        }
    }

    #[test]
    fn violations_shrink_in_proportion_to_the_room() {
        for case in cases().iter().flat_map(|case| [case.clone(), mirrored(case)]) {
            let division = |(group, bounds): &([u32; 3], Vec<GroupBound>)| GroupLimits {
                group: group.to_vec(),
                bounds: bounds.clone(),
            };
            let made = Rebalance {
                expected: vec![0.0; 3],
                idiosyncratic: vec![1.0; 3],
                held: case.weights.to_vec(),
                lower: case.lower.to_vec(),
                upper: case.upper.to_vec(),
                turnover: case.left,
                gross: case.gross,
                group_limits: case.divisions.iter().map(division).collect(),
                ..Rebalance::default()
            };
            let (problem, mut weights) = (made.problem(), case.weights.to_vec());
            let mut sums = Sums::of(&problem, &weights);
            sums.repair(&problem, &mut weights, case.left);
            for (weight, expected) in weights.iter().zip(case.expected) {
                assert!((weight - expected).abs() < 1e-12, "{}: {weights:?}", case.name);
            }
            for (found, expected) in sums.groups.iter().zip(Sums::of(&problem, &weights).groups) {
                let apart = [found.net - expected.net, found.gross - expected.gross];
                assert!(apart.iter().all(|apart| apart.abs() < 1e-12), "{}: {found:?}", case.name);
            }
        }
    }

    #[test]
    fn excess_is_the_sum_of_the_violations() {
        let bounds = vec![net(-1.0, 0.2), GroupBound { gross: 0.3, ..net(0.5, 1.0) }];
        let made = Rebalance {
            group_limits: vec![
                GroupLimits { group: vec![0, 0, NONE], bounds: bounds.clone() },
                GroupLimits { group: vec![NONE, 1, 1], bounds },
            ],
            ..Rebalance::default()
        };
        // 0.4 against 0.2, and -0.1 with gross 0.5 against 0.5 and 0.3; a group without members counts with 0.
        let excess = Sums::of(&made.problem(), &[0.2, 0.2, -0.3]).excess();
        assert!((excess - (0.2 + 0.5 + 0.6 + 0.2)).abs() < 1e-12, "{excess}");
    }
}

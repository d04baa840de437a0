//! Parts of the instruments: those with the same groups.
//!
//! An instrument loads on the factor of its own group, so that instruments of different groups have different designs.
//! A filter keeps its lanes by part: the instruments of a part share a design, and its kernels run over each part. Without
//! groups there is one part, in engine order. A part has slots, one for each member; the slot of an instrument that has
//! moved to another part is free for the next one.

mod leave_one_out;

use serde::{Deserialize, Serialize};

use crate::groups::{GroupColumn, NO_GROUP};

pub(super) use leave_one_out::{Hedge, Term};

/// Factor on the returns of groups in the design: the filter's coefficient is β/`SCALE`. The prior variance of a loading
/// on a group is thereby `SCALE`² = 0.1225 of `initial_variance`, because loadings on the own group differ less than
/// betas do.
pub(super) const SCALE: f64 = 0.35;

/// Marks a free slot.
const FREE: u32 = u32::MAX;

/// Part and slot of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) part: usize,
    pub(super) slot: usize,
}

/// Change of an instrument's groups.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    pub(super) from: Place,
    pub(super) to: Place,
}

/// Part of each instrument, and the factors of the groups.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Parts {
    /// Number of columns of groups that make factors.
    columns: usize,
    /// Groups of each part, one for each column.
    keys: Vec<Vec<u32>>,
    /// Instrument of each slot, or [`FREE`], by part; empty without groups.
    members: Vec<Vec<u32>>,
    free: Vec<Vec<usize>>,
    /// Place of each instrument; empty without groups.
    places: Vec<Place>,
    /// Return of each group's factor in the frame, by column; NaN without one.
    returns: Vec<Vec<f64>>,
    /// Number of members that traded when each group last had a factor; 0 before the first.
    trading: Vec<Vec<u32>>,
}

impl Parts {
    /// No instruments yet. `columns`: number of columns of groups that make factors.
    pub(super) fn new(columns: usize) -> Self {
        Self {
            columns,
            keys: if columns == 0 { vec![Vec::new()] } else { Vec::new() },
            members: Vec::new(),
            free: Vec::new(),
            places: Vec::new(),
            returns: vec![Vec::new(); columns],
            trading: vec![Vec::new(); columns],
        }
    }

    /// Returns true without groups: the only part has all instruments in engine order.
    pub(super) const fn is_whole(&self) -> bool {
        self.columns == 0
    }

    /// Number of columns of groups that make factors.
    pub(super) const fn columns(&self) -> usize {
        self.columns
    }

    /// Number of parts.
    pub(super) fn count(&self) -> usize {
        self.keys.len()
    }

    /// Takes the groups and their factors of a frame, and finds a place for each instrument. Returns the instruments
    /// whose groups have changed, in engine order; their earlier slots become free.
    pub(super) fn assign(&mut self, groups: &[GroupColumn]) -> Vec<Move> {
        let mut moves = Vec::new();
        if self.is_whole() {
            return moves;
        }
        let columns: Vec<&GroupColumn> = groups.iter().filter(|column| column.has_factors).collect();
        assert_eq!(columns.len(), self.columns, "as many columns of groups as the filter was made for");
        for ((column, returns), trading) in columns.iter().zip(&mut self.returns).zip(&mut self.trading) {
            returns.clone_from(&column.returns);
            trading.resize(column.returns.len(), 0);
            for (last, (now, g)) in trading.iter_mut().zip(column.trading.iter().zip(&column.returns)) {
                *last = if g.is_nan() { *last } else { *now };
            }
        }
        for i in 0..columns[0].of.len() {
            let same = self.places.get(i).is_some_and(|place| {
                self.keys[place.part].iter().zip(&columns).all(|(group, column)| *group == column.of[i])
            });
            if same {
                continue;
            }
            let key: Vec<u32> = columns.iter().map(|column| column.of[i]).collect();
            let to = self.take_slot(&key, i as u32);
            match self.places.get_mut(i) {
                None => self.places.push(to),
                Some(place) => {
                    let from = std::mem::replace(place, to);
                    self.members[from.part][from.slot] = FREE;
                    self.free[from.part].push(from.slot);
                    moves.push(Move { from, to });
                }
            }
        }
        moves
    }

    fn take_slot(&mut self, key: &[u32], instrument: u32) -> Place {
        let part = self.keys.iter().position(|known| known == key).unwrap_or_else(|| {
            self.keys.push(key.to_vec());
            self.members.push(Vec::new());
            self.free.push(Vec::new());
            self.keys.len() - 1
        });
        let members = &mut self.members[part];
        let slot = self.free[part].pop().unwrap_or(members.len());
        if slot == members.len() {
            members.push(instrument);
        } else {
            members[slot] = instrument;
        }
        Place { part, slot }
    }

    /// Copies the values of a part's instruments to their slots, NaN in free ones.
    pub(super) fn gather(&self, part: usize, values: &[f64], out: &mut Vec<f64>) {
        out.clear();
        out.extend(self.members[part].iter().map(|i| values.get(*i as usize).copied().unwrap_or(f64::NAN)));
    }

    /// Slots of a part with their instruments.
    pub(super) fn slots(&self, part: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
        let members = self.members[part].iter().enumerate();
        members.filter(|(_, i)| **i != FREE).map(|(slot, i)| (slot, *i as usize))
    }

    /// Instrument of each slot of a part; [`FREE`] for a free one.
    pub(super) fn members_of(&self, part: usize) -> &[u32] {
        &self.members[part]
    }

    /// Instrument of a slot; `None` for a free one.
    pub(super) fn instrument(&self, part: usize, slot: usize) -> Option<usize> {
        if self.is_whole() {
            return Some(slot);
        }
        self.members[part].get(slot).filter(|i| **i != FREE).map(|i| *i as usize)
    }

    /// Number of slots of a part.
    pub(super) fn slots_of(&self, part: usize) -> usize {
        self.members[part].len()
    }

    /// Columns in which the groups of two parts differ.
    pub(super) fn differing(&self, a: usize, b: usize) -> impl Iterator<Item = usize> {
        let pairs = self.keys[a].iter().zip(&self.keys[b]).enumerate();
        pairs.filter(|(_, (a, b))| a != b).map(|(column, _)| column)
    }

    /// Place of an instrument.
    pub(super) fn place(&self, instrument: usize) -> Place {
        match self.places.get(instrument) {
            Some(place) => *place,
            None => Place { part: 0, slot: instrument },
        }
    }

    fn group(&self, part: usize, column: usize) -> Option<usize> {
        let group = self.keys[part][column];
        (group != NO_GROUP).then_some(group as usize)
    }

    /// Returns true if the group of a part has had a factor.
    pub(super) fn has_factor(&self, part: usize, column: usize) -> bool {
        self.group(part, column).is_some_and(|group| self.trading[column][group] > 0)
    }

    /// Entry of a part's group in the design of the frame: the return of its factor, times [`SCALE`]. Without a factor
    /// it is 0, so that the frame carries no information about the loading.
    pub(super) fn design(&self, part: usize, column: usize) -> f64 {
        let g = self.group(part, column).map_or(f64::NAN, |group| self.returns[column][group]);
        if g.is_nan() { 0.0 } else { SCALE * g }
    }

    /// Term of a part's group in the hedge of the frame: its factor, and the members that trade; `None` without a
    /// factor in the frame.
    pub(super) fn term(&self, part: usize, column: usize) -> Option<Term> {
        let group = self.group(part, column)?;
        let g = self.returns[column][group];
        (!g.is_nan()).then(|| Term { g, members: f64::from(self.trading[column][group]) })
    }

    /// Number of members that traded when a part's group last had a factor; `None` before the first.
    pub(super) fn members(&self, part: usize, column: usize) -> Option<f64> {
        let group = self.group(part, column).filter(|_| self.has_factor(part, column))?;
        Some(f64::from(self.trading[column][group]))
    }
}

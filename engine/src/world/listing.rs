//! The engine order of a world.

use std::sync::Arc;

use crate::frame::Field;
use crate::frame::Frame;

const NOWHERE: u32 = u32::MAX;

/// Engine order by the first prices that are seen in the world, ties by the bytes of the symbol. It is that of the data
/// until a first price is not seen, or seen at another time.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    /// In the order of the data.
    names: Vec<Arc<str>>,
    /// Place in the world of each index of the data, and the other way round.
    places: Vec<u32>,
    indices: Vec<u32>,
    /// Whether the two orders are the same.
    moved: bool,
    newcomers: Vec<u32>,
    scratch: Vec<f64>,
}

impl Listing {
    /// Learns what the data calls the instruments that join its order.
    pub(super) fn learn(&mut self, listed: &[Arc<str>]) {
        self.names.extend_from_slice(listed);
    }

    /// Number of instruments that the world has seen.
    pub(super) fn instruments(&self) -> u64 {
        self.indices.len() as u64
    }

    /// Lists whoever has its first price on a frame whose columns are in the order of the data, and brings these into
    /// that of the world.
    pub(super) fn arrange(&mut self, frame: &mut Frame) {
        let n = frame.instruments();
        if self.places.len() < n {
            self.places.resize(n, NOWHERE);
        }
        frame.listed.clear();
        if self.indices.len() < self.places.len() {
            self.list(frame);
        }
        if self.moved || self.indices.len() != n {
            for field in Field::ALL {
                self.reorder(frame.column_mut(field));
            }
            self.reorder(&mut frame.returns);
        }
    }

    fn list(&mut self, frame: &mut Frame) {
        let Self { names, places, indices, moved, newcomers, .. } = self;
        newcomers.clear();
        let first = |(i, close): (usize, &f64)| (places[i] == NOWHERE && !close.is_nan()).then_some(i as u32);
        newcomers.extend(frame.close.iter().enumerate().filter_map(first));
        newcomers.sort_by(|a, b| names.get(*a as usize).cmp(&names.get(*b as usize)));
        for &i in newcomers.iter() {
            *moved |= i as usize != indices.len();
            places[i as usize] = indices.len() as u32;
            indices.push(i);
            frame.listed.extend(names.get(i as usize).cloned());
        }
    }

    /// Null where the data does not have the instrument yet.
    fn reorder(&mut self, column: &mut Vec<f64>) {
        if column.is_empty() {
            return;
        }
        self.scratch.clear();
        let of = |i: &u32| column.get(*i as usize).copied().unwrap_or(f64::NAN);
        self.scratch.extend(self.indices.iter().map(of));
        column.clone_from(&self.scratch);
    }
}

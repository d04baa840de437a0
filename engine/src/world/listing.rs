//! Engine order of the frames that a stressed source emits.

use std::sync::Arc;

use crate::frame::{Field, Frame, Renamed};

const NOWHERE: u32 = u32::MAX;

/// Engine order by the first prices of the stressed source, ties by the bytes of the symbol. It equals the
/// order of the data until a first price is missing or moves to another time.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    /// Names in the order of the data.
    names: Vec<Arc<str>>,
    /// Index in the stressed order of each index of the data, and the reverse.
    places: Vec<u32>,
    indices: Vec<u32>,
    /// True if the two orders differ.
    moved: bool,
    newcomers: Vec<u32>,
    scratch: Vec<f64>,
    /// Indices of the data whose symbol changes no frame has carried so far.
    renamed: Vec<u32>,
}

impl Listing {
    /// Takes the newly listed instruments and the symbol changes of a frame of the data.
    pub(super) fn append(&mut self, frame: &Frame) {
        self.names.extend_from_slice(&frame.listed);
        for renamed in &frame.renamed {
            if let Some(name) = self.names.get_mut(renamed.instrument as usize) {
                *name = Arc::clone(&renamed.name);
                self.renamed.push(renamed.instrument);
            }
        }
    }

    /// Number of listed instruments.
    pub(super) fn instruments(&self) -> u64 {
        self.indices.len() as u64
    }

    /// Lists the instruments with a first price on a frame, and reorders its columns from the order of the data.
    pub(super) fn arrange(&mut self, frame: &mut Frame) {
        let n = frame.instruments();
        if self.places.len() < n {
            self.places.resize(n, NOWHERE);
        }
        frame.listed.clear();
        frame.renamed.clear();
        for i in self.renamed.drain(..) {
            let instrument = self.places[i as usize];
            // An instrument that is not listed yet is listed under its new symbol.
            if instrument != NOWHERE {
                frame.renamed.push(Renamed { instrument, name: Arc::clone(&self.names[i as usize]) });
            }
        }
        if self.indices.len() < self.places.len() {
            self.list(frame);
        }
        if self.moved || self.indices.len() != n {
            for field in Field::ALL {
                self.reorder(frame.column_mut(field));
            }
            self.reorder(&mut frame.returns);
            let indices = &self.indices;
            for section in frame.given.by_instrument() {
                section.rearrange(indices.iter().map(|i| *i as usize));
            }
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

    /// Reorders a column; NaN if the data does not have the instrument yet.
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

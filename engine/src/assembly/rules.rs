//! Rules of assembly, and counts of the rows.

use serde::Serialize;

use super::{Expression, FactorGap, Fault, Renames, Universe, Values};
use crate::frame::Bar;
use crate::frame::Field;
use crate::time::Zone;

/// A column of frames other than the close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FrameColumn {
    /// Field of the bar.
    pub field: Field,
    /// True if a value that is neither null nor valid is a fault; false if it is passed on unchanged for the
    /// data-quality checks.
    pub checked: bool,
}

/// Rules of an assembler.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Rules {
    /// Meaning of the numbers of the data.
    pub values: Values,
    /// Fields of a frame other than the close.
    pub fields: Vec<FrameColumn>,
    /// Instruments that become columns.
    pub universe: Universe,
    /// Factors made of instruments, by name.
    pub factors: Vec<(String, Expression)>,
    /// Treatment of frames in which a factor's instrument has no price.
    pub factor_gap: FactorGap,
    /// Instrument whose return is [`Frame::benchmark`](crate::frame::Frame::benchmark); it is always read, and becomes
    /// a column only by the rules of the universe.
    pub benchmark: Option<String>,
    /// Time zone of the frames' dates.
    pub zone: Zone,
    /// Symbol changes. Not compared before a state is restored: later changes may be added between two runs.
    #[serde(skip)]
    pub renames: Renames,
}

/// Result of the rows of one timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The frame is emitted.
    Emitted,
    /// The frame is left out because the factor expressions have no value.
    LeftOut,
    /// There is no frame: no instrument of the universe has a price.
    Empty,
}

impl Rules {
    /// Returns the fault of the first number that is neither null nor valid.
    #[inline]
    pub(super) fn fault_in(&self, floor: f64, bar: &Bar) -> Option<Fault> {
        let is_bad = |field: Field| !field.is_valid(floor, bar[field]);
        if is_bad(Field::Close) {
            return Some(Fault::Value { field: Field::Close, found: bar[Field::Close] });
        }
        let bad = self.fields.iter().find(|column| column.checked && is_bad(column.field))?;
        Some(Fault::Value { field: bad.field, found: bar[bad.field] })
    }

    /// Returns true if all numbers of these columns are null or valid.
    pub(super) fn are_valid<'a>(
        &self,
        floor: f64,
        closes: &[f64],
        mut others: impl Iterator<Item = (Field, &'a [f64])>,
    ) -> bool {
        let is_checked = |field| self.fields.iter().any(|column| column.checked && column.field == field);
        Field::Close.are_valid(floor, closes)
            && others.all(|(field, numbers)| !is_checked(field) || field.are_valid(floor, numbers))
    }

    /// Returns true if frames have the column.
    #[must_use]
    pub fn has(&self, field: Field) -> bool {
        self.fields.iter().any(|column| column.field == field)
    }
}

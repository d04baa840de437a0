//! What goes in and what comes out: the rules, a row, and what became of it.

use serde::Serialize;

use super::{Expression, FactorGap, Fault, Universe, Values};
use crate::frame::Bar;
use crate::frame::Field;

/// A column that frames have beside the close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// Which.
    pub field: Field,
    /// Whether a value that is neither null nor valid is a fault; else it is handed on as it is, for those who judge
    /// the data.
    pub checked: bool,
}

/// What the assembler is asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Rules {
    /// What the numbers of the data are.
    pub values: Values,
    /// What frames have beside the close.
    pub fields: Vec<Wanted>,
    /// Which instruments become columns.
    pub universe: Universe,
    /// Factors made of instruments, by name.
    pub factors: Vec<(String, Expression)>,
    /// What happens when an instrument of a factor has no price.
    pub factor_gap: FactorGap,
}

/// What became of the rows of a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A frame that is handed on.
    Emitted,
    /// A frame that is left out, because the factor expressions have no value.
    LeftOut,
    /// No frame: no instrument of the universe has a price.
    Empty,
}

impl Rules {
    /// The first number of the bar that is neither null nor valid.
    #[inline]
    pub(super) fn fault_in(&self, floor: f64, bar: &Bar) -> Option<Fault> {
        let is_bad = |field: Field| !field.is_valid(floor, bar[field]);
        if is_bad(Field::Close) {
            return Some(Fault::Value { field: Field::Close, found: bar[Field::Close] });
        }
        let bad = self.fields.iter().find(|column| column.checked && is_bad(column.field))?;
        Some(Fault::Value { field: bad.field, found: bar[bad.field] })
    }

    /// Whether frames have the column.
    #[must_use]
    pub fn has(&self, field: Field) -> bool {
        self.fields.iter().any(|column| column.field == field)
    }
}

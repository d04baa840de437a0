//! Place of a cell or row in the user's data.

use std::fmt;

use super::error::DataError;

/// Cell or row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the file, as given.
    pub file: String,
    /// Row of the file, counting from 0; in a text file, the line less 1.
    pub row: u64,
    /// Line of a text file, counting from 1; `None` for other files.
    pub line: Option<u64>,
    /// Name of the column.
    pub column: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}: line {line}, column `{}`", self.file, self.column),
            None => write!(f, "{}: row {} (counting from 0), column `{}`", self.file, self.row, self.column),
        }
    }
}

impl DataError {
    /// Place of the cell or row, for errors that have one.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Unsorted { place, .. }
            | Self::Duplicate { place, .. }
            | Self::BadValue { place, .. }
            | Self::BadHalfSpread { place, .. }
            | Self::BadHolding { place, .. }
            | Self::NullKey { place, .. }
            | Self::TimeOutOfRange { place, .. }
            | Self::NoDate { place, .. }
            | Self::EmptySymbol { place, .. }
            | Self::BadFactor { place, .. }
            | Self::BadRiskFree { place, .. }
            | Self::FactorOrder { place, .. } => Some(place),
            _ => None,
        }
    }
}

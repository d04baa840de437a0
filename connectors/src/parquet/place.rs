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

/// Place in the user's data that an error names, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataPlace {
    /// Name of the file, as given.
    pub file: String,
    /// Row, counting from 0; `None` for an error of a whole file or column.
    pub row: Option<u64>,
    /// Line of a text file, counting from 1.
    pub line: Option<u64>,
    /// Name of the column.
    pub column: Option<String>,
}

impl DataPlace {
    pub(crate) fn file(file: &str) -> Self {
        Self { file: file.to_owned(), ..Self::default() }
    }

    pub(crate) fn column(file: &str, column: &str) -> Self {
        Self { column: Some(column.to_owned()), ..Self::file(file) }
    }
}

impl From<Place> for DataPlace {
    fn from(place: Place) -> Self {
        Self { file: place.file, row: Some(place.row), line: place.line, column: Some(place.column) }
    }
}

impl DataError {
    /// Place that the error names; `None` for an error without one.
    #[must_use]
    pub fn place(&self) -> Option<DataPlace> {
        match self {
            Self::Unsorted { place, .. }
            | Self::Duplicate { place, .. }
            | Self::Renamed { place, .. }
            | Self::BadValue { place, .. }
            | Self::BadHalfSpread { place, .. }
            | Self::BadHolding { place, .. }
            | Self::BadCell { place, .. }
            | Self::NullKey { place, .. }
            | Self::TimeOutOfRange { place, .. }
            | Self::NoDate { place, .. }
            | Self::EmptySymbol { place, .. }
            | Self::BadFactor { place, .. }
            | Self::BadRiskFree { place, .. }
            | Self::FactorOrder { place, .. } => Some((**place).clone().into()),
            Self::Unsupported { file, column, .. }
            | Self::DuplicateColumn { file, column, .. }
            | Self::MissingColumn { file, column, .. }
            | Self::WrongType { file, column, .. }
            | Self::WideBars { file, column, .. } => Some(DataPlace::column(file, column)),
            Self::EmptyFile { file, .. }
            | Self::NoRows { file, .. }
            | Self::NotParquet { file, .. }
            | Self::NotText { file, .. }
            | Self::Truncated { file, .. }
            | Self::Corrupt { file, .. }
            | Self::Encrypted { file, .. }
            | Self::Ambiguous { file, .. }
            | Self::PartitionTime { file, .. }
            | Self::NothingInRange { file, .. }
            | Self::NothingBeforeSeal { file, .. }
            | Self::FactorGap { file, .. }
            | Self::FactorOfAnotherDate { file, .. }
            | Self::FactorsOfDays { file, .. }
            | Self::NotFinite { file, .. }
            | Self::Assembly { file, .. } => Some(DataPlace::file(file)),
            Self::Given(error) => Some(error.place()),
            Self::Benchmark(error) => Some(error.place()),
            Self::Import(error) => error.place(),
            _ => None,
        }
    }
}

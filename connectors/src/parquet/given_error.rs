//! Errors of forecasts, weights and risk models.

use betaflow_engine::time::{Iso, TimestampNs};

use crate::{DataPlace, Place};

/// Error of a file of the user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GivenError {
    /// Invalid number.
    #[error(
        "{place}: found {found} for `{symbol}` at {}, expected {expected}; correct it, or make it null to have no value",
        Iso(*.time)
    )]
    BadValue {
        /// Place of the cell.
        place: Box<Place>,
        /// Symbol of the instrument, or name of the factor.
        symbol: String,
        /// Time of the row.
        time: TimestampNs,
        /// Value found.
        found: String,
        /// Valid values.
        expected: &'static str,
    },
    /// No column of values, or several without a usual name.
    #[error("{file}: found {found}, expected one column of {what}, named {expected}; rename it")]
    NoValues {
        /// Path of the file.
        file: String,
        /// Content of the file.
        what: &'static str,
        /// Columns found.
        found: String,
        /// Usual name.
        expected: &'static str,
    },
    /// Dates with several frames per date, while the settings state one frame per day.
    #[error(
        "{file}: found dates, and two frames on {date} although `data.frames_per_day` is 1, expected one frame per date: \
         a date is known after its last frame, which must not be the first one; set `data.frames_per_day` to the number of \
         frames of a date"
    )]
    DatesWithinDay {
        /// Path of the file.
        file: String,
        /// Date with two frames.
        date: String,
    },
    /// Factor covariance that is not complete, not symmetric or not positive semidefinite.
    #[error("{file}: factor covariance of {}: found {found}, expected {expected}; correct the file", Iso(*.time))]
    FactorCov {
        /// Path of the file.
        file: String,
        /// Time of the rows.
        time: TimestampNs,
        /// Finding.
        found: String,
        /// Valid values.
        expected: &'static str,
    },
    /// No instrument of the file is in the prices.
    #[error(
        "{file}: found no instrument of the prices in the {what}, but {found}, expected at least one; write the symbols as \
         in the prices"
    )]
    NoInstrument {
        /// Path of the file.
        file: String,
        /// Content of the file.
        what: String,
        /// Some of the instruments.
        found: String,
    },
    /// Factor that the data does not have.
    #[error(
        "{place}: found the factor {found:?}, expected one of {factors:?}; correct the name or remove the row"
    )]
    UnknownFactor {
        /// Place of the cell.
        place: Box<Place>,
        /// Name found.
        found: String,
        /// Names of the factors of the data.
        factors: Vec<String>,
    },
}

impl GivenError {
    /// Place that the error names.
    pub(crate) fn place(&self) -> DataPlace {
        match self {
            Self::BadValue { place, .. } | Self::UnknownFactor { place, .. } => (**place).clone().into(),
            Self::NoValues { file, .. }
            | Self::NoInstrument { file, .. }
            | Self::DatesWithinDay { file, .. }
            | Self::FactorCov { file, .. } => DataPlace::file(file),
        }
    }
}

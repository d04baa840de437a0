//! Prices and factors in Parquet files.

mod batches;
mod chunks;
mod columns;
mod content;
mod cursor;
mod dictionary;
mod error;
mod factors;
mod files;
mod half_spreads;
mod input;
mod levels;
mod merge;
mod midnights;
mod pages;
mod schema;
mod settings;
mod source;

pub use content::content_digest;
pub use error::{DataError, NamedColumn, Place};
pub(crate) use factors::LARGEST_FACTOR;
pub use half_spreads::read_half_spreads;
pub use settings::{BadRow, Input, RF_MAX, Refusal, RefusedRow, Settings, TimeIs};
pub use source::ParquetSource;

//! Prices and factors in Parquet files.

mod batches;
mod columns;
mod cursor;
mod dictionary;
mod factors;
mod files;
mod input;
mod merge;
mod schema;
mod settings;
mod source;

pub use settings::{BadRow, Input, Settings, TimeIs};
pub use source::ParquetSource;

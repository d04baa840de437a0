//! From the ledger to a run folder of Parquet tables.

mod equity;
mod folder;
mod table;
mod tables;

pub use equity::read_equity;
pub use folder::{FolderError, RunFolder};
pub use table::TableError;
pub use tables::ParquetRecorder;

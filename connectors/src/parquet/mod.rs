//! Prices and factors from Parquet files.
//!
//! ```text
//! files ─▶ plan (schema) ─▶ pages ─▶ batches ─▶ cursors ─▶ merge by time ─▶ Assembler ─▶ frames
//!                                               factor file ─▶ join ──▲
//! ```
//!
//! * `pages/` prepares pages for the decoders of the `parquet` crate.
//!   It checks footer and page headers, decompresses a page within a byte budget, and verifies its CRC-32.
//!   The values of a page must fill exactly the bytes that their number requires. Declared sizes are checked
//!   before memory is allocated. The error for damage names column, page and byte.
//! * `memory/` reads Arrow tables in memory instead of files.
//! * `levels.rs` reads wide frames with two column levels.
//!   `midnights.rs` distinguishes midnights of other time zones from closing times.
//! * A reader holds one page of each column that it reads.
//!   Files with large pages and many columns therefore need much memory. Decoded batches are bounded by
//!   bytes.
//!
//! The hold-out (`Settings::sealed_from`):
//!
//! * The data of a file ends before its first row at or after that time.
//!   The cut is made on the decoded batch, before symbols or numbers are read.
//! * After the cut, only the time column is decoded, to check that the file is sorted.
//!   Otherwise a row of the open period after the cut would be lost silently.
//! * Symbols are looked up row by row, because a dictionary also names symbols of the hold-out.
//!   A file with no row before the cut contributes no column.
//! * The order of rows outside `from` and `to` is checked too.

mod batches;
mod benchmark;
mod borrow;
mod checked;
mod chunks;
mod columns;
mod content;
mod cursor;
mod data_size;
mod dictionary;
mod error;
mod factor_tables;
mod factors;
mod file_batches;
mod files;
mod first_text;
mod given;
mod given_error;
mod groups;
mod half_spreads;
mod holdings;
mod import_files;
mod input;
mod levels;
mod membership;
mod memory;
mod merge;
mod midnights;
mod open_table;
mod pages;
mod place;
mod prepare;
mod prepared;
mod renames;
mod returns;
mod row_groups;
mod runs;
mod schema;
mod sessions;
mod settings;
mod small_table;
mod source;
mod table_rows;
mod time_order;
mod weight_bounds;

pub use benchmark::{BenchmarkFault, read_benchmark};
pub use borrow::read_borrow;
pub(crate) use checked::{CheckedBatches, CheckedFile};
pub use content::content_digest;
pub use data_size::DataSize;
pub use error::{DataError, NamedColumn};
pub(crate) use factors::LARGEST_FACTOR;
pub(crate) use files::all_files;
pub(crate) use given::{CellTime, Dates, RowSink, RowTimes};
pub use given::{DateRule, GivenKind, GivenRows};
pub use given_error::GivenError;
pub use groups::{GroupTable, read_groups};
pub use half_spreads::read_half_spreads;
pub use holdings::read_holdings;
pub use import_files::{ImportReport, import_files};
pub use membership::read_membership;
pub use memory::MemoryTable;
pub use place::{DataPlace, Place};
pub use prepare::prepare;
pub use prepared::PreparedFile;
pub use renames::read_renames;
pub use returns::{ReturnRows, ReturnTable, read_returns};
pub use sessions::read_sessions;
pub use settings::{BadRow, Input, RF_MAX, Refusal, RefusedRow, Settings, TimeIs};
pub use small_table::{SmallColumn, SmallKind, SmallTable};
pub use source::ParquetSource;
pub use weight_bounds::read_weight_bounds;

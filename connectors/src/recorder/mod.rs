//! From the ledger to a run folder of Parquet tables.

mod attribution;
mod bars;
mod betas;
mod equity;
mod findings;
mod folder;
mod numbers;
mod offline;
mod rows;
mod scenario_returns;
mod scenario_table;
mod scenarios;
mod table;
mod tables;
mod tuning;

pub use bars::write_bars;
pub use betas::{BetaPaths, InstrumentPath, Room, read_betas};
pub use equity::read_equity;
pub use findings::write_findings;
pub use folder::{FolderError, RunFolder, replace_file};
pub use numbers::{Layout, layout_of, read_named, read_numbers};
pub use offline::{ParametersTable, RollingTable, RowOf, SmoothedTable};
pub use rows::{TableRow, TableRows};
pub use scenario_returns::{ScenarioReturns, ScenarioReturnsTable, read_scenario_returns};
pub use scenario_table::{ScenarioRow, ScenariosTable, SettingValue};
pub use scenarios::{Scenarios, ScenariosError, Setting, Values, read_scenarios};
pub use table::TableError;
pub use tables::ParquetRecorder;
pub use tuning::{FoldRow, FoldsTable, OutOfSampleRow, OutOfSampleTable};

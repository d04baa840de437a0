//! Record of a run: each table is declared once, and its writers, readers, schema and documentation follow.
//!
//! | file | content |
//! |---|---|
//! | `declare` | `tables!`, which declares tables and their typed records |
//! | `column`, `field` | columns of a table; fields of a record |
//! | `trading`, `attribution`, `estimates`, `premia`, `risk`, `groups`, `membership`, `borrow`, `factors`, `signal`, `trials`, `studies`, `checks` | declarations of all tables |
//! | `table`, `rows` | Parquet writer and reader of any table |
//! | `sql` | schema, insert and select of any table in `state.db` |
//! | `recorder` | recorder of a run folder |
//! | `run_record` | typed record of a run, from a run folder or a state folder |
//! | `numbers`, `betas`, `scenarios`, `scenario_returns` | readers for reports and studies |
//! | `size` | approximate size of a table before it is written |
//! | `batches` | any table as Arrow record batches |
//! | `checksum` | checksum of a table, verified by its readers |
//! | `folder` | run folder that appears when it is complete |
//! | `syncing` | tables that go to the disk while the run continues |
//! | `documentation` | Markdown of all tables and columns |
//!
//! A new column is one line of a declaration. A new cost item is one line of `CostItem` in the engine, and the line that
//! charges it.

mod attribution;
mod batches;
mod betas;
mod checks;
mod checksum;
mod column;
mod declare;
mod documentation;
mod estimates;
mod factors;
mod field;
mod folder;
mod groups;
mod membership;
mod numbers;
mod premia;
mod recorder;
mod risk;
mod rows;
mod run_record;
mod scenario_returns;
mod scenarios;
mod signal;
mod size;
mod sql;
mod studies;
mod syncing;
mod table;
mod trading;
mod trials;

pub use attribution::{AttributionRow, ContributionRow};
pub use batches::{read_batches, read_bytes, read_schema};
pub use betas::{BetaPaths, InstrumentPath, Room, read_betas};
pub use checks::{BarRow, FindingRow, write_bars, write_findings};
pub use column::{Column, Kind, Place, Record, RunNames, Value};
pub use documentation::documentation;
pub use estimates::{BetaRow, InstrumentRow, ParametersRow, RollingRow, RowOf, SmoothedRow};
pub use factors::FactorWindowRow;
pub use field::{FillCosts, InState, SettingValue, SettingValues};
pub use folder::{FolderError, RunFolder, replace_file};
pub use groups::GroupRow;
pub use membership::MembershipRow;
pub use numbers::{Layout, layout_of, read_named, read_numbers};
pub use premia::PremiaRow;
pub use recorder::ParquetRecorder;
pub use risk::{RESIDUAL, RiskRow};
pub use rows::TableRows;
pub use run_record::{FrameRecord, FrameRows, ReadError, RunRecord, read_equity};
pub use scenario_returns::{ScenarioReturns, ScenarioReturnsTable, read_scenario_returns};
pub use scenarios::{Scenarios, ScenariosError, ScenariosTable, Setting, Values, read_scenarios};
pub use signal::SignalTableRow;
pub use size::row_bytes;
pub use sql::select;
pub use studies::{FoldRow, OutOfSampleRow, ScenarioReturnRow, ScenarioRow, ScenarioTableRow};
pub use syncing::Syncing;
pub use table::{TableError, TableWriter, file_name};
pub use trading::{BorrowRow, EquityRow, FillRow, OrderRow, SavedBetas, WeightRow};
pub use trials::{CorrelationRow, TrialRow};

pub(crate) use sql::{Insert, create};
pub(crate) use trading::{fills, orders, weights};

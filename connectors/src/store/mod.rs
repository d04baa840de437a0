//! The state of live trading in SQLite: what came in, what was decided and filled, and the state of the stages.
//!
//! | read | for |
//! |---|---|
//! | `layout` | files of a state folder and tables of its database |
//! | `folder` | state folder that a run writes: its lock, its database, the position of a restart |
//! | `writer` | the one thread that writes, in transactions as large as the disk asks for |
//! | `rows` | a frame's ledger as rows |
//! | `recorder` | the recorder of a run |
//! | `segment`, `archive` | inputs that no restart needs any more, moved into Parquet files |
//! | `input`, `inputs` | an input; the whole record of inputs, from segments and table |
//! | `view` | a state folder that is only read |
//!
//! Everything that is written is a function of the inputs. An input is on record before it acts, and a frame's outputs
//! are committed whole or not at all, so that a run that is killed at any moment goes on as if it had not been: it takes
//! the last checkpoint, and runs the inputs behind it through the same stages.
//!
//! Everything that was received is kept. Inputs before the oldest checkpoint on record move into segments, and are deleted
//! from the table once a segment has been read back: the record is segments and table together, and an input may be in both.
//!
//! Segments (`archive.rs`): at 4,096 inputs or 32 MiB of bodies, a thread of its own writes a segment aside,
//! syncs it, renames it and reads it back. The writer then deletes the rows, a few with each commit. The last
//! bars stay in the table: they tell the number of the next message. `InputReader` looks up the owner of the
//! next number for each part, so it can read beside a running move. A segment's footer has the digest of its
//! rows.
//!
//! `StateView` is a state folder that is only read. It holds the shared lock only for a moment, which a start
//! of a run outlasts.

mod archive;
mod error;
mod folder;
mod input;
mod inputs;
mod layout;
mod recorder;
mod rows;
mod segment;
mod view;
mod writer;

pub use error::StoreError;
pub use folder::{SavedCheckpoint, Start, StateFolder, Sync};
pub use input::{Input, InputKind};
pub use inputs::{InputReader, read_inputs};
pub use layout::{SCHEMA_VERSION, ruined};
pub use recorder::{InputOf, StateRecorder};
pub use view::{InputCounts, StateView};
pub use writer::{Trouble, Writer, WriterHandle, WriterWatch};

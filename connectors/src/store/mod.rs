//! State of live trading in SQLite: inputs, rebalances, fills, and the state of the stages.
//!
//! | module | content |
//! |---|---|
//! | `layout` | files of a state folder and tables of its database |
//! | `checkpoint` | recorded state of all stages, tied to the digest of its frame |
//! | `folder` | state folder of a run: lock, database, position of a restart |
//! | `disk` | seam that a simulation replaces |
//! | `frame_sums` | checksums of the rows of each frame |
//! | `writer` | the only thread that writes; transactions grow with the latency of the disk |
//! | `rows` | ledger of a frame as rows |
//! | `recorder` | recorder of a run |
//! | `segment`, `archive` | inputs that no restart needs, moved into Parquet files |
//! | `input`, `inputs` | an input; the record of all inputs, from segments and table |
//! | `view` | read-only view of a state folder |
//!
//! The whole state depends only on the inputs. An input is recorded before it is processed, and the outputs
//! of a frame are committed together. A killed run therefore resumes with the same results: it restores the
//! last checkpoint and passes the later inputs through the same stages.
//!
//! All inputs are kept. Those before the oldest recorded checkpoint move into segments, and are deleted from
//! the table once a segment has been read back. The record consists of segments and table; an input may be in
//! both.
//!
//! Segments (`archive.rs`): at 1,024 inputs or 32 MiB of bodies, a separate thread writes a segment to a
//! temporary file, syncs it, renames it and reads it back. The writer then deletes the rows, a few with each
//! commit. The last bars stay in the table: the number of the next message follows from them. `InputReader`
//! looks up the location of the next number before each chunk, so it can read during a move. A segment's
//! footer holds the digest of its rows.
//!
//! `StateView` only reads a state folder. It holds the shared lock for a moment; a starting run retries for
//! longer.

mod archive;
mod checkpoint;
mod disk;
mod error;
mod folder;
mod frame_sums;
mod input;
mod inputs;
mod layout;
mod recorder;
mod rows;
mod segment;
mod view;
mod writer;

pub use checkpoint::SavedCheckpoint;
pub use disk::{Disk, DiskStep, SystemDisk};
pub use error::StoreError;
pub use folder::{Start, StateFolder, Sync};
pub use input::{Input, InputKind};
pub use inputs::{InputReader, read_inputs};
pub use layout::{CACHE, SCHEMA_VERSION, ruined};
pub use recorder::{InputOf, StateRecorder};
pub use view::{InputCounts, StateView};
pub use writer::{Trouble, Writer, WriterHandle, WriterSettings, WriterWatch};

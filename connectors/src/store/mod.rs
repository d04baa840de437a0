//! The state of live trading in SQLite: what came in, what was decided and filled, and the state of the stages.
//!
//! | read | for |
//! |---|---|
//! | `folder` | a state folder: its lock, its schema, what a restart begins with |
//! | `writer` | the one thread that writes, in transactions as large as the disk asks for |
//! | `rows` | a frame's ledger as rows |
//! | `recorder` | the recorder of a run |
//!
//! Everything that is written is a function of the inputs. An input is on record before it acts, and a frame's outputs
//! are committed whole or not at all, so that a run that is killed at any moment goes on as if it had not been: it takes
//! the last checkpoint, and runs the inputs behind it through the same stages.

mod error;
mod folder;
mod recorder;
mod rows;
mod writer;

pub use error::StoreError;
pub use folder::{Input, InputKind, SCHEMA_VERSION, Start, StateFolder, Sync, read_inputs};
pub use recorder::StateRecorder;
pub use writer::{Trouble, Writer, WriterHandle};

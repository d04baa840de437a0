//! The inputs on record, as a feed would bring them.

use std::path::PathBuf;

use anyhow::Result;
use betaflow_connectors::live::{Control, Input, Inputs, ServerMessage};
use betaflow_connectors::store::{InputKind, InputReader, StateView};
use betaflow_engine::source::SourceError;

/// The inputs that were on record when it was made.
pub(super) struct RecordedInputs {
    database: PathBuf,
    inputs: InputReader,
    left: u64,
}

impl RecordedInputs {
    /// All of them; what is added later is left aside.
    ///
    /// # Errors
    /// They cannot be read.
    pub(super) fn new(view: &StateView) -> Result<Self> {
        let count = "SELECT coalesce(max(seq) + 1, 0) FROM inputs";
        let left = view.connection().query_row(count, [], |row| row.get(0))?;
        Ok(Self { database: view.database().to_owned(), inputs: view.inputs()?, left })
    }
}

impl Inputs for RecordedInputs {
    fn next_input(&mut self) -> Result<Option<Input>, SourceError> {
        if self.left == 0 {
            return Ok(None);
        }
        let Some(input) = self.inputs.next_input()? else { return Ok(None) };
        self.left -= 1;
        match input.kind {
            // What the source itself has to act on, such as history to warm up with, it finds in the body.
            InputKind::Control => Ok(Some(Input::Control(Control {
                kind: "on_record",
                timestamp: input.timestamp,
                body: input.body,
            }))),
            InputKind::Bars => match ServerMessage::parse(&input.body, input.seq)? {
                ServerMessage::Bars(bars) => Ok(Some(Input::Bars { bars, text: input.body })),
                _ => Err(format!(
                    "{}: found input {} that is no bars, expected bars",
                    self.database.display(),
                    input.seq
                )
                .into()),
            },
        }
    }
}

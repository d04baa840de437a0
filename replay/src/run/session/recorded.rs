//! Recorded inputs as a source of inputs.

use anyhow::Result;
use betaflow_connectors::live::{Input, Inputs};
use betaflow_connectors::store::{InputReader, StateView};
use betaflow_engine::source::SourceError;

/// Inputs that were recorded when the value was created.
pub(crate) struct RecordedInputs {
    inputs: InputReader,
    left: u64,
}

impl RecordedInputs {
    /// Opens the inputs; later ones are ignored.
    ///
    /// # Errors
    /// The inputs cannot be read.
    pub(crate) fn new(view: &StateView) -> Result<Self> {
        let count = "SELECT coalesce(max(seq) + 1, 0) FROM inputs";
        let left = view.connection().query_row(count, [], |row| row.get(0))?;
        Ok(Self { inputs: view.inputs()?, left })
    }
}

impl Inputs for RecordedInputs {
    fn next_input(&mut self) -> Result<Option<Input>, SourceError> {
        if self.left == 0 {
            return Ok(None);
        }
        let Some(input) = self.inputs.next_input()? else { return Ok(None) };
        self.left -= 1;
        Ok(Some(Input::of_record(input)))
    }
}

//! Splits from the recorded inputs, because the tables of a state folder do not hold them.

use betaflow_connectors::live::ServerMessage;
use betaflow_connectors::store::{Input, InputKind, InputReader};
use betaflow_engine::frame::Field;
use serde_json::Value;

use super::database::Database;

/// Reads splits in time order.
pub(crate) struct Splits {
    inputs: InputReader,
    /// Input that was read ahead, later than the last requested time.
    ahead: Option<Input>,
}

impl Splits {
    /// Opens the inputs; `None` if the feed has no column of splits.
    ///
    /// # Errors
    /// The inputs cannot be read.
    pub(crate) fn of(database: &Database) -> Result<Option<Self>, String> {
        let feed = database.meta("feed").map_err(|error| error.to_string())?.unwrap_or_default();
        let feed: Value = serde_json::from_str(&feed).unwrap_or_default();
        let columns = feed["columns"].as_array();
        if !columns.is_some_and(|columns| columns.iter().any(|column| column == Field::Split.names()[0])) {
            return Ok(None);
        }
        let inputs = InputReader::open(&database.path, 0).map_err(|error| error.to_string())?;
        Ok(Some(Self { inputs, ahead: None }))
    }

    /// Calls `split` with symbol and ratio of each split up to and including a time.
    ///
    /// # Errors
    /// The inputs cannot be read.
    pub(crate) fn until(&mut self, time: i64, mut split: impl FnMut(&str, f64)) -> Result<(), String> {
        loop {
            let next = match self.ahead.take() {
                Some(input) => Some(input),
                None => self.inputs.next_input().map_err(|error| error.to_string())?,
            };
            let Some(input) = next else { return Ok(()) };
            if input.kind != InputKind::Bars {
                continue;
            }
            if input.timestamp > time {
                self.ahead = Some(input);
                return Ok(());
            }
            // An input that cannot be parsed made no frame.
            let Ok(ServerMessage::Bars(bars)) = ServerMessage::parse(&input.body, input.seq) else {
                continue;
            };
            let ratios = bars.columns.iter().find(|(field, _)| *field == Field::Split);
            for (symbol, ratio) in bars.symbols.iter().zip(ratios.map_or(&[][..], |(_, ratios)| ratios)) {
                // Null and 0 mean no split; some vendors write 0.
                if *ratio > 0.0 && *ratio != 1.0 {
                    split(symbol, *ratio);
                }
            }
        }
    }
}

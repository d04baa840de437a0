//! Changes between trading and halted: their sentences, and the last one on record.

use betaflow_engine::portfolio::{Halt, LossLimits};
use betaflow_engine::time::{Iso, TimestampNs};
use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::config::halt_text;
use crate::terminal::percent;

/// Last recorded change between trading and halted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) struct LastChange {
    /// Time of the frame, nanoseconds since 1970.
    pub(in crate::commands) time: i64,
    /// Number of the frame.
    pub(in crate::commands) seq: u64,
    /// True if trading halted, false if it resumed.
    pub(in crate::commands) halted: bool,
    text: String,
}

impl LastChange {
    /// Reads the last change from the database of a state folder.
    ///
    /// # Errors
    /// An error of SQLite.
    pub(in crate::commands) fn read(connection: &Connection) -> rusqlite::Result<Option<Self>> {
        let last = "SELECT time, seq, kind, text FROM events WHERE kind IN ('halted', 'trading') AND seq IS NOT NULL \
                    ORDER BY id DESC LIMIT 1";
        let read = |row: &Row<'_>| {
            let (kind, text): (String, Option<String>) = (row.get(2)?, row.get(3)?);
            let halted = kind == "halted";
            Ok(Self { time: row.get(0)?, seq: row.get(1)?, halted, text: text.unwrap_or_default() })
        };
        connection.query_row(last, [], read).optional()
    }

    /// Time of the frame, and the reason with the remedy if trading halted.
    pub(in crate::commands) fn since(&self) -> (String, &str) {
        let time = Iso(TimestampNs(self.time)).to_string();
        let (_, reason) = self.text.split_once(BECAUSE).unwrap_or(("", &self.text));
        (time, reason)
    }
}

/// Words between a halt and its reason.
const BECAUSE: &str = "because ";

/// Remedy for a halt.
fn remedy(halt: Halt) -> &'static str {
    match halt {
        Halt::Feed => "it resumes by itself",
        Halt::DailyLoss => "it resumes on the next date",
        Halt::Drawdown => "start again with --resume-trading",
        Halt::OutOfRange => "check the data and start again with --resume-trading",
    }
}

/// Reason of a halt with its remedy.
pub(super) fn reason(halt: Halt) -> String {
    format!("{}; {}", halt_text(halt), remedy(halt))
}

/// Sentence about the start of a halt. `loss`: the loss that its limit was compared with, as a share; `detail`:
/// the value out of range.
pub(super) fn halted(
    (time, seq): (TimestampNs, u64),
    halt: Halt,
    (loss, limits): (f64, &LossLimits),
    detail: Option<String>,
) -> String {
    let compared = |name: &str, key: &str, limit: Option<f64>| {
        let limit = limit.unwrap_or_default();
        match loss > limit {
            true => format!("{name} ({}) exceeds limits.{key} ({})", percent(loss), percent(limit)),
            // The value has recovered since the frame that exceeded the limit.
            false => format!("{name} exceeded limits.{key} ({})", percent(limit)),
        }
    };
    let reason = match halt {
        Halt::DailyLoss => compared("the loss of the date", "daily_loss_max", limits.daily_loss_max),
        Halt::Drawdown => compared("the drawdown", "drawdown_max", limits.drawdown_max),
        Halt::Feed | Halt::OutOfRange => halt_text(halt).to_owned(),
    };
    let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{}, frame {seq}: trading halted, {BECAUSE}{reason}{detail}; {}", Iso(time), remedy(halt))
}

/// Sentence about the end of a halt.
pub(super) fn resumed((time, seq): (TimestampNs, u64)) -> String {
    format!("{}, frame {seq}: trading resumed", Iso(time))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn sentence_of_a_halt_has_date_frame_loss_limit_and_remedy() {
        let at = (TimestampNs(18_680 * betaflow_engine::time::DAY_NS), 286);
        let limits = LossLimits { daily_loss_max: Some(0.01), drawdown_max: Some(0.05) };
        let text = halted(at, Halt::DailyLoss, (0.012, &limits), None);
        let expected = "2021-02-22, frame 286: trading halted, because the loss of the date (1.20 %) exceeds \
                        limits.daily_loss_max (1.00 %); it resumes on the next date";
        assert_eq!(text, expected);
        let text = halted(at, Halt::Drawdown, (0.051, &limits), None);
        assert!(text.contains("(5.10 %)") && text.ends_with("start again with --resume-trading"), "{text}");
        // The loss has recovered before the rebalance.
        let text = halted(at, Halt::DailyLoss, (0.009, &limits), None);
        assert!(text.contains("exceeded limits.daily_loss_max") && !text.contains("0.90"), "{text}");
    }

    #[test]
    fn last_change_is_the_latest_event_of_a_frame() {
        let connection = Connection::open_in_memory().unwrap();
        let table =
            "CREATE TABLE events(id INTEGER PRIMARY KEY, time INTEGER, seq INTEGER, kind TEXT, text TEXT)";
        connection.execute_batch(table).unwrap();
        assert_eq!(LastChange::read(&connection).unwrap(), None);
        let rows = "INSERT INTO events(time, seq, kind, text) VALUES \
                    (1, 5, 'trading', 'resumed'), \
                    (0, 6, 'halted', '1970-01-01, frame 6: trading halted, because of a test'), \
                    (9, 7, 'gap', 'lost')";
        connection.execute_batch(rows).unwrap();
        let last = LastChange::read(&connection).unwrap().unwrap();
        assert!(last.halted && last.seq == 6);
        assert_eq!(last.since(), ("1970-01-01".to_owned(), "of a test"));
    }
}

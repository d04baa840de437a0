//! Betas of one instrument over time.

use rusqlite::{Connection, params};
use serde::Serialize;

/// Maximum frames read, and maximum frames returned after thinning.
const FRAMES_READ: i64 = 1_500;
const FRAMES_SHOWN: usize = 500;

/// Means and standard deviations of all coefficients, oldest frame first.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Betas {
    symbol: String,
    seq: Vec<i64>,
    timestamp: Vec<i64>,
    coefficients: Vec<Coefficient>,
}

/// One coefficient; `None` in frames without a value.
#[derive(Debug, Serialize)]
struct Coefficient {
    name: String,
    mean: Vec<Option<f64>>,
    sd: Vec<Option<f64>>,
}

impl Betas {
    /// Reads the betas of an instrument; `None` if it has none.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn read(connection: &Connection, symbol: &str) -> rusqlite::Result<Option<Self>> {
        let sql =
            "SELECT seq, timestamp, coefficients FROM betas WHERE symbol = ?1 ORDER BY seq DESC LIMIT ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![symbol, FRAMES_READ], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
        })?;
        let newest_first = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        if newest_first.is_empty() {
            return Ok(None);
        }
        let stride = newest_first.len().div_ceil(FRAMES_SHOWN);
        // Thin from the newest frame, so that it is always included.
        let shown: Vec<_> = newest_first.into_iter().step_by(stride).collect();
        let mut betas = Self { symbol: symbol.to_owned(), ..Self::default() };
        for (seq, timestamp, coefficients) in shown.into_iter().rev() {
            betas.push(seq, timestamp, &coefficients);
        }
        Ok(Some(betas))
    }

    fn push(&mut self, seq: i64, timestamp: i64, coefficients: &str) {
        let frames = self.seq.len();
        self.seq.push(seq);
        self.timestamp.push(timestamp);
        // Coefficients that cannot be parsed leave a gap in the lines.
        let row: Vec<(String, Option<f64>, Option<f64>)> =
            serde_json::from_str(coefficients).unwrap_or_default();
        for (name, mean, sd) in row {
            let known = self.coefficients.iter().position(|coefficient| coefficient.name == name);
            let at = known.unwrap_or_else(|| {
                let empty = vec![None; frames];
                self.coefficients.push(Coefficient { name, mean: empty.clone(), sd: empty });
                self.coefficients.len() - 1
            });
            let coefficient = &mut self.coefficients[at];
            if coefficient.mean.len() == frames {
                coefficient.mean.push(mean);
                coefficient.sd.push(sd);
            }
        }
        for coefficient in &mut self.coefficients {
            coefficient.mean.resize(frames + 1, None);
            coefficient.sd.resize(frames + 1, None);
        }
    }
}

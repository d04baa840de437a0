//! Which instruments are drawn.

use anyhow::{Result, bail};
use betaflow_connectors::hint;
use serde_json::Value;

/// Instruments drawn where none are asked for: those with the most forecasts, and beside them as many at most
/// that are in alarm.
const USUAL: usize = 4;
/// Most instruments that can be asked for.
const ASKED_MAX: usize = 20;

/// An instrument of the summary.
#[derive(Clone, Copy)]
pub(super) struct Instrument<'a> {
    pub(super) symbol: &'a str,
    pub(super) alarm: Option<&'a str>,
    /// All that the summary says of it.
    pub(super) facts: &'a Value,
}

impl Instrument<'_> {
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.facts[name].as_f64()
    }

    pub(super) fn forecasts(&self) -> u64 {
        self.facts["forecasts"].as_u64().unwrap_or_default()
    }
}

/// The instruments of a summary, in engine order.
pub(super) fn instruments<'a>(summary: &'a Value) -> Vec<Instrument<'a>> {
    let all = summary["estimator"]["instruments"].as_array();
    let instrument = |facts: &'a Value| {
        let text = |name: &str| facts[name].as_str();
        Instrument { symbol: text("symbol").unwrap_or_default(), alarm: text("alarm"), facts }
    };
    all.into_iter().flatten().map(instrument).collect()
}

/// Those asked for, in that order, or else a few: those with the most forecasts (ties in engine order), then
/// those in alarm (longest first).
pub(super) fn choose<'a>(asked: &[String], all: &[Instrument<'a>]) -> Result<Vec<Instrument<'a>>> {
    if asked.is_empty() {
        return Ok(usual(all));
    }
    let mut chosen: Vec<Instrument<'a>> = Vec::new();
    for symbol in asked {
        match all.iter().find(|instrument| instrument.symbol == symbol) {
            None => bail!(
                "--plot: found `{symbol}`, expected one of the {} instruments that were estimated{}; nothing is left of \
                 this run",
                all.len(),
                hint(symbol, all.iter().map(|instrument| instrument.symbol))
            ),
            Some(known) if !chosen.iter().any(|other| other.symbol == known.symbol) => chosen.push(*known),
            Some(_) => {}
        }
    }
    if chosen.len() > ASKED_MAX {
        bail!(
            "--plot: found {} symbols, expected at most {ASKED_MAX}: a plot of more cannot be read, \
             betas.parquet has them all; nothing is left of this run",
            chosen.len()
        );
    }
    Ok(chosen)
}

fn usual<'a>(all: &[Instrument<'a>]) -> Vec<Instrument<'a>> {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(all[*at].forecasts()));
    let rest = order.split_off(USUAL.min(order.len()));
    let mut alarmed: Vec<usize> = rest.into_iter().filter(|at| all[*at].alarm.is_some()).collect();
    let share = |at: usize| all[at].number("share_in_alarm").unwrap_or_default();
    alarmed.sort_by(|a, b| share(*b).total_cmp(&share(*a)).then(a.cmp(b)));
    order.extend(alarmed.into_iter().take(USUAL));
    order.into_iter().map(|at| all[at]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chosen(asked: &[&str], facts: &[(&str, u64, Option<f64>)]) -> Result<String> {
        let all: Vec<Value> = facts
            .iter()
            .map(|(symbol, forecasts, alarm)| {
                json!({
                    "symbol": symbol,
                    "forecasts": forecasts,
                    "share_in_alarm": alarm,
                    "alarm": alarm.map(|_| "too_wide"),
                })
            })
            .collect();
        let summary = json!({"estimator": {"instruments": all}});
        let asked: Vec<String> = asked.iter().map(|symbol| (*symbol).to_owned()).collect();
        let chosen = choose(&asked, &instruments(&summary))?;
        Ok(chosen.iter().map(|instrument| instrument.symbol).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn the_most_forecasts_come_first_and_alarms_after_them() {
        let calm: Vec<_> = ["A", "B", "C", "D", "E", "F"].map(|name| (name, 7, None)).to_vec();
        assert_eq!(chosen(&[], &calm).unwrap(), "A B C D");
        let mut facts = calm;
        facts[5].1 = 9;
        facts[3].2 = Some(0.1);
        facts[4].2 = Some(0.3);
        assert_eq!(chosen(&[], &facts).unwrap(), "F A B C E D");
        assert_eq!(chosen(&[], &facts[..2]).unwrap(), "A B");
        assert_eq!(chosen(&[], &[]).unwrap(), "");
    }

    #[test]
    fn symbols_asked_for_are_taken_in_their_order_and_an_unknown_one_is_named() {
        let facts = [("AAPL", 1, None), ("MSFT", 1, None)];
        assert_eq!(chosen(&["MSFT", "AAPL", "MSFT"], &facts).unwrap(), "MSFT AAPL");
        let error = chosen(&["AAPL", "mfst"], &facts).unwrap_err().to_string();
        assert!(error.contains("`mfst`") && error.contains("did you mean `MSFT`?"), "{error}");
    }
}

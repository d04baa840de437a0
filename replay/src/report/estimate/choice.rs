//! Choice of the instruments that are drawn.

use anyhow::{Result, bail};
use betaflow_connectors::hint;

use crate::summary::InstrumentSummary;

/// Instruments drawn without `--plot`: those with the most forecasts, and at most as many in alarm.
const USUAL: usize = 4;
/// Maximum instruments of `--plot`.
const ASKED_MAX: usize = 20;

/// Returns the instruments of `--plot` in its order. Without it, those with the most forecasts (ties in engine order),
/// then those in alarm (longest first).
pub(super) fn choose<'a>(
    asked: &[String],
    all: &'a [InstrumentSummary],
) -> Result<Vec<&'a InstrumentSummary>> {
    if asked.is_empty() {
        return Ok(usual(all));
    }
    let mut chosen: Vec<&'a InstrumentSummary> = Vec::new();
    for symbol in asked {
        match all.iter().find(|instrument| instrument.symbol == *symbol) {
            None => bail!(
                "--plot: found `{symbol}`, expected one of the {} estimated instruments{}; no run folder was written",
                all.len(),
                hint(symbol, all.iter().map(|instrument| instrument.symbol.as_str()))
            ),
            Some(known) if !chosen.iter().any(|other| other.symbol == known.symbol) => chosen.push(known),
            Some(_) => {}
        }
    }
    if chosen.len() > ASKED_MAX {
        bail!(
            "--plot: found {} symbols, expected at most {ASKED_MAX}; no run folder was written. betas.parquet of a run \
             without --plot has all instruments",
            chosen.len()
        );
    }
    Ok(chosen)
}

fn usual(all: &[InstrumentSummary]) -> Vec<&InstrumentSummary> {
    let facts = |at: usize| &all[at].calibration.facts;
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(facts(*at).forecasts));
    let rest = order.split_off(USUAL.min(order.len()));
    let mut alarmed: Vec<usize> = rest.into_iter().filter(|at| facts(*at).alarm.is_some()).collect();
    let share = |at: usize| facts(at).share_in_alarm.unwrap_or_default();
    alarmed.sort_by(|a, b| share(*b).total_cmp(&share(*a)).then(a.cmp(b)));
    order.extend(alarmed.into_iter().take(USUAL));
    order.into_iter().map(|at| &all[at]).collect()
}

#[cfg(test)]
mod tests {
    use betaflow_engine::model::{Alarm, CalibrationFacts};

    use super::*;
    use crate::summary::Calibration;

    fn chosen(asked: &[&str], facts: &[(&str, u64, Option<f64>)]) -> Result<String> {
        let all: Vec<InstrumentSummary> = facts
            .iter()
            .map(|(symbol, forecasts, share_in_alarm)| {
                let facts = CalibrationFacts {
                    forecasts: *forecasts,
                    share_in_alarm: *share_in_alarm,
                    alarm: share_in_alarm.map(|_| Alarm::TooWide),
                    ..CalibrationFacts::default()
                };
                InstrumentSummary { symbol: (*symbol).to_owned(), calibration: Calibration { facts } }
            })
            .collect();
        let asked: Vec<String> = asked.iter().map(|symbol| (*symbol).to_owned()).collect();
        let chosen = choose(&asked, &all)?;
        Ok(chosen.iter().map(|instrument| instrument.symbol.as_str()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn instruments_with_most_forecasts_precede_those_in_alarm() {
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
    fn requested_symbols_keep_their_order_and_an_unknown_one_is_an_error() {
        let facts = [("AAPL", 1, None), ("MSFT", 1, None)];
        assert_eq!(chosen(&["MSFT", "AAPL", "MSFT"], &facts).unwrap(), "MSFT AAPL");
        let error = chosen(&["AAPL", "mfst"], &facts).unwrap_err().to_string();
        assert!(error.contains("`mfst`") && error.contains("did you mean `MSFT`?"), "{error}");
    }
}

//! Text of the engine's warnings about data and estimates.

use betaflow_engine::time::Iso;
use betaflow_engine::warning::{BarDifference, Example, FramesOfDate, Problem, UniverseRule, Warning};

use super::problem::{problem_meaning, problem_remedy};
use super::{Rendered, sentence};
use crate::terminal::{counted, grouped};

impl From<&Warning> for Rendered {
    fn from(warning: &Warning) -> Self {
        Self { code: warning.code(), text: text(warning) }
    }
}

fn text(warning: &Warning) -> String {
    match warning {
        Warning::FramesPerDay { stated, found } => frames_per_day(*stated, *found),
        Warning::DaysPerYear { stated, found } => format!(
            "The data has {found:.0} dates a year, but data.days_per_year = {stated}. Annualised figures scale with it: set it \
             to the trading days of a year."
        ),
        Warning::DataQuality { problem, findings, worst } => data_quality(*problem, *findings, worst),
        Warning::FactorQuality { detail, .. } => sentence(detail),
        Warning::HedgedR2Negative { hedged_r2, factors } => format!(
            "Hedged R² is {hedged_r2:.3}, below 0: hedging with the factors {} adds variance instead of removing it. Check that \
             factors and prices have the same days and units, and check the settings of the estimator.",
            factors.join(", ")
        ),
        Warning::ForecastContainsReturn { column, correlation, error } => format!(
            "{} may contain the return that {} forecasts: the mean rank correlation with the next bar is {correlation:.2}{}, and honest forecasts of the next bar seldom exceed 0.05. Check that no row uses data after its stamp.",
            if column == "signal" {
                "Your file".to_owned()
            } else {
                format!("The column `{column}` of the risk model")
            },
            if column == "signal" { "it" } else { "the model" },
            match correlation / error {
                errors if errors.is_finite() => format!(", {errors:.0} standard errors from 0"),
                _ => " on every date".to_owned(),
            }
        ),
        Warning::InstrumentNotInData { rule, symbol, nearest } => {
            let hint = nearest.as_ref().map(|name| format!(" Did you mean `{name}`?"));
            let table = if *rule == UniverseRule::Renames { "data" } else { "universe" };
            format!(
                "{table}.{} names `{symbol}`, which is not in the data.{}",
                rule.name(),
                hint.unwrap_or_default()
            )
        }
        Warning::FactorInstrumentEnded { instrument, from } => format!(
            "Frames from {} on are left out: `{instrument}`, which a factor uses, has no price there.",
            Iso(*from)
        ),
        Warning::EmptyTimestamps { count } => {
            format!("Left out: {} without a price of the universe.", counted(*count, "timestamp"))
        }
        Warning::Imported { file, facts } => format!("Read {file} as: {facts}."),
        Warning::RowsSkipped { count } => {
            format!("Skipped: {} (data.on_bad_row = \"skip\").", counted(*count, "bad row"))
        }
        Warning::FramesWithoutFactors { count, after_last: true } => {
            format!("Left out: {} before the first or after the last factor row.", counted(*count, "frame"))
        }
        Warning::FramesWithoutFactors { count, after_last: false } => {
            format!("Left out: {} before the first factor row.", counted(*count, "frame"))
        }
        Warning::RfLarge { source, time, found, annual, annual_max } => format!(
            "{source}: `rf` is {found} at {}, which is {:.0} % a year; expected at most {:.0} % a year, as a decimal return per \
             row. If the column is an annual rate or in percent, divide it by the rows of a year or by 100.",
            Iso(*time),
            100.0 * annual,
            100.0 * annual_max
        ),
        Warning::InputSkipped { number, reason } => {
            format!(
                "Recorded input {number} is skipped, and so is each other input that this version rejects: {reason}"
            )
        }
        Warning::InstrumentsWithoutGroup { count, first } => format!(
            "The file universe.groups does not name {}: {}{}. They have no group: the factors in [factors] that are made of \
             groups do not hedge them.",
            counted(*count, "instrument"),
            first.join(", "),
            if *count > first.len() as u64 { ", …" } else { "" }
        ),
        Warning::FeedEndedEarly { reason } => format!("The feed ended early: {reason}"),
        Warning::MessagesBeforeHistoryEnd { count } => {
            format!(
                "Skipped: {} of the feed, because the history has the frames.",
                counted(*count, "message")
            )
        }
        Warning::HistoryStampedByOpen { join: [end, begin], shifted } => format!(
            "History ends at {} and the first bars of the feed after it close at {}. {shifted} bars of the feed are one bar \
             earlier in the history: it is stamped by the open of its bars, so these bars count twice. Begin a new state folder \
             with data.time_is = \"open\" and data.bar = the length of a bar.",
            Iso(*end),
            Iso(*begin)
        ),
        Warning::HistoryDiffers { join: [end, begin], differing, compared, first } => format!(
            "History ends at {} and the first bars of the feed after it close at {}. {differing} of the {compared} bars that \
             both have differ{}. Compare time zone, bar length and source of the history with those of the feed.",
            Iso(*end),
            Iso(*begin),
            first.as_ref().map(difference).unwrap_or_default()
        ),
    }
}

fn frames_per_day(stated: u32, found: FramesOfDate) -> String {
    let reason = "Warm-up, discounts and annualisation count days of that many frames:";
    match found {
        FramesOfDate::AtLeast(found) => format!(
            "The data has at least {found} frames a date, but data.frames_per_day = {stated}. {reason} set it to the frames of a \
             whole date."
        ),
        FramesOfDate::Mean(found) => format!(
            "The data has {found:.1} frames a date, but data.frames_per_day = {stated}. {reason} set it to {found:.0}."
        ),
    }
}

fn data_quality(problem: Problem, findings: u64, worst: &[Example]) -> String {
    let examples = match problem.is_about_series() {
        true => worst.iter().map(|example| example.detail.as_str()).collect::<Vec<_>>().join("; "),
        false => worst.first().map_or_else(String::new, |example| {
            format!("such as {} on {}: {}", example.symbol, Iso(example.timestamp), example.detail)
        }),
    };
    let symbols: Vec<&str> = worst.iter().map(|example| &*example.symbol).collect();
    let remedy = problem_remedy(problem, &symbols, findings)
        .map_or_else(String::new, |remedy| format!(" {}", sentence(&remedy)));
    format!(
        "{} {}, {examples}.{remedy} `betaflow check FILE --out FINDINGS.parquet` lists all.",
        grouped(findings as f64),
        problem_meaning(problem, findings)
    )
}

fn difference(difference: &BarDifference) -> String {
    let BarDifference { column, symbol, time, history, feed } = difference;
    let time = Iso(*time);
    format!(", first `{column}` of `{symbol}` at {time}: {history} in the history, {feed} in the feed")
}

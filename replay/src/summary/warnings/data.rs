//! Text of the engine's warnings about data and estimates.

use betaflow_engine::time::Iso;
use betaflow_engine::warning::{BarDifference, Example, FramesOfDate, Problem, Warning};

use super::Rendered;
use super::problem::{problem_meaning, problem_remedy};

impl From<&Warning> for Rendered {
    fn from(warning: &Warning) -> Self {
        Self { code: warning.code(), text: text(warning) }
    }
}

fn text(warning: &Warning) -> String {
    match warning {
        Warning::FramesPerDay { stated, found } => frames_per_day(*stated, *found),
        Warning::DaysPerYear { stated, found } => format!(
            "dates a year: found {found:.0}, expected data.days_per_year = {stated}; annualised figures scale with it: set \
             it to the trading days of a year"
        ),
        Warning::DataQuality { problem, findings, worst } => data_quality(*problem, *findings, worst),
        Warning::FactorQuality { detail, .. } => detail.clone(),
        Warning::HedgedR2Negative { hedged_r2, factors } => format!(
            "hedged R² {hedged_r2:.3}, expected at least 0: returns less the part explained by the factors {} vary more \
             than the returns themselves; check that factors and prices have the same days and the same unit, and the \
             settings of the estimator",
            factors.join(", ")
        ),
        Warning::InstrumentNotInData { rule, symbol, nearest } => {
            let hint = nearest.as_ref().map(|name| format!(" (did you mean `{name}`?)"));
            format!(
                "universe.{} names `{symbol}`, which no row of the data has{}",
                rule.name(),
                hint.unwrap_or_default()
            )
        }
        Warning::FactorInstrumentEnded { instrument, from } => format!(
            "frames from {} on are left out: `{instrument}`, which a factor needs, has no price any more",
            Iso(*from)
        ),
        Warning::EmptyTimestamps { count } => {
            format!("{count} timestamps without any price of the universe are left out")
        }
        Warning::RowsSkipped { count } => {
            format!("{count} bad rows were skipped (data.on_bad_row = \"skip\")")
        }
        Warning::FramesWithoutFactors { count, after_last: true } => {
            format!("{count} frames before the first or after the last factor row are left out")
        }
        Warning::FramesWithoutFactors { count, after_last: false } => {
            format!("{count} frames before the first factor row are left out")
        }
        Warning::RfLarge { source, time, found, annual, annual_max } => format!(
            "{source}: found `rf` {found} at {}, {:.0} % a year, expected at most {:.0} % a year: a return per row as a \
             decimal; if the column is an annual rate or in percent, divide it by the rows of a year or by 100",
            Iso(*time),
            100.0 * annual,
            100.0 * annual_max
        ),
        Warning::InputSkipped { number, reason } => {
            format!(
                "input {number} on record is skipped, as is every other that this version refuses: {reason}"
            )
        }
        Warning::FeedEndedEarly { reason } => format!("the feed ended early: {reason}"),
        Warning::MessagesBeforeHistoryEnd { count } => {
            format!("{count} messages of the feed were skipped: history has their frames")
        }
        Warning::HistoryStampedByOpen { join: [end, begin], shifted } => format!(
            "history ends at {} and the first bars of the feed after it close at {}: {shifted} bars of the feed are one bar \
             earlier in history, so history is stamped by the open of its bars and they count twice; begin a new state \
             folder with data.time_is = \"open\" and data.bar = the length of a bar",
            Iso(*end),
            Iso(*begin)
        ),
        Warning::HistoryDiffers { join: [end, begin], differing, compared, first } => format!(
            "history ends at {} and the first bars of the feed after it close at {}: {differing} of {compared} bars in both \
             differ{}; compare time zone, length of a bar and source of the history with those of the feed",
            Iso(*end),
            Iso(*begin),
            first.as_ref().map(difference).unwrap_or_default()
        ),
    }
}

fn frames_per_day(stated: u32, found: FramesOfDate) -> String {
    let consequence = "warm-up, discounts and annualisation count in days of that many frames";
    match found {
        FramesOfDate::AtLeast(found) => format!(
            "frames a date: found at least {found}, expected data.frames_per_day = {stated}; {consequence}: set it to the \
             frames of a whole date"
        ),
        FramesOfDate::Mean(found) => format!(
            "frames a date: found {found:.1}, expected data.frames_per_day = {stated}; {consequence}: set it to {found:.0}"
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
    let remedy = problem_remedy(problem).map_or_else(String::new, |remedy| format!("; {remedy}"));
    format!("{findings} {}, {examples}{remedy} (`betaflow check` lists them)", problem_meaning(problem))
}

fn difference(difference: &BarDifference) -> String {
    let BarDifference { column, symbol, time, history, feed } = difference;
    let time = Iso(*time);
    format!(", the first one: `{column}` of `{symbol}` at {time}, history {history}, feed {feed}")
}

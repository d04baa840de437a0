//! Help on data and settings, shared by many commands.

use std::fmt::Write as _;

use betaflow_engine::settings::Kind;

use super::{STRATEGY_KIND, TABLES, find, strategy_kinds};

const DATA: &str = "\
Prices (PATH is a Parquet or CSV file, or a folder of files):
  tidy   a long DataFrame, df.to_parquet(PATH, index=False): a time column
         (date, datetime, timestamp, ts or time), a column symbol or ticker,
         and a column close; upper or lower case
  wide   a time column and one column of closes for each symbol; or two column
         levels as from yfinance: open, high, low, close, volume by ticker
  A missing price (null) means that the instrument did not trade.
  Columns dividend (cash a share) and split (new shares for one) are booked.
  open, high, low, volume, bid and ask are read if a setting needs them.
  Other names of columns: --set data.price=adj_close, data.time, data.symbol

Factors: a time column and one column of simple returns for each factor (0.01
  is one percent). A column rf is the risk-free return. Or make factors from
  instruments of the prices, in the configuration:
      [factors]
      mkt = \"SPX\"
      mom = \"MTUM - SPX\"
  or with --set 'factors.mom=0.5*MTUM - 0.5*SPX'. Instruments of factors are
  not traded, unless universe.trade names them.

The benchmark holds equal weights, rebalances every 21 days over the
instruments that trade on the day, and has the same costs. With
benchmark.kind it is an instrument, a factor or a file of returns or weights.
Turnover is counted by UTC date.
";

/// Settings in the help, by their dotted names.
const SETTINGS: [&str; 18] = [
    "estimator.kind",
    "estimator.warmup",
    "strategy.kind",
    "sizing.kelly_fraction",
    "sizing.turnover_cap",
    "sizing.weight_max",
    "sizing.weight_min",
    "sizing.gross_max",
    "sizing.rebalance_every",
    "execution.commission_bps",
    "execution.half_spread_bps",
    "execution.impact_coefficient",
    "execution.fill_at",
    "data.frames_per_day",
    "data.days_per_year",
    "data.return_price",
    "holdout.from",
    "record.betas",
];

const EXAMPLES: &str = "
Examples:
  betaflow replay
  betaflow replay --prices prices.parquet --factors ff5.parquet --out runs/a
  betaflow replay --set sizing.turnover_cap=0.02 --from 2018-01-01

The embedded prices are from the Python package skfolio, BSD-3-Clause,
copyright 2023-2026 The skfolio developers.";

/// Width of a line.
const WIDTH: usize = 80;
/// Column at which descriptions begin.
const INDENT: usize = 34;

/// Help on the form of the data, and the most important settings with their defaults.
pub(crate) fn settings_help() -> String {
    let mut text = DATA.to_owned();
    text += "\nSome settings, with their defaults:\n";
    for name in SETTINGS {
        text += &line(name).unwrap_or_default();
    }
    text += "All settings: `betaflow schema --markdown`, or replay/docs/settings.md. run.toml\n\
             in a run folder has every value of the run, each with its description.\n";
    text + EXAMPLES
}

/// Name, default, first clause of the description and accepted words of a setting, on one or more lines.
fn line(name: &str) -> Option<String> {
    let (table, key) = name.split_once('.')?;
    let setting = find(table, key, "")?;
    let defaults = TABLES.iter().find(|other| other.name == table).map(|table| (table.defaults)())?;
    let default = defaults.get(key).map_or("(unset)".to_owned(), |value| match value.as_str() {
        Some(word) => word.to_owned(),
        None => value.to_string(),
    });
    let about = setting.about();
    let about = about.split([':', ';']).next().unwrap_or_default().trim_end_matches('.');
    let note = match setting.kind {
        Kind::Choice(words) => words.iter().map(|word| word.name).collect::<Vec<_>>().join(", "),
        _ if setting.key == STRATEGY_KIND.key => strategy_kinds().join(", "),
        _ => setting.unit.to_owned(),
    };
    let about = if note.is_empty() { about.to_owned() } else { format!("{about} ({note})") };
    let mut text = format!("  {:1$}", format!("{name}={default}"), INDENT - 3);
    let mut column = text.chars().count();
    for word in about.split(' ') {
        if column + 1 + word.chars().count() > WIDTH {
            let _ = write!(text, "\n{:1$}", "", INDENT - 1);
            column = INDENT - 1;
        }
        let _ = write!(text, " {word}");
        column += 1 + word.chars().count();
    }
    Some(text + "\n")
}

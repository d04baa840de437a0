//! Remedies for errors: settings, flags and commands for the typed errors of engine and connectors.

use std::error::Error;
use std::fmt;

use betaflow_connectors::record::FolderError;
use betaflow_connectors::store::StoreError;
use betaflow_connectors::{DataError, NamedColumn, hint};
use betaflow_engine::assembly::AssemblyError;
use betaflow_engine::execution::{ExecutionSettings, Need, OpeningError};
use betaflow_engine::frame::Field;
use betaflow_engine::model::EstimatorSettings;
use betaflow_engine::pipeline::ResumeError;
use betaflow_engine::portfolio::SizingSettings;
use betaflow_engine::range::OutOfRange;
use betaflow_engine::settings::{Invalid, Setting, SettingsTable};
use betaflow_engine::source::SourceError;
use betaflow_engine::world::{PathChange, WorldError, WorldSettings};
use serde::Serialize;

use crate::terminal;

const CARRY: &str = "or set data.factor_gap = \"carry\" to keep the estimates unchanged on such frames";

/// Error of a source as a cause that keeps its type in the chain.
#[derive(Debug)]
struct SourceCause(SourceError);

impl fmt::Display for SourceCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for SourceCause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// Converts an error of a source. `anyhow::Error::from_boxed` would hide its type from [`remedy`].
pub(crate) fn source_error(error: SourceError) -> anyhow::Error {
    anyhow::Error::new(SourceCause(error))
}

/// Returns the chain of causes on one line, each cause once, and the remedy at the end.
pub(crate) fn error_text(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause_text(cause);
        // Skip a cause whose text the error repeats.
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    let text = match error.chain().find_map(remedy) {
        Some(remedy) if remedy.starts_with("or ") => format!("{text}, {remedy}"),
        Some(remedy) => format!("{text}; {remedy}"),
        None => text,
    };
    terminal::short(&text)
}

/// Text of one error. The engine names a setting by its field; the table is added here.
fn cause_text(error: &(dyn Error + 'static)) -> String {
    match invalid(error) {
        Some(Invalid { key, found, expected }) => {
            let table = table_of(key).map_or_else(String::new, |table| format!("{table}."));
            format!("`{table}{key}`: found {found}, expected {expected}")
        }
        None => error.to_string(),
    }
}

fn invalid<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Invalid> {
    match error.downcast_ref() {
        Some(ResumeError::Invalid(invalid)) => Some(invalid),
        _ => error.downcast_ref(),
    }
}

/// Table of the configuration with the key of an engine setting.
fn table_of(key: &str) -> Option<&'static str> {
    let tables = [
        (EstimatorSettings::TABLE, EstimatorSettings::SETTINGS),
        (SizingSettings::TABLE, SizingSettings::SETTINGS),
        (ExecutionSettings::TABLE, ExecutionSettings::SETTINGS),
        (WorldSettings::TABLE, WorldSettings::SETTINGS),
    ];
    let has_key = |(_, settings): &(_, &[Setting])| settings.iter().any(|setting| setting.key == key);
    tables.into_iter().find(has_key).map(|(table, _)| table)
}

/// Remedy for one error, as a clause.
fn remedy(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(invalid) = invalid(error) {
        return of_setting(invalid).map(str::to_owned);
    }
    if let Some(error) = error.downcast_ref::<DataError>() {
        return of_data(error);
    }
    if let Some(error) = error.downcast_ref::<AssemblyError>() {
        return Some(of_assembly(error)?.to_owned());
    }
    if let Some(error) = error.downcast_ref::<WorldError>() {
        return Some(of_world(error).to_owned());
    }
    if let Some(error) = error.downcast_ref::<FolderError>() {
        return Some(of_folder(error)?.to_owned());
    }
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return Some(of_store(error)?.to_owned());
    }
    if let Some(error) = error.downcast_ref::<OpeningError>() {
        return Some(of_opening(error));
    }
    error.downcast_ref::<OutOfRange>().map(|_| {
        "correct or remove the prices and factors of this bar or of the bars before it (`betaflow check` finds them), or \
         choose less extreme settings"
            .to_owned()
    })
}

fn of_opening(error: &OpeningError) -> String {
    match error {
        OpeningError::NoPrice { symbol, known, .. } => format!(
            "correct or remove its row in `execution.holdings`{}, add it to the prices and to [universe], or start later \
             (`data.trade_from`)",
            hint(symbol, known.iter().map(|name| &**name))
        ),
        OpeningError::NotPositive { .. } => {
            "correct the quantities or the cash, the row without a symbol, in `execution.holdings`".to_owned()
        }
    }
}

/// Remedy for a setting.
pub(super) fn of_setting(invalid: &Invalid) -> Option<&'static str> {
    match (invalid.key, invalid.found.as_str()) {
        ("factors", _) => {
            Some("choose fewer columns of the factor file, or make factors from instruments ([factors])")
        }
        ("transition_variance" | "observation_variance", "nothing") => {
            Some("`betaflow estimate --em 50` estimates it")
        }
        _ => None,
    }
}

fn of_data(error: &DataError) -> Option<String> {
    let remedy = match error {
        DataError::MissingColumn { nearest, need, named, .. } => {
            let name = nearest.as_deref().unwrap_or("NAME");
            let named = named.map(|named| format!("or name it with --set '{}=\"{name}\"'", key_of(named)));
            return match (named, need.map(setting_of)) {
                (Some(named), Some(setting)) => Some(format!("{named}; {setting} needs it")),
                (None, Some(setting)) => Some(format!("{setting} needs it")),
                (named, None) => named,
            };
        }
        DataError::WideBars { need, .. } => return Some(format!("{} needs it", setting_of(*need))),
        DataError::BadRiskFree { max, .. } => {
            return Some(format!("data.rf_max (per year, {max}) accepts more"));
        }
        DataError::NotFinite { field, .. } => {
            return Some(format!("or leave the column out with data.{} = \"none\"", field.names()[0]));
        }
        DataError::FactorGap { zone: None, .. } => CARRY,
        DataError::Unsorted { .. } => "or sort it with `betaflow import FILE --out SORTED.parquet`",
        DataError::Rules(source) | DataError::Assembly { source, .. } => {
            return Some(of_assembly(source)?.to_owned());
        }
        DataError::Ambiguous { .. } => "name the column in [data]",
        DataError::Duplicate { .. } => "or set data.on_bad_row = \"skip\" to keep the first",
        DataError::BadValue { .. } => "or set data.on_bad_row = \"skip\"",
        DataError::NothingInRange { .. } => "change data.from and data.to",
        DataError::NothingBeforeSeal { .. } => "choose a later date for holdout.from, or give more data",
        DataError::FactorsOfDays { .. } => "or make factors from instruments ([factors])",
        DataError::NoOverlap { .. } => "check the dates of both files, data.from and data.to",
        DataError::FactorsTwice => "set factors either by data.factors (--factors) or by the table [factors]",
        _ => return None,
    };
    Some(remedy.to_owned())
}

fn of_assembly(error: &AssemblyError) -> Option<&'static str> {
    match error {
        AssemblyError::FactorGap { .. } => Some(CARRY),
        AssemblyError::FactorsNeverComplete { .. } => Some("check [factors], data.from and data.to"),
        AssemblyError::IndexOutOfRange { .. }
        | AssemblyError::RenamedToListed(_)
        | AssemblyError::RenamedConstituent(_)
        | AssemblyError::RatioOfReturns(_) => None,
        AssemblyError::Universe { .. } => Some("change the table [universe]"),
        AssemblyError::FactorTwice(_) => Some("rename one in [factors]"),
        AssemblyError::PricesOfReturns(_) => Some(
            "with data.values = \"returns\", fill at the close, and leave out data.return_price, costs and limits that need \
             prices",
        ),
    }
}

fn of_world(error: &WorldError) -> &'static str {
    match error {
        WorldError::UnknownFactor { .. } => "change world.reverse_factor",
        WorldError::TooLarge { .. } => {
            "leave out world.bootstrap_seed and world.worst_windows, or give fewer dates (data.from, data.to), fewer \
             instruments ([universe]) or longer bars"
        }
        WorldError::TooShort { change: PathChange::Resampling, .. } => {
            "give more data, or leave out world.bootstrap_seed"
        }
        WorldError::TooShort { change: PathChange::WorstWindows, .. } => {
            "choose a shorter window with world.worst_window_days"
        }
        WorldError::NothingSeen { .. } => "lower world.gap_frames, or change world.gap_from",
    }
}

fn of_folder(error: &FolderError) -> Option<&'static str> {
    match error {
        FolderError::NotEmpty(_) => Some("choose another with --out, or replace it with --force"),
        FolderError::NotAFolder(_) | FolderError::MountPoint(_) => Some("choose another with --out"),
        FolderError::Io { .. } | FolderError::Table(_) => None,
    }
}

fn of_store(error: &StoreError) -> Option<&'static str> {
    match error {
        StoreError::Locked(_) => Some("or choose another --state"),
        StoreError::Lost { .. } => Some(
            "or choose another --state for a new run; `betaflow check FILE --venue NAME` reads the files in raw",
        ),
        StoreError::NoState(_) => Some("`betaflow paper --state FOLDER` writes one"),
        _ => None,
    }
}

/// Setting that needs a column, with its value if several values are possible.
pub(super) fn setting_of(need: Need) -> String {
    match need {
        Need::FillAt(fill_at) => format!("execution.fill_at = {}", typed(&fill_at)),
        Need::Spread(model) => format!("execution.spread_model = {}", typed(&model)),
        Need::ParticipationCap => "execution.participation_cap".to_owned(),
        Need::Impact => "execution.impact_coefficient".to_owned(),
        Need::ReturnPrice => "data.return_price".to_owned(),
    }
}

/// Writes a value as in TOML.
fn typed(value: &impl Serialize) -> String {
    toml::Value::try_from(value).map(|value| value.to_string()).unwrap_or_default()
}

/// Dotted key of the setting for the name of a column.
fn key_of(named: NamedColumn) -> &'static str {
    match named {
        NamedColumn::Symbol => "data.symbol",
        NamedColumn::Time => "data.time",
        NamedColumn::Of(field) => match field {
            Field::Close => "data.price",
            Field::ReturnPrice => "data.return_price",
            Field::Open => "data.open",
            Field::High => "data.high",
            Field::Low => "data.low",
            Field::Volume => "data.volume",
            Field::Bid => "data.bid",
            Field::Ask => "data.ask",
            Field::Dividend => "data.dividend",
            Field::Split => "data.split",
        },
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Error;
    use betaflow_connectors::{DataError, NamedColumn, Place};
    use betaflow_engine::assembly::AssemblyError;
    use betaflow_engine::execution::{FillAt, Need};
    use betaflow_engine::frame::Field;
    use betaflow_engine::settings::Invalid;
    use betaflow_engine::time::TimestampNs;
    use betaflow_engine::world::{PathChange, WorldError};

    use super::error_text;

    #[test]
    fn engine_error_ends_with_its_remedy() {
        let file = || "prices.parquet".to_owned();
        let gap = TimestampNs(0);
        let missing = DataError::MissingColumn {
            file: file(),
            column: "open".to_owned(),
            role: "needed to fill at the open",
            need: Some(Need::FillAt(FillAt::Open)),
            found: "`o`".to_owned(),
            nearest: Some("o".into()),
            named: Some(NamedColumn::Of(Field::Open)),
        };
        let factor_gap = AssemblyError::FactorGap { gap, resumed: gap, instrument: "SPY".to_owned() };
        let too_short = WorldError::TooShort { change: PathChange::WorstWindows, found: 90, expected: 201 };
        let warmup = Invalid { key: "warmup", found: "0".to_owned(), expected: "at least 1 day".into() };
        let place = Box::new(Place { file: file(), row: 7, line: None, column: "symbol".to_owned() });
        let duplicate = DataError::Duplicate { place, symbol: "A".to_owned(), time: gap };
        let cases: [(Error, &[&str]); 5] = [
            (duplicate.into(), &["row 7", "`A`", "expected one", "data.on_bad_row = \"skip\"", "the first"]),
            (missing.into(), &["--set 'data.open=\"o\"'", "execution.fill_at = \"open\""]),
            (
                DataError::Assembly { file: file(), source: factor_gap }.into(),
                &["prices.parquet", "`SPY`", "data.factor_gap = \"carry\""],
            ),
            (too_short.into(), &["90 date(s)", "at least 201", "world.worst_window_days"]),
            (warmup.into(), &["`estimator.warmup`", "found 0", "at least 1 day"]),
        ];
        for (error, words) in cases {
            let text = error_text(&error.context("the run"));
            assert!(text.starts_with("the run: "), "{text}");
            assert!(words.iter().all(|word| text.contains(word)), "{text}");
        }
    }
}

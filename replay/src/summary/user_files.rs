//! The user's files in a run: what was read and used, and whether it may contain look-ahead.

use betaflow_engine::execution::FillAt;
use betaflow_engine::ledger::RunFacts;
use betaflow_engine::signal::{Leak, LeakFacts};
use betaflow_engine::source::{DataFacts, GivenFacts, NamedTimes};
use betaflow_engine::strategy::{LearnedCoefficient, StrategyFacts};
use betaflow_engine::time::{Iso, TimestampNs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::warnings::{Code, Rendered, gross_warning};
use super::{Number, Summary};
use crate::terminal::{Page, counted, decimals, grouped};

/// Share of rebalances with an expired forecast from which a warning says so.
const EXPIRED_SHARE: f64 = 0.1;

/// Forecasts, weights or a risk model of the user.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct GivenSummary {
    pub(crate) files: Vec<GivenFile>,
    /// Dates of forecasts or weights that at least one rebalance used.
    pub(crate) dates_used: u64,
    /// Rebalances before the first of them.
    pub(crate) rebalances_before_first: u64,
    /// Rebalances on which the last of them had expired.
    pub(crate) rebalances_expired: u64,
    /// Information coefficient of scores at the end; null for other forecasts and for weights.
    pub(crate) information_coefficient: Option<CoefficientSummary>,
    /// Rank correlations of each column with the bars around its stamp.
    pub(crate) rank_correlations: Vec<RankCorrelations>,
}

/// Counts of one file.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct GivenFile {
    pub(crate) file: String,
    /// One of forecasts, weights, betas and factor covariances.
    pub(crate) content: String,
    /// Rows, or cells of a wide file, up to the last frame.
    pub(crate) rows: u64,
    /// Times that came into force.
    pub(crate) dates: u64,
    /// Times before the first frame.
    pub(crate) dates_before_first: u64,
    /// Times that a later one replaced before a frame could use them.
    pub(crate) dates_replaced: u64,
    pub(crate) replaced_first: Vec<String>,
    /// Times with rows that became known too late to be used.
    pub(crate) dates_late: u64,
    pub(crate) late_first: Vec<String>,
    pub(crate) instruments: u64,
    /// Instruments of the file that the data does not have.
    pub(crate) unmatched: u64,
    pub(crate) unmatched_first: Vec<String>,
}

/// Posterior of the information coefficient.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct CoefficientSummary {
    pub(crate) mean: Number,
    pub(crate) sd: Number,
    pub(crate) observations: Number,
}

/// Mean rank correlations of a column, with standard errors.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RankCorrelations {
    /// `signal`, `alpha` or the name of a factor.
    pub(crate) column: String,
    pub(crate) dates: u64,
    /// With the return of the next bar.
    pub(crate) next_bar: Number,
    pub(crate) next_bar_error: Number,
    /// With the return of the bar that ends at the stamp.
    pub(crate) own_bar: Number,
    pub(crate) own_bar_error: Number,
    /// `next_bar`: may contain the return that it forecasts. `own_bar`: correlates more with its own bar than with the next.
    pub(crate) suspicion: Option<String>,
}

impl From<&GivenFacts> for GivenFile {
    fn from(facts: &GivenFacts) -> Self {
        let times = |times: &NamedTimes| times.first.iter().map(time).collect();
        let GivenFacts { file, content, rows } = facts;
        Self {
            file: file.clone(),
            content: content.clone(),
            rows: rows.rows,
            dates: rows.sections,
            dates_before_first: rows.before_first,
            dates_replaced: rows.replaced.count,
            replaced_first: times(&rows.replaced),
            dates_late: rows.late.count,
            late_first: times(&rows.late),
            instruments: rows.instruments,
            unmatched: rows.unmatched,
            unmatched_first: rows.unmatched_first.clone(),
        }
    }
}

fn time(time: &TimestampNs) -> String {
    Iso(*time).to_string()
}

impl From<&LeakFacts> for RankCorrelations {
    fn from(facts: &LeakFacts) -> Self {
        let suspicion = facts.leak.map(|leak| match leak {
            Leak::NextBar => "next_bar",
            Leak::OwnBar => "own_bar",
        });
        Self {
            column: facts.column.clone(),
            dates: facts.sections,
            next_bar: facts.next[0].into(),
            next_bar_error: facts.next[1].into(),
            own_bar: facts.own[0].into(),
            own_bar_error: facts.own[1].into(),
            suspicion: suspicion.map(str::to_owned),
        }
    }
}

impl GivenSummary {
    /// Labels and values for the terminal and the report.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        for file in &self.files {
            let matched = grouped((file.instruments - file.unmatched) as f64);
            let known = format!(
                "{} in force, {matched} of {} in the data",
                counted(file.dates, "date"),
                counted(
                    file.instruments,
                    if file.content == "factor covariances" { "factor" } else { "instrument" }
                )
            );
            fields.push((capital(&file.content), known));
        }
        if self.dates_used > 0 {
            let expired = match self.rebalances_expired {
                0 => String::new(),
                count => format!("; {} after the last one expired", counted(count, "rebalance")),
            };
            fields.push(("Used".to_owned(), format!("{}{expired}", counted(self.dates_used, "date"))));
        }
        if let Some(coefficient) = &self.information_coefficient {
            let text = if coefficient.sd.0 > 0.0 {
                format!(
                    "{} ± {}, from {} observations",
                    decimals(coefficient.mean.0, 4),
                    decimals(coefficient.sd.0, 4),
                    grouped(coefficient.observations.0)
                )
            } else {
                format!("{} as set", decimals(coefficient.mean.0, 4))
            };
            fields.push(("Information coefficient".to_owned(), text));
        }
        for column in &self.rank_correlations {
            let label = match column.column.as_str() {
                "signal" => "Rank correlation".to_owned(),
                name => format!("Rank correlation of {name}"),
            };
            let text = format!(
                "{} ± {} with the next bar, {} ± {} with the bar that ends at the stamp",
                decimals(column.next_bar.0, 3),
                decimals(column.next_bar_error.0, 3),
                decimals(column.own_bar.0, 3),
                decimals(column.own_bar_error.0, 3)
            );
            fields.push((label, text));
        }
        fields
    }

    /// Notes on columns that correlate more with their own bar than with the next.
    pub(crate) fn notes(&self) -> Vec<String> {
        let own =
            self.rank_correlations.iter().filter(|column| column.suspicion.as_deref() == Some("own_bar"));
        own.map(|column| own_bar_note(&column.column)).collect()
    }
}

impl Summary<'_> {
    /// Returns the part about the user's files; `None` without any.
    pub(super) fn given(&self) -> Option<GivenSummary> {
        let RunFacts { data, leaks, sizing, .. } = self.facts;
        if data.given.is_empty() && leaks.is_empty() {
            return None;
        }
        let StrategyFacts { sections, expired, before_first, information_coefficient, .. } = &sizing.strategy;
        let coefficient = |learned: &LearnedCoefficient| CoefficientSummary {
            mean: learned.mean.into(),
            sd: learned.sd.into(),
            observations: learned.observations.into(),
        };
        Some(GivenSummary {
            files: data.given.iter().map(Into::into).collect(),
            dates_used: *sections,
            rebalances_before_first: *before_first,
            rebalances_expired: *expired,
            information_coefficient: information_coefficient.as_ref().map(coefficient),
            rank_correlations: leaks.iter().map(Into::into).collect(),
        })
    }

    /// Adds the section about the user's files.
    pub(crate) fn add_given(&self, page: &mut Page) {
        let Some(given) = self.given() else { return };
        page.section("Your files");
        for (label, value) in given.fields() {
            page.field(label, value);
        }
        for note in given.notes().into_iter().chain(self.fill_note()) {
            page.text(note);
        }
    }

    /// Note on forecasts about bars that are over when the first order fills.
    fn fill_note(&self) -> Option<String> {
        let execution = &self.config.execution;
        let frames = self.config.run().calendar.frames_per_day;
        let horizon = self.config.strategy.get("horizon").and_then(toml::Value::as_float)?;
        let horizon = horizon * f64::from(frames);
        let late = execution.fill_at == FillAt::Close && horizon <= execution.delay_bars as f64;
        late.then(|| {
            format!(
                "Note: a forecast is about {}, and its orders fill at the close of the {} bar, when that return is over. If \
                 yours are about a longer time, set strategy.horizon; or fill earlier (execution.fill_at = \"open\").",
                match horizon.ceil() as u64 {
                    1 => "the next bar".to_owned(),
                    bars => format!("the next {bars} bars"),
                },
                ordinal(execution.delay_bars)
            )
        })
    }

    /// Adds warnings about weights in percent, and about forecasts that expired.
    pub(super) fn warn_of_given(&self, warnings: &mut Vec<Rendered>) {
        let Some(given) = self.given() else { return };
        warnings.extend(gross_warning("a date", self.facts.sizing.strategy.gross_max));
        let decisions = self.facts.sizing.decisions.saturating_sub(given.rebalances_before_first);
        if given.rebalances_expired as f64 > EXPIRED_SHARE * decisions as f64 {
            warnings.push(Rendered::new(
                Code::ForecastsExpired,
                format!(
                    "The last {} had expired on {} of {}. Expired ones count as 0: if yours come less often, set strategy.valid_for to \
                     the days from one date to the next{}.",
                    given.files.first().map_or("forecasts", |file| &file.content),
                    grouped(given.rebalances_expired as f64),
                    counted(decisions, "rebalance"),
                    match self.config.sizes_forecasts() {
                        true => ", and strategy.horizon to the days that a forecast is about",
                        false => "",
                    }
                ),
            ));
        }
    }
}

/// Returns the warnings about the data of a command: those of the engine, and those about rows of the user's files that
/// were not used.
pub(crate) fn data_warnings(data: &DataFacts) -> Vec<Rendered> {
    let mut warnings: Vec<Rendered> = data.warnings.iter().map(Rendered::from).collect();
    for file in &data.given {
        warn_of_file(&file.into(), &mut warnings);
    }
    warnings
}

fn warn_of_file(file: &GivenFile, warnings: &mut Vec<Rendered>) {
    if file.unmatched > 0 {
        warnings.push(Rendered::new(
            Code::InstrumentsUnmatched,
            format!(
                "{} of {} in the {} are not in the data, such as {}. Their rows are not used: check the spelling of the symbols.",
                grouped(file.unmatched as f64),
                counted(file.instruments, "instrument"),
                file.content,
                file.unmatched_first.join(", ")
            ),
        ));
    }
    let unused = [
        (file.dates_replaced, &file.replaced_first, "were replaced by a later date before a bar closed"),
        (file.dates_late, &file.late_first, "became known after a later date was in force (known_at)"),
    ];
    for (count, first, reason) in unused {
        if count > 0 {
            warnings.push(Rendered::new(
                Code::DatesUnmatched,
                format!(
                    "Not used: {} of the {}, such as {}, because they {reason}.",
                    counted(count, "date"),
                    file.content,
                    first.join(", ")
                ),
            ));
        }
    }
}

/// Note on a column that correlates more with the bar before its stamp than with the next.
fn own_bar_note(column: &str) -> String {
    format!(
        "Note: {} correlates more with the bar that ends at its stamp than with the next bar. This is usual for reversal and \
         momentum; if rows are stamped by the date that they forecast, stamp them one bar earlier.",
        column_name(column)
    )
}

/// Number of a bar as a word, for small numbers.
fn ordinal(number: u64) -> String {
    match number {
        1 => "next".to_owned(),
        2 => "second".to_owned(),
        number => format!("{number}th"),
    }
}

fn column_name(column: &str) -> String {
    match column {
        "signal" => "the signal".to_owned(),
        name => format!("the column `{name}` of the risk model"),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}

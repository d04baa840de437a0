//! Warnings about a run as text, each with a stable code that tests and tools match.
//!
//! | file | warnings |
//! |---|---|
//! | `code.rs` | codes of the program's own warnings |
//! | `data.rs`, `world.rs` | those of the engine: data, estimates, stressed environments |
//! | `problem.rs` | kinds of data-quality findings |
//! | `trading.rs` | execution and risk |
//! | `outcomes.rs` | bars without volume, and rebalances that miss their target or trade nothing |

mod code;
mod data;
mod outcomes;
mod problem;
mod trading;
mod world;

use std::fmt;

pub(crate) use code::Code;
pub(crate) use problem::{problem_meaning, problem_remedy};
pub(crate) use trading::gross_warning;

use super::{MembershipSummary, Summary, data_warnings, time_text};
use crate::config::{BenchmarkKind, Config, Slip};
use crate::terminal::grouped;

/// A warning as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    /// Stable code in snake case.
    pub(crate) code: &'static str,
    /// One or two sentences: values found and expected, consequence, remedy.
    pub(crate) text: String,
}

/// Returns a clause as a sentence: with a capital letter and a full stop.
pub(crate) fn sentence(clause: &str) -> String {
    let mut chars = clause.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let stop = if clause.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{stop}", chars.as_str())
}

impl Rendered {
    /// Creates a warning of the program.
    pub(crate) fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code: code.name(), text: text.into() }
    }
}

impl fmt::Display for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Slip> for Rendered {
    fn from(slip: Slip) -> Self {
        let Slip { key, value, of } = slip;
        // Rounded: 8/100 is not 0.08 to the last digit.
        let share = (value * 1e8).round() / 1e10;
        let percent = (value * 1e10).round() / 1e8;
        Self::new(
            Code::PercentForShare,
            format!(
                "{key} is {value}, which is {percent} % of {of}. Settings are shares, not percent: was {share} meant?"
            ),
        )
    }
}

/// Returns the warning about the choice of the embedded instruments.
pub(crate) fn survivorship_warning(config: &Config) -> Option<Rendered> {
    config.is_tutorial().then(|| {
        Rendered::new(
            Code::Survivorship,
            format!(
                "The 20 stocks of the tutorial were chosen in hindsight among those that still exist (survivorship bias). {}",
                match config.benchmark.kind {
                    BenchmarkKind::EqualWeight => "Strategy and equal-weight benchmark look better than they were.",
                    _ => "The strategy looks better than it was, and better than a benchmark without this bias.",
                }
            ),
        )
    })
}

impl Summary<'_> {
    /// Returns the warnings about the run, the most serious first.
    pub(crate) fn warnings(&self) -> Vec<Rendered> {
        let trades = self.trading.is_some();
        let mut warnings: Vec<Rendered> = Vec::new();
        warnings.extend(self.ruin().map(|text| Rendered::new(Code::Ruined, text)));
        let look_ahead = self.config.look_ahead().filter(|_| trades);
        warnings.extend(look_ahead.map(|text| Rendered::new(Code::LookAhead, text)));
        warnings.extend(self.config.world_note(trades).map(|text| Rendered::new(Code::World, text)));
        warnings.extend(self.facts.data.world.iter().map(Rendered::from));
        warnings.extend(self.score.iter().flat_map(|score| score.warnings.iter().cloned()));
        warnings.extend(data_warnings(&self.facts.data));
        self.warn_of_given(&mut warnings);
        warnings.extend(survivorship_warning(self.config));
        if let Some(membership) = MembershipSummary::of(self.facts) {
            warnings.extend(membership.survivorship());
            warnings.extend(membership.never_members());
        }
        if trades {
            warnings.extend(self.config.slips().into_iter().map(Rendered::from));
            self.warn_of_volume(&mut warnings);
            self.warn_of_budget(&mut warnings);
            self.warn_of_idleness(&mut warnings);
        }
        self.warn_of_execution(&mut warnings);
        warnings.extend(self.interest_note());
        warnings.extend(self.risk_warning());
        self.warn_of_limits(&mut warnings);
        warnings.extend_from_slice(&self.findings.warnings);
        warnings
    }

    /// Returns the sentence that comes before all figures of a ruined account.
    pub(super) fn ruin(&self) -> Option<String> {
        let time = time_text(self.trading.as_ref()?.comparison.ruined)?;
        let (_, last) = self.facts.performance.nav?;
        Some(format!(
            "RUINED at {time}: NAV {}. All positions were closed at the last known prices and trading ended, so the \
             return is -100 % and no ratio is defined. Lower sizing.gross_max or sizing.kelly_fraction.",
            grouped(last)
        ))
    }
}

//! Report of a tuning: out-of-sample result of the choices, and the recommended settings.

mod chosen;
mod equity;
mod headline;
mod settings;

use std::path::Path;

use anyhow::{Result, bail};
use maud::{Markup, html};
use serde_json::Value;

use super::format::text;
use super::page::Page;
use super::{holdout, labels, notes, read_summary, read_text};
use crate::summary::{Settings, TuneSummary};

/// Folder of a tuning.
struct Tuning<'a> {
    folder: &'a Path,
    summary: TuneSummary,
}

/// Returns the report of the folder.
///
/// # Errors
/// A file of the folder cannot be read, or `plot` is not empty.
pub(super) fn html(folder: &Path, plot: &[String]) -> Result<String> {
    if !plot.is_empty() {
        bail!(
            "--plot: {} is the folder of a tuning, whose report draws no betas of instruments; expected that of \
             `betaflow estimate`",
            folder.display()
        );
    }
    let tuning = Tuning { folder, summary: read_summary(folder)? };
    let head = &tuning.summary.study;
    let mut page = Page::new(&format!("betaflow tune: {}", head.strategy));
    notes::add_banners(&mut page, &head.head, head.look_ahead.as_ref());
    headline::add(&mut page, &tuning);
    let settings = read_text(folder, "run.toml")?;
    page.contents();
    headline::add_figures(&mut page, &tuning);
    holdout::add(&mut page, head.holdout.as_ref());
    notes::add_warnings(&mut page, &head.head);
    equity::add(&mut page, &tuning);
    chosen::add(&mut page, &tuning);
    chosen::add_recommended(&mut page, &tuning);
    headline::add_luck(&mut page, &tuning);
    settings::add(&mut page, &tuning)?;
    page.section("Limits of this result");
    page.add(caveats());
    page.section("Version and settings");
    page.add(html! {
        p {
            "betaflow " (text(head.head.version.as_ref())) ". " code { "folds.parquet" } " has each block and its choice, "
            code { "out_of_sample.parquet" } " each return of the joined blocks, " code { "scenario_returns.parquet" }
            " those of every setting; " code { "best.toml" } " is the configuration with the recommended settings."
        }
    });
    page.details("grid.toml: settings to choose from", &read_text(folder, "grid.toml")?);
    page.details("best.toml: recommended settings", &read_text(folder, "best.toml")?);
    page.details("run.toml: configuration whose settings were chosen", &settings);
    page.finish()
}

fn caveats() -> Markup {
    html! {
        ul {
            li {
                "The out-of-sample result belongs to this " em { "way of choosing" } ", not to the recommended settings, which "
                "were chosen with all of this data."
            }
            li {
                "Each block begins with the positions that the chosen setting held: the trades from the positions of one "
                "setting to those of the next are not charged."
            }
            li {
                "A second tuning after reading this page is a choice in hindsight: only the hold-out is unseen ("
                code { "[holdout]" } ", " code { "betaflow score" } ")."
            }
        }
    }
}

impl Tuning<'_> {
    /// Returns the objective in words.
    fn objective(&self) -> &str {
        match self.summary.objective.as_str() {
            "sharpe" => "net Sharpe ratio",
            "sortino" => "net Sortino ratio",
            "calmar" => "net Calmar ratio",
            "growth" => "net annual growth",
            "worst_block" => "lowest net Sharpe ratio of a block",
            other => other,
        }
    }
}

/// Returns the value of a setting as text.
fn value(name: &str, value: &Value) -> String {
    match (value.as_f64(), value) {
        (Some(number), _) => labels::level(name, number),
        (None, Value::Null) => "unset".to_owned(),
        (None, Value::String(text)) => text.clone(),
        (None, other) => other.to_string(),
    }
}

/// Returns all settings of a choice as one phrase.
fn phrase(settings: &Settings) -> Markup {
    html! {
        @for (at, (name, of)) in settings.iter().enumerate() {
            @if at > 0 { ", " }
            (labels::title(name)) " " b { (value(name, of)) }
        }
    }
}

//! The report of a tuning: what came of choosing by what was known, and what to use from here on.

mod chosen;
mod equity;
mod headline;
mod settings;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::format::NONE;
use super::holdout;
use super::html::escape;
use super::page::Page;
use super::replay::notes;
use super::stress::labels;

/// The folder of a tuning, as far as the sections read it.
struct Tuning<'a> {
    folder: &'a Path,
    summary: Value,
}

/// The report of the folder.
///
/// # Errors
/// A file of the folder cannot be read, or symbols are to be drawn.
pub(super) fn html(folder: &Path, plot: &[String]) -> Result<String> {
    if !plot.is_empty() {
        bail!(
            "--plot: {} is the folder of a tuning, whose report draws no betas of instruments; expected that of \
             `betaflow estimate`",
            folder.display()
        );
    }
    let text = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| {
            format!("{}: cannot be read; expected it in the folder of a tuning of betaflow", path.display())
        })
    };
    let summary = serde_json::from_str(&text("summary.json")?)
        .with_context(|| format!("{}: is not as betaflow wrote it", folder.join("summary.json").display()))?;
    let tuning = Tuning { folder, summary };
    let strategy = tuning.summary["strategy"].as_str().unwrap_or_default();
    let mut page = Page::new(&format!("betaflow tune: {strategy}"));
    notes::add(&mut page, &tuning.summary);
    headline::add(&mut page, &tuning);
    holdout::add(&mut page, &tuning.summary);
    headline::add_figures(&mut page, &tuning);
    equity::add(&mut page, &tuning);
    chosen::add(&mut page, &tuning);
    chosen::add_recommended(&mut page, &tuning);
    headline::add_luck(&mut page, &tuning);
    settings::add(&mut page, &tuning)?;
    page.section("What this does not say");
    page.html(CAVEATS);
    page.section("What ran");
    page.html(&format!(
        "<p>betaflow {}. <code>folds.parquet</code> has each block and its choice, <code>out_of_sample.parquet</code> each \
         return of the joined blocks, <code>scenario_returns.parquet</code> those of every setting; <code>best.toml</code> \
         is the configuration with the recommended settings.</p>\n",
        escape(tuning.summary["version"].as_str().unwrap_or(NONE))
    ));
    page.details("grid.toml: what was chosen from", &text("grid.toml")?);
    page.details("best.toml: the recommended settings", &text("best.toml")?);
    page.details("run.toml: the configuration of which settings were chosen", &text("run.toml")?);
    page.finish()
}

const CAVEATS: &str = "<ul>\n\
<li>The out-of-sample result is that of <em>choosing like this</em>, not of the recommended settings: those have seen all \
of this data.</li>\n\
<li>Each block begins with the book that the chosen setting held: going over from one setting's book to another's is not \
charged.</li>\n\
<li>Whoever tunes again after having seen this page chooses with hindsight: what has not been looked at is the hold-out \
(<code>[holdout]</code>, <code>betaflow score</code>).</li>\n\
</ul>\n";

impl Tuning<'_> {
    fn text(&self, key: &str) -> String {
        match &self.summary[key] {
            Value::String(text) => escape(text),
            other => escape(&other.to_string()),
        }
    }

    /// The objective in words.
    fn objective(&self) -> String {
        match self.summary["objective"].as_str().unwrap_or_default() {
            "sharpe" => "net Sharpe ratio".to_owned(),
            "sortino" => "net Sortino ratio".to_owned(),
            "calmar" => "net Calmar ratio".to_owned(),
            "growth" => "net growth a year".to_owned(),
            "worst_block" => "lowest net Sharpe ratio of a block".to_owned(),
            other => escape(other),
        }
    }
}

/// The value of a setting as a reader says it, escaped.
fn value(name: &str, value: &Value) -> String {
    match (value.as_f64(), value) {
        (Some(number), _) => escape(&labels::level(name, number)),
        (None, Value::Null) => "unset".to_owned(),
        (None, Value::String(text)) => escape(text),
        (None, other) => escape(&other.to_string()),
    }
}

/// All settings of a choice in one phrase, escaped.
fn phrase(settings: &Value) -> String {
    let settings = settings.as_object().into_iter().flatten();
    let each =
        settings.map(|(name, of)| format!("{} <b>{}</b>", escape(&labels::title(name)), value(name, of)));
    each.collect::<Vec<_>>().join(", ")
}

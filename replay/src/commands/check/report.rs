//! Report on a panel for the terminal.

use std::fmt::Write as _;

use betaflow_engine::quality::{SpreadEstimates, SpreadInspector, Tally, Verdict};
use betaflow_engine::source::DataFacts;
use betaflow_engine::time::Iso;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use crate::config::Config;
use crate::summary::{problem_meaning, problem_remedy};

/// Instruments whose spreads are shown one by one.
const SHOWN: usize = 24;
const BPS: f64 = 1e-4;

/// A check that has run.
pub(crate) struct Checked<'a> {
    pub(crate) config: &'a Config,
    pub(crate) facts: &'a DataFacts,
    pub(crate) tally: &'a Tally,
    pub(crate) spreads: &'a SpreadInspector,
    /// The factor that goes best with the panel, with its correlations on the preceding, the same and the next row.
    pub(crate) alignment: Option<(String, [f64; 3])>,
    pub(crate) seconds: f64,
}

impl Checked<'_> {
    /// The report.
    pub(crate) fn text(&self) -> String {
        let facts = self.facts;
        let end = |time: Option<_>| time.map_or_else(String::new, |time| Iso(time).to_string());
        let mut text = format!(
            "{} rows, {} instruments, {} timestamps from {} to {}; read in {:.2} s\n",
            facts.rows,
            facts.instruments,
            facts.frames,
            end(facts.first),
            end(facts.last),
            self.seconds
        );
        if let Some(from) = &self.config.holdout.from {
            _ = writeln!(
                text,
                "hold-out in force: nothing from {from} on was read, and nothing is said of it"
            );
        }
        if !self.config.bars_belong_to_price() {
            let price = &self.config.data.price;
            _ = writeln!(
                text,
                "open, high, low and volume belong to `close`, not to `{price}`: they are not looked at"
            );
        }
        self.problems(&mut text);
        self.alignment(&mut text);
        self.spread_table(&mut text);
        _ = writeln!(text, "\n{}", self.verdict());
        text
    }

    fn problems(&self, text: &mut String) {
        for (problem, count) in self.tally.found() {
            _ = writeln!(text, "\n{problem}: {} {}", count.findings, problem_meaning(problem));
            for worst in &count.worst {
                _ = writeln!(text, "  {} {}: {}", Iso(worst.timestamp), worst.symbol, worst.detail);
            }
            if let Some(remedy) = problem_remedy(problem) {
                _ = writeln!(text, "  {remedy}");
            }
        }
    }

    fn alignment(&self, text: &mut String) {
        if let Some((factor, [before, same, after])) = &self.alignment {
            _ = writeln!(
                text,
                "\nmean return of the panel and `{factor}`: correlation {same:.3} on the same row, {before:.3} with the \
                 row before, {after:.3} with the row after"
            );
        }
    }

    fn spread_table(&self, text: &mut String) {
        let mut all = self.spreads.estimates();
        if all.is_empty() {
            return;
        }
        let quoted = all.iter().any(|estimates| estimates.quoted.is_some());
        let (count, mut label) = (all.len(), "");
        if count > SHOWN {
            label = "; the narrowest, the middle and the widest by Abdi & Ranaldo";
            all.sort_by(|a, b| spread(a.abdi_ranaldo).total_cmp(&spread(b.abdi_ranaldo)));
            let third = SHOWN / 3;
            let middle = (count - third) / 2;
            let picked =
                |i: &usize| *i < third || (middle..middle + third).contains(i) || *i >= count - third;
            all = all.into_iter().enumerate().filter(|(i, _)| picked(i)).map(|(_, one)| one).collect();
        }
        let hours = match self.spreads.is_intraday() {
            true => ", in bars in which all but a few trade, with at least a quarter of their usual volume",
            false => "",
        };
        _ = writeln!(text, "\nbid-ask spread in bps{hours}; half of it is a cost{label}");
        _ = writeln!(text, "{}", table(&all, quoted));
    }

    /// One paragraph: whether the data may be used.
    fn verdict(&self) -> String {
        let (rows, total) = (self.facts.rows, self.tally.total());
        let share = 100.0 * total as f64 / rows.max(1) as f64;
        let flagged = format!("{total} rows of {rows} are flagged ({share:.3} %)");
        match self.tally.verdict(rows) {
            Verdict::MixedTimeUnits => format!(
                "verdict: not fit as it is; times are in more than one unit, and those in 1970 are wrong: convert them to one \
                 unit; {flagged}"
            ),
            Verdict::WrongTimeUnit => {
                "verdict: not fit as it is; all times are in a wrong unit: convert them".to_owned()
            }
            Verdict::CopiedBars { copied } => format!(
                "verdict: not fit as it is; {flagged}, and {copied} hold the bar of another day: a strategy that trades \
                 on those sees the future. Get those days from another source, or leave the rows out"
            ),
            Verdict::FactorsMisaligned => format!(
                "verdict: not fit with these factors: they belong to another day than the prices; {flagged}"
            ),
            Verdict::FactorsUnidentified { factors } => format!(
                "verdict: not fit with these factors: {factors} of them cannot be told from alpha or from the others; {flagged}"
            ),
            Verdict::Fit if total == 0 => "verdict: fit; nothing was found".to_owned(),
            Verdict::Fit => format!("verdict: fit; {flagged}, none of them grave"),
            Verdict::FitOnceChecked { grave } => format!(
                "verdict: fit once {grave} rows are looked at; {flagged}. Real moves may be among them"
            ),
        }
    }
}

fn spread(estimate: Option<f64>) -> f64 {
    estimate.unwrap_or(f64::NAN)
}

fn table(all: &[SpreadEstimates], quoted: bool) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    let mut header = vec!["", "Corwin & Schultz", "Abdi & Ranaldo"];
    if quoted {
        header.push("median quoted");
    }
    table.set_header(header);
    let cell = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{:.2}", value / BPS));
    for one in all {
        let mut row = vec![one.symbol.to_string(), cell(one.corwin_schultz), cell(one.abdi_ranaldo)];
        if quoted {
            row.push(cell(one.quoted));
        }
        table.add_row(row);
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

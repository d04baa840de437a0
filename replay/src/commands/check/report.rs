//! Terminal page of a check.

use betaflow_engine::quality::{Problem, SpreadErrors, SpreadEstimates, SpreadInspector, Tally, Verdict};
use betaflow_engine::source::DataFacts;
use betaflow_engine::time::Iso;

use crate::config::Config;
use crate::summary::{problem_meaning, problem_remedy, sentence};
use crate::terminal::{NONE, Page, Table, counted, decimals, grouped};

/// Instruments whose spreads the page shows one by one.
const SHOWN: usize = 24;
pub(super) const BPS: f64 = 1e-4;

/// Results of a check.
pub(crate) struct Checked<'a> {
    pub(crate) config: &'a Config,
    pub(crate) facts: &'a DataFacts,
    pub(crate) tally: &'a Tally,
    pub(crate) spreads: &'a SpreadInspector,
    /// The factor with the highest correlation with the mean return of the panel, and its correlations with the row before,
    /// the same row and the row after.
    pub(crate) alignment: Option<(String, [f64; 3])>,
    pub(crate) seconds: f64,
}

impl Checked<'_> {
    /// Returns the page.
    pub(crate) fn page(&self) -> Page {
        let facts = self.facts;
        let end = |time: Option<_>| time.map_or_else(|| NONE.to_owned(), |time| Iso(time).to_string());
        let mut page = Page::default();
        page.section("Data");
        page.field(
            "Prices",
            format!(
                "{} instruments, {} timestamps, {} rows in {:.2} s",
                grouped(facts.instruments as f64),
                grouped(facts.frames as f64),
                grouped(facts.rows as f64),
                self.seconds
            ),
        );
        page.field("Period", format!("{} to {}", end(facts.first), end(facts.last)));
        if let Some(from) = &self.config.holdout.from {
            page.field("Hold-out", format!("nothing from {from} on was read or checked"));
        }
        if !self.config.bars_belong_to_price() {
            let price = &self.config.data.price;
            page.field(
                "Not checked",
                format!("open, high, low and volume, which belong to `close` and not to `{price}`"),
            );
        }
        if let Some((factor, correlations)) = &self.alignment {
            let [before, same, after] = correlations.map(|value| decimals(value, 3));
            page.field(
                "Factors",
                format!(
                    "{}: the mean return of all instruments has a correlation of {same} with `{factor}` on the same row, \
                     {before} with the row before, {after} with the row after",
                    self.alignment_text(*correlations)
                ),
            );
        }
        self.add_findings(&mut page);
        self.add_spreads(&mut page);
        page.section("Verdict").text(self.verdict());
        page
    }

    fn add_findings(&self, page: &mut Page) {
        if self.tally.total() == 0 {
            return;
        }
        page.section("Findings");
        for (problem, count) in self.tally.found() {
            page.field(
                problem.to_string(),
                format!(
                    "{} {}{}",
                    grouped(count.findings as f64),
                    problem_meaning(problem, count.findings),
                    shown_text(count.worst.len() as u64, count.findings)
                ),
            );
            for worst in &count.worst {
                // A series has no date, and its detail names the symbol.
                match problem.is_about_series() {
                    true => page.field("", &worst.detail),
                    false => {
                        page.field("", format!("{} {}: {}", Iso(worst.timestamp), worst.symbol, worst.detail))
                    }
                };
            }
            let symbols: Vec<&str> = count.worst.iter().map(|finding| &*finding.symbol).collect();
            if let Some(remedy) = problem_remedy(problem, &symbols, count.findings) {
                page.field("", sentence(&remedy));
            }
        }
    }

    fn add_spreads(&self, page: &mut Page) {
        let mut all = self.spreads.estimates();
        if all.is_empty() {
            return;
        }
        let quoted = all.iter().any(|estimates| estimates.quoted.is_some());
        let errors = SpreadErrors::of(&all);
        let count = all.len();
        if count > SHOWN {
            all.sort_by(|a, b| spread(a.abdi_ranaldo).total_cmp(&spread(b.abdi_ranaldo)));
            let third = SHOWN / 3;
            let middle = (count - third) / 2;
            let picked =
                |i: &usize| *i < third || (middle..middle + third).contains(i) || *i >= count - third;
            all = all.into_iter().enumerate().filter(|(i, _)| picked(i)).map(|(_, one)| one).collect();
        }
        page.section("Bid-ask spread, bps").table(table(&all, quoted, errors));
        if count > SHOWN {
            page.text(format!(
                "… {} more instruments; these are the narrowest, the middle and the widest by Abdi & Ranaldo",
                count - SHOWN
            ));
        }
        let bars = match self.spreads.is_intraday() {
            true => {
                " Only bars count in which most instruments trade, with at least a quarter of their usual volume."
            }
            false => "",
        };
        page.text(format!("Half of the spread is a cost (execution.half_spread_bps).{bars}"));
    }

    /// Returns whether the factors and the prices have the same dates, by correlations with the row before, the same row
    /// and the row after.
    fn alignment_text(&self, [before, same, after]: [f64; 3]) -> &'static str {
        let is_best = same.abs() >= before.abs().max(after.abs());
        match self.tally.of(Problem::FactorsMisaligned).findings > 0 {
            true => "not aligned with the prices",
            false if is_best => "aligned with the prices",
            false => "not clearly aligned with the prices",
        }
    }

    /// Returns the verdict on the use of the data, as a paragraph.
    fn verdict(&self) -> String {
        let (rows, total) = (self.facts.rows, self.tally.total());
        let flagged = format!("{} in {}", counted(total, "finding"), counted(rows, "row"));
        match self.tally.verdict(rows) {
            Verdict::MixedTimeUnits => format!(
                "Not fit: times are in more than one unit, and those in 1970 are wrong. Convert them to one unit. {flagged}."
            ),
            Verdict::WrongTimeUnit => "Not fit: all times are in a wrong unit. Convert them.".to_owned(),
            Verdict::CopiedBars { copied } => format!(
                "Not fit: {} rows hold the bar of another day, so a strategy that trades on them sees the future. Get \
                 these days from another source, or leave the rows out. {flagged}.",
                grouped(copied as f64)
            ),
            Verdict::FactorsMisaligned => format!(
                "Not fit with these factors: they belong to other rows than the prices. Shift them. {flagged}."
            ),
            Verdict::FactorsUnidentified { factors } => format!(
                "Not fit with these factors: {factors} of them cannot be separated from alpha or from the others. {flagged}."
            ),
            Verdict::Fit if total == 0 => "Fit: no findings.".to_owned(),
            Verdict::Fit => format!("Fit: {flagged}, none of them serious."),
            Verdict::FitOnceChecked { grave: 1 } => {
                format!("Usable; look at 1 serious finding first (it may be a real move). {flagged}.")
            }
            Verdict::FitOnceChecked { grave } => format!(
                "Usable; look at {} first (some may be real moves). {flagged}.",
                counted(grave, "serious finding")
            ),
        }
    }
}

/// Returns the number of findings that the page shows, if it does not show all.
fn shown_text(shown: u64, findings: u64) -> String {
    match shown < findings {
        true => format!(", {shown} shown; --out FILE lists all"),
        false => String::new(),
    }
}

fn spread(estimate: Option<f64>) -> f64 {
    estimate.unwrap_or(f64::NAN)
}

fn table(all: &[SpreadEstimates], quoted: bool, errors: SpreadErrors) -> Table {
    let mut header = vec!["", "Corwin & Schultz", "Abdi & Ranaldo", "EDGE"];
    if quoted {
        header.push("Median quoted");
    }
    let mut table = Table::new(header);
    let cell = |value: Option<f64>| value.map_or_else(String::new, |value| decimals(value / BPS, 2));
    for one in all {
        let mut row =
            vec![one.symbol.to_string(), cell(one.corwin_schultz), cell(one.abdi_ranaldo), cell(one.edge)];
        if quoted {
            row.push(cell(one.quoted));
        }
        table.row(row);
    }
    if errors != SpreadErrors::default() {
        let SpreadErrors { corwin_schultz, abdi_ranaldo, edge } = errors;
        let share = |value: Option<f64>| value.map_or_else(String::new, |value| decimals(value, 2));
        table.row(vec![
            "Relative error, mean".to_owned(),
            share(corwin_schultz),
            share(abdi_ranaldo),
            share(edge),
            String::new(),
        ]);
    }
    table
}

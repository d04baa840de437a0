//! Terminal sections of a score.

use betaflow_engine::metrics::Figures;

use super::holdout_log::Overlap;
use super::{Profile, Score};
use crate::summary::{
    Code, Rendered, benchmark_sentence, figure, figure_text, labels, metrics_table, sharpe_text,
};
use crate::terminal::{NONE, Page, Table, counted, decimals, grouped, percent};

/// Maximum earlier openings of the table.
const SHOWN: usize = 10;
/// Hex digits of a digest in the table.
const SHORT: usize = 8;

/// Meaning of the figures for the tutorial, by name.
const MEANINGS: [(&str, &str); 11] = [
    ("annual_return", "Annual growth after the costs of this profile."),
    ("annual_volatility", "Annual standard deviation of the returns; stock indices have 15 to 20 %."),
    (
        "sharpe",
        "Annual return per unit of annual volatility: 0 means no return for the risk, 1 is good, above 2 on daily data is rare.",
    ),
    ("sortino", "The same, with the deviation of losses alone."),
    (
        "calmar",
        "Annual return over the maximum drawdown: at 0.5 it takes two years to earn the drawdown back.",
    ),
    ("max_drawdown", "Largest fall below the running maximum."),
    ("omega", "Sum of all gains over the sum of all losses: below 1 is a loss."),
    ("tail_ratio", "Size of the best bar in twenty over the worst in twenty: below 1 the losses are larger."),
    ("value_at_risk", "One bar in twenty is as bad as this or worse."),
    ("conditional_value_at_risk", "Mean of these bars."),
    ("total_return", "Growth over the whole hold-out."),
];

impl Score {
    /// Returns the sections about the hold-out: its openings, its figures beside those before it, and their meaning for the
    /// tutorial.
    pub(crate) fn page(&self) -> Page {
        let mut page = Page::default();
        self.add_openings(&mut page);
        let inside = &self.parts.inside;
        let [net, gross, benchmark] = &inside.figures;
        page.section("Performance in the hold-out").table(metrics_table(
            [net, gross, benchmark],
            &self.benchmark,
            &[],
        ));
        if let (None, Some(sentence)) = (inside.ruined, benchmark_sentence(net, benchmark, &self.benchmark)) {
            page.text(sentence);
        }
        page.section("Hold-out beside the period before it, net").table(self.table());
        if self.profile == Profile::Tutorial {
            self.add_meanings(&mut page);
        }
        page
    }

    /// Returns warnings about the hold-out log.
    pub(crate) fn log_warnings(&self) -> Vec<Rendered> {
        let history = &self.opened.history;
        let failed = history.failed.len();
        let failed = (failed > 0).then(|| {
            let openings = counted(failed as u64, "earlier opening");
            format!(
                "{openings} ended in an error without figures. The hold-out does not count as seen by them."
            )
        });
        let unreadable = (history.unreadable > 0).then(|| {
            let count = history.unreadable;
            let lines = counted(count as u64, "line");
            format!("The hold-out log has {lines} that cannot be read. Each may be an opening.")
        });
        let texts = failed.into_iter().chain(unreadable);
        texts.map(|text| Rendered::new(Code::HoldoutLog, text)).collect()
    }

    fn add_openings(&self, page: &mut Page) {
        let entry = &self.opened.entry;
        let frames = self.parts.inside.frames;
        let count = self.earlier.len();
        if count > 0 {
            let times = if count == 1 { "ONCE".to_owned() } else { format!("{count} TIMES") };
            page.alert(format!("OPENED {times} BEFORE: these figures are no longer out of sample."));
        }
        page.section("Hold-out");
        page.field(
            "Period",
            format!(
                "{} to {}, {}{}",
                entry.from,
                self.to,
                counted(frames as u64, "frame"),
                if count == 0 { " that no other command reads" } else { "" }
            ),
        );
        let number = match count {
            0 => "first opening",
            _ => "opened before",
        };
        page.field(
            "Opening",
            format!("number {} of the hold-out log {}: {number}", entry.opening, self.log.display()),
        );
        if self.embedded {
            page.field("Log", "the data is embedded, so its hold-out log is in the current folder");
        }
        if self.others() > 0 {
            page.field(
                "Other periods",
                format!("{} that read nothing of this hold-out", counted(self.others() as u64, "opening")),
            );
        }
        page.field("Net Sharpe ratio", sharpe_text(self.parts.inside.net()));
        if count == 0 {
            return;
        }
        let same = self.earlier.iter().filter(|seen| seen.same).count();
        page.field(
            "Seen before",
            format!("{} of {} frames", grouped(self.seen_frames() as f64), grouped(frames as f64)),
        );
        page.field("Same data and start", counted(same as u64, "earlier opening"));
        let header = ["Earlier opening, UTC", "Profile", "Settings", "Run", "Net Sharpe", "Frames seen"];
        let mut table = Table::new(header).words([1, 2, 3, 5]).optional([2, 3]);
        for Overlap { entry, period, .. } in self.earlier.iter().skip(count.saturating_sub(SHOWN)) {
            let short = |digest: &str| digest.chars().take(SHORT).collect::<String>();
            table.row([
                entry.time.get(..19).unwrap_or(&entry.time).replace('T', " "),
                entry.profile.clone(),
                short(&entry.configuration_digest),
                entry.digest.as_deref().map_or_else(|| "no result".to_owned(), short),
                entry.net_sharpe.map_or_else(|| NONE.to_owned(), |sharpe| decimals(sharpe, 2)),
                period.text(),
            ]);
        }
        page.table(table);
        if count > SHOWN {
            page.text(format!("… {} earlier openings in the hold-out log", count - SHOWN));
        }
    }

    fn table(&self) -> Table {
        let mut table =
            Table::new(["", "Hold-out", "Before", "E.w. hold-out", "E.w. before"]).optional([4, 3]);
        let [inside, before] = [&self.parts.inside.figures, &self.parts.before.figures];
        for (name, label) in labels() {
            let columns: [&Figures; 4] = [&inside[0], &before[0], &inside[2], &before[2]];
            let cells = columns.map(|figures| figure_text(name, figure(figures, name)));
            table.row([label.to_owned()].into_iter().chain(cells));
        }
        table
    }

    fn add_meanings(&self, page: &mut Page) {
        page.section("Meaning of the figures, net of half the costs and without impact");
        let net = self.parts.inside.net();
        for (name, label) in labels() {
            if let Some((_, meaning)) = MEANINGS.iter().find(|(known, _)| *known == name) {
                page.field(label, format!("{}. {meaning}", figure_text(name, figure(net, name))));
            }
        }
        let [net, gross, benchmark] =
            self.parts.inside.figures.each_ref().map(|figures| figures.annual_return);
        page.field("Gross", format!("Before costs, which took {} a year.", percent(gross - net)));
        let against = match self.benchmark.is_equal_weight() {
            true => ("Equal weight".to_owned(), "The same amount of every instrument".to_owned()),
            false => ("Benchmark".to_owned(), self.benchmark.name.clone()),
        };
        page.field(&against.0, format!("{}: {} a year.", against.1, percent(benchmark)));
    }
}

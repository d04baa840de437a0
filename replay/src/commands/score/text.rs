//! Terminal text of a score.

use std::fmt::Write as _;

use betaflow_engine::metrics::Figures;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::Profile;
use super::holdout_log::Overlap;
use super::{Opening, Score};
use crate::summary::{METRICS, figure_text, grouped, sharpe_text};

/// Most earlier openings of the table.
const SHOWN: usize = 10;
/// Hex digits of a digest in the table.
const SHORT: usize = 8;

/// Meaning of each figure, in the order of [`Figures::items`].
const WORDS: [&str; METRICS] = [
    "annual return per unit of annual risk; 0 is luck, 1 is good, above 2 on daily data is rare.",
    "the same, with losses alone as risk.",
    "annual return over the maximum drawdown; at 0.5 it takes two years to earn the drawdown back.",
    "largest fall below the running maximum.",
    "sum of all gains over the sum of all losses; below 1 is a loss.",
    "size of the best bar in twenty over the worst in twenty; below 1 the bad ones are larger.",
    "annual growth, after the costs of this profile.",
    "annual standard deviation of returns; stock indices have 15 to 20 %.",
    "one bar in twenty is as bad as this, or worse.",
    "mean of those bars.",
    "growth over the whole hold-out.",
];

impl Score {
    /// Returns the figures of the hold-out, those before it, and its earlier openings.
    pub(crate) fn text(&self) -> String {
        let Opening { entry, history } = &self.opened;
        let frames = self.parts.inside.frames;
        let mut text = format!(
            "hold-out from {}: {} frames that no other command reads\n",
            entry.from,
            grouped(frames as f64)
        );
        self.add_openings(&mut text);
        _ = writeln!(text, "\n{}", self.table());
        if self.profile == Profile::Tutorial {
            self.add_words(&mut text);
        }
        let net = self.parts.inside.net();
        if net.uncertainty.standard_error.is_finite() {
            _ = writeln!(text, "\nhold-out, net: {}", sharpe_text(net));
        }
        _ = writeln!(text, "opening {} recorded in {}", entry.opening, self.log.display());
        if self.embedded {
            text += "(embedded data: its hold-out log is in the current folder)\n";
        }
        if self.others() > 0 {
            _ = writeln!(text, "note: the hold-out log has {} opening(s) of other periods", self.others());
        }
        if !history.failed.is_empty() {
            let count = history.failed.len();
            _ = writeln!(
                text,
                "note: {count} earlier opening(s) ended in an error and showed no figures; they do not count as seen"
            );
        }
        if history.unreadable > 0 {
            let count = history.unreadable;
            _ = writeln!(
                text,
                "note: {count} line(s) of the hold-out log cannot be read; each may be an opening"
            );
        }
        text + "\nwhole run, with the period before the hold-out:\n"
    }

    fn add_openings(&self, text: &mut String) {
        if self.earlier.is_empty() {
            *text += "first opening\n";
            return;
        }
        let count = self.earlier.len();
        let times = if count == 1 { "ONCE".to_owned() } else { format!("{count} TIMES") };
        let same = self.earlier.iter().filter(|seen| seen.same).count();
        _ = writeln!(
            text,
            "\nOPENED {times} BEFORE: these figures are no longer out of sample\n{} of its {} frames were seen; {same} of {count} earlier opening(s) had exactly this data and start\n",
            self.seen_frames(),
            self.parts.inside.frames,
        );
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(["earlier opening", "profile", "settings", "run", "net sharpe", "seen of this"]);
        for Overlap { entry, period, .. } in self.earlier.iter().skip(count.saturating_sub(SHOWN)) {
            let short = |digest: &str| digest.chars().take(SHORT).collect::<String>();
            table.add_row([
                entry.time.clone(),
                entry.profile.clone(),
                short(&entry.configuration_digest),
                entry.digest.as_deref().map_or_else(|| "no result".to_owned(), short),
                entry.net_sharpe.map_or_else(|| "-".to_owned(), |sharpe| format!("{sharpe:.2}")),
                period.text(),
            ]);
        }
        _ = writeln!(text, "{table}");
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(["", "net", "gross", "equal weight", "before: net", "gross", "equal weight"]);
        let columns =
            [&self.parts.inside, &self.parts.before].map(|part| part.figures.each_ref().map(Figures::items));
        for row in 0..METRICS {
            let name = columns[0][0][row].0;
            let mut cells = vec![name.replace('_', " ")];
            cells.extend(columns.iter().flatten().map(|items| figure_text(name, items[row].1)));
            table.add_row(cells);
        }
        table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
        table
    }

    fn add_words(&self, text: &mut String) {
        *text += "\nmeaning of the figures, net of half the costs and without impact:\n";
        for ((name, value), words) in self.parts.inside.net().items().into_iter().zip(WORDS) {
            let shown = figure_text(name, value);
            _ = writeln!(text, "  {} {shown}: {words}", name.replace('_', " "));
        }
        let [net, gross, benchmark] =
            self.parts.inside.figures.each_ref().map(|figures| figures.annual_return);
        _ = writeln!(
            text,
            "  gross: before costs, which took {} a year\n  equal weight: the same amount of every instrument, {} a year",
            figure_text("annual_return", gross - net),
            figure_text("annual_return", benchmark)
        );
    }
}

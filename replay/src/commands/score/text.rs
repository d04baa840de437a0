//! A score on the terminal.

use std::fmt::Write as _;

use betaflow_engine::metrics::Figures;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::Profile;
use super::ledger::Seen;
use super::{Opened, Score};
use crate::summary::{METRICS, figure_text};

/// Earlier openings that are shown; more are counted.
const SHOWN: usize = 10;
/// Letters of a digest that are shown.
const SHORT: usize = 8;

/// What each figure says, in the order of [`Figures::items`].
const WORDS: [&str; METRICS] = [
    "return earned for each unit of risk, a year; 0 is luck, 1 is good, and above 2 of daily data is hard to believe.",
    "the same, but only losses count as risk.",
    "growth of a year over the deepest fall; at 0.5 it takes two years to earn such a fall back.",
    "the deepest fall from a peak: so much of the money was gone at the worst moment.",
    "the sum of all gains over the sum of all losses; below 1 it lost money.",
    "how large good days are beside bad ones, of the best and the worst in twenty; below 1 the bad ones are larger.",
    "growth of a year, after the costs that this profile counts.",
    "how much a year's result swings around its mean; stock indices have 15 to 20 %.",
    "one bar in twenty is as bad as this, or worse.",
    "the mean of those bad bars.",
    "growth over the whole hold-out.",
];

impl Score {
    /// The hold-out's figures, those before it, and how often it has been opened.
    pub(crate) fn text(&self) -> String {
        let Opened { entry, history } = &self.opened;
        let frames = self.parts.inside.frames;
        let mut text = format!("hold-out from {}: {frames} frames that no other command reads\n", entry.from);
        self.add_openings(&mut text);
        _ = writeln!(text, "\n{}", self.table());
        if self.profile == Profile::Tutorial {
            self.add_words(&mut text);
        }
        let sure = &self.parts.inside.net().uncertainty;
        if sure.standard_error.is_finite() {
            _ = writeln!(
                text,
                "\nsharpe of the hold-out give or take {:.2}; above 0 with a chance of {:.2}",
                sure.standard_error, sure.probabilistic_sharpe
            );
        }
        _ = writeln!(text, "opening {} recorded in {}", entry.opening, self.ledger.display());
        if self.embedded {
            text += "(the data is inside the program: its ledger is in the current folder)\n";
        }
        if self.others() > 0 {
            _ = writeln!(text, "note: the ledger has {} opening(s) of other periods", self.others());
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
            _ = writeln!(text, "note: {count} line(s) of the ledger cannot be read; each may be an opening");
        }
        text + "\nthe whole run, with the time before the hold-out:\n"
    }

    fn add_openings(&self, text: &mut String) {
        if self.earlier.is_empty() {
            *text += "it has not been opened before\n";
            return;
        }
        let count = self.earlier.len();
        let times = if count == 1 { "ONCE".to_owned() } else { format!("{count} TIMES") };
        let same = self.earlier.iter().filter(|seen| seen.same).count();
        _ = writeln!(
            text,
            "\nOPENED {times} BEFORE: these figures are no longer of a period that nobody has seen\n{} of its {} frames \
             have been seen; {same} of {count} earlier opening(s) had exactly this data and start\n",
            self.seen_frames(),
            self.parts.inside.frames,
        );
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(["earlier opening", "profile", "settings", "run", "net sharpe", "seen of this"]);
        for Seen { entry, period, .. } in self.earlier.iter().skip(count.saturating_sub(SHOWN)) {
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
        *text += "\nin plain words, net of half the costs and without impact:\n";
        for ((name, value), words) in self.parts.inside.net().items().into_iter().zip(WORDS) {
            let shown = figure_text(name, value);
            _ = writeln!(text, "  {} {shown}: {words}", name.replace('_', " "));
        }
        let [net, gross, benchmark] =
            self.parts.inside.figures.each_ref().map(|figures| figures.annual_return);
        _ = writeln!(
            text,
            "  gross is the same without costs: they took {} a year\n  equal weight is what holding a little of everything \
             would have earned: {} a year",
            figure_text("annual_return", gross - net),
            figure_text("annual_return", benchmark)
        );
    }
}

//! Announcement of a large run folder, before the run.
//!
//! Rows follow from the footers of the price files and the settings, bytes from the columns. Trades are not known before
//! the run: their number is a guess, which hardly matters beside the tables with a row per bar.

use betaflow_connectors::parquet::DataSize;
use betaflow_connectors::record::{
    AttributionRow, BetaRow, EquityRow, FillRow, OrderRow, PremiaRow, Record, RollingRow, RunNames,
    SmoothedRow, WeightRow, file_name, row_bytes,
};
use betaflow_engine::ledger::Frames;
use betaflow_engine::time::DAY_NS;

use super::Kind;
use crate::config::Config;

/// Size from which a folder is announced.
const ANNOUNCED_BYTES: f64 = 1e8;
const MONTHS_PER_YEAR: f64 = 12.0;
const DAYS_PER_CALENDAR_YEAR: f64 = 365.25;
/// Instruments that a long-only portfolio holds, as a multiple of the fewest that the largest weight allows.
const HELD_PER_FEWEST: f64 = 4.0;
/// Share of the held instruments that a rebalance trades: costs and the turnover cap keep the others.
const TRADED_SHARE: f64 = 0.5;

/// Approximate size of a table, and the change that makes it smaller.
struct TableSize {
    file: String,
    bytes: f64,
    smaller: Option<&'static str>,
}

/// Approximate numbers of a run.
struct Counts {
    /// Frames that are recorded.
    frames: f64,
    /// Frames that rebalance.
    rebalances: f64,
    /// Calendar months.
    months: f64,
    instruments: f64,
}

impl Counts {
    fn new(config: &Config, kind: &Kind, size: &DataSize) -> Self {
        let calendar = config.run().calendar;
        let (first, last) = size.times;
        let years = (last.0.saturating_sub(first.0) as f64 / DAY_NS as f64 + 1.0) / DAYS_PER_CALENDAR_YEAR;
        let all = (years * calendar.frames_per_year()).clamp(1.0, size.bars.max(1.0));
        let warmup = if kind.trades { calendar.frames(config.estimator.warmup) as f64 } else { 0.0 };
        let frames = (all - warmup).max(0.0);
        let daily = config.sizing.rebalance_at.is_some();
        let candidates = if daily { frames / f64::from(calendar.frames_per_day) } else { frames };
        Self {
            frames,
            rebalances: candidates / config.sizing.rebalance_every as f64,
            months: (frames / calendar.frames_per_year() * MONTHS_PER_YEAR).min(frames),
            instruments: size.bars / all,
        }
    }

    /// Number of the frames that a setting of `[record]` selects.
    fn selected(&self, frames: Frames) -> f64 {
        match frames {
            Frames::All => self.frames,
            Frames::Rebalances => self.rebalances,
            Frames::Monthly => self.months,
            Frames::Last => 1.0,
            Frames::None => 0.0,
        }
    }

    /// Numbers of instruments that a rebalance records with a weight, and that it trades.
    fn positions(&self, config: &Config) -> (f64, f64) {
        let fewest = (config.sizing.gross_max / config.sizing.weight_max).max(1.0);
        let concentrated = (HELD_PER_FEWEST * fewest).min(self.instruments);
        match config.strategy_kind() {
            "flat" => (0.0, 0.0),
            "quarter_kelly" | "factor_momentum" | "forecasts" | "max_sharpe" | "min_variance" => {
                let expected = config.record.expected_returns.unwrap_or(config.sizing.weight_min < 0.0);
                let recorded = if expected { self.instruments } else { concentrated };
                (recorded, TRADED_SHARE * concentrated)
            }
            _ => (self.instruments, self.instruments),
        }
    }
}

/// Returns a sentence about the folder of a run if it will be large: its size, its largest tables, and settings that make
/// it smaller.
pub(super) fn announcement(
    config: &Config,
    kind: &Kind,
    factors: &[String],
    size: &DataSize,
) -> Option<String> {
    let mut tables = tables(config, kind, factors, size);
    let total: f64 = tables.iter().map(|table| table.bytes).sum();
    if total < ANNOUNCED_BYTES {
        return None;
    }
    tables.sort_by(|a, b| b.bytes.total_cmp(&a.bytes));
    tables.retain(|table| table.bytes >= 0.1 * total);
    let largest: Vec<String> =
        tables.iter().map(|table| format!("{} {}", table.file, size_text(table.bytes))).collect();
    let mut smaller: Vec<&str> = Vec::new();
    for setting in tables.iter().filter_map(|table| table.smaller) {
        if !smaller.contains(&setting) {
            smaller.push(setting);
        }
    }
    let remedy = match smaller[..] {
        [] => String::new(),
        _ => format!("; for a smaller one {}", smaller.join(" or ")),
    };
    Some(format!("the run folder will take about {}: {}{remedy}", size_text(total), largest.join(", ")))
}

fn tables(config: &Config, kind: &Kind, factors: &[String], size: &DataSize) -> Vec<TableSize> {
    let names = RunNames::of_factors(factors);
    let counts = Counts::new(config, kind, size);
    let record = config.run().record;
    let n = counts.instruments;
    let every_bar = |frames| matches!(frames, Frames::All | Frames::Rebalances);
    let less = |frames, setting| if every_bar(frames) { Some(setting) } else { None };
    let mut tables = vec![table::<BetaRow>(
        &names,
        n * counts.selected(record.betas),
        less(record.betas, "set record.betas = \"monthly\""),
    )];
    if kind.trades {
        let (held, traded) = counts.positions(config);
        let weights = counts.selected(record.weights);
        let shorter = Some("choose a later --from");
        let rarer = Some("raise sizing.rebalance_every");
        tables.extend([
            table::<EquityRow>(&names, counts.frames, shorter),
            table::<AttributionRow>(&names, counts.frames, shorter),
            table::<FillRow>(&names, counts.rebalances * traded, rarer),
            table::<OrderRow>(&names, counts.rebalances * traded, rarer),
            table::<WeightRow>(
                &names,
                weights * held,
                less(record.weights, "set record.weights = \"monthly\""),
            ),
            table::<PremiaRow>(&names, weights * factors.len() as f64, None),
        ]);
    }
    if kind.smooths {
        tables.push(table::<SmoothedRow>(&names, size.bars, Some("omit --smooth")));
    }
    if kind.compares {
        tables.push(table::<RollingRow>(&names, size.bars, Some("omit --compare")));
    }
    tables
}

fn table<R: Record>(names: &RunNames, rows: f64, smaller: Option<&'static str>) -> TableSize {
    TableSize { file: file_name::<R>(), bytes: rows * row_bytes::<R>(names), smaller }
}

/// Returns a size with a unit and two digits: `270 MB`, `1.3 GB`.
fn size_text(bytes: f64) -> String {
    let (value, unit) = if bytes >= 1e9 { (bytes * 1e-9, "GB") } else { (bytes * 1e-6, "MB") };
    match value {
        value if value >= 10.0 => {
            let step = 10_f64.powi(value.log10().floor() as i32 - 1);
            format!("{:.0} {unit}", (value / step).round() * step)
        }
        _ => format!("{value:.1} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::size_text;

    #[test]
    fn size_has_two_digits() {
        let cases = [
            (2.7e8, "270 MB"),
            (1.27e9, "1.3 GB"),
            (9.96e6, "10.0 MB"),
            (1.234e10, "12 GB"),
            (0.0, "0.0 MB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size_text(bytes), text);
        }
    }
}

//! The tables of a run folder.

use std::path::Path;
use std::sync::Arc;

use betaflow_engine::execution::OrderRecord;
use betaflow_engine::ledger::{Frames, LedgerFrame, RecordError, RecordSettings, Recorder, RunFacts};
use betaflow_engine::model::{CalibrationFacts, Estimates};
use betaflow_engine::time::TimestampNs;

use super::attribution;
use super::table::{Kind, Table, TableError};

const EQUITY: [(&str, Kind); 19] = [
    ("timestamp", Kind::Time),
    ("seq", Kind::Integer),
    ("nav", Kind::Number),
    ("nav_gross", Kind::Number),
    ("cash", Kind::Number),
    ("gross_exposure", Kind::Number),
    ("net_exposure", Kind::Number),
    ("turnover", Kind::Number),
    ("cap_multiplier", Kind::Number),
    ("gross_multiplier", Kind::Number),
    ("net_multiplier", Kind::Number),
    ("commission", Kind::Number),
    ("spread", Kind::Number),
    ("impact", Kind::Number),
    ("borrow", Kind::Number),
    ("financing", Kind::Number),
    ("interest", Kind::Number),
    ("dividends", Kind::Number),
    ("benchmark_nav", Kind::Number),
];
const FILLS: [(&str, Kind); 18] = [
    ("timestamp", Kind::Time),
    ("seq", Kind::Integer),
    ("decided_seq", Kind::Integer),
    ("symbol", Kind::Text),
    ("quantity", Kind::Number),
    ("price", Kind::Number),
    ("decision_price", Kind::Number),
    ("notional", Kind::Number),
    ("commission", Kind::Number),
    ("spread", Kind::Number),
    ("impact", Kind::Number),
    ("reason", Kind::Text),
    ("permanent_impact", Kind::Number),
    ("delay", Kind::Number),
    ("shortfall", Kind::Number),
    ("half_spread_bps", Kind::Number),
    ("volatility", Kind::Number),
    ("daily_volume", Kind::Number),
];
const ORDERS: [(&str, Kind); 8] = [
    ("timestamp", Kind::Time),
    ("seq", Kind::Integer),
    ("decided_seq", Kind::Integer),
    ("due_seq", Kind::Integer),
    ("symbol", Kind::Text),
    ("quantity", Kind::Number),
    ("filled", Kind::Number),
    ("state", Kind::Text),
];
const WEIGHTS: [(&str, Kind); 5] = [
    ("timestamp", Kind::Time),
    ("seq", Kind::Integer),
    ("symbol", Kind::Text),
    ("target_weight", Kind::Number),
    ("held_weight", Kind::Number),
];
pub(super) const BETAS_BEFORE: [(&str, Kind); 4] =
    [("timestamp", Kind::Time), ("seq", Kind::Integer), ("symbol", Kind::Text), ("alpha", Kind::Number)];
pub(super) const BETAS_AFTER: [(&str, Kind); 5] = [
    ("forecast_mean", Kind::Number),
    ("forecast_sd", Kind::Number),
    ("forecast_dof", Kind::Number),
    ("forecast_error", Kind::Number),
    ("residual_sd", Kind::Number),
];

const INSTRUMENTS: [(&str, Kind); 12] = [
    ("symbol", Kind::Text),
    ("forecasts", Kind::Integer),
    ("hedged_r2", Kind::Number),
    ("nis", Kind::Number),
    ("autocorrelation", Kind::Number),
    ("coverage_50", Kind::Number),
    ("coverage_90", Kind::Number),
    ("coverage_95", Kind::Number),
    ("log_predictive_density", Kind::Number),
    ("baseline_log_predictive_density", Kind::Number),
    ("share_in_alarm", Kind::Number),
    ("alarm", Kind::OptionalText),
];

/// `betas.parquet`.
struct Betas {
    table: Table,
    frames: Frames,
    latest: Option<Estimates>,
}

/// `equity.parquet`, `fills.parquet` and `weights.parquet`.
struct Trades {
    equity: Table,
    fills: Table,
    orders: Table,
    attribution: Table,
    contributions: Table,
    /// Time and number of the last frame.
    last: (TimestampNs, u64),
    weights: Option<Table>,
    frames: Frames,
    latest: Option<LedgerFrame>,
}

/// Writes the Parquet tables of a run.
pub struct ParquetRecorder {
    instruments: Option<Table>,
    betas: Option<Betas>,
    trades: Option<Trades>,
}

impl ParquetRecorder {
    /// Tables in `folder`: those of trading where `trades` says so, and what `record` asks for.
    /// `note`: what whoever reads the tables must know.
    ///
    /// # Errors
    /// The files cannot be created.
    pub fn create(
        folder: &Path,
        factors: &[String],
        record: RecordSettings,
        trades: bool,
        note: Option<&str>,
    ) -> Result<Self, TableError> {
        let mut columns = BETAS_BEFORE.to_vec();
        columns.extend(factors.iter().map(|name| (name.as_str(), Kind::Number)));
        columns.extend(BETAS_AFTER);
        let deviations: Vec<String> = std::iter::once("alpha")
            .chain(factors.iter().map(String::as_str))
            .map(|c| format!("{c}_sd"))
            .collect();
        columns.extend(deviations.iter().map(|name| (name.as_str(), Kind::Number)));
        let betas = match record.betas {
            Frames::None => None,
            frames => Some(Betas {
                table: Table::create(folder, "betas.parquet", &columns, note)?,
                frames,
                latest: None,
            }),
        };
        let trades = if trades {
            let weights = match record.weights {
                Frames::None => None,
                _ => Some(Table::create(folder, "weights.parquet", &WEIGHTS, note)?),
            };
            Some(Trades {
                equity: Table::create(folder, "equity.parquet", &EQUITY, note)?,
                fills: Table::create(folder, "fills.parquet", &FILLS, note)?,
                orders: Table::create(folder, "orders.parquet", &ORDERS, note)?,
                attribution: attribution::table(folder, factors, note)?,
                contributions: attribution::sums_table(folder, factors, note)?,
                last: (TimestampNs::default(), 0),
                weights,
                frames: record.weights,
                latest: None,
            })
        } else {
            None
        };
        let instruments = Some(Table::create(folder, "instruments.parquet", &INSTRUMENTS, note)?);
        Ok(Self { instruments, betas, trades })
    }
}

impl Recorder for ParquetRecorder {
    fn ledger(&mut self, frame: &LedgerFrame) -> Result<(), RecordError> {
        let Some(trades) = &mut self.trades else { return Ok(()) };
        write_equity(&mut trades.equity, frame)?;
        write_fills(&mut trades.fills, frame)?;
        trades.last = (frame.timestamp, frame.seq);
        for order in &frame.ended {
            write_order(&mut trades.orders, trades.last, &frame.names, order)?;
        }
        attribution::write(&mut trades.attribution, frame)?;
        match (&mut trades.weights, trades.frames) {
            (Some(table), Frames::All) => write_weights(table, frame)?,
            (Some(table), Frames::Rebalances) if frame.decided => write_weights(table, frame)?,
            (Some(_), Frames::Last) => trades.latest.get_or_insert_default().clone_from(frame),
            _ => {}
        }
        Ok(())
    }

    fn estimates(&mut self, estimates: &Estimates) -> Result<(), RecordError> {
        let Some(betas) = &mut self.betas else { return Ok(()) };
        match betas.frames {
            Frames::All => write_betas(&mut betas.table, estimates)?,
            Frames::Rebalances if estimates.decides => write_betas(&mut betas.table, estimates)?,
            Frames::Last => betas.latest.get_or_insert_default().clone_from(estimates),
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, facts: &RunFacts) -> Result<(), RecordError> {
        if let Some(mut table) = self.instruments.take() {
            for (name, facts) in facts.names.iter().zip(&facts.estimator.instruments) {
                write_instrument(&mut table, name, facts)?;
            }
            table.close()?;
        }
        if let Some(mut betas) = self.betas.take() {
            if let Some(latest) = &betas.latest {
                write_betas(&mut betas.table, latest)?;
            }
            betas.table.close()?;
        }
        if let Some(mut trades) = self.trades.take() {
            for order in &facts.open_orders {
                write_order(&mut trades.orders, trades.last, &facts.names, order)?;
            }
            attribution::write_sums(&mut trades.contributions, facts)?;
            trades.orders.close()?;
            trades.attribution.close()?;
            trades.contributions.close()?;
            if let Some(mut table) = trades.weights {
                if let Some(latest) = &trades.latest {
                    write_weights(&mut table, latest)?;
                }
                table.close()?;
            }
            trades.equity.close()?;
            trades.fills.close()?;
        }
        Ok(())
    }
}

fn write_equity(table: &mut Table, frame: &LedgerFrame) -> Result<(), TableError> {
    table.time(frame.timestamp);
    table.integer(Some(frame.seq));
    let account = &frame.account;
    for value in [
        frame.nav,
        frame.nav_gross,
        frame.cash,
        account.gross_exposure,
        account.net_exposure,
        frame.turnover,
        frame.multipliers.turnover,
        frame.multipliers.gross,
        frame.multipliers.net,
    ] {
        table.number(value);
    }
    for (_, cost) in account.costs.items() {
        table.number(cost);
    }
    for value in [account.interest, account.dividends, frame.benchmark_nav] {
        table.number(value);
    }
    table.end_row()
}

fn write_fills(table: &mut Table, frame: &LedgerFrame) -> Result<(), TableError> {
    for fill in &frame.fills {
        table.time(frame.timestamp);
        table.integer(Some(frame.seq));
        table.integer(fill.decided_seq);
        table.text(&frame.names[fill.instrument as usize]);
        for value in [fill.quantity, fill.price, fill.decision_price, fill.quantity * fill.price] {
            table.number(value);
        }
        for value in [fill.costs.commission, fill.costs.spread, fill.costs.impact] {
            table.number(value);
        }
        table.text(fill.reason.name());
        let conditions = fill.conditions;
        for value in [fill.permanent_impact, fill.delay(), fill.shortfall()] {
            table.number(value);
        }
        for value in [conditions.half_spread_bps, conditions.volatility, conditions.daily_volume] {
            table.number(value);
        }
        table.end_row()?;
    }
    Ok(())
}

/// An order that has ended on the frame, or is not done at the end of the run.
fn write_order(
    table: &mut Table,
    (timestamp, seq): (TimestampNs, u64),
    names: &[Arc<str>],
    order: &OrderRecord,
) -> Result<(), TableError> {
    table.time(timestamp);
    table.integer(Some(seq));
    table.integer(Some(order.decided_seq));
    table.integer(Some(order.due_seq));
    table.text(&names[order.instrument as usize]);
    table.number(order.quantity);
    table.number(order.filled);
    table.text(order.state.name());
    table.end_row()
}

/// A row for each instrument that is held or wanted.
fn write_weights(table: &mut Table, frame: &LedgerFrame) -> Result<(), TableError> {
    for (i, name) in frame.names.iter().enumerate() {
        let held = frame.held.get(i).copied().unwrap_or(0.0);
        // On a frame that does not decide there is no target: null, not zero.
        let target = frame.target.get(i).copied().unwrap_or(f64::NAN);
        if held == 0.0 && (target == 0.0 || target.is_nan()) {
            continue;
        }
        table.time(frame.timestamp);
        table.integer(Some(frame.seq));
        table.text(name);
        table.number(target);
        table.number(held);
        table.end_row()?;
    }
    Ok(())
}

fn write_instrument(table: &mut Table, name: &str, facts: &CalibrationFacts) -> Result<(), TableError> {
    table.text(name);
    table.integer(Some(facts.forecasts));
    let [inside50, inside90, inside95] = facts.coverage;
    for value in [
        facts.hedged_r2,
        facts.nis,
        facts.autocorrelation,
        inside50,
        inside90,
        inside95,
        facts.log_predictive_density,
        facts.baseline_log_predictive_density,
        facts.share_in_alarm,
    ] {
        table.number(value.unwrap_or(f64::NAN));
    }
    table.optional_text(facts.alarm.map(|alarm| alarm.name()));
    table.end_row()
}

/// A row for each instrument that has had a return.
fn write_betas(table: &mut Table, estimates: &Estimates) -> Result<(), TableError> {
    for (i, name) in estimates.names.iter().enumerate() {
        if !estimates.started(i) {
            continue;
        }
        table.time(estimates.timestamp);
        table.integer(Some(estimates.seq));
        table.text(name);
        table.number(estimates.alpha[i]);
        for factor in 0..estimates.factors.len() {
            table.number(estimates.betas_on(factor)[i]);
        }
        for column in [
            &estimates.forecast_mean,
            &estimates.forecast_sd,
            &estimates.forecast_dof,
            &estimates.forecast_error,
        ] {
            table.number(column[i]);
        }
        table.number(estimates.observation_var[i].sqrt());
        for coefficient in 0..=estimates.factors.len() {
            table.number(estimates.sd_of(coefficient)[i]);
        }
        table.end_row()?;
    }
    Ok(())
}

//! Recorder of a run folder: the ledger as Parquet files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use betaflow_engine::ledger::{Frames, LedgerFrame, RecordError, RecordSettings, Recorder, RunFacts};
use betaflow_engine::model::Estimates;
use betaflow_engine::time::TimestampNs;

use super::attribution::{AttributionRow, ContributionRow, contributions};
use super::column::RunNames;
use super::estimates::{BetaRow, InstrumentRow};
use super::groups::{GroupRow, groups};
use super::membership::MembershipRow;
use super::premia::PremiaRow;
use super::risk::{RESIDUAL, RiskRow};
use super::syncing::Syncing;
use super::table::{TableError, TableWriter};
use super::trading::{BorrowRow, EquityRow, FillRow, OrderRow, WeightRow, fills, orders, weights};

/// `betas.parquet`.
struct Betas {
    table: TableWriter<BetaRow>,
    row: BetaRow,
    frames: Frames,
    latest: Option<Estimates>,
}

impl Betas {
    /// Adds a row for each instrument with a return so far.
    fn push(&mut self, estimates: &Estimates) -> Result<(), TableError> {
        for i in (0..estimates.instruments()).filter(|i| estimates.started(*i)) {
            self.row.take(estimates, i);
            self.table.push(&self.row)?;
        }
        Ok(())
    }
}

/// `premia.parquet`: the premia of the frames of `weights.parquet`.
struct Premia {
    table: TableWriter<PremiaRow>,
    row: PremiaRow,
    factors: Vec<Arc<str>>,
}

impl Premia {
    fn create(folder: &Path, factors: &[String], note: Option<&str>) -> Result<Self, TableError> {
        Ok(Self {
            table: TableWriter::create(folder, &RunNames::of_factors(factors), note)?,
            row: PremiaRow::default(),
            factors: factors.iter().map(|name| Arc::from(name.as_str())).collect(),
        })
    }

    fn push(&mut self, frame: &LedgerFrame) -> Result<(), TableError> {
        let names = factor_names(&self.factors, frame);
        for (number, factor) in names.enumerate().take(frame.premia.len()) {
            self.row.take(frame, factor, number);
            self.table.push(&self.row)?;
        }
        Ok(())
    }
}

/// `risk.parquet`: the predicted risk of the frames of `weights.parquet`.
struct Risk {
    table: TableWriter<RiskRow>,
    row: RiskRow,
    /// Names of the factors.
    factors: Vec<Arc<str>>,
    residual: Arc<str>,
}

impl Risk {
    fn create(folder: &Path, factors: &[String], note: Option<&str>) -> Result<Self, TableError> {
        Ok(Self {
            table: TableWriter::create(folder, &RunNames::of_factors(factors), note)?,
            row: RiskRow::default(),
            factors: factors.iter().map(|name| Arc::from(name.as_str())).collect(),
            residual: Arc::from(RESIDUAL),
        })
    }

    fn push(&mut self, frame: &LedgerFrame) -> Result<(), TableError> {
        let Some(last) = frame.risk.len().checked_sub(1) else { return Ok(()) };
        for (number, name) in factor_names(&self.factors, frame).take(last).enumerate() {
            self.row.take(frame, name, number);
            self.table.push(&self.row)?;
        }
        self.row.take(frame, &self.residual, last);
        self.table.push(&self.row)
    }
}

/// `membership.parquet`, created with its first row.
struct Changes {
    folder: PathBuf,
    names: RunNames,
    note: Option<String>,
    table: Option<TableWriter<MembershipRow>>,
    row: MembershipRow,
}

impl Changes {
    fn push(&mut self, frame: &LedgerFrame) -> Result<(), TableError> {
        let Self { folder, names, note, table, row } = self;
        for change in &frame.membership {
            if table.is_none() {
                *table = Some(TableWriter::create(folder, names, note.as_deref())?);
            }
            row.take(frame, change);
            table.as_mut().map_or(Ok(()), |table| table.push(row))?;
        }
        Ok(())
    }
}

/// Names of the K factors of a frame: the given ones among `columns`, then those of groups.
fn factor_names<'a>(columns: &'a [Arc<str>], frame: &'a LedgerFrame) -> impl Iterator<Item = &'a Arc<str>> {
    columns.iter().take(frame.given_factors).chain(frame.group_factors.iter())
}

/// Tables of trading.
struct Trades {
    equity: TableWriter<EquityRow>,
    equity_row: EquityRow,
    fills: TableWriter<FillRow>,
    orders: TableWriter<OrderRow>,
    attribution: TableWriter<AttributionRow>,
    attribution_row: AttributionRow,
    contributions: TableWriter<ContributionRow>,
    /// Time and number of the last frame.
    last: (TimestampNs, u64),
    weights: Option<TableWriter<WeightRow>>,
    premia: Option<Premia>,
    /// Table of the fees on shorts, in runs with a file of them.
    borrow: Option<TableWriter<BorrowRow>>,
    risk: Option<Risk>,
    changes: Changes,
    /// Table of the groups, from the first frame with groups on.
    groups: Option<TableWriter<GroupRow>>,
    folder: PathBuf,
    note: Option<String>,
    frames: Frames,
    /// True for a row per instrument with an expected return.
    expected: bool,
    latest: Option<LedgerFrame>,
}

/// Writes the Parquet tables of a run.
pub struct ParquetRecorder {
    instruments: Option<TableWriter<InstrumentRow>>,
    betas: Option<Betas>,
    trades: Option<Trades>,
    /// Tables that the run's end need not wait for.
    syncing: Syncing,
    waits: bool,
}

impl ParquetRecorder {
    /// Creates the tables in `folder`: those that `record` selects, and those of trading if `trades`. `note`: text for
    /// readers, in the metadata of each file.
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
        let names = &RunNames::of_factors(factors);
        let betas = match record.betas {
            Frames::None => None,
            frames => Some(Betas {
                table: TableWriter::create(folder, names, note)?,
                row: BetaRow::default(),
                frames,
                latest: None,
            }),
        };
        let weights = trades && record.weights != Frames::None;
        let weights = weights.then(|| TableWriter::create(folder, names, note)).transpose()?;
        let trades = match trades {
            true => Some(Trades {
                equity: TableWriter::create(folder, names, note)?,
                equity_row: EquityRow::default(),
                fills: TableWriter::create(folder, names, note)?,
                orders: TableWriter::create(folder, names, note)?,
                attribution: TableWriter::create(folder, names, note)?,
                attribution_row: AttributionRow::default(),
                contributions: TableWriter::create(folder, names, note)?,
                last: (TimestampNs::default(), 0),
                premia: weights.is_some().then(|| Premia::create(folder, factors, note)).transpose()?,
                risk: weights.is_some().then(|| Risk::create(folder, factors, note)).transpose()?,
                changes: Changes {
                    folder: folder.to_owned(),
                    names: names.clone(),
                    note: note.map(str::to_owned),
                    table: None,
                    row: MembershipRow::default(),
                },
                weights,
                borrow: None,
                groups: None,
                folder: folder.to_owned(),
                note: note.map(str::to_owned),
                expected: record.expected_returns.unwrap_or(false),
                frames: record.weights,
                latest: None,
            }),
            false => None,
        };
        let instruments = Some(TableWriter::create(folder, names, note)?);
        Ok(Self { instruments, betas, trades, syncing: Syncing::default(), waits: true })
    }

    /// Adds the table of the fees on shorts to the record of a run that trades.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn with_borrow_fees(mut self, folder: &Path, note: Option<&str>) -> Result<Self, TableError> {
        if let Some(trades) = &mut self.trades {
            trades.borrow = Some(TableWriter::create(folder, &RunNames::default(), note)?);
        }
        Ok(self)
    }

    /// Lets the end of the run not wait until the tables are on the disk; the caller waits for them.
    #[must_use]
    pub fn sync_later(&mut self) -> Syncing {
        self.waits = false;
        self.syncing.clone()
    }
}

impl Trades {
    fn push(&mut self, frame: &LedgerFrame) -> Result<(), TableError> {
        self.equity_row.take(frame, None);
        self.equity.push(&self.equity_row)?;
        fills(frame).try_for_each(|row| self.fills.push(&row))?;
        self.last = (frame.timestamp, frame.seq);
        orders(self.last, &frame.names, &frame.ended).try_for_each(|row| self.orders.push(&row))?;
        if let Some(table) = &mut self.borrow {
            let mut row = BorrowRow::default();
            for charge in &frame.borrow {
                row.take(frame, charge);
                table.push(&row)?;
            }
        }
        self.changes.push(frame)?;
        self.attribution_row.take(frame);
        self.attribution.push(&self.attribution_row)?;
        match self.frames {
            Frames::All => self.push_weights(frame),
            Frames::Rebalances if frame.decided => self.push_weights(frame),
            Frames::Monthly if frame.ends_month => self.push_weights(frame),
            Frames::Last => {
                self.latest.get_or_insert_default().clone_from(frame);
                Ok(())
            }
            Frames::Rebalances | Frames::Monthly | Frames::None => Ok(()),
        }
    }

    fn push_groups(&mut self, frame: &LedgerFrame) -> Result<(), TableError> {
        if frame.groups.is_empty() {
            return Ok(());
        }
        let table = match &mut self.groups {
            Some(table) => table,
            none => {
                let names = RunNames::default();
                none.insert(TableWriter::create(&self.folder, &names, self.note.as_deref())?)
            }
        };
        groups(frame).try_for_each(|row| table.push(&row))
    }

    fn push_weights(&mut self, frame: &LedgerFrame) -> Result<(), TableError> {
        if let Some(table) = &mut self.weights {
            weights(frame, self.expected).try_for_each(|row| table.push(&row))?;
        }
        self.push_groups(frame)?;
        self.premia.as_mut().map_or(Ok(()), |premia| premia.push(frame))?;
        self.risk.as_mut().map_or(Ok(()), |risk| risk.push(frame))
    }

    fn finish(mut self, facts: &RunFacts, syncing: &Syncing) -> Result<(), TableError> {
        if let Some(latest) = self.latest.take() {
            self.push_weights(&latest)?;
        }
        orders(self.last, &facts.names, &facts.open_orders).try_for_each(|row| self.orders.push(&row))?;
        contributions(facts).try_for_each(|row| self.contributions.push(&row))?;
        self.orders.close_into(syncing)?;
        self.attribution.close_into(syncing)?;
        self.contributions.close_into(syncing)?;
        if let Some(table) = self.weights {
            table.close_into(syncing)?;
        }
        if let Some(table) = self.borrow {
            table.close_into(syncing)?;
        }
        if let Some(groups) = self.groups {
            groups.close_into(syncing)?;
        }
        if let Some(premia) = self.premia {
            premia.table.close_into(syncing)?;
        }
        if let Some(risk) = self.risk {
            risk.table.close_into(syncing)?;
        }
        if let Some(table) = self.changes.table {
            table.close_into(syncing)?;
        }
        self.equity.close_into(syncing)?;
        self.fills.close_into(syncing)
    }
}

impl Recorder for ParquetRecorder {
    fn ledger(&mut self, frame: &LedgerFrame) -> Result<(), RecordError> {
        match &mut self.trades {
            Some(trades) => Ok(trades.push(frame)?),
            None => Ok(()),
        }
    }

    fn estimates(&mut self, estimates: &Estimates) -> Result<(), RecordError> {
        let Some(betas) = &mut self.betas else { return Ok(()) };
        match betas.frames {
            Frames::All => betas.push(estimates)?,
            Frames::Rebalances if estimates.decides => betas.push(estimates)?,
            Frames::Monthly if estimates.ends_month => betas.push(estimates)?,
            Frames::Last => betas.latest.get_or_insert_default().clone_from(estimates),
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, facts: &RunFacts) -> Result<(), RecordError> {
        if let Some(mut table) = self.instruments.take() {
            let mut row = InstrumentRow::default();
            for (name, facts) in facts.names.iter().zip(&facts.estimator.instruments) {
                row.take(name, facts);
                table.push(&row)?;
            }
            table.close_into(&self.syncing)?;
        }
        if let Some(mut betas) = self.betas.take() {
            if let Some(latest) = betas.latest.take() {
                betas.push(&latest)?;
            }
            betas.table.close_into(&self.syncing)?;
        }
        if let Some(trades) = self.trades.take() {
            trades.finish(facts, &self.syncing)?;
        }
        if self.waits {
            self.syncing.wait()?;
        }
        Ok(())
    }
}

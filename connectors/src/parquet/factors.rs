//! Factor returns from a separate file, joined to the frames by time.

use arrow_array::RecordBatch;
use betaflow_engine::assembly::{FactorGap, Values};
use betaflow_engine::frame::Frame;
use betaflow_engine::time::{TimestampNs, Zone};
use betaflow_engine::warning::Warning;

use super::batches::{Batches, Rows, TABLE_BATCH_BYTES, batch_rows, before, unseal};
use super::columns::{numbers, text, times};
use super::factor_tables::prepared_factors;
use super::input::Location;
use super::merge::name_of;
use super::midnights::Midnights;
use super::place::Place;
use super::schema::{Columns, FactorColumns};
use super::settings::{Input, Settings};
use crate::DataError;
use crate::import::Interpretation;
use crate::risk_free::{AnnualRate, RiskFreeRate};

/// Upper bound of a factor return per frame; larger numbers are an index, a price or a count.
pub(crate) const LARGEST_FACTOR: f64 = 10.0;

/// Reader of the rows of a factor file, in order.
struct FactorRows {
    file: String,
    location: Location,
    batches: Batches,
    time: usize,
    /// Positions of the factors in a batch; the position of `rf`, if present, is last.
    columns: Vec<usize>,
    /// Bounds of a number: exclusive below, inclusive above.
    bounds: (f64, f64),
    /// Annualised risk-free returns, if the last column is `rf`.
    rf: Option<RiskFreeRate>,
    rf_max: f64,
    zone: Zone,
    /// Time from which rows are cut off.
    seal: Option<i64>,
    /// Name of the time column.
    time_name: String,
    /// Times of a batch from its first row at or after the seal on, and the number of that row.
    sealed: Option<(Vec<i64>, u64)>,
    batch: Option<RecordBatch>,
    first_row: u64,
    at: usize,
    times: Vec<i64>,
    numbers: Vec<Vec<f64>>,
    /// Time of the next row; `values` holds its numbers.
    next: Option<i64>,
    values: Vec<f64>,
    previous: Option<i64>,
    /// Latest time so far, including rows after the range or the seal.
    latest: Option<i64>,
}

impl FactorRows {
    /// Reads the next row into `next` and `values`.
    fn advance(&mut self) -> Result<(), DataError> {
        self.previous = self.next.or(self.previous);
        while self.at == self.times.len() {
            if let Some((times, first_row)) = self.sealed.take() {
                self.check_order(&times, first_row)?;
            }
            let Some(rows) = self.batches.next()? else {
                self.next = None;
                return Ok(());
            };
            self.load(rows)?;
        }
        let (row, time) = (self.at, self.times[self.at]);
        self.check_order(&[time], self.first_row + row as u64)?;
        self.values.clear();
        for (column, numbers) in self.columns.iter().zip(&self.numbers) {
            let value = numbers[row];
            if !(value > self.bounds.0 && value <= self.bounds.1) {
                return Err(self.bad_value(row, *column));
            }
            self.values.push(value);
        }
        if let (Some(rate), Some(rf)) = (&mut self.rf, self.values.last())
            && let Err(rate) =
                rate.observe(TimestampNs(time), self.zone.date(TimestampNs(time)), *rf, self.rf_max)
        {
            return Err(self.bad_rate(rate));
        }
        self.next = Some(time);
        self.at += 1;
        Ok(())
    }

    fn load(&mut self, rows: Rows) -> Result<(), DataError> {
        self.at = 0;
        self.first_row = rows.first_row;
        let column = rows.batch.column(if rows.is_whole { self.time } else { 0 });
        let mut read = std::mem::take(&mut self.times);
        times(column, 0, &mut read)
            .map_err(|fault| fault.error(column, |row| self.time_place(rows.first_row + row as u64)))?;
        self.batches.check_bounds(&rows, &read)?;
        if !rows.is_whole {
            self.check_order(&read, rows.first_row)?;
            return self.batches.check_left_out(&rows, &read, before(self.seal), i64::MIN);
        }
        let mut batch = rows.batch;
        if let Some(seal) = self.seal
            && let Some(row) = read.iter().position(|time| *time >= seal)
        {
            // From the seal on, only the times are read.
            self.sealed = Some((read.split_off(row), rows.first_row + row as u64));
            batch = batch.slice(0, row);
            self.batches.times_only()?;
        }
        self.times = read;
        self.numbers.resize_with(self.columns.len(), Vec::new);
        for (column, out) in self.columns.iter().zip(&mut self.numbers) {
            numbers(batch.column(*column), out);
        }
        self.batch = Some(batch);
        Ok(())
    }

    /// Checks that times increase.
    fn check_order(&mut self, times: &[i64], first_row: u64) -> Result<(), DataError> {
        for (row, time) in times.iter().enumerate() {
            if let Some(previous) = self.latest.filter(|latest| latest >= time) {
                let place = self.time_place(first_row + row as u64);
                let (found, previous) = (TimestampNs(*time), TimestampNs(previous));
                return Err(DataError::FactorOrder { place, found, previous });
            }
            self.latest = Some(*time);
        }
        Ok(())
    }

    /// Checks the times of the rows after the last frame.
    fn check_rest(&mut self) -> Result<(), DataError> {
        let (rest, first_row) = (std::mem::take(&mut self.times), self.first_row + self.at as u64);
        self.check_order(&rest[self.at..], first_row)?;
        self.at = 0;
        self.batches.times_only()?;
        loop {
            if let Some((times, first_row)) = self.sealed.take() {
                self.check_order(&times, first_row)?;
            }
            let Some(rows) = self.batches.next()? else { return Ok(()) };
            self.load(rows)?;
        }
    }

    fn time_place(&self, row: u64) -> Box<Place> {
        self.location.place(row, self.time_name.clone())
    }

    fn place(&self, row: usize, column: usize) -> Box<Place> {
        let batch = self.batch.as_ref();
        let column = batch.map(|batch| batch.schema().field(column).name().clone()).unwrap_or_default();
        self.location.place(self.first_row + row as u64, column)
    }

    fn bad_rate(&self, rate: AnnualRate) -> DataError {
        let column = self.columns.last().copied().unwrap_or_default();
        let place = self.location.place(rate.row, self.place(0, column).column);
        DataError::BadRiskFree {
            place,
            time: rate.time,
            found: rate.found,
            annual: rate.annual,
            max: self.rf_max,
        }
    }

    fn bad_value(&self, row: usize, column: usize) -> DataError {
        let cell = self.batch.as_ref().map(|batch| batch.column(column));
        let found = match cell {
            Some(cell) if cell.is_valid(row) => text(cell, row),
            _ => "null".to_owned(),
        };
        let time = TimestampNs(self.times[row]);
        DataError::BadFactor { place: self.place(row, column), time, found }
    }
}

/// Join of each frame with the factor rows since the preceding frame.
pub(super) struct FactorJoin {
    rows: FactorRows,
    /// How files that are not one Parquet file were understood.
    pub(super) interpretation: Option<Interpretation>,
    names: Vec<String>,
    has_rf: bool,
    gap: FactorGap,
    first_row: TimestampNs,
    /// Whether all rows so far are dates.
    are_dates: bool,
    /// Time and local date of the preceding frame.
    previous_frame: Option<(TimestampNs, i64)>,
    /// Time zones of the frames, and of the rows joined to them.
    frame_midnights: Midnights,
    row_midnights: Midnights,
    /// Whether the rows ended before the current frame; this and all later frames are then dropped.
    ended: bool,
    /// Compounded rows of one frame: factors, then `rf`.
    compounded: Vec<f64>,
    /// Whether frames before the first row are emitted, without factors.
    leads: bool,
    /// Rows of one frame, in order, kept for clients that join them to other frames.
    taken: Option<Vec<f64>>,
}

impl FactorJoin {
    /// Opens a factor file at its first row.
    pub(super) fn open(input: &Input, settings: &Settings) -> Result<Self, DataError> {
        let input = &prepared_factors(input, settings)?;
        let file = name_of(input);
        let location = input.single("factors")?;
        let interpretation = match input {
            Input::Prepared(file) => Some(file.interpretation().clone()),
            _ => None,
        };
        let table = location.open(0)?;
        let columns = Columns { file: &file, schema: table.schema() };
        let time = columns.time(None)?;
        let FactorColumns { factors, rf } = columns.factors(time)?;
        let wanted: Vec<usize> = factors.iter().chain(&rf).map(|(column, _)| *column).collect();
        let mut projection = wanted.clone();
        projection.push(time);
        projection.sort_unstable();
        let in_batch = |column: &usize| projection.binary_search(column).unwrap_or(0);
        let rows = batch_rows(projection.len(), TABLE_BATCH_BYTES);
        let seal = settings.sealed_from.map(|seal| seal.0);
        let mut groups = table.row_groups(Some(time), 0);
        unseal(&mut groups, seal);
        let time_name = table.schema().field(time).name().clone();
        let batches = table.batches(&projection, Some(time), groups, rows)?;
        let mut rows = FactorRows {
            file,
            location,
            batches,
            time: in_batch(&time),
            columns: wanted.iter().map(in_batch).collect(),
            bounds: match settings.values {
                Values::ReturnsOfAnySize => (f64::NEG_INFINITY, f64::MAX),
                _ => (-1.0, LARGEST_FACTOR),
            },
            rf: rf.is_some().then(RiskFreeRate::default),
            rf_max: settings.rf_max,
            zone: settings.zone.clone(),
            seal,
            time_name,
            sealed: None,
            batch: None,
            first_row: 0,
            at: 0,
            times: Vec::new(),
            numbers: Vec::new(),
            next: None,
            values: Vec::new(),
            previous: None,
            latest: None,
        };
        rows.advance()?;
        let Some(first) = rows.next else {
            return Err(match settings.sealed_from {
                None => DataError::NoRows { file: rows.file },
                Some(seal) => DataError::NothingBeforeSeal { file: rows.file, seal },
            });
        };
        Ok(Self {
            rows,
            interpretation,
            names: factors.into_iter().map(|(_, name)| name).collect(),
            has_rf: rf.is_some(),
            gap: settings.factor_gap,
            first_row: TimestampNs(first),
            are_dates: TimestampNs(first).is_midnight(),
            previous_frame: None,
            frame_midnights: Midnights::default(),
            row_midnights: Midnights::default(),
            ended: false,
            compounded: Vec::new(),
            leads: false,
            taken: None,
        })
    }

    /// Prepares the join for clients that join the rows to other frames: frames before the first row are
    /// emitted without factors, and the rows of each frame are kept.
    pub(super) fn neutral(mut self) -> Self {
        (self.leads, self.taken) = (true, Some(Vec::new()));
        self
    }

    /// Returns the time of the first row.
    pub(super) fn first_row(&self) -> TimestampNs {
        self.first_row
    }

    /// Returns the rows of the current frame, each with the factors and then `rf`.
    pub(super) fn taken(&self) -> impl Iterator<Item = &[f64]> {
        let width = self.names.len() + usize::from(self.has_rf);
        self.taken.as_deref().unwrap_or_default().chunks(width.max(1))
    }

    /// Checks the times of the rows after the last frame.
    pub(super) fn check_rest(&mut self) -> Result<(), DataError> {
        self.rows.check_rest()
    }

    /// Returns whether a row has been joined to a frame.
    pub(super) fn has_joined(&self) -> bool {
        self.rows.previous.is_some()
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn has_rf(&self) -> bool {
        self.has_rf
    }

    /// Returns a warning about an implausible risk-free return.
    pub(super) fn warning(&self) -> Option<Warning> {
        self.rows.rf.as_ref().and_then(|rate| rate.warning(&self.rows.file))
    }

    /// Compounds the rows up to the frame at `t` into it; returns whether the frame is emitted.
    pub(super) fn advance(&mut self, t: TimestampNs, frame: &mut Frame) -> Result<bool, DataError> {
        let date = frame.date();
        self.check_days(t, date)?;
        self.frame_midnights.add(t.0);
        let first_of_all = self.previous_frame.replace((t, date)).is_none();
        self.compounded.clear();
        self.taken.iter_mut().for_each(Vec::clear);
        let mut count = 0;
        // A daily frame takes the row of its local date.
        let clock = if self.rows.zone.has_dates() { frame.local_time().0 } else { t.0 };
        let is_due = |next: i64, are_dates: bool| {
            next <= if are_dates && TimestampNs(next).is_midnight() { clock } else { t.0 }
        };
        while let Some(next) = self.rows.next.filter(|next| is_due(*next, self.are_dates)) {
            self.are_dates &= TimestampNs(next).is_midnight();
            self.row_midnights.add(next);
            // The first frame has no interval to compound over; it gets the last row at or before it.
            if count == 0 || first_of_all {
                self.compounded.clone_from(&self.rows.values);
                self.taken.iter_mut().for_each(Vec::clear);
            } else {
                for (sum, value) in self.compounded.iter_mut().zip(&self.rows.values) {
                    *sum = (1.0 + *sum) * (1.0 + value) - 1.0;
                }
            }
            self.taken.iter_mut().for_each(|taken| taken.extend_from_slice(&self.rows.values));
            count += 1;
            self.rows.advance()?;
        }
        if first_of_all && let Some(rate) = &mut self.rows.rf {
            rate.forget_extreme();
        }
        // Daily bars stamped at midnight of a time zone east of UTC would get the row of the preceding day.
        let of_another_date = self.are_dates && !t.is_midnight() && self.last_date() < date;
        if count == 1 && !first_of_all && (of_another_date || self.is_of_another_midnight()) {
            let row = TimestampNs(self.rows.previous.unwrap_or_default());
            return Err(DataError::FactorOfAnotherDate {
                file: self.rows.file.clone(),
                frame: t,
                row,
                frame_zone: self.frame_midnights.zone(),
                row_zone: self.row_midnights.zone(),
            });
        }
        // Rows that ended on an earlier day do not apply to the first frame.
        let is_over = first_of_all && self.rows.next.is_none() && self.last_date() < date;
        if count > 0 && !is_over {
            frame.factors.clear();
            frame.factors.extend_from_slice(&self.compounded[..self.names.len()]);
            frame.rf = if self.has_rf { self.compounded[self.names.len()] } else { 0.0 };
            return Ok(true);
        }
        self.without_row(t, frame)
    }

    /// Returns whether frame and row are midnights of different time zones and different local dates.
    fn is_of_another_midnight(&self) -> bool {
        if !self.rows.zone.is_utc() {
            return false;
        }
        let dates = self.frame_midnights.date().zip(self.row_midnights.date());
        dates.is_some_and(|(frame, row)| frame != row) && self.frame_midnights.differs(&self.row_midnights)
    }

    /// Returns the date of the last compounded row.
    fn last_date(&self) -> i64 {
        self.rows.previous.map_or(i64::MIN, |time| match TimestampNs(time) {
            date if self.are_dates => date.date(),
            time => self.rows.zone.date(time),
        })
    }

    fn without_row(&mut self, t: TimestampNs, frame: &mut Frame) -> Result<bool, DataError> {
        let (Some(before), Some(after)) = (self.rows.previous, self.rows.next) else {
            self.ended = self.rows.next.is_none();
            if self.leads && !self.ended {
                self.without(frame);
                return Ok(true);
            }
            return Ok(false);
        };
        if self.gap == FactorGap::Error {
            let (file, before, after) = (self.rows.file.clone(), TimestampNs(before), TimestampNs(after));
            let zone = self.frame_midnights.zone().filter(|zone| *zone != "UTC");
            // The missing row may be later in the file, out of order.
            while self.rows.next.is_some() {
                match self.rows.advance() {
                    Err(error @ DataError::FactorOrder { .. }) => return Err(error),
                    Err(_) => break,
                    Ok(()) => {}
                }
            }
            return Err(DataError::FactorGap { file, frame: t, before, after, zone });
        }
        self.without(frame);
        Ok(true)
    }

    fn without(&self, frame: &mut Frame) {
        frame.factors.clear();
        frame.factors.resize(self.names.len(), f64::NAN);
        frame.rf = 0.0;
    }

    /// Refuses daily factors for intraday frames: they would be look-ahead.
    fn check_days(&self, t: TimestampNs, date: i64) -> Result<(), DataError> {
        let Some((previous, previous_date)) = self.previous_frame else { return Ok(()) };
        let begun = t >= self.first_row && !self.ended;
        let are_dates = self.are_dates && self.rows.next.is_none_or(|next| TimestampNs(next).is_midnight());
        let same_day = previous_date == date && !previous.is_midnight() && !t.is_midnight();
        if begun && are_dates && same_day {
            return Err(DataError::FactorsOfDays {
                file: self.rows.file.clone(),
                first: previous,
                second: t,
            });
        }
        Ok(())
    }

    /// Returns the error for a file without a joined row.
    pub(super) fn no_overlap(&mut self, frame_range: (TimestampNs, TimestampNs)) -> DataError {
        while self.rows.next.is_some() {
            if let Err(error) = self.rows.advance() {
                return error;
            }
        }
        let last = self.rows.previous.map_or(self.first_row, TimestampNs);
        DataError::NoOverlap {
            factors: self.rows.file.clone(),
            factor_range: (self.first_row, last),
            frame_range,
        }
    }
}

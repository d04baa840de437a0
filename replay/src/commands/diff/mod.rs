//! `betaflow diff`: the first event in which two runs differ, and the causes of the gap between their values.
//!
//! Both runs are read side by side, frame by frame, matched by time: data (`side.rs`) and records (`recorded.rs`). `event.rs`
//! finds the first difference in the order of a frame: data, fills, costs, value, decision. An order belongs to the frame
//! that decided it. [`betaflow_engine::ledger::difference`] splits the gap.
//!
//! With `unfilled = "carry"`, the record is read ahead for as long as orders may work.

mod args;
mod event;
mod recorded;
mod side;
mod text;

use std::cmp::Ordering;
use std::collections::VecDeque;

use anyhow::{Result, bail};
use betaflow_engine::execution::Reason;
use betaflow_engine::ledger::difference::{Difference, InstrumentNumbers, Positions};

use crate::host::Host;
use crate::summary::to_json;
pub(super) use args::{DIFF, DiffArgs};
use event::{Event, Kind};
use side::Side;

/// Exit code of a difference.
const DIFFERS: u8 = 1;
/// Exit code of errors.
pub(crate) const FAILED: u8 = 2;
/// Maximum relative difference between the recorded value and that of prices and positions.
const ROUNDING: f64 = 1e-9;

/// Compares two runs.
///
/// # Errors
/// A folder is neither a run folder nor a state folder, or cannot be read.
pub(crate) fn diff(args: &DiffArgs, host: &Host) -> Result<u8> {
    let sides = [Side::open(&args.a)?, Side::open(&args.b)?];
    let found = Comparison::new(sides).run()?;
    host.conclude(args.json, &to_json(&text::summary(&found))?, || text::page(&found), None);
    Ok(if found.first.is_some() { DIFFERS } else { 0 })
}

/// Result of a comparison.
struct DiffResult {
    names: [String; 2],
    /// First event that differs.
    first: Option<Event>,
    /// Recorded frames that both runs have.
    common: u64,
    /// Recorded frames that only one run has.
    only: [u64; 2],
    digests: [Option<String>; 2],
    gap: Option<Gap>,
    /// Reasons why a difference is not explained.
    reasons: Vec<Unexplained>,
}

/// Reason why a difference is not explained.
struct Unexplained {
    /// Stable code in snake case.
    code: &'static str,
    text: String,
}

/// Gap on the last common frame.
#[derive(Clone, Debug)]
struct Gap {
    seq: u64,
    time: i64,
    nav: [f64; 2],
    parts: Difference,
}

struct Comparison {
    sides: [Side; 2],
    positions: [Positions; 2],
    /// True once the account has opened.
    opened: [bool; 2],
    numbers: InstrumentNumbers,
    differs: Vec<bool>,
    first: Option<Event>,
    /// Common frames since the first difference.
    since: u64,
    /// Numbers and times of the last frames, for the time at which an order was decided.
    times: VecDeque<(u64, i64)>,
    parts: Difference,
    /// Values on the last common frame.
    last: Option<(u64, i64, [f64; 2])>,
    /// Recorded frames of only one run since the last common frame.
    apart: u64,
    common: u64,
    only: [u64; 2],
    reasons: Vec<Unexplained>,
}

impl Comparison {
    fn new(sides: [Side; 2]) -> Self {
        Self {
            sides,
            positions: Default::default(),
            opened: [false; 2],
            numbers: InstrumentNumbers::default(),
            differs: Vec::new(),
            first: None,
            since: 0,
            times: VecDeque::new(),
            parts: Difference::default(),
            last: None,
            apart: 0,
            common: 0,
            only: [0; 2],
            reasons: Vec::new(),
        }
    }

    fn run(mut self) -> Result<DiffResult> {
        loop {
            let [a, b] = &self.sides;
            let order = match (a.there, b.there) {
                (false, false) => break,
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (true, true) => a.time.cmp(&b.time),
            };
            match order {
                Ordering::Less => self.alone(0)?,
                Ordering::Greater => self.alone(1)?,
                Ordering::Equal => self.together()?,
            }
        }
        if self.common == 0 && self.only == [0, 0] {
            bail!("found no recorded frame in either run, expected runs with at least one rebalance");
        }
        self.compare_ends();
        let [a, b] = &self.sides;
        for (side, name) in [(a, "A"), (b, "B")] {
            if side.ruined {
                let text = format!(
                    "{name} ({}) was ruined: its value fell to 0 or below, and its record ends there.",
                    side.path.display()
                );
                self.reasons.push(Unexplained { code: "ruined", text });
            }
            if let Some(reason) = side.no_data() {
                let text = format!("The data of {name} ({}) cannot be used: {reason}.", side.path.display());
                self.reasons.push(Unexplained { code: "data_unusable", text });
            }
        }
        let gap = self.last.map(|(seq, time, nav)| Gap { seq, time, nav, parts: self.parts });
        Ok(DiffResult {
            names: [a, b].map(|side| side.path.display().to_string()),
            digests: [a.digest.clone(), b.digest.clone()],
            first: self.first,
            common: self.common,
            only: self.only,
            gap,
            reasons: self.reasons,
        })
    }

    /// Compares a frame that only one run has.
    fn alone(&mut self, at: usize) -> Result<()> {
        let side = &self.sides[at];
        // A run without its data has no frames before its record: they are not a difference.
        let other = &self.sides[1 - at];
        if side.row.is_some() || other.no_data().is_none() {
            self.note(event::only_in(side, at == 0));
        }
        self.begin(at);
        self.trade(at);
        if self.sides[at].row.is_some() {
            self.only[at] += 1;
            self.apart += 1;
        }
        self.check(at);
        self.sides[at].advance()
    }

    fn together(&mut self) -> Result<()> {
        self.begin(0);
        self.begin(1);
        let count = self.numbers.len();
        self.positions.iter_mut().for_each(|positions| positions.resize(count));
        let [a, b] = &self.sides;
        let data = match (a.data(), b.data()) {
            (Some(of_a), Some(of_b)) => {
                let [positions_a, positions_b] = &self.positions;
                event::data(
                    (of_a, positions_a.numbers()),
                    (of_b, positions_b.numbers()),
                    &self.numbers,
                    &mut self.differs,
                )
            }
            _ => None,
        };
        if a.row.is_some() || b.row.is_some() || data.is_some() {
            // A run without its data has no frames before its record.
            self.times.push_back((a.seq, a.time));
            if self.times.len() as u64 > 2 + a.look_back.max(b.look_back) {
                self.times.pop_front();
            }
        }
        let look_back = a.look_back.max(b.look_back);
        if (self.first.is_none() || self.since <= look_back)
            && let Some(mut event) = event::first_on(a, b, data)
        {
            if event.time.is_none() {
                let known = self.times.iter().find(|(seq, _)| *seq == event.seq);
                event.time = known.map(|(_, time)| *time);
            }
            self.note(event);
        }
        self.since += u64::from(self.first.is_some());
        self.trade(0);
        self.trade(1);
        let count = self.numbers.len();
        self.positions.iter_mut().for_each(|positions| positions.resize(count));
        self.differs.resize(count, false);
        self.check(0);
        self.check(1);
        self.split();
        self.sides[0].advance()?;
        self.sides[1].advance()
    }

    fn begin(&mut self, at: usize) {
        if let Some(data) = self.sides[at].data() {
            for renamed in &data.frame.renamed {
                let number = self.positions[at].numbers()[renamed.instrument as usize];
                self.numbers.rename(&renamed.name, number);
            }
            let (names, close) = (&data.names, &data.frame.close);
            self.positions[at].begin(names, close, data.actions(), &mut self.numbers);
        }
    }

    /// Books the orders and fills of a recorded frame, and on the first one the positions with which the account opens.
    fn trade(&mut self, at: usize) {
        let (side, positions, numbers) = (&self.sides[at], &mut self.positions[at], &mut self.numbers);
        let Some(row) = &side.row else { return };
        if let Some(holdings) =
            side.holdings.as_ref().filter(|_| !std::mem::replace(&mut self.opened[at], true))
        {
            positions.open(holdings, numbers);
        }
        positions.order(row.due.iter().map(|order| (&*order.symbol, order.quantity)), numbers);
        for fill in &row.fills {
            // A reason unknown to this version does not belong to an order.
            let reason = Reason::of(&fill.reason).unwrap_or(Reason::Delisting);
            positions.fill(&fill.symbol, (fill.quantity, fill.price), reason, numbers);
        }
    }

    fn note(&mut self, event: Event) {
        if self.first.as_ref().is_none_or(|first| event.is_before(first)) {
            self.first = Some(event);
        }
    }

    /// Checks that prices and positions give the recorded value; otherwise the data is not that of the run.
    fn check(&mut self, at: usize) {
        let (side, positions) = (&mut self.sides[at], &self.positions[at]);
        let Some(row) = &side.row else { return };
        if side.data().is_none() {
            return;
        }
        let (nav, value) = (row.equity.nav, row.equity.cash + positions.value());
        if (value - nav).abs() > ROUNDING * nav.abs() {
            let changed = match side.holdings {
                None => "it",
                Some(_) => "it, or the file of execution.holdings,",
            };
            let reason = format!(
                "on frame {} it gives a value of {value}, but the record has {nav}: {changed} was changed since the run",
                row.seq()
            );
            side.drop_data(reason);
        }
    }

    /// Splits the growth of the gap since the last common recorded frame.
    fn split(&mut self) {
        let [a, b] = &self.sides;
        let (Some(row_a), Some(row_b)) = (&a.row, &b.row) else {
            self.only[0] += u64::from(a.row.is_some());
            self.only[1] += u64::from(b.row.is_some());
            self.apart += u64::from(a.row.is_some() || b.row.is_some());
            return;
        };
        let nav = [row_a.equity.nav, row_b.equity.nav];
        let parts = match self.last {
            None => Difference { start: nav[1] - nav[0], ..Difference::default() },
            Some((_, _, before)) => {
                let gap = (nav[1] - before[1]) - (nav[0] - before[0]);
                let differs = |number: usize| self.differs[number];
                let [positions_a, positions_b] = &self.positions;
                let (carried_a, carried_b) = (row_a.carried(), row_b.carried());
                match (self.apart, a.data().is_some() && b.data().is_some()) {
                    (0, true) => {
                        Difference::by_frame((positions_a, carried_a), (positions_b, carried_b), differs, gap)
                    }
                    (0, false) => Difference::by_carried(carried_a, carried_b, gap),
                    _ => Difference::by_data(gap),
                }
            }
        };
        self.parts += parts;
        self.last = Some((row_a.seq(), row_a.time(), nav));
        self.common += 1;
        self.apart = 0;
    }

    /// Compares the digests, which may differ although all other records agree.
    fn compare_ends(&mut self) {
        let [a, b] = &self.sides;
        if let (None, Some(of_a), Some(of_b)) = (&self.first, &a.digest, &b.digest)
            && of_a != of_b
        {
            let (seq, time) = self.last.map_or((0, None), |(seq, time, _)| (seq, Some(time)));
            let what = "the digest; all other common records are equal, so target weights differ on this frame or before it";
            let (a, b) = (of_a.clone(), of_b.clone());
            self.first =
                Some(Event { seq, time, kind: Kind::Decision, what: what.to_owned(), a, b, is_order: false });
        }
    }
}

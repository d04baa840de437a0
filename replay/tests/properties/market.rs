//! Markets generated from one seed: files in memory, as tables of Arrow.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use betaflow_connectors::parquet::MemoryTable;

use crate::settings::Draw as _;
use crate::support::{Columns, DAY_NS, Random, numbers, texts, times};

/// Event or property of a market, which a smaller case can omit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Feature {
    /// Splits, with raw prices.
    Splits,
    /// Dividends, with raw prices.
    Dividends,
    /// Periods without bars, or with bars without volume.
    Halts,
    /// Instruments that list late.
    Listings,
    /// Instruments that are delisted.
    Delistings,
    /// Single bars that are null or absent.
    Missing,
    /// Prices on a coarse grid: equal returns, and returns of zero.
    Ties,
    /// Prices far below 1.
    Pennies,
    /// Prices far above 1,000.
    Huge,
    /// Four bars a day.
    Intraday,
    /// Copies of the second instrument in place of every other one.
    Twins,
    /// Fees on shorts by instrument.
    Borrow,
    /// Sectors, with bounds.
    Groups,
    /// Spells of membership.
    Membership,
    /// Symbols that change.
    Renames,
}

use Feature::{
    Borrow, Delistings, Dividends, Groups, Halts, Huge, Intraday, Listings, Membership, Missing, Pennies,
    Renames, Splits, Ties, Twins,
};

/// All features that a market may have by chance. Twins are part of the properties that need them.
pub(crate) const FEATURES: [Feature; 14] = [
    Splits, Dividends, Halts, Listings, Delistings, Missing, Ties, Pennies, Huge, Intraday, Borrow, Groups,
    Membership, Renames,
];

/// Numbers of instruments around the width of a block of lanes.
const COUNTS: [usize; 8] = [1, 2, 7, 8, 9, 16, 17, 40];

/// Size and features of a market. A smaller shape has the same numbers in the part that is left.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) seed: u64,
    pub(crate) instruments: usize,
    pub(crate) days: usize,
    pub(crate) factors: usize,
    pub(crate) features: Vec<Feature>,
}

impl Shape {
    /// Shape that follows from a seed.
    pub(crate) fn random(random: &mut Random) -> Self {
        let seed = random.next();
        let instruments = COUNTS[random.below(COUNTS.len())];
        let days = 45 + random.below(if instruments > 20 { 20 } else { 60 });
        let features = FEATURES.into_iter().filter(|_| random.share() < 0.3).collect();
        let shape = Self { seed, instruments, days, factors: random.below(4), features };
        // Rows by symbol would have to follow the symbol changes.
        if shape.has(Renames) { shape.without(&[Borrow, Groups, Membership]) } else { shape }
    }

    pub(crate) fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    pub(crate) fn without(&self, features: &[Feature]) -> Self {
        let mut rest = self.clone();
        rest.features.retain(|feature| !features.contains(feature));
        rest
    }

    /// Bars of a day.
    pub(crate) fn per_day(&self) -> usize {
        if self.has(Intraday) { 4 } else { 1 }
    }

    /// Smaller shapes, the smallest first.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut add = |change: &dyn Fn(&mut Self)| {
            let mut shape = self.clone();
            change(&mut shape);
            if shape != *self {
                all.push(shape);
            }
        };
        for n in [1, 2, self.instruments / 2, self.instruments - 1] {
            add(&|shape| shape.instruments = n.clamp(1, self.instruments));
        }
        for days in [20, self.days / 2, self.days * 3 / 4, self.days - 1] {
            add(&|shape| shape.days = days.clamp(2, self.days));
        }
        for factors in [0, self.factors.saturating_sub(1)] {
            add(&|shape| shape.factors = factors);
        }
        for feature in self.features.clone() {
            add(&|shape| shape.features.retain(|other| *other != feature));
        }
        all
    }
}

/// One row of prices. `None` for a null.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) time: i64,
    pub(crate) symbol: String,
    /// Number of the instrument, which no change of its symbol alters.
    pub(crate) instrument: usize,
    /// Open, high, low, close, bid and ask.
    pub(crate) prices: [Option<f64>; 6],
    pub(crate) volume: Option<f64>,
    pub(crate) dividend: Option<f64>,
    pub(crate) split: Option<f64>,
}

/// Names of [`Row::prices`].
const PRICES: [&str; 6] = ["open", "high", "low", "close", "bid", "ask"];

/// A symbol change of an instrument.
#[derive(Clone, Debug)]
pub(crate) struct Rename {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) day: i64,
}

/// Market of a shape.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    pub(crate) shape: Shape,
    /// Times of the frames.
    pub(crate) times: Vec<i64>,
    /// Rows by time.
    pub(crate) rows: Vec<Row>,
    /// Factor returns of each frame, then the risk-free return.
    pub(crate) factors: Vec<Vec<f64>>,
    pub(crate) renames: Vec<Rename>,
    /// Scale of the lots and volumes.
    pub(crate) unit: f64,
}

/// Names of an instrument before and after a change of its symbol.
pub(crate) fn symbol(instrument: usize) -> String {
    format!("S{instrument:02}")
}

/// Events of one instrument.
struct Life {
    first: usize,
    /// Frame after its last one.
    end: usize,
    halt: std::ops::Range<usize>,
    /// True if the halt has bars without volume.
    is_quoted: bool,
    renamed: usize,
}

impl Life {
    fn new(shape: &Shape, frames: usize, instrument: usize, random: &mut Random) -> Self {
        let at = |random: &mut Random, from: f64, to: f64| {
            (frames as f64 * (from + (to - from) * random.share())) as usize
        };
        let (list, delist, halt) = (at(random, 0.05, 0.7), at(random, 0.4, 0.98), at(random, 0.1, 0.9));
        let (long, renamed) = (1 + random.below(25), at(random, 0.2, 0.8));
        let draws: [f64; 4] = std::array::from_fn(|_| random.share());
        // The first instrument has a bar in every frame.
        let may = |feature, at: usize| instrument > 0 && shape.has(feature) && draws[at] < 0.4;
        Self {
            first: if may(Listings, 0) { list } else { 0 },
            end: if may(Delistings, 1) { delist } else { frames },
            halt: if may(Halts, 2) { halt..halt + long } else { 0..0 },
            is_quoted: draws[2] < 0.2,
            renamed: if may(Renames, 3) { renamed.max(1) } else { frames },
        }
    }
}

impl Market {
    pub(crate) fn new(shape: &Shape) -> Self {
        let mut random = Random(shape.seed);
        // 2015-01-01 is day 16,436; 1970-01-01 was a Thursday.
        let weekdays = (16_436..).filter(|day| (day + 4) % 7 != 0 && (day + 4) % 7 != 6);
        // Intraday bars close at 15:00, 17:00, … UTC: in the morning of New York and later.
        let closes: Vec<i64> = match shape.has(Intraday) {
            true => (0..4).map(|bar| (15 + 2 * bar) * DAY_NS / 24).collect(),
            false => vec![0],
        };
        let times: Vec<i64> = weekdays
            .take(shape.days)
            .flat_map(|day: i64| closes.iter().map(move |close| day * DAY_NS + close))
            .collect();
        let per_day = (closes.len() as f64).sqrt();
        // All three factors are drawn, so that a market with fewer has the same numbers.
        let factors: Vec<Vec<f64>> = times
            .iter()
            .map(|_| {
                let calm = if random.share() < 0.05 { 4.0 } else { 1.0 };
                let draws: Vec<f64> = [0.01, 0.005, 0.004]
                    .map(|size| 3e-4 + calm * size * random.normal() / per_day)
                    .into_iter()
                    .collect();
                [&draws[..shape.factors], &[4e-5 / closes.len() as f64]].concat()
            })
            .collect();
        let mut market =
            Self { shape: shape.clone(), times, rows: Vec::new(), factors, renames: Vec::new(), unit: 1.0 };
        for instrument in 0..shape.instruments {
            market.add_instrument(instrument);
        }
        market.rows.sort_by(|a, b| (a.time, &a.symbol).cmp(&(b.time, &b.symbol)));
        market
    }

    fn add_instrument(&mut self, instrument: usize) {
        let shape = self.shape.clone();
        // Twins are equal to the second instrument, or to the first of a market of two.
        let source = if shape.has(Twins) && instrument % 2 == 1 { 1 } else { instrument };
        let mut random = Random(shape.seed ^ (0x9e37 * (source as u64 + 1)));
        let frames = self.times.len();
        let life = Life::new(&shape, frames, source, &mut random);
        let betas: [f64; 3] = std::array::from_fn(|j| f64::from(u8::from(j == 0)) + random.share() - 0.5);
        let level = match random.below(3) {
            0 if shape.has(Pennies) => 2e-4,
            1 if shape.has(Huge) => 4e5,
            _ => 20.0 + 80.0 * random.share(),
        };
        let (mut total, mut units) = (level, 1.0);
        let tick = if shape.has(Ties) { level / 64.0 } else { 0.0 };
        let own = 0.012 / (shape.per_day() as f64).sqrt();
        let (before, after) = (symbol(instrument), format!("{}x", symbol(instrument)));
        for seq in 0..frames {
            let systematic: f64 =
                self.factors[seq].iter().zip(betas).map(|(f, b)| f * b).take(shape.factors).sum();
            total *= 1.0 + systematic + own * random.normal();
            let draws: [f64; 6] = std::array::from_fn(|_| random.share());
            let noises: [f64; 2] = std::array::from_fn(|_| random.normal());
            let missing = shape.has(Missing) && source > 0 && draws[0] < 0.08;
            let halted = life.halt.contains(&seq);
            if seq < life.first || seq >= life.end || halted && !life.is_quoted || missing && draws[1] < 0.5 {
                continue;
            }
            let trades = !missing;
            let splits = shape.has(Splits) && trades && draws[2] < 0.03;
            let split = splits.then_some([2.0, 0.5, 3.0][random.below(3)]);
            units *= split.unwrap_or(1.0);
            let pays = shape.has(Dividends) && trades && draws[3] < 0.04;
            let on_grid = |price: f64| match tick > 0.0 {
                true => (price / tick).round().max(1.0) * tick,
                false => price,
            };
            let close = on_grid(total / units);
            let open = on_grid(close * (1.0 + 0.004 * noises[0]));
            let (high, low) = (1.003 * open.max(close), 0.997 * open.min(close));
            let half = 0.0005 * (0.5 + draws[4]);
            let quoted = halted || shape.has(Halts) && draws[5] < 0.02;
            let volume = if quoted { 0.0 } else { units * (2e5 / level.max(1e-3)) * (1.0 + noises[1].abs()) };
            let prices = [open, high, low, close, close * (1.0 - half), close * (1.0 + half)];
            self.rows.push(Row {
                time: self.times[seq],
                symbol: before.clone(),
                instrument,
                prices: prices.map(|price| trades.then_some(price)),
                volume: trades.then_some(volume),
                dividend: pays.then_some(0.004 * close),
                split,
            });
        }
        if life.renamed < frames {
            self.rename(instrument, life.renamed, (&before, &after));
        }
    }

    /// Changes the symbol of an instrument that has bars before and after the change: at the start of a date.
    fn rename(&mut self, instrument: usize, seq: usize, (before, after): (&str, &str)) {
        let day = self.times[seq].div_euclid(DAY_NS);
        let own = || self.rows.iter().filter(|row| row.instrument == instrument && row.prices[3].is_some());
        let (earlier, later) = (
            own().any(|row| row.time.div_euclid(DAY_NS) < day),
            own().any(|row| row.time.div_euclid(DAY_NS) == day),
        );
        if !earlier || !later {
            return;
        }
        for row in self.rows.iter_mut().filter(|row| row.instrument == instrument) {
            if row.time.div_euclid(DAY_NS) >= day {
                after.clone_into(&mut row.symbol);
            }
        }
        self.renames.push(Rename { from: before.to_owned(), to: after.to_owned(), day });
    }

    /// Symbols in the data, in order.
    pub(crate) fn symbols(&self) -> Vec<String> {
        let all: std::collections::BTreeSet<&String> = self.rows.iter().map(|row| &row.symbol).collect();
        all.into_iter().cloned().collect()
    }

    /// Multiplies prices and quantities by the scales of a unit of currency and of a unit of an instrument.
    pub(crate) fn scaled(mut self, currency: f64, units: f64) -> Self {
        let price = currency / units;
        for row in &mut self.rows {
            row.prices = row.prices.map(|value| value.map(|value| value * price));
            row.volume = row.volume.map(|volume| volume * units);
            row.dividend = row.dividend.map(|dividend| dividend * price);
        }
        self.unit *= units;
        self
    }

    /// Gives every instrument a new symbol, and sorts the rows again.
    pub(crate) fn renamed(mut self, name: impl Fn(&str) -> String) -> Self {
        self.rows.iter_mut().for_each(|row| row.symbol = name(&row.symbol));
        for rename in &mut self.renames {
            (rename.from, rename.to) = (name(&rename.from), name(&rename.to));
        }
        self.rows.sort_by(|a, b| (a.time, &a.symbol).cmp(&(b.time, &b.symbol)));
        self
    }

    /// First frames of the market.
    pub(crate) fn first(mut self, frames: usize) -> Self {
        self.times.truncate(frames);
        let end = self.times.last().copied().unwrap_or(i64::MIN);
        self.rows.retain(|row| row.time <= end);
        self.factors.truncate(frames);
        self
    }

    /// Columns of the prices.
    pub(crate) fn price_columns(rows: &[Row]) -> Columns<'static> {
        let column = |of: &dyn Fn(&Row) -> Option<f64>| numbers(rows.iter().map(of));
        let mut columns = vec![
            times(rows.iter().map(|row| row.time)),
            ("symbol", texts(rows.iter().map(|row| &row.symbol))),
        ];
        columns.extend(PRICES.iter().enumerate().map(|(at, name)| (*name, column(&|row| row.prices[at]))));
        columns.push(("volume", column(&|row| row.volume)));
        if rows.iter().any(|row| row.dividend.is_some()) {
            columns.push(("dividend", column(&|row| row.dividend)));
        }
        if rows.iter().any(|row| row.split.is_some()) {
            columns.push(("split", column(&|row| row.split)));
        }
        columns
    }

    pub(crate) fn factor_columns(&self) -> Columns<'static> {
        const NAMES: [&str; 3] = ["mkt", "mom", "size"];
        let column = |at: usize| numbers(self.factors.iter().map(|row| Some(row[at])));
        let mut columns = vec![times(self.times.iter().copied())];
        columns
            .extend(NAMES.iter().take(self.shape.factors).enumerate().map(|(at, name)| (*name, column(at))));
        columns.push(("rf", column(self.shape.factors)));
        columns
    }

    /// Tables that settings name: prices, factors, and those of the features.
    pub(crate) fn tables(&self) -> Vec<MemoryTable> {
        let mut tables = vec![table("prices", Self::price_columns(&self.rows))];
        if self.shape.factors > 0 {
            tables.push(table("factors", self.factor_columns()));
        }
        let symbols = self.symbols();
        tables.push(table("groups", self.groups(&symbols)));
        tables.push(table("borrow", self.borrow(&symbols)));
        tables.push(table("membership", self.membership(&symbols)));
        if !self.renames.is_empty() {
            let column = |of: fn(&Rename) -> &String| texts(self.renames.iter().map(of));
            let days = times(self.renames.iter().map(|rename| rename.day * DAY_NS));
            tables.push(table(
                "renames",
                vec![
                    days,
                    ("from_symbol", column(|rename| &rename.from)),
                    ("to_symbol", column(|rename| &rename.to)),
                ],
            ));
        }
        tables
    }

    /// Number of a symbol's instrument.
    fn numbers_by_symbol(&self) -> BTreeMap<&str, usize> {
        self.rows.iter().map(|row| (row.symbol.as_str(), row.instrument)).collect()
    }

    fn groups(&self, symbols: &[String]) -> Columns<'static> {
        let numbers = self.numbers_by_symbol();
        let sector =
            |symbol: &String| if numbers[symbol.as_str()].is_multiple_of(3) { "Energy" } else { "Banks" };
        vec![("symbol", texts(symbols)), ("sector", texts(symbols.iter().map(sector)))]
    }

    fn borrow(&self, symbols: &[String]) -> Columns<'static> {
        let of = self.numbers_by_symbol();
        let fee = |symbol: &String| Some(20.0 * (of[symbol.as_str()] % 7) as f64);
        let available = |symbol: &String| {
            let number = of[symbol.as_str()];
            (number % 5 == 3).then_some(self.unit * 8.0 * number as f64)
        };
        vec![
            ("symbol", texts(symbols)),
            ("bps_per_year", numbers(symbols.iter().map(fee))),
            ("available", numbers(symbols.iter().map(available))),
        ]
    }

    fn membership(&self, symbols: &[String]) -> Columns<'static> {
        let of = self.numbers_by_symbol();
        let day = |at: usize| self.times[at.min(self.times.len() - 1)].div_euclid(DAY_NS) as i32;
        let frames = self.times.len();
        let from = symbols.iter().map(|symbol| (of[symbol.as_str()] % 4 == 1).then(|| day(frames / 3)));
        let to = symbols.iter().map(|symbol| (of[symbol.as_str()] % 4 == 2).then(|| day(frames * 3 / 4)));
        let dates = |days: Vec<Option<i32>>| -> arrow_array::ArrayRef {
            std::sync::Arc::new(arrow_array::Date32Array::from(days))
        };
        vec![("symbol", texts(symbols)), ("from", dates(from.collect())), ("to", dates(to.collect()))]
    }
}

/// Table in memory under a name.
pub(crate) fn table(name: &str, columns: Columns<'_>) -> MemoryTable {
    let batch = batch(columns);
    MemoryTable::new(name.to_owned(), batch.schema(), vec![batch])
}

pub(crate) fn batch(columns: Columns<'_>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

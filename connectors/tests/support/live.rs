//! Panel that covers the difficult cases of a feed, and its frames bit for bit.

use arrow_array::ArrayRef;
use betaflow_connectors::live::ParquetFeed;
use betaflow_connectors::parquet::{Input as File, Settings};
use betaflow_engine::assembly::{FactorGap, FrameColumn, Universe};
use betaflow_engine::execution::Need;
use betaflow_engine::frame::Field;
use betaflow_engine::frame::Frame;
use betaflow_engine::source::Source;
use betaflow_engine::time::{DAY_NS, TimestampNs};

use super::{Folder, days, floats, nullable, run, texts};

/// Pseudorandom numbers, the same on every machine.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 ^ (self.0 >> 29)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Panel with gaps, late listings, timestamps of few instruments, volumes, dividends and splits. Its factors
/// have a row for each day from day 8 on, two or three between some frames, and none between others.
pub(crate) struct Panel {
    pub(crate) folder: Folder,
    pub(crate) prices: File,
    pub(crate) factors: File,
}

pub(crate) fn panel(seed: u64, frames: i32) -> Panel {
    let mut random = Random(seed);
    let (mut dates, mut symbols) = (Vec::new(), Vec::new());
    let mut columns: Vec<(&str, Vec<Option<f64>>)> =
        ["close", "open", "volume", "adj_close", "dividend", "split"].map(|name| (name, Vec::new())).into();
    let mut price = [50.0; 6];
    for day in (0..frames).map(|frame| 4 + frame + 2 * (frame / 5)) {
        for (i, symbol) in ["SPX", "B", "A", "MTUM", "Z", "LATE"].into_iter().enumerate() {
            price[i] *= 1.0 + 0.02 * (random.share() - 0.5);
            let listed = match symbol {
                "LATE" => day > frames / 2,
                "SPX" => true,
                // Every seventh day, only factor instruments trade.
                "MTUM" => day > 6,
                _ => day % 7 != 0 && random.share() > 0.15,
            };
            if !listed {
                continue;
            }
            let traded = matches!(symbol, "SPX" | "MTUM") || random.share() > 0.1;
            dates.push(day);
            symbols.push(symbol);
            let some = |value: f64, is: bool| is.then_some(value);
            let row = [
                some(price[i], traded),
                some(price[i] * 1.001, traded && i != 2),
                some((random.share() * 1e6).floor(), traded),
                some(price[i] * 0.1 / 0.3, traded),
                some(0.1, random.share() < 0.05),
                some(2.0, random.share() < 0.01),
            ];
            columns.iter_mut().zip(row).for_each(|((_, column), value)| column.push(value));
        }
    }
    let folder = Folder::new();
    let mut table: Vec<(&str, ArrayRef)> = vec![("date", days(&dates)), ("symbol", texts(&symbols))];
    table.extend(columns.iter().map(|(name, column)| (*name, nullable(column))));
    let prices = folder.write_groups("prices.parquet", table, 50);
    let last = dates.last().copied().unwrap();
    let dates: Vec<i32> = (8..=last).filter(|day| day % 13 != 0).collect();
    let mut column =
        |scale: f64| floats(&dates.iter().map(|_| scale * (random.share() - 0.45)).collect::<Vec<_>>());
    let table =
        vec![("date", days(&dates)), ("mkt", column(0.03)), ("rf", column(1e-4)), ("smb", column(0.02))];
    let factors = folder.write("factors.parquet", table);
    Panel { folder, prices, factors }
}

pub(crate) fn expressions(
    expressions: &[(&str, &str)],
) -> Vec<(String, betaflow_engine::assembly::Expression)> {
    expressions.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap())).collect()
}

pub(crate) fn list(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) fn carry() -> Settings {
    Settings { factor_gap: FactorGap::Carry, ..Settings::default() }
}

/// Formats all values of a frame by their bits.
pub(crate) fn bits(frame: &Frame) -> String {
    let numbers = |values: &[f64]| {
        let bit =
            |value: &f64| if value.is_nan() { "-".to_owned() } else { format!("{:x}", value.to_bits()) };
        values.iter().map(bit).collect::<Vec<_>>().join(" ")
    };
    let mut text =
        format!("{} {} {:?} rf {:x}", frame.seq, frame.timestamp.0, frame.listed, frame.rf.to_bits());
    for field in Field::ALL {
        text += &format!(" | {} {}", field.names()[0], numbers(frame.column(field)));
    }
    text + &format!(" | {} | {}", numbers(&frame.returns), numbers(&frame.factors))
}

/// Returns all frames of a source.
pub(crate) fn all(source: &mut dyn Source) -> Result<Vec<String>, String> {
    let (mut frames, mut frame) = (Vec::new(), Frame::default());
    while source.next_frame(&mut frame).map_err(|error| error.to_string())? {
        frames.push(bits(&frame));
    }
    assert!(!source.next_frame(&mut frame).unwrap(), "no frame may follow the end");
    Ok(frames)
}

pub(crate) fn replayed(panel: &Panel, factors: bool, settings: &Settings) -> Vec<String> {
    let factors = factors.then_some(&panel.factors);
    run(&panel.prices, factors, settings.clone()).unwrap().frames.iter().map(bits).collect()
}

pub(crate) fn feed(panel: &Panel, factors: bool, settings: &Settings) -> ParquetFeed {
    ParquetFeed::open(panel.prices.clone(), factors.then(|| panel.factors.clone()), settings).unwrap()
}

/// Settings under which frames are compared, and whether there is a factor file.
pub(crate) fn cases() -> Vec<(&'static str, bool, Settings)> {
    let wanted = |field, checked| FrameColumn { field, checked };
    let optional = vec![
        wanted(Field::Dividend, true),
        wanted(Field::Split, true),
        wanted(Field::Open, false),
        wanted(Field::Volume, false),
    ];
    let actions = Settings { optional: optional.clone(), ..carry() };
    let of_factors = Universe { trade: list(&["MTUM", "A", "LATE"]), ..Universe::default() };
    let few = |include: &[&str]| Universe { include: list(include), ..Universe::default() };
    let made = expressions(&[("mkt", "SPX"), ("mom", "MTUM - 0.5*SPX")]);
    vec![
        ("closes", false, Settings::default()),
        ("dividends, splits, opens and volumes", false, actions.clone()),
        ("a factor file", true, carry()),
        ("a factor file, few instruments", true, Settings { universe: few(&["A", "LATE"]), ..carry() }),
        ("a factor file, one late listing", true, Settings { universe: few(&["LATE"]), ..actions.clone() }),
        (
            "all instruments except some",
            true,
            Settings {
                universe: Universe { exclude: list(&["SPX", "B", "NONE"]), ..Universe::default() },
                ..carry()
            },
        ),
        ("expressions", false, Settings { factors: made.clone(), ..actions.clone() }),
        (
            "expressions, and their instruments trade",
            false,
            Settings {
                factors: made,
                universe: of_factors,
                return_price: Some("adj_close".to_owned()),
                required: vec![(Field::Volume, Need::ParticipationCap)],
                ..actions.clone()
            },
        ),
        ("from a date", true, Settings { from: Some(TimestampNs(40 * DAY_NS)), ..actions.clone() }),
        (
            "to a date, sealed after another",
            true,
            Settings {
                to: Some(TimestampNs(60 * DAY_NS)),
                sealed_from: Some(TimestampNs(50 * DAY_NS)),
                ..actions
            },
        ),
    ]
}

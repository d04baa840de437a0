//! Market of a simulation: instruments that are listed, halted and delisted, and two factors.

use betaflow_connectors::live::{Bars, FeedValues, Hello, PROTOCOL};
use betaflow_engine::frame::Field;
use betaflow_engine::random::Random;
use betaflow_engine::time::{Iso, TimestampNs};

use super::scenario::Scenario;

/// Time between two messages, ns.
const DAY: i64 = 86_400 * 1_000_000_000;
/// Time of the first message: 2024-01-02.
const FIRST: i64 = 1_704_153_600 * 1_000_000_000;

/// Messages of a feed.
pub(super) struct Market {
    pub(super) hello: Hello,
    pub(super) bars: Vec<Bars>,
    pub(super) texts: Vec<String>,
}

impl Market {
    /// Makes the market of a scenario. A smaller one has the first frames and instruments of a larger one.
    pub(super) fn of(scenario: &Scenario) -> Self {
        let columns = ["close", "open", "volume"].map(str::to_owned).to_vec();
        let hello = Hello {
            protocol: PROTOCOL,
            name: "simulated".to_owned(),
            columns,
            factors: vec!["mkt".to_owned(), "smb".to_owned()],
            has_rf: true,
            values: FeedValues::Prices,
            frames: Some(scenario.frames as u64),
            recorded: !scenario.live,
        };
        let mut factors = Random::new(scenario.seed ^ 0xfac7);
        let returns: Vec<[f64; 2]> =
            (0..scenario.frames).map(|_| [0.02, 0.01].map(|sd| sd * normal(&mut factors))).collect();
        let mut bars: Vec<Bars> = returns.iter().enumerate().map(|(seq, row)| empty(seq, row)).collect();
        for instrument in 0..scenario.instruments {
            fill(&mut bars, &returns, scenario.seed, instrument);
        }
        let texts = bars.iter().map(Bars::to_text).collect();
        Self { hello, bars, texts }
    }

    /// Text of the file of forecasts number `number`: for some frames around `seq`, which other files have too.
    pub(super) fn forecasts(&self, seq: usize, number: usize) -> String {
        let random = &mut Random::new(number as u64 ^ 0xf0e);
        let mut text = "date,symbol,forecast\n".to_owned();
        for bars in self.bars.iter().skip(seq.saturating_sub(2)).take(9).step_by(2) {
            let day = Iso(TimestampNs(bars.timestamp));
            for symbol in &bars.symbols {
                text += &format!("{day},{symbol},{}\n", 0.01 * normal(random));
            }
        }
        text
    }
}

fn empty(seq: usize, factors: &[f64; 2]) -> Bars {
    Bars {
        seq: seq as u64,
        timestamp: FIRST + seq as i64 * DAY,
        symbols: Vec::new(),
        columns: vec![(Field::Close, Vec::new()), (Field::Open, Vec::new()), (Field::Volume, Vec::new())],
        factors: Some(factors.to_vec()),
        rf: Some(1e-4),
        factor_rows: Vec::new(),
    }
}

/// Adds the bars of one instrument.
fn fill(bars: &mut [Bars], returns: &[[f64; 2]], seed: u64, instrument: usize) {
    let mut random = Random::new(seed ^ ((instrument as u64 + 1) << 32));
    let random = &mut random;
    let betas = [1.0 + 0.4 * normal(random), 0.5 * normal(random)];
    let (from, until) = match random.below(4) {
        0 if instrument > 1 => (random.below(30), usize::MAX),
        1 if instrument > 1 => (0, 20 + random.below(60)),
        _ => (0, usize::MAX),
    };
    let missing = one_of(random, &[0.0, 0.0, 0.02, 0.15]);
    let mut price = 20.0 + 100.0 * random.uniform();
    for (seq, (bars, row)) in bars.iter_mut().zip(returns).enumerate() {
        let open = price * (1.0 + 0.003 * normal(random));
        price *= (1.0 + betas[0] * row[0] + betas[1] * row[1] + 0.01 * normal(random)).clamp(0.5, 1.5);
        let volume = (10_000.0 * (1.0 + random.uniform())).round();
        let absent = random.uniform() < missing;
        if seq < from || seq >= until || absent {
            continue;
        }
        bars.symbols.push(format!("S{instrument:02}"));
        for ((_, column), number) in bars.columns.iter_mut().zip([price, open, volume]) {
            column.push(number);
        }
    }
}

fn one_of(random: &mut Random, items: &[f64]) -> f64 {
    items[random.below(items.len())]
}

/// Sum of twelve uniform numbers less 6: nearly normal, and exactly the same everywhere.
fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| random.uniform()).sum::<f64>() - 6.0
}

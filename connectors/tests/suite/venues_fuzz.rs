//! Every adapter parses mutated messages into bars without a panic or an invalid price, in bounded memory.

use betaflow_connectors::ticks::{BarSettings, Bars, Counts, Event, LatePolicy, Level, Parsed, Venue, venue};

use crate::feeds::{FEEDS, MADE, messages};

/// `SplitMix64` (Steele, Lea & Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Numbers that break careless parsers.
const NUMBERS: [&str; 24] = [
    "-1",
    "0",
    "-0",
    "NaN",
    "nan",
    "inf",
    "-inf",
    "Infinity",
    "1e999",
    "-1e999",
    "1e-999",
    "5e-324",
    "1.8e308",
    "1e",
    "0x10",
    "",
    " 1",
    "1_000",
    "1,5",
    "null",
    "true",
    "18446744073709551616",
    "-9223372036854775809",
    "1.7976931348623157e308",
];

/// Returns the byte ranges of the numbers in a message.
fn numbers_of(message: &[u8]) -> Vec<(usize, usize)> {
    let is_number = |b: &u8| b.is_ascii_digit() || *b == b'.';
    let mut found = Vec::new();
    let mut at = 0;
    while at < message.len() {
        let length = message[at..].iter().take_while(|b| is_number(b)).count();
        if length > 0 {
            found.push((at, at + length));
        }
        at += length + 1;
    }
    found
}

/// Changes a message in one way.
fn mutate(random: &mut Random, message: &mut Vec<u8>, other: &[u8]) {
    let n = message.len();
    match random.below(10) {
        0 | 1 => {
            for _ in 0..=random.below(3) {
                if n > 0 {
                    message[random.below(n)] ^= 1 << random.below(8);
                }
            }
        }
        2 => {
            let from = random.below(n + 1);
            let to = (from + random.below(8)).min(n);
            message.drain(from..to);
        }
        3 => message.insert(random.below(n + 1), (random.next() & 0xff) as u8),
        4..=6 => {
            let numbers = numbers_of(message);
            if !numbers.is_empty() {
                let (from, to) = numbers[random.below(numbers.len())];
                let put = NUMBERS[random.below(NUMBERS.len())].bytes();
                message.splice(from..to, put);
            }
        }
        7 => message.truncate(random.below(n + 1)),
        8 => {
            // Inserts a part of another message, nesting, or a repeated part.
            let at = random.below(n + 1);
            let part: Vec<u8> = match random.below(3) {
                0 => other[random.below(other.len() + 1)..].iter().copied().take(64).collect(),
                1 => [b"[".repeat(200), b"{\"a\":".repeat(100)][random.below(2)].clone(),
                _ => message[at..].iter().copied().take(200).collect(),
            };
            message.splice(at..at, part);
        }
        _ => {
            let bytes = b"{}[]\",:-0e.\\";
            if n > 0 {
                message[random.below(n)] = bytes[random.below(bytes.len())];
            }
        }
    }
}

fn is_price(price: f64) -> bool {
    price > 0.0 && price.is_finite()
}

fn is_quantity(quantity: f64) -> bool {
    quantity >= 0.0 && quantity.is_finite()
}

fn assert_sane(event: &Event<'_>, message: &str) {
    let is_level = |level: Option<Level>| {
        level.is_none_or(|level| is_price(level.price) && level.quantity.is_none_or(is_quantity))
    };
    let sane = match event {
        Event::Trade(trade) => {
            is_price(trade.price) && is_price(trade.quantity) && (1..=64).contains(&trade.symbol.len())
        }
        Event::Quote(quote) => is_level(quote.bid) && is_level(quote.ask),
        Event::Bar(bar) => {
            [bar.open, bar.high, bar.low, bar.close].into_iter().all(is_price)
                && is_quantity(bar.volume)
                && bar.start_ns < bar.end_ns
        }
        _ => true,
    };
    assert!(sane, "{event:?} of {message}");
}

/// Adapter with its corpus, bars and counts.
struct Fuzzed {
    name: &'static str,
    venue: Box<dyn Venue>,
    corpus: Vec<String>,
    bars: Bars,
    counts: Counts,
}

fn fresh_bars() -> Bars {
    let settings = BarSettings {
        length_ns: 60_000_000_000,
        lateness_ns: 1_000_000_000,
        late: LatePolicy::DropAndCount,
        from_ns: i64::MIN,
    };
    let symbols = ["BTCUSDT", "NKNUSDT", "BTC-USD", "XMR/USD", "MATIC/USD", "SPY", "AAPL"];
    Bars::new(settings, 1, symbols).unwrap()
}

fn made() -> Vec<(&'static str, Vec<String>)> {
    MADE.map(|(name, all)| (name, all.iter().map(|m| (*m).to_owned()).collect())).to_vec()
}

fn captured() -> Vec<(&'static str, Vec<String>)> {
    let documented = made().into_iter().filter(|(name, _)| ["kraken_v2", "alpaca"].contains(name));
    FEEDS.into_iter().map(|(feed, name)| (name, messages(feed))).chain(documented).collect()
}

fn fuzzed(corpora: Vec<(&'static str, Vec<String>)>) -> Vec<Fuzzed> {
    corpora
        .into_iter()
        .map(|(name, mut corpus)| {
            // Most messages of a feed are long book updates; some of these suffice.
            let mut books = 0;
            corpus.retain(|message| {
                let book =
                    ["depth", "l2", "book-", "lastUpdateId", "snapshot"].iter().any(|b| message.contains(b));
                books += usize::from(book);
                message.len() <= 4096 && (!book || books <= 50)
            });
            Fuzzed {
                name,
                venue: venue(name).unwrap(),
                corpus,
                bars: fresh_bars(),
                counts: Counts::default(),
            }
        })
        .collect()
}

fn fuzz(corpora: Vec<(&'static str, Vec<String>)>, count: u64, seed: u64) {
    let mut random = Random(seed);
    let mut all = fuzzed(corpora);
    let (mut closed, mut text) = (Vec::new(), String::new());
    for i in 0..count {
        let venues = all.len();
        let Fuzzed { venue, corpus, bars, counts, .. } = &mut all[i as usize % venues];
        let (message, other) = (random.below(corpus.len()), random.below(corpus.len()));
        let mut bytes = corpus[message].clone().into_bytes();
        // A parser accepts messages with a single change most often.
        for _ in 0..[1, 1, 1, 2, 4][random.below(5)] {
            mutate(&mut random, &mut bytes, corpus[other].as_bytes());
        }
        text.clear();
        text.push_str(&String::from_utf8_lossy(&bytes));
        let mut out = Vec::new();
        let parsed = venue.parse(&text, &mut out);
        assert!(out.len() <= text.len(), "{text}");
        assert!(!matches!(parsed, Parsed::Refused(_)) || out.is_empty(), "{text}");
        if random.below(1000) == 0 {
            // Start again, because a mutated time far ahead has closed all earlier bars.
            *bars = fresh_bars();
        }
        for event in &out {
            assert_sane(event, &text);
            bars.observe(0, event, &mut closed);
        }
        for (_, bar) in closed.drain(..).flat_map(|interval| interval.bars) {
            assert!([bar.open, bar.high, bar.low, bar.close].into_iter().all(is_price), "{bar:?}");
            assert!(is_quantity(bar.volume), "{bar:?}");
        }
        counts.record(parsed);
    }
    for Fuzzed { name, counts, .. } in &all {
        let (total, unknown, refused) = (counts.total(), counts.unknown(), counts.refused());
        eprintln!("{name}: {total} messages, {unknown} unknown, {refused} refused");
        // The test needs both refused and accepted messages.
        assert!(refused > total / 20 && refused < total * 19 / 20, "{name}: {refused} of {total}");
    }
}

#[test]
fn mutated_messages_are_parsed_or_refused() {
    fuzz(made(), 200_000, 7);
}

#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn mutated_captures_are_parsed_or_refused() {
    fuzz(captured(), 200_000, 7);
}

/// Run with `cargo test -p betaflow-connectors --test suite venues_fuzz -- --ignored --nocapture`, with overflow
/// checks.
#[test]
#[ignore = "takes minutes, and reads data outside the repository: ../shared/data"]
fn ten_million_mutated_messages_are_parsed_or_refused() {
    fuzz(captured(), 10_000_000, 20_261_124);
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        eprintln!("{peak}");
        let kib: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(kib < 512 * 1024, "{peak}");
    }
}

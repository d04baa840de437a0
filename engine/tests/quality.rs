//! Each kind of problem is found in a small panel with one defect, and nothing is found without one.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use betaflow_engine::frame::{DAY_NS, Frame, TimestampNs};
use betaflow_engine::quality::{Alignment, Depth, Finding, Inspector, Problem};

const FRAMES: usize = 160;
const NAMES: usize = 10;

/// Numbers that look random and are the same everywhere (splitmix64); mean 0, standard deviation 1, nearly normal.
struct Random(u64);

impl Random {
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

fn cents(price: f64) -> f64 {
    (price * 100.0).round() / 100.0
}

/// Daily bars of ten names that follow a market, in cents, with volumes, adjusted closes and the market as factor.
fn panel() -> Vec<Frame> {
    let mut random = Random(7);
    let mut closes: Vec<f64> = (0..NAMES).map(|i| 40.0 + 15.0 * i as f64).collect();
    let frame = |at: usize| {
        let market = 0.009 * random.normal();
        let mut frame =
            Frame { seq: at as u64, timestamp: TimestampNs(at as i64 * DAY_NS), ..Frame::default() };
        if at == 0 {
            frame.listed = (0..NAMES).map(|i| Arc::from(format!("N{i}"))).collect();
        }
        for close in &mut closes {
            let open = *close * (1.0 + 0.3 * market + 0.004 * random.normal());
            let end = open * (1.0 + 0.7 * market + 0.009 * random.normal());
            let high = open.max(end) * (1.0 + 0.006 * random.share());
            let low = open.min(end) * (1.0 - 0.006 * random.share());
            *close = end;
            frame.open.push(cents(open));
            frame.high.push(cents(high).max(cents(open)).max(cents(end)));
            frame.low.push(cents(low).min(cents(open)).min(cents(end)));
            frame.close.push(cents(end));
            frame.return_price.push(cents(end));
            frame.volume.push((1e6 * (1.0 + random.share())).round());
        }
        frame.factors = vec![market];
        frame
    };
    (0..FRAMES).map(frame).collect()
}

fn inspect(frames: &[Frame], depth: Depth) -> Vec<Finding> {
    let (mut inspector, mut findings) = (Inspector::new(depth), Vec::new());
    frames.iter().for_each(|frame| inspector.observe(frame, &mut findings));
    inspector.finish(&mut findings);
    findings
}

/// (frame, instrument, problem) of each finding.
fn found(frames: &[Frame]) -> Vec<(usize, String, Problem)> {
    let mut rows: Vec<_> = inspect(frames, Depth::Full)
        .into_iter()
        .map(|finding| (finding.timestamp.date() as usize, finding.symbol.to_string(), finding.problem))
        .collect();
    rows.sort();
    rows
}

fn copy(frames: &mut [Frame], to: usize, from: usize, i: usize, volume: bool) {
    let source = frames[from].clone();
    let frame = &mut frames[to];
    (frame.open[i], frame.high[i], frame.low[i]) = (source.open[i], source.high[i], source.low[i]);
    frame.close[i] = source.close[i];
    if volume {
        frame.volume[i] = source.volume[i];
    }
}

fn scale(frame: &mut Frame, i: usize, by: f64) {
    for column in [&mut frame.open, &mut frame.high, &mut frame.low, &mut frame.close] {
        column[i] *= by;
    }
}

fn erase(frame: &mut Frame, i: usize) {
    for column in [&mut frame.open, &mut frame.high, &mut frame.low, &mut frame.close, &mut frame.volume] {
        column[i] = f64::NAN;
    }
}

#[test]
fn nothing_is_found_in_a_clean_panel() {
    assert_eq!(found(&panel()), []);
}

#[test]
fn each_defect_is_found_where_it_is() {
    use Problem::{
        BadAdjustment, BrokenBar, CopiedBar, ExtremeReturn, MissingDay, ReusedTicker, Split, Stale,
        ZeroVolume,
    };
    type Case = (&'static str, fn(&mut [Frame]), Vec<(usize, usize, Problem)>);
    let cases: Vec<Case> = vec![
        ("a later bar", |f| copy(f, 80, 95, 3, true), vec![(80, 3, CopiedBar)]),
        ("an earlier bar", |f| copy(f, 95, 80, 3, true), vec![(95, 3, CopiedBar)]),
        ("a later bar with its own volume", |f| copy(f, 100, 130, 5, false), vec![(100, 5, CopiedBar)]),
        ("low above close", |f| f[70].low[2] = f[70].close[2] + 1.0, vec![(70, 2, BrokenBar)]),
        ("close above high", |f| f[70].high[2] = f[70].close[2] - 0.5, vec![(70, 2, BrokenBar)]),
        ("a null high", |f| f[90].high[1] = f64::NAN, vec![(90, 1, BrokenBar)]),
        ("a NaN as sources write it", |f| f[90].open[1] = f64::NEG_INFINITY, vec![(90, 1, BrokenBar)]),
        ("an open of 0", |f| f[90].open[1] = 0.0, vec![(90, 1, BrokenBar)]),
        ("a split", |f| f[90..].iter_mut().for_each(|frame| scale(frame, 4, 0.5)), vec![(90, 4, Split)]),
        (
            "a split of 3:2",
            |f| f[90..].iter_mut().for_each(|frame| scale(frame, 4, 2.0 / 3.0)),
            vec![(90, 4, Split)],
        ),
        (
            "ten for one, back",
            |f| f[60..].iter_mut().for_each(|frame| scale(frame, 6, 10.0)),
            vec![(60, 6, Split)],
        ),
        ("a split on the last day", |f| scale(f.last_mut().unwrap(), 4, 0.25), vec![(FRAMES - 1, 4, Split)]),
        (
            "a crash of all",
            |f| f[90..].iter_mut().for_each(|f| (0..NAMES).for_each(|i| scale(f, i, 0.5))),
            vec![],
        ),
        ("a bad tick", |f| scale(&mut f[120], 0, 1.25), vec![(120, 0, ExtremeReturn)]),
        (
            "an odd jump",
            |f| f[90..].iter_mut().for_each(|frame| scale(frame, 4, 0.57)),
            vec![(90, 4, ExtremeReturn)],
        ),
        (
            "news: the same jump on twenty times the volume",
            |f| {
                f[90..].iter_mut().for_each(|frame| scale(frame, 4, 0.57));
                f[90].volume[4] *= 20.0;
            },
            vec![],
        ),
        (
            "an adjusted price of its own",
            |f| f[90..].iter_mut().for_each(|frame| frame.return_price[4] *= 1.6),
            vec![(90, 4, BadAdjustment)],
        ),
        ("a dividend", |f| f[90..].iter_mut().for_each(|frame| frame.return_price[4] *= 1.02), vec![]),
        (
            "a price that stands still",
            |f| (100..108).for_each(|at| f[at].close[7] = f[99].close[7]),
            (100..108).map(|at| (at, 7, Stale)).collect(),
        ),
        ("three equal closes", |f| (100..103).for_each(|at| f[at].close[7] = f[99].close[7]), vec![]),
        ("a day without a row", |f| erase(&mut f[50], 8), vec![(50, 8, MissingDay)]),
        (
            "two days without a row",
            |f| f[50..52].iter_mut().for_each(|frame| erase(frame, 8)),
            vec![(50, 8, MissingDay), (51, 8, MissingDay)],
        ),
        ("the end of a history", |f| f[50..].iter_mut().for_each(|frame| erase(frame, 8)), vec![]),
        (
            "a weekend of all",
            |f| f[50..52].iter_mut().for_each(|f| (0..NAMES).for_each(|i| erase(f, i))),
            vec![],
        ),
        (
            "another company",
            |f| {
                f[50..90].iter_mut().for_each(|frame| erase(frame, 8));
                f[90..].iter_mut().for_each(|frame| scale(frame, 8, 0.23));
            },
            (50..90).map(|at| (at, 8, MissingDay)).chain([(90, 8, ReusedTicker)]).collect(),
        ),
        ("no volume", |f| f[66].volume[9] = 0.0, vec![(66, 9, ZeroVolume)]),
    ];
    let mut wrong = String::new();
    for (name, spoil, expected) in cases {
        let mut frames = panel();
        spoil(&mut frames);
        let mut rows: Vec<_> = found(&frames);
        // A frozen close leaves the range of its bar.
        if name.contains("still") || name.contains("closes") || name.contains("tick") {
            rows.retain(|(_, _, problem)| *problem != BrokenBar);
        }
        let mut expected: Vec<_> =
            expected.into_iter().map(|(at, i, problem)| (at, format!("N{i}"), problem)).collect();
        expected.sort();
        if rows != expected {
            wrong += &format!("{name}: found {rows:?}, expected {expected:?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn many_copies_of_one_day_vote_for_each_other() {
    // Of neighbours, the gaps alone often do not tell which is the copy.
    let mut frames = panel();
    (0..NAMES).for_each(|i| copy(&mut frames, 80, 81, i, true));
    let rows = found(&frames);
    let right = rows.iter().filter(|(at, _, problem)| (*at, *problem) == (80, Problem::CopiedBar)).count();
    assert!(right >= NAMES - 1, "{rows:?}");
}

#[test]
fn coarse_prices_have_twins_by_chance() {
    let mut frames = panel();
    for frame in &mut frames {
        for column in [&mut frame.open, &mut frame.high, &mut frame.low, &mut frame.close] {
            column.iter_mut().for_each(|price| *price = cents(*price / 50.0));
        }
        frame.return_price.clear();
    }
    let copies = found(&frames).into_iter().filter(|(_, _, problem)| *problem == Problem::CopiedBar).count();
    assert_eq!(copies, 0);
}

#[test]
fn jumps_are_seen_without_a_window() {
    let mut frames = panel();
    frames[90..].iter_mut().for_each(|frame| scale(frame, 4, 0.5));
    scale(&mut frames[120], 2, 1.6);
    let rows: Vec<_> = inspect(&frames, Depth::Jumps)
        .into_iter()
        .map(|f| (f.timestamp.date(), f.symbol.to_string()))
        .collect();
    assert!(rows.contains(&(90, "N4".into())) && rows.contains(&(120, "N2".into())), "{rows:?}");
}

#[test]
fn factors_of_another_day_are_named() {
    for (shift, expected) in [(0_i64, None), (1, Some("one row later")), (-1, Some("one row earlier"))] {
        let frames = panel();
        let mut alignment = Alignment::default();
        for (at, frame) in frames.iter().enumerate() {
            let mut frame = frame.clone();
            let from = at as i64 - shift;
            let source = usize::try_from(from).ok().and_then(|from| frames.get(from));
            frame.factors = source.map_or(vec![f64::NAN], |source| source.factors.clone());
            alignment.observe(&frame);
        }
        let finding = alignment.finding("mkt");
        let detail = finding.as_ref().map(|finding| finding.detail.as_str());
        assert_eq!(detail.is_some(), expected.is_some(), "{shift}: {detail:?}");
        assert!(detail.unwrap_or_default().contains(expected.unwrap_or_default()), "{shift}: {detail:?}");
    }
}

#[test]
fn symbols_that_differ_by_white_space_or_case_are_found() {
    let cases: [(&[&str], &[&str]); 5] = [
        (&["AAPL", "MSFT", "BRK.B", "BRK-B"], &[]),
        (&["AAPL", "aapl"], &["aapl"]),
        (&["AAPL", " AAPL", "AAPL "], &[" AAPL", "AAPL "]),
        (&["BRK B", "BRKB"], &["BRKB"]),
        (&["MSFT "], &["MSFT "]),
    ];
    for (symbols, expected) in cases {
        for depth in [Depth::Full, Depth::Jumps] {
            let (mut inspector, mut findings) = (Inspector::new(depth), Vec::new());
            let frame = Frame {
                listed: symbols.iter().map(|symbol| Arc::from(*symbol)).collect(),
                close: vec![10.0; symbols.len()],
                ..Frame::default()
            };
            inspector.observe(&frame, &mut findings);
            let alike = findings.iter().filter(|finding| finding.problem == Problem::SymbolsAlike);
            let found: Vec<&str> = alike.map(|finding| &*finding.symbol).collect();
            assert_eq!(found, expected, "{symbols:?}");
        }
    }
}

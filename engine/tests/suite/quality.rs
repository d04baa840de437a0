//! Each kind of problem is found in a small panel with one defect, and no problem in a clean panel.

use std::sync::Arc;

use betaflow_engine::frame::Frame;
use betaflow_engine::quality::{Depth, FactorInspector, Finding, Inspector, Problem};
use betaflow_engine::time::{DAY_NS, TimestampNs};

const FRAMES: usize = 160;
const NAMES: usize = 10;

/// Pseudo-random numbers, equal on every machine (SplitMix64); mean 0, standard deviation 1, nearly normal.
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

/// Daily bars in cents of ten instruments that follow a market, with volumes, adjusted closes and the market
/// as factor.
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

/// Splits shares: one becomes `by`.
fn split(frames: &mut [Frame], i: usize, by: f64) {
    for frame in frames {
        scale(frame, i, 1.0 / by);
        frame.volume[i] *= by;
    }
}

/// States a dividend of a share of the close.
fn pay(frame: &mut Frame, i: usize, share: f64) {
    frame.dividend = vec![f64::NAN; NAMES];
    frame.dividend[i] = share * frame.close[i];
}

fn erase(frame: &mut Frame, i: usize) {
    for column in [&mut frame.open, &mut frame.high, &mut frame.low, &mut frame.close, &mut frame.volume] {
        column[i] = f64::NAN;
    }
}

#[test]
fn clean_panel_has_no_findings() {
    assert_eq!(found(&panel()), []);
}

#[test]
fn each_defect_is_located() {
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
        ("a split", |f| split(&mut f[90..], 4, 2.0), vec![(90, 4, Split)]),
        ("a split of 3:2", |f| split(&mut f[90..], 4, 1.5), vec![(90, 4, Split)]),
        ("ten for one, back", |f| split(&mut f[60..], 6, 0.1), vec![(60, 6, Split)]),
        ("a split on the last day", |f| split(&mut f[FRAMES - 1..], 4, 4.0), vec![(FRAMES - 1, 4, Split)]),
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
        ("a dividend of six times the price", |f| pay(&mut f[90], 4, 6.0), vec![(90, 4, ExtremeReturn)]),
        ("a dividend of a third without a fall", |f| pay(&mut f[90], 4, 0.33), vec![(90, 4, ExtremeReturn)]),
        ("a dividend of a hundredth", |f| pay(&mut f[90], 4, 0.01), vec![]),
        (
            "a dividend of a third that the price confirms",
            |f| {
                pay(&mut f[90], 4, 0.33);
                f[90..].iter_mut().for_each(|frame| scale(frame, 4, 0.67));
                f[90].volume[4] *= 20.0;
            },
            vec![],
        ),
        (
            "a dividend in the adjusted price",
            |f| f[90..].iter_mut().for_each(|frame| frame.return_price[4] *= 1.02),
            vec![],
        ),
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
        // A frozen close lies outside the range of its bar.
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
fn copied_day_is_told_from_its_original_by_many_copies() {
    // Between neighbouring days, the gaps alone often do not identify the copy.
    let mut frames = panel();
    (0..NAMES).for_each(|i| copy(&mut frames, 80, 81, i, true));
    let rows = found(&frames);
    let right = rows.iter().filter(|(at, _, problem)| (*at, *problem) == (80, Problem::CopiedBar)).count();
    assert!(right >= NAMES - 1, "{rows:?}");
}

#[test]
fn equal_bars_of_coarse_prices_are_not_copies() {
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
fn jumps_are_found_without_a_window() {
    let mut frames = panel();
    frames[90..].iter_mut().for_each(|frame| scale(frame, 4, 0.5));
    scale(&mut frames[120], 2, 1.6);
    let rows: Vec<_> = inspect(&frames, Depth::Jumps)
        .into_iter()
        .map(|f| (f.timestamp.date(), f.symbol.to_string()))
        .collect();
    assert!(rows.contains(&(90, "N4".into())) && rows.contains(&(120, "N2".into())), "{rows:?}");
}

/// Findings of a panel with the given factors instead of its own, as functions of the market on the same, an
/// earlier or a later frame.
fn factor_findings(names: &[&str], factors: impl Fn(usize, &dyn Fn(i64) -> f64) -> Vec<f64>) -> Vec<Finding> {
    let frames = panel();
    let mut inspector = FactorInspector::default();
    for (at, frame) in frames.iter().enumerate() {
        let market = |shift: i64| {
            let from = usize::try_from(at as i64 + shift).ok().and_then(|from| frames.get(from));
            from.map_or(f64::NAN, |frame| frame.factors[0])
        };
        inspector.observe(&Frame { factors: factors(at, &market), ..frame.clone() });
    }
    inspector.findings(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
}

#[test]
fn misaligned_factors_are_found() {
    for (shift, expected) in [(0, None), (-1, Some("(+1)")), (1, Some("(-1)"))] {
        // The market follows a factor unrelated to the panel.
        let random = std::cell::RefCell::new(Random(3));
        let findings = factor_findings(&["other", "mkt"], |_, market| {
            vec![0.01 * random.borrow_mut().normal(), market(shift)]
        });
        let found: Vec<_> = findings.iter().map(|finding| finding.problem).collect();
        assert_eq!(found, expected.map(|_| Problem::FactorsMisaligned).into_iter().collect::<Vec<_>>());
        if let Some(expected) = expected {
            let detail = &findings[0].detail;
            assert!(detail.contains(expected) && detail.contains("`mkt`"), "{shift}: {detail}");
        }
    }
}

#[test]
fn indistinguishable_factors_are_found() {
    use Problem::{FactorConstant, FactorLevel, FactorsCollinear};
    let noise = |at: usize| 0.005 * Random(at as u64).normal();
    type Third = Box<dyn Fn(usize, f64, f64) -> f64>;
    let cases: [(&str, Third, Option<Problem>); 12] = [
        ("a factor of its own", Box::new(move |at, _, _| noise(at + 1_000)), None),
        ("near the market", Box::new(move |at, mkt, _| mkt + 0.2 * noise(at + 1_000)), None),
        ("zero", Box::new(|_, _, _| 0.0), Some(FactorConstant)),
        ("a constant", Box::new(|_, _, _| 0.001), Some(FactorConstant)),
        ("a duplicate", Box::new(|_, mkt, _| mkt), Some(FactorsCollinear)),
        ("a multiple", Box::new(|_, mkt, _| -2.5 * mkt), Some(FactorsCollinear)),
        ("a sum", Box::new(|_, mkt, f1| mkt + f1), Some(FactorsCollinear)),
        ("a sum and a constant", Box::new(|_, mkt, f1| 0.5 * mkt - f1 + 0.01), Some(FactorsCollinear)),
        ("rounded to bps", Box::new(|_, mkt, _| (mkt * 1e4).round() / 1e4), Some(FactorsCollinear)),
        ("an annual rate", Box::new(|at, _, _| 0.02 + 1e-5 * at as f64), Some(FactorLevel)),
        ("a rate around zero", Box::new(|at, _, _| 1e-4 * libm::sin(at as f64 / 40.0)), Some(FactorLevel)),
        (
            "nothing for half of the frames",
            Box::new(move |at, _, _| if at < FRAMES / 2 { 0.0 } else { noise(at + 1_000) }),
            None,
        ),
    ];
    for (name, third, expected) in cases {
        let findings = factor_findings(&["mkt", "f1", "third"], |at, market| {
            let (mkt, f1) = (market(0), noise(at));
            vec![mkt, f1, third(at, mkt, f1)]
        });
        let found: Vec<_> = findings.iter().map(|f| (f.problem, &*f.symbol)).collect();
        assert_eq!(
            found,
            expected.map(|problem| (problem, "third")).into_iter().collect::<Vec<_>>(),
            "{name}"
        );
    }
    let findings = factor_findings(&["mkt", "f1", "third"], |at, market| {
        vec![market(0), noise(at), 0.5 * market(0) - 2.0 * noise(at)]
    });
    let detail = &findings[0].detail;
    assert!(detail.contains("-2.000 `f1` + 0.500 `mkt`"), "{detail}");
}

/// Problems of a panel with defects, with their places, for kinds about series, dates or moves.
fn spoiled(spoil: impl FnOnce(&mut Vec<Frame>)) -> Vec<(usize, String, Problem)> {
    let mut frames = panel();
    spoil(&mut frames);
    let mut rows = found(&frames);
    // Changed prices lie outside the range of their bars.
    rows.retain(|(_, _, problem)| {
        !matches!(problem, Problem::BrokenBar | Problem::Stale | Problem::ZeroVolume)
    });
    rows
}

/// Copies an instrument from another at another scale, with prices rounded to cents.
fn mirror(frames: &mut [Frame], from: usize, to: usize, by: f64) {
    for frame in frames {
        for column in [&mut frame.open, &mut frame.high, &mut frame.low, &mut frame.close] {
            column[to] = cents(column[from] * by);
        }
        frame.return_price[to] = frame.close[to];
        frame.volume[to] = 2.0 * frame.volume[from] + 1.0;
    }
}

#[test]
fn copies_of_a_series_are_found_and_share_classes_are_not() {
    let last = FRAMES - 1;
    let of = |to: usize| (last, format!("N{to}"), Problem::IdenticalSeries);
    let found = spoiled(|frames| {
        mirror(frames, 4, 7, 1.0);
        mirror(frames, 4, 8, 2.0);
        mirror(frames, 4, 9, 0.5);
    });
    assert_eq!(found, [of(7), of(8), of(9)]);
    // From half of the data on, with some rows missing.
    let found = spoiled(|frames| {
        mirror(&mut frames[..], 2, 3, 1.0);
        frames[..40].iter_mut().for_each(|frame| erase(frame, 3));
        erase(&mut frames[60], 3);
    });
    assert!(found.contains(&of(3)) || found.iter().all(|row| row.2 == Problem::MissingDay), "{found:?}");
    // Another share class: a correlation of about 0.98.
    let mut random = Random(99);
    let found = spoiled(|frames| {
        mirror(frames, 4, 7, 1.0);
        for frame in frames {
            let by = 1.0 + 0.002 * random.normal();
            scale(frame, 7, by);
            frame.return_price[7] = frame.close[7];
        }
    });
    assert_eq!(found, []);
    let mut frames = panel();
    mirror(&mut frames, 1, 6, 3.0);
    let found: Vec<_> =
        inspect(&frames, Depth::Jumps).into_iter().map(|f| (f.symbol.to_string(), f.problem)).collect();
    assert_eq!(found, [("N6".to_owned(), Problem::IdenticalSeries)]);
}

#[test]
fn flat_days_filled_holidays_and_mixed_units_are_found() {
    use Problem::{FlatDays, HolidayFilled, MixedTimeUnits};
    let hold = |frames: &mut [Frame], at: usize, i: usize| {
        let before = frames[at - 1].close[i];
        (frames[at].close[i], frames[at].return_price[i]) = (before, before);
    };
    let panel_row = |at: usize, problem| (at, "(panel)".to_owned(), problem);
    // Every fourth day of one instrument, and of all instruments.
    let flat = spoiled(|frames| (2..FRAMES).step_by(4).for_each(|at| hold(frames, at, 3)));
    assert_eq!(flat, [(FRAMES - 1, "N3".to_owned(), FlatDays)]);
    let all = spoiled(|frames| {
        (2..FRAMES)
            .step_by(4)
            .for_each(|at| (0..NAMES).filter(|i| (at / 4 + i) % 2 == 0).for_each(|i| hold(frames, at, i)));
    });
    assert_eq!(all, []);
    let holidays = spoiled(|frames| {
        for at in [60, 100] {
            (0..NAMES).for_each(|i| hold(frames, at, i));
        }
    });
    assert_eq!(holidays, [panel_row(60, HolidayFilled), panel_row(100, HolidayFilled)]);
    // The first half has milliseconds declared as microseconds.
    let late = 19_000;
    let mixed = spoiled(|frames| {
        for (at, frame) in frames.iter_mut().enumerate() {
            let time = (late + at as i64) * DAY_NS;
            frame.timestamp = TimestampNs(if at < 80 { time / 1_000 } else { time });
        }
    });
    assert_eq!(mixed, [panel_row(late as usize + 80, MixedTimeUnits)]);
}

#[test]
fn move_is_a_split_only_with_evidence() {
    use Problem::{ExtremeReturn, LargeMove, Split};
    type Case = (&'static str, fn(&mut [Frame]), Option<Problem>);
    let cases: [Case; 18] = [
        ("seven for one", |f| split(&mut f[90..], 4, 7.0), Some(Split)),
        (
            "ten for one, volume as before",
            |f| f[90..].iter_mut().for_each(|frame| scale(frame, 4, 0.1)),
            Some(LargeMove),
        ),
        (
            "seven for one, volume as before",
            |f| f[90..].iter_mut().for_each(|frame| scale(frame, 4, 1.0 / 7.0)),
            Some(LargeMove),
        ),
        (
            "four for one, volume as before",
            |f| f[90..].iter_mut().for_each(|frame| scale(frame, 4, 0.25)),
            Some(LargeMove),
        ),
        (
            "one for ten, volume as before",
            |f| f[90..].iter_mut().for_each(|frame| scale(frame, 4, 10.0)),
            Some(LargeMove),
        ),
        ("half the price on twice the volume, which fades", |f| fall(f, &[2.0, 1.0, 1.0]), Some(LargeMove)),
        ("half the price on three times the volume", |f| fall(f, &[3.0, 1.5, 1.0]), Some(LargeMove)),
        ("half the price on four times the volume", |f| fall(f, &[4.0, 2.0, 1.2]), Some(LargeMove)),
        (
            "a seventh and 4 % more, known by closes alone",
            |f| {
                let by = 1.04 * f[89].close[4] * (1.0 + f[90].factors[0]) / 7.0 / f[90].close[4];
                f[90..].iter_mut().for_each(|frame| scale(frame, 4, by));
                f.iter_mut().for_each(closes_alone);
            },
            Some(LargeMove),
        ),
        (
            "a seventh and 4 % more, volume scaled the other way",
            |f| {
                let by = 1.04 * f[89].close[4] * (1.0 + f[90].factors[0]) / 7.0 / f[90].close[4];
                split(&mut f[90..], 4, 1.0 / by);
                f.iter_mut().for_each(closes_and_volumes);
            },
            Some(LargeMove),
        ),
        (
            "volume scaled the other way",
            |f| {
                f[90..].iter_mut().for_each(|frame| {
                    scale(frame, 4, 0.25);
                    frame.volume[4] *= 4.0;
                });
            },
            Some(Split),
        ),
        (
            "a reverse split",
            |f| {
                f[90..].iter_mut().for_each(|frame| {
                    scale(frame, 4, 10.0);
                    frame.volume[4] /= 10.0;
                });
            },
            Some(Split),
        ),
        (
            "half the price on eight times the volume",
            |f| {
                f[90..].iter_mut().for_each(|frame| scale(frame, 4, 0.5));
                f[90].volume[4] *= 8.0;
            },
            Some(ExtremeReturn),
        ),
        (
            "half the price in a wide bar",
            |f| {
                f[90..].iter_mut().for_each(|frame| scale(frame, 4, 0.5));
                f[90].low[4] *= 0.94;
                f[90].high[4] *= 1.06;
            },
            Some(LargeMove),
        ),
        (
            "7 % off half",
            |f| f[90..].iter_mut().for_each(|frame| scale(frame, 4, 0.465)),
            Some(ExtremeReturn),
        ),
        (
            "off any ratio",
            |f| f[90..].iter_mut().for_each(|frame| scale(frame, 4, 0.57)),
            Some(ExtremeReturn),
        ),
        (
            "two thirds, known by closes alone",
            |f| {
                f[90..].iter_mut().for_each(|frame| scale(frame, 4, 2.0 / 3.0));
                f.iter_mut().for_each(closes_alone);
            },
            Some(LargeMove),
        ),
        (
            "a third, known by closes alone",
            |f| {
                // The bar has the market's move and the split, and no other move.
                let expected = f[89].close[5] * (1.0 + f[90].factors[0]) / 3.0;
                let by = expected / f[90].close[5];
                f[90..].iter_mut().for_each(|frame| scale(frame, 5, by));
                f.iter_mut().for_each(closes_alone);
            },
            Some(Split),
        ),
    ];
    for (name, spoil, expected) in cases {
        let found: Vec<_> = spoiled(|frames| spoil(frames)).into_iter().map(|row| (row.0, row.2)).collect();
        assert_eq!(found, expected.map(|problem| (90, problem)).into_iter().collect::<Vec<_>>(), "{name}");
    }
}

/// Halves the price from frame 90 on, with closes and volumes alone; `volumes` are multiples of the usual
/// volume on the first frames.
fn fall(frames: &mut [Frame], volumes: &[f64]) {
    let by = 0.5 * frames[89].close[4] * (1.0 + frames[90].factors[0]) / frames[90].close[4];
    frames[90..].iter_mut().for_each(|frame| scale(frame, 4, by));
    let usual = 1.5e6;
    for (frame, times) in frames[90..].iter_mut().zip(volumes) {
        frame.volume[4] = usual * times;
    }
    frames.iter_mut().for_each(closes_and_volumes);
}

fn closes_and_volumes(frame: &mut Frame) {
    for column in [&mut frame.open, &mut frame.high, &mut frame.low, &mut frame.return_price] {
        column.clear();
    }
}

fn closes_alone(frame: &mut Frame) {
    for column in
        [&mut frame.open, &mut frame.high, &mut frame.low, &mut frame.volume, &mut frame.return_price]
    {
        column.clear();
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

#[test]
fn holidays_filled_with_whole_bars_are_not_copied_bars() {
    use Problem::HolidayFilled;
    // With a few instruments, and with closes and volumes alone; two consecutive dates and a single one.
    let dates = [60, 61, 100];
    for (names, has_bars, silent) in
        [(NAMES, true, false), (NAMES, false, false), (2, true, false), (NAMES, true, true)]
    {
        let found = spoiled(|frames| {
            for at in dates {
                (0..names).for_each(|i| copy(frames, at, at - 1, i, true));
                frames[at].return_price = frames[at].close.clone();
                if silent {
                    frames[at].volume.fill(0.0);
                }
            }
            for frame in frames {
                for column in
                    [&mut frame.open, &mut frame.high, &mut frame.low, &mut frame.close, &mut frame.volume]
                {
                    column.truncate(names);
                }
                frame.return_price.truncate(names);
                frame.listed.truncate(names);
                if !has_bars {
                    closes_and_volumes(frame);
                }
            }
        });
        let expected = dates.map(|at| (at, "(panel)".to_owned(), HolidayFilled));
        assert_eq!(found, expected, "{names} {has_bars} {silent}");
    }
}

#[test]
fn times_in_a_wrong_unit_are_found() {
    use Problem::{MixedTimeUnits, WrongTimeUnit};
    // Divisors of the times of the first and the second half, and the problem.
    let cases: [(i64, i64, Option<Problem>); 10] = [
        (1, 1, None),
        (1_000, 1_000, Some(WrongTimeUnit)),
        (1_000_000, 1_000_000, Some(WrongTimeUnit)),
        (1_000_000_000, 1_000_000_000, Some(WrongTimeUnit)),
        (1_000_000, 1_000, Some(MixedTimeUnits)),
        (1_000_000_000, 1_000_000, Some(MixedTimeUnits)),
        (1_000_000_000, 1_000, Some(MixedTimeUnits)),
        (1_000_000_000, 1, Some(MixedTimeUnits)),
        (1_000_000, 1, Some(MixedTimeUnits)),
        (1_000, 1, Some(MixedTimeUnits)),
    ];
    // Daily bars from 2014, and minute bars from 2026.
    for (start, step) in [(16_132 * DAY_NS, DAY_NS), (20_485 * DAY_NS, DAY_NS / 1_440)] {
        for (first, second, expected) in cases {
            for depth in [Depth::Full, Depth::Jumps] {
                let mut frames = panel();
                for (at, frame) in frames.iter_mut().enumerate() {
                    let by = if at < FRAMES / 2 { first } else { second };
                    frame.timestamp = TimestampNs((start + at as i64 * step) / by);
                }
                let findings = inspect(&frames, depth);
                let of_time: Vec<_> = findings
                    .iter()
                    .filter(|found| matches!(found.problem, MixedTimeUnits | WrongTimeUnit))
                    .map(|found| (found.timestamp, found.problem))
                    .collect();
                let expected = expected.map(|problem| match problem {
                    WrongTimeUnit => (frames[0].timestamp, problem),
                    _ => (frames[FRAMES / 2].timestamp, problem),
                });
                assert_eq!(of_time, Vec::from_iter(expected), "{first} {second} {step}");
                if let Some((_, WrongTimeUnit)) = expected {
                    let factor = format!("{first} times too small");
                    assert!(findings.iter().any(|found| found.detail.contains(&factor)), "{findings:?}");
                }
            }
        }
    }
    // Daily bars of 1970 are valid.
    let frames = panel();
    assert_eq!(inspect(&frames[5..40], Depth::Full).iter().filter(|f| f.problem == WrongTimeUnit).count(), 0);
}

#[test]
fn findings_have_short_numbers() {
    for close in [5e-324, 1e-300, 1e300, f64::MAX, 1e-9] {
        for depth in [Depth::Full, Depth::Jumps] {
            let mut frames = panel();
            frames[90].close[4] = close;
            let findings = inspect(&frames, depth);
            assert!(!findings.is_empty());
            for Finding { detail, .. } in findings {
                let words = detail.split(|c: char| !c.is_alphanumeric());
                let odd = words.filter(|word| word.len() > 25 || ["inf", "NaN"].contains(word)).count();
                assert!(odd == 0 && detail.len() < 300, "{close:e}: {detail}");
            }
        }
    }
}

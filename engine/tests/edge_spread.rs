//! EDGE agrees with the values that its authors publish, and with their package `bidask`.
#![allow(clippy::unwrap_used)]

use betaflow_engine::execution::{Edge, ExecutionSettings, Need, SpreadModel};
use betaflow_engine::frame::{Field, Frame};
use betaflow_engine::quality::{SpreadErrors, SpreadInspector};
use betaflow_engine::time::{DAY_NS, TimestampNs};

/// Open, high, low and close.
type Bar = [f64; 4];

/// The first rows of the authors' test file `ohlc.csv` (github.com/eguidotti/bidask, MIT licence).
const BARS: [Bar; 14] = [
    [1.00240075994025, 1.00935878365403, 0.976061138469904, 0.976061138469904],
    [0.929743096395543, 0.929774737723069, 0.928919694164385, 0.929774737723069],
    [0.943911414384193, 0.968140794511406, 0.943911414384193, 0.968140794511406],
    [0.977605378856722, 0.977605378856722, 0.977605378856722, 0.977605378856722],
    [0.961535370407048, 0.99982474278851, 0.961535370407048, 0.986215329667607],
    [0.982409003083975, 0.992213437101346, 0.982409003083975, 0.992213437101346],
    [1.03435413274433, 1.03435413274433, 1.03435413274433, 1.03435413274433],
    [1.0201424300403, 1.04025465277235, 1.0201424300403, 1.03219266262805],
    [1.03650094499406, 1.03650094499406, 1.03650094499406, 1.03650094499406],
    [1.05368509087896, 1.05368509087896, 1.02605242183949, 1.02798086837104],
    [1.00218302044534, 1.00218302044534, 0.971007036097251, 0.971007036097251],
    [0.965229150083089, 0.986919824597985, 0.960789989010352, 0.986919824597985],
    [0.99637331887178, 0.997269924548232, 0.99637331887178, 0.997269924548232],
    [1.01358787832514, 1.01358787832514, 0.982537626549428, 1.00009937289103],
];

/// Signed spreads of `bidask` 2.1.0 over the last ten bars; the first is the authors' published test value.
const TEN_BARS: [f64; 5] = [
    -0.016889917516422,
    -0.014836206265947198,
    -0.011508816529774858,
    -0.012709364319513415,
    -0.014674567534593964,
];

/// Signed spreads of `bidask` 2.1.0 over the last six bars.
const SIX_BARS: [f64; 9] = [
    -0.03041543120265474,
    0.0266274018950856,
    0.026957568404768484,
    0.025883060335894468,
    0.020604069634726108,
    -0.027093739217095028,
    -0.012818040155894004,
    -0.021190891517276062,
    -0.019789008435089853,
];

fn push(edge: &mut Edge, [open, high, low, close]: Bar) {
    edge.push(open, high, low, close);
}

fn near(found: f64, expected: f64) -> bool {
    (found / expected - 1.0).abs() < 1e-12
}

#[test]
fn estimates_equal_the_authors() {
    for (bars, expected) in [(10, &TEN_BARS[..]), (6, &SIX_BARS)] {
        let mut edge = Edge::new(bars - 1);
        let mut expected = expected.iter();
        for (at, bar) in BARS.into_iter().enumerate() {
            push(&mut edge, bar);
            if at + 1 < bars {
                assert_eq!(edge.squared_spread(), None, "{bars} at {at}");
                continue;
            }
            let (squared, signed) = (edge.squared_spread().unwrap(), expected.next().unwrap());
            assert!(near(squared.abs().sqrt().copysign(squared), *signed), "{bars} at {at}: {squared}");
            assert!(near(edge.half_spread().unwrap(), 0.5 * signed.abs()), "{bars} at {at}");
        }
        assert_eq!(expected.next(), None);
    }
}

#[test]
fn price_that_hardly_moves_has_no_estimate() {
    // The authors' test case of an undefined estimate.
    let mut edge = Edge::new(2);
    for bar in [[18.21, 18.21, 17.61, 17.61], [17.61; 4], [17.61; 4]] {
        push(&mut edge, bar);
    }
    assert_eq!((edge.squared_spread(), edge.half_spread()), (None, None));
    // Two pairs that move are enough, also among others.
    for (window, still) in [(2, 0), (3, 1), (6, 4)] {
        let mut edge = Edge::new(window);
        BARS[..3].iter().for_each(|bar| push(&mut edge, *bar));
        (0..still).for_each(|_| push(&mut edge, [BARS[2][3]; 4]));
        assert!(edge.squared_spread().is_some(), "{still} pairs that do not move");
        push(&mut edge, [BARS[2][3]; 4]);
        assert_eq!(edge.squared_spread(), None, "one pair that moves, and {} others", still + 1);
    }
}

#[test]
fn bars_after_an_interruption_have_no_pair_and_invalid_bars_are_skipped() {
    let (mut whole, mut parts) = (Edge::new(9), Edge::new(9));
    BARS.iter().take(10).for_each(|bar| push(&mut whole, *bar));
    for (at, bar) in BARS.iter().take(10).enumerate() {
        push(&mut parts, *bar);
        push(&mut parts, [f64::NAN, 1.0, 1.0, 1.0]);
        push(&mut parts, [1.0, 1.0, 2.0, 1.0]);
        if at == 4 {
            parts.interrupt();
        }
    }
    assert!(whole.half_spread().is_some());
    assert_eq!(parts.half_spread(), None, "one pair fewer");
    let mut skipping = Edge::new(9);
    for bar in BARS.iter().take(10) {
        push(&mut skipping, *bar);
        push(&mut skipping, [1.0, 1.0, 0.0, 1.0]);
    }
    assert_eq!(skipping.squared_spread(), whole.squared_spread());
}

#[test]
fn model_needs_opens_highs_and_lows() {
    let settings = ExecutionSettings { spread_model: SpreadModel::Edge, ..ExecutionSettings::default() };
    let need = Need::Spread(SpreadModel::Edge);
    assert_eq!(settings.needs(), [(Field::Open, need), (Field::High, need), (Field::Low, need)]);
}

#[test]
fn relative_errors_are_means_over_the_instruments_with_quotes() {
    let mut spreads = SpreadInspector::default();
    for day in 0..40_i64 {
        let [open, high, low, close] = BARS[usize::try_from(day).unwrap() % BARS.len()];
        let of = |price: f64| vec![price, 2.0 * price];
        spreads.observe(&Frame {
            timestamp: TimestampNs(day * DAY_NS),
            listed: if day == 0 { vec!["A".into(), "B".into()] } else { Vec::new() },
            open: of(open),
            high: of(high),
            low: of(low),
            close: of(close),
            bid: vec![99.0, f64::NAN],
            ask: vec![101.0, f64::NAN],
            ..Frame::default()
        });
    }
    let estimates = spreads.estimates();
    let [a, b] = &estimates[..] else { panic!("two instruments") };
    assert_eq!(b.quoted, None);
    assert!((a.edge.unwrap() - b.edge.unwrap()).abs() < 1e-12);
    let (quoted, errors) = (a.quoted.unwrap(), SpreadErrors::of(&estimates));
    let of_a = |estimate: Option<f64>| Some((estimate.unwrap() - quoted).abs() / quoted);
    assert_eq!(errors.edge, of_a(a.edge));
    assert_eq!(errors.corwin_schultz, of_a(a.corwin_schultz));
    assert_eq!(errors.abdi_ranaldo, of_a(a.abdi_ranaldo));
    assert_eq!(SpreadErrors::of(&estimates[1..]), SpreadErrors::default());
}

//! EDGE agrees with the values that its authors publish, and with their package `bidask`.

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

/// Squared spread S² of the paper over all pairs of neighbouring bars, after the code of its authors.
fn of_the_paper(bars: &[Bar]) -> f64 {
    let logs: Vec<Bar> = bars.iter().map(|bar| bar.map(libm::log)).collect();
    let pairs: Vec<(Bar, Bar)> = logs.windows(2).map(|pair| (pair[0], pair[1])).collect();
    let middle = |[_, high, low, _]: Bar| (high + low) / 2.0;
    let moved = |[.., c1]: Bar, [_, h, l, _]: Bar| f64::from(u8::from(h != l || l != c1));
    let mean = |of: &dyn Fn(Bar, Bar) -> f64| {
        pairs.iter().map(|(last, bar)| of(*last, *bar)).sum::<f64>() / pairs.len() as f64
    };
    let other = |a: f64, b: f64| f64::from(u8::from(a != b));
    let p_t = mean(&moved);
    let p_o = mean(&|last, bar| moved(last, bar) * (other(bar[0], bar[1]) + other(bar[0], bar[2])));
    let p_c = mean(&|last, bar| moved(last, bar) * (other(last[3], last[1]) + other(last[3], last[2])));
    let r_1 = |_: Bar, bar: Bar| middle(bar) - bar[0];
    let r_2 = |last: Bar, bar: Bar| bar[0] - middle(last);
    let r_3 = |last: Bar, bar: Bar| middle(bar) - last[3];
    let r_4 = |last: Bar, _: Bar| last[3] - middle(last);
    let r_5 = |last: Bar, bar: Bar| bar[0] - last[3];
    let (m_1, m_3, m_5) = (mean(&r_1) / p_t, mean(&r_3) / p_t, mean(&r_5) / p_t);
    let d_1 = |last, bar| r_1(last, bar) - m_1 * moved(last, bar);
    let d_3 = |last, bar| r_3(last, bar) - m_3 * moved(last, bar);
    let d_5 = |last, bar| r_5(last, bar) - m_5 * moved(last, bar);
    let x_1 = |last, bar| {
        -4.0 / p_o * d_1(last, bar) * r_2(last, bar) - 4.0 / p_c * d_3(last, bar) * r_4(last, bar)
    };
    let x_2 = |last, bar| {
        -4.0 / p_o * d_1(last, bar) * r_5(last, bar) - 4.0 / p_c * d_5(last, bar) * r_4(last, bar)
    };
    let (e_1, e_2) = (mean(&x_1), mean(&x_2));
    let v_1 = mean(&|last, bar| x_1(last, bar) * x_1(last, bar)) - e_1 * e_1;
    let v_2 = mean(&|last, bar| x_2(last, bar) * x_2(last, bar)) - e_2 * e_2;
    (v_2 * e_1 + v_1 * e_2) / (v_1 + v_2)
}

#[test]
fn pairs_that_do_not_move_count_in_the_moments_of_the_paper() {
    // After some bars the price stands still at their close, which lies beside the middle of the bar.
    let mut bars = Vec::new();
    for (at, bar) in BARS.into_iter().enumerate() {
        bars.push(bar);
        bars.extend(vec![[bar[3]; 4]; [1, 0, 2, 0, 0][at % 5]]);
    }
    for window in [9, 12, 15] {
        let mut edge = Edge::new(window);
        for (at, bar) in bars.iter().enumerate() {
            push(&mut edge, *bar);
            if at >= window {
                let (found, expected) =
                    (edge.squared_spread().unwrap(), of_the_paper(&bars[at - window..=at]));
                assert!((found - expected).abs() < 1e-13, "{window} at {at}: {found} {expected}");
            }
        }
    }
}

#[test]
fn estimates_without_variance_are_weighted_equally() {
    // Two bars that mirror each other in log prices, so that both pairs have the same moments: with L = ln 2,
    // −4 · (−1) · (−3)/2 L² = −6 L² from the opens and 0 from the closes, which are in the middle.
    let mut edge = Edge::new(2);
    let (bar, mirrored) = ([2.0, 16.0, 1.0, 4.0], [0.5, 1.0, 0.0625, 0.25]);
    [bar, mirrored, bar].into_iter().for_each(|bar| push(&mut edge, bar));
    let ln_2 = std::f64::consts::LN_2;
    assert!(near(edge.squared_spread().unwrap(), -6.0 * ln_2 * ln_2));
    // Closes beside the middle: −5/2 and 7/2 L² in the first condition, −3 and 3 L² in the second.
    let mut edge = Edge::new(2);
    let (bar, mirrored) = ([2.0, 8.0, 1.0, 4.0], [0.5, 1.0, 0.125, 0.25]);
    [bar, mirrored, bar].into_iter().for_each(|bar| push(&mut edge, bar));
    assert!(near(edge.squared_spread().unwrap(), 0.5 * ln_2 * ln_2));
    // The same bar again and again has no spread.
    let mut edge = Edge::new(2);
    [bar; 3].into_iter().for_each(|bar| push(&mut edge, bar));
    assert_eq!(edge.squared_spread(), Some(0.0));
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
        for (at, bad) in (0..4).flat_map(|at| [0.0, -1.0, f64::NAN, f64::INFINITY].map(|bad| (at, bad))) {
            let mut invalid = *bar;
            invalid[at] = bad;
            push(&mut skipping, invalid);
        }
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

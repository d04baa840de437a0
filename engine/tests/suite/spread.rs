//! The spread estimators agree with the formulas of the papers.
#![allow(clippy::disallowed_methods)]

use betaflow_engine::execution::{AbdiRanaldo, CorwinSchultz};

/// High, low and close.
type Bar = (f64, f64, f64);

/// A few bars; the third opens with a gap upwards, the fifth with a gap downwards.
const BARS: [Bar; 7] = [
    (101.2, 99.1, 100.4),
    (102.0, 100.0, 101.5),
    (105.5, 103.0, 103.2),
    (104.4, 101.9, 102.2),
    (101.0, 99.7, 100.9),
    (101.3, 100.1, 100.2),
    (102.8, 100.2, 102.7),
];

/// Corwin & Schultz (2012): two bars, with the adjustment for moves overnight.
fn corwin_schultz((h1, l1, c1): Bar, (mut h2, mut l2, _): Bar) -> f64 {
    // In log prices the overnight move is a difference; the paper's ratios are equivalent.
    let shift = if l2 > c1 {
        c1 / l2
    } else if h2 < c1 {
        c1 / h2
    } else {
        1.0
    };
    (h2, l2) = (h2 * shift, l2 * shift);
    let beta = (h1 / l1).ln().powi(2) + (h2 / l2).ln().powi(2);
    let gamma = (h1.max(h2) / l1.min(l2)).ln().powi(2);
    let root = 3.0 - 2.0 * 2.0_f64.sqrt();
    let alpha = ((2.0 * beta).sqrt() - beta.sqrt()) / root - (gamma / root).sqrt();
    2.0 * (alpha.exp() - 1.0) / (1.0 + alpha.exp())
}

/// Abdi & Ranaldo (2017): 4 (c_t − η_t)(c_t − η_t+1).
fn abdi_ranaldo((h1, l1, c1): Bar, (h2, l2, _): Bar) -> f64 {
    let middle = |high: f64, low: f64| (high.ln() + low.ln()) / 2.0;
    4.0 * (c1.ln() - middle(h1, l1)) * (c1.ln() - middle(h2, l2))
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-14
}

#[test]
fn estimates_are_means_of_the_papers_formulas() {
    for window in 1..=4 {
        let (mut cs, mut ar) = (CorwinSchultz::new(window), AbdiRanaldo::new(window));
        for (at, (high, low, close)) in BARS.into_iter().enumerate() {
            cs.push(high, low, close);
            ar.push(high, low, close);
            if at < window {
                assert_eq!((cs.half_spread(), ar.half_spread()), (None, None), "{window} at {at}");
                continue;
            }
            let mean = |of: fn(Bar, Bar) -> f64| {
                (at - window..at).map(|t| of(BARS[t], BARS[t + 1])).sum::<f64>() / window as f64
            };
            let expected = (mean(corwin_schultz).max(0.0) / 2.0, mean(abdi_ranaldo).max(0.0).sqrt() / 2.0);
            assert!(near(cs.half_spread().unwrap(), expected.0), "{window} at {at}");
            assert!(near(ar.half_spread().unwrap(), expected.1), "{window} at {at}");
        }
    }
}

#[test]
fn bar_after_an_interruption_has_no_pair() {
    let (mut cs, mut ar) = (CorwinSchultz::new(2), AbdiRanaldo::new(2));
    for (at, (high, low, close)) in BARS.into_iter().enumerate() {
        if at == 2 {
            cs.interrupt();
            ar.interrupt();
        }
        cs.push(high, low, close);
        ar.push(high, low, close);
        // One pair before the interruption, one after it.
        assert_eq!(cs.half_spread().is_some(), at >= 3, "{at}");
        assert_eq!(ar.half_spread().is_some(), at >= 3, "{at}");
    }
}

#[test]
fn invalid_bars_are_skipped() {
    let (mut cs, mut ar) = (CorwinSchultz::new(1), AbdiRanaldo::new(1));
    for (high, low, close) in [BARS[0], (f64::NAN, 1.0, 1.0), (1.0, 2.0, 1.0), (1.0, 0.0, 1.0), BARS[1]] {
        cs.push(high, low, close);
        ar.push(high, low, close);
    }
    assert!(near(cs.half_spread().unwrap(), corwin_schultz(BARS[0], BARS[1]).max(0.0) / 2.0));
    assert!(near(ar.half_spread().unwrap(), abdi_ranaldo(BARS[0], BARS[1]).max(0.0).sqrt() / 2.0));
}

#[test]
fn simulated_spread_is_estimated() {
    // A price that moves by 1 bp per trade, with trades at the bid or the ask of a 40 bps spread, 30 trades
    // per bar.
    let (mut cs, mut ar) = (CorwinSchultz::new(4_000), AbdiRanaldo::new(4_000));
    let (mut seed, mut mid) = (1_u64, 100.0_f64);
    let mut coin = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if seed >> 63 == 0 { 1.0 } else { -1.0 }
    };
    for _ in 0..5_000 {
        let (mut high, mut low, mut close) = (0.0_f64, f64::INFINITY, 0.0);
        for _ in 0..30 {
            mid *= 1.0 + 1e-4 * coin();
            close = mid * (1.0 + 2e-3 * coin());
            (high, low) = (high.max(close), low.min(close));
        }
        cs.push(high, low, close);
        ar.push(high, low, close);
    }
    for half in [cs.half_spread().unwrap(), ar.half_spread().unwrap()] {
        assert!((half - 2e-3).abs() < 2e-4, "{half}");
    }
}

//! Round trip of recorded betas; reading returns as many frames as the limits permit.

use std::path::Path;
use std::sync::Arc;

use betaflow_connectors::record::{BetaPaths, ParquetRecorder, Room, read_betas};
use betaflow_engine::ledger::{Frames, RecordSettings, Recorder as _, RunFacts};
use betaflow_engine::model::Estimates;
use betaflow_engine::names::InstrumentNames;
use betaflow_engine::time::TimestampNs;

const FRAMES: u64 = 101;
const INSTRUMENTS: usize = 500;
/// Returns coefficient `c` of instrument `i` at frame `t`; its standard deviation is a tenth of its value.
fn coefficient(c: usize, i: usize, t: u64) -> f64 {
    1_000.0 * c as f64 + i as f64 + 1e-3 * t as f64
}

/// Records alpha and two betas; instrument 7 starts at frame 60. Row groups have 16 frames each.
fn record(folder: &Path) {
    // A factor may share its name with another column.
    let factors = ["mkt".to_owned(), "forecast_sd".to_owned()];
    let record = RecordSettings { betas: Frames::All, weights: Frames::None, expected_returns: None };
    let mut recorder = ParquetRecorder::create(folder, &factors, record, false, None).unwrap();
    let mut names = InstrumentNames::default();
    names.extend(&(0..INSTRUMENTS).map(|i| Arc::from(format!("S{i}"))).collect::<Vec<_>>());
    let mut estimates = Estimates { names, factors: vec![0.0; 2], complete: true, ..Default::default() };
    for t in 0..FRAMES {
        estimates.reset(INSTRUMENTS);
        (estimates.seq, estimates.timestamp) = (t, TimestampNs(t as i64 * 1_000));
        for i in (0..INSTRUMENTS).filter(|i| *i != 7 || t >= 60) {
            estimates.alpha[i] = coefficient(0, i, t);
            for c in 0..3 {
                estimates.coefficient_sd[c * INSTRUMENTS + i] = 0.1 * coefficient(c, i, t);
            }
            for c in 1..3 {
                estimates.betas[(c - 1) * INSTRUMENTS + i] = coefficient(c, i, t);
            }
        }
        recorder.estimates(&estimates).unwrap();
    }
    recorder.finish(&RunFacts::default()).unwrap();
}

fn frames(paths: &BetaPaths) -> Vec<u64> {
    paths.times.iter().map(|time| time.0 as u64 / 1_000).collect()
}

#[test]
fn betas_are_read_back_unchanged_at_evenly_spaced_frames() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path());
    let every = |step: usize| (0..FRAMES).rev().step_by(step).collect::<Vec<_>>().into_iter().rev().collect();
    let cases: [(usize, usize, Vec<u64>); 5] = [
        (1_000, 1_000_000, every(1)),
        (50, 1_000_000, every(3)),
        (2, 1_000_000, every(51)),
        (1, 1_000_000, vec![FRAMES - 1]),
        // Limit of 18 values: two instruments with three coefficients at three frames.
        (1_000, 18, every(34)),
    ];
    for (frames_max, values_max, expected) in cases {
        let paths = read_betas(folder.path(), &["S7", "S499"], Room { frames_max, values_max }).unwrap();
        assert_eq!(paths.coefficients, ["alpha", "mkt", "forecast_sd"]);
        assert_eq!(frames(&paths), expected);
        for (path, i) in paths.instruments.iter().zip([7, 499]) {
            for (c, (mean, sd)) in path.mean.iter().zip(&path.sd).enumerate() {
                assert_eq!((mean.len(), sd.len()), (expected.len(), expected.len()));
                for ((t, mean), sd) in expected.iter().zip(mean).zip(sd) {
                    let value = if i == 7 && *t < 60 { f64::NAN } else { coefficient(c, i, *t) };
                    assert_eq!(mean.to_bits(), value.to_bits(), "coefficient {c} of {i} at {t}");
                    assert_eq!(sd.to_bits(), (0.1 * value).to_bits(), "standard deviation");
                }
            }
        }
    }
}

#[test]
fn table_without_betas_is_a_located_error() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path());
    let room = Room { frames_max: 10, values_max: 100 };
    let table = |name: &str| folder.path().join(name);
    std::fs::rename(table("instruments.parquet"), table("betas.parquet")).unwrap();
    let error = read_betas(folder.path(), &["S1"], room).unwrap_err().to_string();
    assert!(error.contains("betas.parquet") && error.contains("not those of"), "{error}");
    assert!(read_betas(&table("nowhere"), &["S1"], room).is_err());
}

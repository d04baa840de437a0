//! Offline estimation of `estimate`: `--smooth`, `--em` and `--compare rolling`.

use std::path::Path;

use arrow_schema::DataType;
use serde_json::Value;

use crate::support::{Panel, Run, Table, call, folder, joined, run};

const COEFFICIENTS: [&str; 7] = ["alpha", "mkt", "mom", "qual", "size", "vol", "val"];
const SYMBOLS: usize = 20;
/// Frames of the embedded data with returns.
const FRAMES: usize = 2_263;

fn names(table: &Table) -> String {
    table.columns().into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" ")
}

/// Rows of some columns by symbol and seq, the order of smoothed.parquet.
fn by_instrument(table: &Table, columns: &[String]) -> Vec<(String, i64, Vec<f64>)> {
    let (symbols, seqs) = (table.texts("symbol"), table.integers("seq"));
    let columns: Vec<Vec<f64>> = columns.iter().map(|name| table.numbers(name)).collect();
    let row = |at: usize| columns.iter().map(|column| column[at]).collect();
    let mut rows: Vec<_> = (0..table.rows()).map(|at| (symbols[at].clone(), seqs[at], row(at))).collect();
    rows.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    rows
}

fn estimated(folder: &Path, to: &str, arguments: &str) -> Run {
    run(folder, to, &[&["estimate"], &arguments.split_whitespace().collect::<Vec<_>>()[..]].concat())
}

fn notes(run: &Run) -> String {
    run.summary["warnings"].as_array().unwrap().iter().map(Value::to_string).collect()
}

/// Checks that smoothed and filtered estimates have the same rows and the same last frame. Returns pairs of
/// smoothed and filtered standard deviations.
fn assert_ends_meet(run: &Run, coefficients: &[&str]) -> Vec<(f64, f64)> {
    let means: Vec<String> = coefficients.iter().map(|name| (*name).to_owned()).collect();
    let deviations: Vec<String> = coefficients.iter().map(|name| format!("{name}_sd")).collect();
    let columns = [means, deviations].concat();
    let smoothed = by_instrument(&run.table("smoothed"), &columns);
    let filtered = by_instrument(&run.table("betas"), &columns);
    assert_eq!(smoothed.len(), filtered.len());
    let k = coefficients.len();
    let mut pairs = Vec::new();
    for (at, (s, f)) in smoothed.iter().zip(&filtered).enumerate() {
        assert_eq!((&s.0, s.1), (&f.0, f.1), "different instruments or frames");
        assert!(s.2.iter().all(|value| value.is_finite()), "{s:?}");
        if smoothed.get(at + 1).is_none_or(|next| next.0 != s.0) {
            for (s, f) in s.2.iter().zip(&f.2) {
                assert!((s - f).abs() <= 1e-9 * f.abs().max(1e-3), "{s} smoothed, {f} filtered");
            }
        }
        pairs.extend((k..2 * k).map(|j| (s.2[j], f.2[j])));
    }
    pairs
}

#[test]
fn smoothed_betas_equal_filtered_at_the_end_with_smaller_errors() {
    let folder = folder();
    let run = estimated(folder.path(), "learned", "--smooth --set estimator.kind=dlm");
    let table = run.table("smoothed");
    let deviations = COEFFICIENTS.map(|name| format!("{name}_sd"));
    let expected = format!("timestamp seq symbol {} {}", COEFFICIENTS.join(" "), deviations.join(" "));
    assert_eq!(names(&table), expected);
    assert_eq!(table.rows(), SYMBOLS * FRAMES);
    let (symbols, times) = (table.texts("symbol"), table.times());
    let whole = symbols.chunks(FRAMES).all(|one| one.iter().all(|symbol| *symbol == one[0]));
    assert!(whole && times.chunks(FRAMES).all(|one| one.is_sorted()), "not sorted by instrument");
    let filtered = run.table("betas").texts("symbol");
    let order: Vec<&String> = symbols.iter().step_by(FRAMES).collect();
    assert_eq!(order, filtered[..SYMBOLS].iter().collect::<Vec<_>>(), "not in engine order");
    let pairs = assert_ends_meet(&run, &COEFFICIENTS);
    // The variance is estimated in both, and the smoothed estimate may be larger.
    let better = pairs.iter().filter(|(smoothed, filtered)| smoothed <= filtered).count();
    assert!(better as f64 > 0.95 * pairs.len() as f64, "{better} of {}", pairs.len());
    assert!(
        !notes(&run).contains("mixture") && notes(&run).contains("smoothed.parquet depends on later data")
    );
    assert_eq!(run.summary["smooth"]["model"], "dlm");

    // With a nearly known variance, smoothed errors are never larger.
    let known = "--smooth --set estimator.kind=dlm --set estimator.variance_discount=1 \
                 --set estimator.observation_variance=2e-4 --set estimator.observation_dof=1e12";
    let run = estimated(folder.path(), "known", known);
    for (smoothed, filtered) in assert_ends_meet(&run, &COEFFICIENTS) {
        assert!(smoothed <= filtered * (1.0 + 1e-9), "{smoothed} smoothed, {filtered} filtered");
    }
}

#[test]
fn fixed_parameters_are_used_by_the_smoother() {
    let folder = folder();
    let given = "--smooth --set estimator.kind=fixed --set estimator.transition_variance=1e-4 \
                 --set estimator.alpha_transition_variance=1e-10 --set estimator.initial_alpha_variance=1e-6 \
                 --set estimator.observation_variance=2e-4";
    let run = estimated(folder.path(), "fixed", given);
    for (smoothed, filtered) in assert_ends_meet(&run, &COEFFICIENTS) {
        assert!(smoothed <= filtered * (1.0 + 1e-9), "{smoothed} smoothed, {filtered} filtered");
    }
    assert_eq!(run.summary["smooth"]["model"], "fixed");
}

#[test]
fn mixture_is_smoothed_as_dlm_with_a_note() {
    let folder = folder();
    let mixture = estimated(folder.path(), "mixture", "--smooth");
    let dlm = estimated(folder.path(), "dlm", "--smooth --set estimator.kind=dlm");
    assert!(mixture.bytes("smoothed") == dlm.bytes("smoothed"));
    let ended = call(folder.path(), &["estimate", "--smooth", "--out", "again"]);
    let expected = "a mixture has no smoother";
    assert!(ended.flat().contains(expected) && notes(&mixture).contains(expected), "{}", ended.out);
    // Smoothing does not change the filtered estimates.
    let plain = estimated(folder.path(), "plain", "");
    assert!(plain.bytes("betas") == mixture.bytes("betas"));
    assert!(!plain.path.join("smoothed.parquet").exists());
}

#[test]
fn smoothed_rows_equal_filtered_rows_with_gaps_and_late_listings() {
    let folder = folder();
    let data = Panel::new(11, 400, 9).write(folder.path());
    for kind in ["estimator.kind=dlm", "estimator.kind=fixed"] {
        let fixed = "estimator.transition_variance=1e-4 estimator.observation_variance=1.5e-4";
        let settings: Vec<&str> =
            [kind].into_iter().chain(fixed.split(' ').filter(|_| kind.ends_with("fixed"))).collect();
        let arguments = [joined("estimate", &data, &settings), vec!["--smooth"]].concat();
        let run = run(folder.path(), kind, &arguments);
        let pairs = assert_ends_meet(&run, &["alpha", "mkt", "mom"]);
        assert!(pairs.len() < 9 * 3 * 399, "no late listing");
        // With --em, the smoother uses the fitted parameters.
        let arguments = [arguments, vec!["--em", "2", "--out", kind, "--force"]].concat();
        let ended = call(folder.path(), &arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let again = Run::at(folder.path().join(kind));
        assert_eq!(again.table("parameters").rows(), 9);
        assert_eq!(again.table("smoothed").rows(), again.table("betas").rows());
        assert!(notes(&again).contains("uses the parameters that --em fitted"));
    }
}

#[test]
fn em_raises_the_likelihood_of_every_instrument() {
    let folder = folder();
    let run = estimated(folder.path(), "em", "--em 8 --set universe.trade=['AAPL','JPM','XOM']");
    let table = run.table("parameters");
    let entries = |letter: &str| {
        let pairs = COEFFICIENTS.iter().enumerate();
        let row = |(a, left): (usize, &&str)| {
            COEFFICIENTS[a..].iter().map(|right| format!("{letter}_{left}_{right}")).collect::<Vec<_>>()
        };
        pairs.flat_map(row).collect::<Vec<_>>().join(" ")
    };
    let mean = COEFFICIENTS.map(|name| format!("m0_{name}")).join(" ");
    let expected = format!(
        "symbol steps converged log_likelihood_first log_likelihood observation_variance {} {mean} {}",
        entries("q"),
        entries("p0")
    );
    assert_eq!(names(&table), expected);
    assert!(table.columns().contains(&("converged".to_owned(), DataType::Boolean)));
    assert_eq!(table.texts("symbol"), ["AAPL", "JPM", "XOM"]);
    let (first, last) = (table.numbers("log_likelihood_first"), table.numbers("log_likelihood"));
    for (first, last) in first.iter().zip(&last) {
        assert!(last > &(first + 50.0), "from {first} to {last}");
    }
    assert_eq!(table.integers("steps"), [8; 3]);
    for name in ["observation_variance", "q_mkt_mkt", "p0_alpha_alpha"] {
        assert!(table.numbers(name).iter().all(|value| *value > 0.0), "{name}");
    }
    let total = run.summary["em"]["log_likelihood"].as_f64().unwrap();
    assert!((total - last.iter().sum::<f64>()).abs() < 1e-6);
    assert!(notes(&run).contains("look ahead"));
    // One more step raises it further.
    let more = estimated(folder.path(), "more", "--em 9 --set universe.trade=['AAPL','JPM','XOM']");
    let more = more.table("parameters").numbers("log_likelihood");
    assert!(more.iter().zip(&last).all(|(more, last)| more > last));
}

#[test]
fn filter_has_higher_hedged_r2_than_rolling_windows() {
    let folder = folder();
    let run = estimated(folder.path(), "compared", "--compare rolling");
    let windows = run.summary["compare"].as_array().unwrap();
    let days: Vec<u64> = windows.iter().map(|window| window["window"].as_u64().unwrap()).collect();
    assert_eq!(days, [63, 126, 252, 504]);
    for window in windows {
        let figure = |key: &str| window[key].as_f64().unwrap();
        assert!(figure("filter_hedged_r2") > figure("hedged_r2"), "{window}");
        // From the 506th frame every instrument has all returns.
        assert_eq!(window["forecasts"], SYMBOLS * (FRAMES - 505));
    }
    // The figures follow from the tables.
    let rolling = run.table("rolling");
    let expected = format!("timestamp seq symbol {} forecast_mean forecast_error", COEFFICIENTS.join(" "));
    assert_eq!(names(&rolling), expected);
    assert_eq!(rolling.rows(), SYMBOLS * (FRAMES - 252));
    let columns = ["forecast_mean", "forecast_error"].map(str::to_owned);
    for (table, key) in [(&rolling, "hedged_r2"), (&run.table("betas"), "filter_hedged_r2")] {
        let rows = by_instrument(table, &columns);
        // The first frame of the tutorial is number 0 and has no return.
        let judged = rows.iter().filter(|(_, seq, _)| *seq > 505);
        let sums = judged.fold([0.0, 0.0], |[errors, returns], (_, _, row)| {
            let y = row[0] + row[1];
            [errors + row[1] * row[1], returns + y * y]
        });
        let found = windows[2][key].as_f64().unwrap();
        assert!((found - (1.0 - sums[0] / sums[1])).abs() < 1e-12, "{key}");
    }
    let ended = call(folder.path(), &["estimate", "--compare", "rolling", "--to", "2014-12-31"]);
    let said = "compared with windows of 63, 126, 252, 504 days: the data has 251 frames with returns";
    assert!(ended.flat().contains(said), "{}", ended.out);
    let short = Run::at(folder.path().join("runs/estimate-1"));
    assert_eq!(short.summary["compare"][0]["hedged_r2"], Value::Null);
    assert_eq!(short.table("rolling").rows(), 0);
}

#[test]
fn invalid_flags_are_refused() {
    let folder = folder();
    for (arguments, words) in [
        ("estimate --em 0", ["--em", "0"]),
        ("estimate --em some", ["--em", "some"]),
        ("estimate --compare kalman", ["--compare", "rolling"]),
        ("replay --smooth", ["--smooth", "unexpected"]),
    ] {
        let ended = call(folder.path(), &arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(ended.code, Some(2), "{arguments}");
        assert!(words.iter().all(|word| ended.err.contains(word)), "{arguments}: {}", ended.err);
    }
    assert!(!folder.path().join("runs").exists());
}

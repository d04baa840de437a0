//! `execution.holdings`: a run that opens with positions, and its errors; `build_up` of the summary.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};

use crate::support::{Panel, Run, call, flat, folder, joined, numbers, run, write};

/// Symbol and quantity; a row without a symbol is cash.
type Row = (Option<&'static str>, Option<f64>);

/// Writes holdings.
fn hold(folder: &Path, rows: &[Row]) {
    let symbols: StringArray = rows.iter().map(|(symbol, _)| *symbol).collect();
    let quantities = numbers(rows.iter().map(|(_, quantity)| *quantity));
    let symbols: ArrayRef = Arc::new(symbols);
    write(&folder.join("held.parquet"), vec![("symbol", symbols), ("quantity", quantities)]);
}

const HELD: &str = "execution.holdings=held.parquet";
const SETTINGS: [&str; 2] = ["estimator.warmup=30", "strategy.kind=equal_weight"];

/// Last close of an instrument up to a time.
fn close(panel: &Panel, time: i64, symbol: &str) -> f64 {
    let mut bars = panel.bars.iter().filter(|bar| bar.time <= time && bar.symbol == symbol);
    bars.next_back().unwrap().close
}

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&SETTINGS[..], more].concat()
}

#[test]
fn run_opens_with_the_holdings_of_a_file() {
    let folder = folder();
    let panel = Panel::new(3, 120, 5);
    let data = panel.write(folder.path());
    hold(folder.path(), &[(Some("S00"), Some(40.0)), (None, Some(-500.0)), (Some("S04"), Some(7.5))]);
    let settings = with(&[HELD, "strategy.kind=flat"]);
    let flat_run = run(folder.path(), "flat", &joined("replay", &data, &settings));
    let equity = flat_run.table("equity");
    let (first, navs) = (equity.times()[0], equity.numbers("nav"));
    let value = |time: i64| 40.0 * close(&panel, time, "S00") + 7.5 * close(&panel, time, "S04") - 500.0;
    assert!((navs[0] - value(first)).abs() < 1e-9 * navs[0], "{} {}", navs[0], value(first));
    assert!((equity.numbers("benchmark_nav")[0] - navs[0]).abs() < 1e-9 * navs[0]);
    assert_eq!(flat_run.summary["nav"]["first"].as_f64(), Some(navs[0]));
    // The run can be repeated from its run.toml, which names the file and no NAV.
    assert!(flat_run.path.join("run.toml").exists());
    let again = run(folder.path(), "again", &["replay", "--config", "flat/run.toml"]);
    assert_eq!(again.digest(), flat_run.digest());
}

#[test]
fn holdings_that_make_no_account_are_located() {
    let folder = folder();
    let panel = Panel::new(3, 60, 5);
    let data = panel.write(folder.path());
    let settings = with(&[HELD]);
    let cases: [(&[Row], &[&str]); 7] = [
        (&[(Some("S00"), Some(1.0)), (Some("S00"), Some(2.0))], &["held.parquet", "row 1", "`S00`"]),
        (&[(None, Some(1.0)), (None, Some(2.0))], &["held.parquet", "row 1", "cash"]),
        (&[(Some("S00"), None)], &["row 0", "null", "`S00`"]),
        (&[(Some("S00"), Some(f64::NAN))], &["row 0", "NaN", "`S00`"]),
        (&[(Some("S004"), Some(1.0))], &["`S004`", "did you mean `S00`"]),
        (&[(Some("S00"), Some(-1.0))], &["execution.holdings", "net asset value of -"]),
        (&[], &["net asset value of 0"]),
    ];
    for (rows, parts) in cases {
        hold(folder.path(), rows);
        let ended = call(folder.path(), &joined("replay", &data, &settings));
        assert_eq!(ended.code, Some(1), "{rows:?}: {}", ended.out);
        let text = flat(&ended.err);
        assert!(parts.iter().all(|part| text.contains(part)), "{rows:?}: {text}");
    }
    hold(folder.path(), &[(Some("S00"), Some(1.5))]);
    for (more, parts) in [
        (&["execution.nav=1e6"][..], &["execution.nav", "execution.holdings"][..]),
        (&["execution.lot=1"], &["execution.holdings", "1.5 of `S00`"]),
        (&["execution.fill_at=same_close"], &["execution.holdings", "same_close"]),
    ] {
        let ended = call(folder.path(), &joined("replay", &data, &[&settings, more].concat()));
        assert_eq!(ended.code, Some(1), "{more:?}: {}", ended.out);
        assert!(parts.iter().all(|part| flat(&ended.err).contains(part)), "{more:?}: {}", ended.err);
    }
    let missing = Path::new("nowhere.parquet").display().to_string();
    let ended =
        call(folder.path(), &joined("replay", &data, &with(&[&format!("execution.holdings={missing}")])));
    assert!(ended.code == Some(1) && ended.err.contains("nowhere.parquet"), "{}", ended.err);
}

/// A scenario with holdings equals the run that it stands for, re-priced ones included.
#[test]
fn scenarios_open_with_the_holdings() {
    let folder = folder();
    let panel = Panel::new(3, 90, 5);
    let data = panel.write(folder.path());
    hold(folder.path(), &[(Some("S00"), Some(4000.0)), (Some("S04"), Some(-1000.0)), (None, Some(3e5))]);
    let costs = ["execution.borrow_bps_per_year=200", "execution.financing_bps_per_year=100"];
    let settings = with(&[&[HELD], &costs[..]].concat());
    for trades in ["", "trades = \"fixed\"\n\n"] {
        let grid = format!("{trades}[grid]\n\"execution.half_spread_bps\" = [0, 4, 20]\n");
        std::fs::write(folder.path().join("grid.toml"), grid).unwrap();
        let stress = [&joined("stress", &data, &settings)[..], &["--grid", "grid.toml", "--force"]].concat();
        let stressed = run(folder.path(), "stress", &stress);
        let table = stressed.table("scenarios");
        for (spread, expected) in
            table.numbers("execution.half_spread_bps").into_iter().zip(table.numbers("net_total_return"))
        {
            if !trades.is_empty() && spread != 4.0 {
                continue;
            }
            let own = format!("execution.half_spread_bps={spread}");
            let name = format!("of-{}-{spread}", trades.len());
            let all = [&settings[..], &[&own]].concat();
            let single = run(folder.path(), &name, &joined("replay", &data, &all));
            let found = single.summary["metrics"]["net"]["total_return"].as_f64().unwrap();
            assert!((found - expected).abs() < 1e-12, "{trades} {spread}: {found} {expected}");
        }
    }
}

/// Full investment under a cap of 8 % a day takes twelve trades at the cap, and a thirteenth below it.
#[test]
fn build_up_is_reported_with_the_figures_without_it() {
    let folder = folder();
    let panel = Panel::new(3, 120, 12);
    let data = panel.write(folder.path());
    let arguments = joined("replay", &data, &SETTINGS);
    let capped = run(folder.path(), "capped", &arguments);
    let build_up = |run: &Run| run.summary["build_up"].clone();
    let ended = build_up(&capped);
    let frames = usize::try_from(ended["frames"].as_u64().unwrap()).unwrap();
    let equity = capped.table("equity");
    let turnover = equity.numbers("turnover");
    assert!(turnover[..frames].iter().all(|turnover| (turnover - 0.08).abs() < 1e-9), "{turnover:?}");
    assert!(frames >= 11 && turnover[frames] < 0.08, "{frames}");
    // Figures of the returns after that frame, by their definition.
    let navs = &equity.numbers("nav")[frames..];
    let returns: Vec<f64> = navs.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
    let count = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let deviation = (returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
    let annual = (navs[navs.len() - 1] / navs[0]).powf(252.0 / count) - 1.0;
    for (key, expected) in [
        ("sharpe", mean / deviation * 252.0_f64.sqrt()),
        ("annual_volatility", deviation * 252.0_f64.sqrt()),
        ("annual_return", annual),
    ] {
        let found = ended["after"][key].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-9, "{key}: {found} {expected}");
    }
    let shown = call(folder.path(), &[&arguments[..], &["--out", "shown"]].concat()).flat();
    assert!(shown.contains("Build-up") && shown.contains("without the build-up"), "{shown}");
    let free = [&SETTINGS[..], &["sizing.first_rebalance=free"]].concat();
    let free = run(folder.path(), "free", &joined("replay", &data, &free));
    assert!(build_up(&free).is_null());
    assert!(free.table("equity").numbers("turnover")[0] > 0.9);
}

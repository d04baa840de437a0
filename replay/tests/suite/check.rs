//! `betaflow check` finds each defect of a panel, and has no findings in a clean one.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;

use crate::support::{
    Columns, DAY_NS, Panel, Random, Table, call, flat, folder, joined, numbers, texts, times, write,
};

const DAYS: usize = 200;
const NAMES: usize = 8;

/// Row of tidy daily data; `None` is null.
#[derive(Clone)]
struct Row {
    day: usize,
    symbol: String,
    open: Option<f64>,
    high: Option<f64>,
    low: Option<f64>,
    close: Option<f64>,
    volume: Option<f64>,
}

fn cents(price: f64) -> f64 {
    (price * 100.0).round() / 100.0
}

/// Bars of eight instruments that follow a market, and the returns of the market.
fn clean() -> (Vec<Row>, Vec<f64>) {
    let mut random = Random(11);
    let mut closes: Vec<f64> = (0..NAMES).map(|i| 50.0 + 20.0 * i as f64).collect();
    let (mut rows, mut factor) = (Vec::new(), Vec::new());
    for day in 0..DAYS {
        let market = 0.009 * random.normal();
        factor.push(market);
        for (i, close) in closes.iter_mut().enumerate() {
            let open = *close * (1.0 + 0.3 * market + 0.004 * random.normal());
            *close = open * (1.0 + 0.7 * market + 0.009 * random.normal());
            rows.push(Row {
                day,
                symbol: format!("N{i}"),
                open: Some(cents(open)),
                high: Some(cents(open.max(*close) * (1.0 + 0.006 * random.share()))),
                low: Some(cents(open.min(*close) * (1.0 - 0.006 * random.share()))),
                close: Some(cents(*close)),
                volume: Some((1e6 * (1.0 + random.share())).round()),
            });
        }
    }
    (rows, factor)
}

/// Weekdays since 2015-01-01.
fn time(day: usize) -> i64 {
    let weekday = |day: &i64| !matches!((day + 4) % 7, 0 | 6);
    (16_436..).filter(weekday).nth(day).unwrap() * DAY_NS
}

fn save(path: &Path, rows: &[Row]) {
    let column = |of: fn(&Row) -> Option<f64>| numbers(rows.iter().map(of));
    let columns: Columns<'_> = vec![
        times(rows.iter().map(|row| time(row.day))),
        ("symbol", texts(rows.iter().map(|row| &row.symbol))),
        ("open", column(|row| row.open)),
        ("high", column(|row| row.high)),
        ("low", column(|row| row.low)),
        ("close", column(|row| row.close)),
        ("volume", column(|row| row.volume)),
    ];
    write(path, columns);
}

fn row<'a>(rows: &'a mut [Row], day: usize, name: &str) -> &'a mut Row {
    rows.iter_mut().find(|row| row.day == day && row.symbol == name).unwrap()
}

/// Multiplies the prices of some days.
fn scale(rows: &mut [Row], days: std::ops::Range<usize>, name: &str, by: f64) {
    for row in rows.iter_mut().filter(|row| row.symbol == name && days.contains(&row.day)) {
        for price in [&mut row.open, &mut row.high, &mut row.low, &mut row.close] {
            *price = price.map(|price| price * by);
        }
    }
}

/// Splits each share into `by` shares.
fn split(rows: &mut [Row], days: std::ops::Range<usize>, name: &str, by: f64) {
    for row in rows.iter_mut().filter(|row| row.symbol == name && days.contains(&row.day)) {
        row.volume = row.volume.map(|volume| volume * by);
    }
    scale(rows, days, name, 1.0 / by);
}

fn found(folder: &Path, file: &str, more: &[&str]) -> (BTreeSet<(i64, String, String)>, String) {
    let ended = call(folder, &[&["check", file, "--out", "findings.parquet"], more].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let table = Table::read(&folder.join("findings.parquet"));
    assert_eq!(
        table.columns().iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["timestamp", "symbol", "problem", "detail"]
    );
    let rows = table.times().into_iter().zip(table.texts("symbol")).zip(table.texts("problem"));
    (rows.map(|((time, symbol), problem)| (time, symbol, problem)).collect(), ended.out)
}

#[test]
fn clean_panel_has_no_findings() {
    let folder = folder();
    let (rows, factor) = clean();
    save(&folder.path().join("prices.parquet"), &rows);
    let column = numbers(factor.into_iter().map(Some));
    write(&folder.path().join("factors.parquet"), vec![times((0..DAYS).map(time)), ("mkt", column)]);
    let (findings, out) = found(folder.path(), "prices.parquet", &["--factors", "factors.parquet"]);
    assert_eq!(findings, BTreeSet::new(), "{out}");
    assert!(out.contains("Fit: no findings.") && out.contains("on the same row"), "{out}");
    assert!(out.contains("Corwin & Schultz"), "{out}");
}

#[test]
fn each_defect_is_found_with_its_row() {
    let (mut rows, factor) = clean();
    let mut expected = BTreeSet::new();
    let mut expect = |day: usize, symbol: &str, problem: &str| {
        expected.insert((time(day), symbol.to_owned(), problem.to_owned()));
    };
    // Copy of a later bar.
    let later = row(&mut rows, 120, "N0").clone();
    *row(&mut rows, 100, "N0") = Row { day: 100, ..later };
    expect(100, "N0", "copied_bar");
    // Contradictory bars, and invalid prices.
    row(&mut rows, 60, "N1").low = Some(1e6);
    expect(60, "N1", "broken_bar");
    row(&mut rows, 62, "N1").open = None;
    expect(62, "N1", "broken_bar");
    row(&mut rows, 64, "N1").close = Some(f64::NAN);
    expect(64, "N1", "broken_bar");
    expect(64, "N1", "missing_day");
    row(&mut rows, 66, "N1").close = Some(-3.0);
    expect(66, "N1", "broken_bar");
    expect(66, "N1", "missing_day");
    row(&mut rows, 68, "N1").high = Some(f64::INFINITY);
    expect(68, "N1", "broken_bar");
    // A split, a bad tick, a stale price, a gap followed by another company.
    split(&mut rows, 150..DAYS, "N2", 4.0);
    expect(150, "N2", "split");
    scale(&mut rows, 90..91, "N3", 1.3);
    expect(90, "N3", "extreme_return");
    let dead = row(&mut rows, 130, "N4").clone();
    for day in 131..141 {
        *row(&mut rows, day, "N4") =
            Row { day, high: dead.close, low: dead.close, open: dead.close, ..dead.clone() };
        expect(day, "N4", "stale");
    }
    rows.retain(|row| row.symbol != "N5" || !(70..80).contains(&row.day));
    (70..80).for_each(|day| expect(day, "N5", "missing_day"));
    scale(&mut rows, 80..DAYS, "N5", 3.3);
    expect(80, "N5", "reused_ticker");
    row(&mut rows, 55, "N6").volume = Some(0.0);
    expect(55, "N6", "zero_volume");
    // A duplicate row, and a row out of order.
    let at = rows.iter().position(|row| row.day == 160 && row.symbol == "N7").unwrap();
    let twice = rows[at].clone();
    rows.insert(at + 1, twice);
    expect(160, "N7", "duplicate");
    let at = rows.iter().position(|row| row.day == 170 && row.symbol == "N7").unwrap();
    let late = rows.remove(at);
    let at = rows.iter().position(|row| row.day == 172).unwrap();
    rows.insert(at, late);
    expect(170, "N7", "unsorted");
    expect(170, "N7", "missing_day");

    let folder = folder();
    save(&folder.path().join("prices.parquet"), &rows);
    let late = std::iter::once(f64::NAN)
        .chain(factor)
        .take(DAYS)
        .map(|value| Some(if value.is_nan() { 0.0 } else { value }));
    write(&folder.path().join("factors.parquet"), vec![times((0..DAYS).map(time)), ("mkt", numbers(late))]);
    let (mut findings, out) = found(folder.path(), "prices.parquet", &["--factors", "factors.parquet"]);
    let about_all = |row: &(i64, String, String)| row.1 == "(panel)" && row.2 == "factors_misaligned";
    assert_eq!(findings.iter().filter(|row| about_all(row)).count(), 1, "{out}");
    findings.retain(|row| !about_all(row));
    assert_eq!(findings, expected, "{out}");
    assert!(out.contains("Not fit"), "{out}");
    let stale = "10 rows with a stale price, 3 shown; --out FILE lists all";
    assert!(flat(&out).contains(stale) && flat(&out).contains("1 row that repeats"), "{out}");
    // Without factors and with an end date.
    let ended = call(folder.path(), &["check", "prices.parquet", "--to", "2015-03-01"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[test]
fn split_in_the_split_column_is_not_a_finding() {
    let folder = folder();
    let stated = Panel::new(31, 200, 8).acting();
    let of = |panel: &Panel| {
        panel.write(folder.path());
        let (findings, out) = found(folder.path(), "prices.parquet", &[]);
        let problems = findings.into_iter().map(|(_, symbol, problem)| (symbol, problem));
        let about_splits = |(_, problem): &(String, String)| {
            ["split", "extreme_return", "bad_adjustment"].contains(&problem.as_str())
        };
        (problems.filter(about_splits).collect::<BTreeSet<_>>(), out)
    };
    let (findings, out) = of(&stated);
    assert_eq!(findings, BTreeSet::new(), "{out}");
    // Prices already adjusted, with the split still in its column.
    let mut twice = stated.clone();
    let at = twice.bars.iter().position(|bar| bar.symbol == "S04" && bar.split.is_some()).unwrap();
    let (time, ratio) = (twice.bars[at].time, twice.bars[at].split.unwrap());
    for bar in twice.bars.iter_mut().filter(|bar| bar.symbol == "S04" && bar.time < time) {
        bar.open /= ratio;
        bar.close /= ratio;
    }
    let (findings, out) = of(&twice);
    assert_eq!(findings, BTreeSet::from([("S04".to_owned(), "bad_adjustment".to_owned())]), "{out}");
    let data = twice.write(folder.path());
    let ended = call(folder.path(), &joined("replay", &data, &["estimator.warmup=60"]));
    assert!(ended.out.contains("data.split = \"none\""), "{}", ended.out);
}

#[test]
fn invalid_dividends_and_splits_are_found() {
    let folder = folder();
    let clean = Panel::new(31, 200, 8).acting();
    let at = clean.bars.iter().position(|bar| bar.symbol == "S04" && bar.time == clean.times[100]).unwrap();
    // (dividend, split, problem)
    let cases = [
        (Some(-5.0), None, "broken_bar"),
        (Some(f64::INFINITY), None, "broken_bar"),
        (None, Some(-2.0), "broken_bar"),
        (Some(8.0 * clean.bars[at].close), None, "extreme_return"),
    ];
    for (dividend, ratio, problem) in cases {
        let mut panel = clean.clone();
        (panel.bars[at].dividend, panel.bars[at].split) = (dividend, ratio);
        panel.write(folder.path());
        for price in ["data.price=close", "data.price=open"] {
            let (findings, out) = found(folder.path(), "prices.parquet", &["--set", price]);
            let expected = (panel.bars[at].time, "S04".to_owned(), problem.to_owned());
            assert!(findings.contains(&expected), "{price}, {dividend:?}, {ratio:?}: {out}");
        }
    }
}

#[test]
fn replay_warns_of_copied_bars_and_splits() {
    let (mut rows, _) = clean();
    let later = row(&mut rows, 120, "N0").clone();
    *row(&mut rows, 100, "N0") = Row { day: 100, ..later };
    split(&mut rows, 150..DAYS, "N2", 2.0);
    let folder = folder();
    save(&folder.path().join("prices.parquet"), &rows);
    let arguments =
        ["replay", "--prices", "prices.parquet", "--factors", "none", "--set", "strategy.kind=equal_weight"];
    let run = crate::support::run(
        folder.path(),
        "run",
        &[&arguments[..], &["--set", "estimator.warmup=20"]].concat(),
    );
    let warnings = run.summary["warnings"].to_string();
    assert!(warnings.contains("N0") && warnings.contains("later day: look-ahead"), "{warnings}");
    assert!(warnings.contains("N2") && warnings.contains("2:1"), "{warnings}");
}

#[test]
fn commands_warn_of_invalid_factors_and_identical_series() {
    let folder = folder();
    let path = folder.path();
    let (mut rows, market) = clean();
    // N6 and N7 are scaled copies of N5.
    for day in 0..DAYS {
        let original = row(&mut rows, day, "N5").clone();
        for (name, by) in [("N6", 1.0), ("N7", 0.5)] {
            let copy = row(&mut rows, day, name);
            let scaled = |price: Option<f64>| price.map(|price| cents(price * by));
            (copy.open, copy.high) = (scaled(original.open), scaled(original.high));
            (copy.low, copy.close) = (scaled(original.low), scaled(original.close));
        }
    }
    save(&path.join("prices.parquet"), &rows);
    let late = || std::iter::once(0.0).chain(market.iter().copied()).take(DAYS);
    let files: [(&str, Columns<'_>, &[&str]); 4] = [
        ("right.parquet", vec![("mkt", numbers(market.iter().map(|r| Some(*r))))], &[]),
        (
            "late.parquet",
            vec![("mkt", numbers(late().map(Some)))],
            &["factors_misaligned", "hedged_r2_negative"],
        ),
        (
            "constant.parquet",
            vec![
                ("mkt", numbers(market.iter().map(|r| Some(*r)))),
                ("same", numbers((0..DAYS).map(|_| Some(0.001)))),
            ],
            &["factor_constant"],
        ),
        (
            "twice.parquet",
            vec![
                ("mkt", numbers(market.iter().map(|r| Some(*r)))),
                ("again", numbers(market.iter().map(|r| Some(2.0 * r + 0.001)))),
            ],
            &["factors_collinear"],
        ),
    ];
    for (file, mut columns, expected) in files {
        columns.insert(0, times((0..DAYS).map(time)));
        write(&path.join(file), columns);
        let sets = ["--set", "estimator.warmup=20", "--set", "estimator.kind=dlm"];
        let input = [&["--prices", "prices.parquet", "--factors", file][..], &sets].concat();
        for command in ["replay", "estimate"] {
            let out = format!("{command}-{file}");
            let run = crate::support::run(path, &out, &[&[command][..], &input[..]].concat());
            let codes: Vec<&str> = run.summary["warning_codes"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|code| code.as_str())
                .collect();
            for code in ["factors_misaligned", "factor_constant", "factors_collinear", "hedged_r2_negative"] {
                let is_expected = expected.contains(&code);
                // The fit of misaligned factors depends on the sample.
                if code != "hedged_r2_negative" || !is_expected {
                    assert_eq!(codes.contains(&code), is_expected, "{command} {file}: {codes:?}");
                }
            }
            assert!(codes.contains(&"identical_series"), "{codes:?}");
        }
        let date = Timestamp::from_second(time(DAYS - 1) / 1_000_000_000).unwrap().to_string();
        let size = call(path, &[&["size", "--at", &date[..10], "--json"][..], &input[..]].concat());
        let shown: serde_json::Value = serde_json::from_str(&size.out).unwrap();
        let codes = shown["warning_codes"].to_string();
        assert!(expected.first().is_none_or(|code| codes.contains(code)), "size {file}: {codes}");
        let (findings, out) = found(path, "prices.parquet", &["--factors", file]);
        for problem in expected.iter().filter(|code| **code != "hedged_r2_negative") {
            assert!(findings.iter().any(|(_, _, found)| found == problem), "{file}: {out}");
        }
        let copies: BTreeSet<_> =
            findings.iter().filter(|row| row.2 == "identical_series").map(|row| &*row.1).collect();
        assert_eq!(copies, BTreeSet::from(["N6", "N7"]), "{out}");
        assert!(flat(&out).contains("Exclude them: --set 'universe.exclude=[\"N6\",\"N7\"]'"), "{out}");
    }
}

#[test]
fn file_with_times_in_two_units_is_not_fit() {
    let folder = folder();
    let (rows, _) = clean();
    let wrong = |day: usize| if day < DAYS / 2 { time(day) / 1_000 } else { time(day) };
    let column = |of: fn(&Row) -> Option<f64>| numbers(rows.iter().map(of));
    let columns: Columns<'_> = vec![
        times(rows.iter().map(|row| wrong(row.day))),
        ("symbol", texts(rows.iter().map(|row| &row.symbol))),
        ("close", column(|row| row.close)),
    ];
    write(&folder.path().join("mixed.parquet"), columns);
    let (findings, out) = found(folder.path(), "mixed.parquet", &[]);
    let expected = (time(DAYS / 2), "(panel)".to_owned(), "mixed_time_units".to_owned());
    assert!(findings.contains(&expected) && out.contains("Not fit"), "{out}");
}

#[test]
fn file_with_all_times_in_1970_is_not_fit() {
    let folder = folder();
    let (rows, _) = clean();
    // Seconds or milliseconds in a column of microseconds, and seconds followed by milliseconds.
    let cases: [(i64, i64, &str); 3] = [
        (1_000_000, 1_000_000, "wrong_time_unit"),
        (1_000, 1_000, "wrong_time_unit"),
        (1_000_000, 1_000, "mixed_time_units"),
    ];
    for (first, second, code) in cases {
        let wrong = |day: usize| time(day) / if day < DAYS / 2 { first } else { second };
        let columns: Columns<'_> = vec![
            times(rows.iter().map(|row| wrong(row.day))),
            ("symbol", texts(rows.iter().map(|row| &row.symbol))),
            ("close", numbers(rows.iter().map(|row| row.close).collect::<Vec<_>>())),
        ];
        write(&folder.path().join("wrong.parquet"), columns);
        let (findings, out) = found(folder.path(), "wrong.parquet", &[]);
        assert!(findings.iter().any(|row| row.2 == code) && out.contains("Not fit"), "{out}");
        let arguments = ["replay", "--prices", "wrong.parquet", "--factors", "none"];
        let more = ["--set", "strategy.kind=equal_weight", "--set", "estimator.warmup=1"];
        let run = crate::support::run(
            folder.path(),
            &format!("{code}{first}"),
            &[&arguments[..], &more[..]].concat(),
        );
        let codes = run.summary["warning_codes"].to_string();
        assert!(codes.contains(code), "{codes}");
        assert!(!codes.contains("frames_per_day") && !codes.contains("days_per_year"), "{codes}");
    }
}

#[test]
fn filled_holidays_are_not_look_ahead() {
    let folder = folder();
    let (mut rows, _) = clean();
    for day in [60, 100, 101, 140] {
        for i in 0..NAMES {
            let name = format!("N{i}");
            let before = row(&mut rows, day - 1, &name).clone();
            *row(&mut rows, day, &name) = Row { day, ..before };
        }
    }
    save(&folder.path().join("filled.parquet"), &rows);
    let (findings, out) = found(folder.path(), "filled.parquet", &[]);
    let expected =
        [60, 100, 101, 140].map(|day| (time(day), "(panel)".to_owned(), "holiday_filled".to_owned()));
    assert_eq!(findings, BTreeSet::from(expected), "{out}");
    assert!(!out.contains("sees the future"), "{out}");
}

#[test]
fn wrong_risk_forecast_over_a_year_is_a_warning() {
    let folder = folder();
    // Eight perfectly correlated instruments, estimated as independent, over fourteen and over four months.
    let mut random = Random(5);
    let returns: Vec<f64> = (0..320).map(|_| 0.015 * random.normal()).collect();
    let mut expected = |name: &str, days: usize, sets: &[&str], warned: bool| {
        let (mut symbols, mut closes, mut stamps) = (Vec::new(), Vec::new(), Vec::new());
        let mut level = 100.0;
        for (day, change) in returns.iter().take(days).enumerate() {
            level *= 1.0 + change;
            for i in 0..NAMES {
                symbols.push(format!("N{i}"));
                closes.push(Some(level * (1.0 + 0.002 * random.normal())));
                stamps.push(time(day));
            }
        }
        let columns = vec![times(stamps), ("symbol", texts(symbols)), ("close", numbers(closes))];
        write(&folder.path().join("prices.parquet"), columns);
        let input = [
            "replay",
            "--prices",
            "prices.parquet",
            "--factors",
            "none",
            "--set",
            "strategy.kind=equal_weight",
            "--set",
            "sizing.scale_residuals=false",
        ];
        let more = [
            "--set",
            "sizing.weight_max=0.2",
            "--set",
            "sizing.turnover_cap=2",
            "--set",
            "estimator.warmup=20",
        ];
        let run = crate::support::run(folder.path(), name, &[&input[..], &more, sets].concat());
        let codes = run.summary["warning_codes"].to_string();
        assert_eq!(codes.contains("risk_forecast"), warned, "{name}: {codes} {}", run.summary["kelly"]);
    };
    expected("long", 300, &[], true);
    expected("short", 90, &[], false);
}

#[test]
fn unreadable_data_is_an_error() {
    let folder = folder();
    let (mut rows, _) = clean();
    rows.reverse();
    save(&folder.path().join("newest_first.parquet"), &rows);
    let cases: [(&[&str], &str); 4] = [
        (&["check", "absent.parquet"], "absent.parquet"),
        (&["check", "newest_first.parquet"], "sort"),
        (&["check", "newest_first.parquet", "--set", "data.prise=close"], "data.price"),
        (&["check"], "DATA"),
    ];
    for (arguments, expected) in cases {
        let ended = call(folder.path(), arguments);
        assert!(
            ended.code != Some(0) && ended.err.contains(expected),
            "{arguments:?}: {} {}",
            ended.out,
            ended.err
        );
    }
}

#[test]
fn wide_data_with_only_closes_is_checked() {
    let (mut rows, _) = clean();
    scale(&mut rows, 150..DAYS, "N2", 0.5);
    let folder = folder();
    let closes = |name: &str| {
        let of = |row: &&Row| row.symbol == name;
        numbers(rows.iter().filter(of).map(|row| row.close).collect::<Vec<_>>())
    };
    let names: Vec<String> = (0..NAMES).map(|i| format!("N{i}")).collect();
    let mut columns: Columns<'_> = vec![times((0..DAYS).map(time))];
    columns.extend(names.iter().map(|name| (name.as_str(), closes(name))));
    write(&folder.path().join("wide.parquet"), columns);
    let (findings, out) = found(folder.path(), "wide.parquet", &[]);
    assert_eq!(findings, [(time(150), "N2".to_owned(), "split".to_owned())].into(), "{out}");
}

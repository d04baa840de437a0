//! Factors from a file and from instruments.

use betaflow_connectors::parquet::{Input, Settings};
use betaflow_engine::assembly::{FactorGap, Universe, Values};
use betaflow_engine::time::{DAY_NS, TimestampNs};
use betaflow_engine::warning::Warning;

use crate::support::{Folder, Run, Table, day, days, floats, line, nullable, read, run, stamps, texts, tidy};

fn prices_on(folder: &Folder, dates: &[i32]) -> Input {
    let rows: Vec<_> = dates.iter().map(|date| (*date, "A", Some(1.0))).collect();
    folder.write("prices.parquet", tidy(&rows))
}

/// Returns settings that accept risk-free returns of any size.
fn any_rf() -> Settings {
    Settings { rf_max: f64::INFINITY, ..Settings::default() }
}

fn carry() -> Settings {
    Settings { factor_gap: FactorGap::Carry, ..any_rf() }
}

fn lines(run: &Run) -> Vec<String> {
    run.frames.iter().map(line).collect()
}

#[track_caller]
fn check_error(run: Result<Run, String>, parts: &[&str]) {
    let error = run.err().expect("an error");
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn factor_rows_between_two_frames_are_compounded() {
    let folder = Folder::new();
    let factors = folder.write(
        "factors.parquet",
        vec![
            ("date", days(&[2, 3, 4, 5])),
            ("mkt", floats(&[0.5, 0.25, 0.5, -0.5])),
            ("RF", floats(&[0.1, 0.5, 0.5, 0.25])),
            ("smb", floats(&[0.1, 0.2, 0.0, 0.3])),
        ],
    );
    // Day 1 precedes the factor rows; days 6 and 7 follow them.
    let run = run(&prices_on(&folder, &[1, 2, 4, 5, 6, 7]), Some(&factors), any_rf()).unwrap();
    let expected = [
        "0 d2 +A | 1 | f 0.5 0.1 | rf 0.1".to_owned(),
        format!("1 d4 + | 1 | f 0.875 {} | rf 1.25", 1.2 * 1.0 - 1.0),
        "2 d5 + | 1 | f -0.5 0.3 | rf 0.25".to_owned(),
    ];
    assert_eq!(lines(&run), expected);
    assert_eq!(run.factor_names, ["mkt", "smb"]);
    assert_eq!((run.facts.left_out, run.facts.frames), (3, 3));
    assert_eq!((run.facts.first, run.facts.last), (Some(day(2)), Some(day(5))));
}

#[test]
fn first_frame_gets_the_last_factor_row_at_or_before_it() {
    let folder = Folder::new();
    let columns = vec![("date", days(&[1, 2, 3, 5])), ("mkt", floats(&[0.1, 0.2, 0.3, 0.5]))];
    let factors = folder.write_groups("factors.parquet", columns, 2);
    let prices = prices_on(&folder, &[3, 5]);
    let run = run(&prices, Some(&factors), Settings::default()).unwrap();
    assert_eq!(lines(&run), ["0 d3 +A | 1 | f 0.3", "1 d5 + | 1 | f 0.5"]);
}

#[test]
fn gap_in_the_factor_file_is_an_error_or_carried() {
    let folder = Folder::new();
    let columns =
        vec![("date", days(&[1, 2, 5])), ("mkt", floats(&[0.1, 0.2, 0.5])), ("rf", floats(&[0.1; 3]))];
    let factors = folder.write("factors.parquet", columns);
    let prices = prices_on(&folder, &[1, 2, 3, 4, 5]);
    let parts = [
        "factors.parquet: no factor row for the frame at 1970-01-04",
        "1970-01-03 and 1970-01-06",
        "add the row",
    ];
    check_error(run(&prices, Some(&factors), any_rf()), &parts);
    let expected = [
        "0 d1 +A | 1 | f 0.1 | rf 0.1",
        "1 d2 + | 1 | f 0.2 | rf 0.1",
        "2 d3 + | 1 | f -",
        "3 d4 + | 1 | f -",
        "4 d5 + | 1 | f 0.5 | rf 0.1",
    ];
    assert_eq!(lines(&run(&prices, Some(&factors), carry()).unwrap()), expected);
}

#[test]
fn row_that_a_gap_lacks_is_found_out_of_order_behind_it() {
    let folder = Folder::new();
    let prices = prices_on(&folder, &[1, 2, 3, 4, 5]);
    for (dates, row) in [([1, 2, 5, 3, 6], 3), ([1, 2, 5, 6, 4], 4)] {
        let columns = vec![("date", days(&dates)), ("mkt", floats(&[0.1; 5]))];
        let factors = folder.write("factors.parquet", columns);
        let place = format!("factors.parquet: row {row} (counting from 0), column `date`");
        check_error(run(&prices, Some(&factors), Settings::default()), &[&place]);
    }
    // Another fault behind the gap does not hide it.
    let columns = vec![("date", days(&[1, 2, 5, 6])), ("mkt", floats(&[0.1, 0.1, 0.1, 50.0]))];
    let factors = folder.write("factors.parquet", columns);
    check_error(
        run(&prices, Some(&factors), Settings::default()),
        &["no factor row for the frame at 1970-01-04"],
    );
}

#[test]
fn returns_of_any_size_have_factors_of_any_size() {
    let folder = Folder::new();
    let factors = |values: &[f64]| {
        folder.write("factors.parquet", vec![("date", days(&[1, 2])), ("mkt", floats(values))])
    };
    let mut prices = tidy(&[(1, "A", Some(0.5)), (2, "A", Some(-7.0))]);
    prices[2].0 = "return";
    let prices = folder.write("prices.parquet", prices);
    let of = |values: Values| Settings { values, ..Settings::default() };
    let any = |values: &[f64]| run(&prices, Some(&factors(values)), of(Values::ReturnsOfAnySize));
    for values in [[-1.0, 10.0], [-5.0, 10.5], [1e300, -1e300], [f64::MIN, f64::MAX]] {
        let found: Vec<f64> = any(&values).unwrap().frames.iter().map(|frame| frame.factors[0]).collect();
        assert_eq!(found, values);
    }
    for value in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        check_error(any(&[0.1, value]), &["factors.parquet: row 1 (counting from 0), column `mkt`"]);
    }
    // Other data has returns above -100 % and at most 1,000 %.
    let ordinary = prices_on(&folder, &[1, 2]);
    for (value, is_valid) in [(-1.0, false), (-0.999, true), (10.0, true), (10.001, false)] {
        let found = run(&ordinary, Some(&factors(&[0.1, value])), Settings::default());
        assert_eq!(found.is_ok(), is_valid, "{value}");
    }
}

#[test]
fn factor_files_are_joined_on_the_times_that_all_have() {
    let folder = Folder::new();
    let file = |name: &str, column: &'static str, dates: &[i32], scale: f64| {
        let values: Vec<f64> = dates.iter().map(|date| scale * f64::from(*date)).collect();
        folder.write(name, vec![("date", days(dates)), (column, floats(&values))])
    };
    let prices = prices_on(&folder, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let join = |first: &[i32], second: &[i32], factor_gap: FactorGap| {
        let (first, second) = (file("a.parquet", "a", first, 0.01), file("b.parquet", "b", second, 0.1));
        let both = Input::Several(vec![first, second]);
        run(&prices, Some(&both), Settings { factor_gap, ..Settings::default() })
    };
    let facts = |run: &Run| {
        let note = run.facts.warnings.iter().find_map(|warning| match warning {
            Warning::Imported { facts, .. } => Some(facts.clone()),
            _ => None,
        });
        note.unwrap()
    };
    let days_of = |run: &Run| run.frames.iter().map(|frame| frame.timestamp.date()).collect::<Vec<_>>();
    // Days of two files, days of the frames, and the number of rows left out.
    type Case<'a> = (&'a [i32], &'a [i32], &'a [i64], u64);
    let cases: [Case<'_>; 6] = [
        (&[1, 2, 3], &[1, 2, 3], &[1, 2, 3], 0),
        (&[1, 2, 3], &[3, 4, 5], &[3], 4),
        (&[3, 4, 5], &[1, 2, 3], &[3], 4),
        (&[1, 2, 3, 4, 5], &[3, 4], &[3, 4], 3),
        (&[3, 4], &[2, 3, 4, 9], &[3, 4], 2),
        (&[5], &[1, 2, 5, 9], &[5], 3),
    ];
    for (first, second, days, left_out) in cases {
        let joined = join(first, second, FactorGap::Error).unwrap();
        assert_eq!(days_of(&joined), days, "{first:?} {second:?}");
        for frame in &joined.frames {
            let day = frame.timestamp.date() as f64;
            assert_eq!(frame.factors, [0.01 * day, 0.1 * day]);
        }
        let rows = format!("; {left_out} rows left out that not all factor files have");
        let (has, is_lossless) = (facts(&joined).contains(&rows), left_out == 0);
        assert_eq!(has, !is_lossless, "{}", facts(&joined));
        assert!(is_lossless || facts(&joined).starts_with("2 files joined by time"), "{}", facts(&joined));
    }
    // Rows inside the common range that a file lacks, besides those outside it.
    let gaps: [Case<'_>; 3] = [
        (&[1, 2, 3, 4, 6, 7], &[2, 4, 5, 6, 7, 8], &[2, 4, 6, 7], 4),
        (&[1, 2, 3, 4, 5], &[1, 5], &[1, 5], 3),
        (&[1, 2, 5], &[1, 3, 4, 5], &[1, 5], 3),
    ];
    for (first, second, common, left_out) in gaps {
        let error = join(first, second, FactorGap::Error);
        check_error(error, &["a.parquet", "b.parquet"]);
        let joined = join(first, second, FactorGap::Carry).unwrap();
        let known: Vec<i64> = days_of(&joined)
            .into_iter()
            .zip(&joined.frames)
            .filter(|(_, frame)| !frame.factors[0].is_nan())
            .map(|(day, _)| day)
            .collect();
        assert_eq!(known, common, "{first:?} {second:?}");
        let rows = format!("; {left_out} rows left out that not all factor files have");
        assert!(facts(&joined).contains(&rows), "{}", facts(&joined));
    }
    check_error(join(&[1, 2], &[3, 4], FactorGap::Error), &["a.parquet", "b.parquet"]);
    // The files that end first and begin last; of several, those named first.
    let ranges: [[i32; 2]; 5] = [[1, 6], [1, 2], [0, 2], [4, 9], [4, 5]];
    let names = ["a", "b", "c", "d", "e"];
    let files =
        names.iter().zip(ranges).map(|(name, range)| file(&format!("{name}.parquet"), name, &range, 0.01));
    let all: Vec<Input> = files.collect();
    for (order, first, second) in
        [([0, 1, 2, 3, 4], "b", "d"), ([4, 3, 2, 1, 0], "c", "e"), ([2, 4, 1, 3, 0], "c", "e")]
    {
        let inputs = Input::Several(order.map(|at: usize| all[at].clone()).into());
        let [first, second] = [first, second].map(|name| folder.path(&format!("{name}.parquet")));
        let expected =
            format!("{} ends at 1970-01-03, and {} begins at 1970-01-05", first.display(), second.display());
        check_error(run(&prices, Some(&inputs), Settings::default()), &[&expected]);
    }
}

#[test]
fn daily_factors_are_refused_for_intraday_frames() {
    let folder = Folder::new();
    let hour = DAY_NS / 24;
    let prices = |times: &[i64]| {
        let n = times.len();
        let columns =
            vec![("ts", stamps(times)), ("symbol", texts(&vec!["A"; n])), ("close", floats(&vec![1.0; n]))];
        folder.write("prices.parquet", columns)
    };
    let columns = vec![("date", days(&[0, 1, 2])), ("mkt", floats(&[0.1, 0.2, 0.3]))];
    let factors = folder.write("factors.parquet", columns);
    for settings in [Settings::default(), carry()] {
        let result = run(&prices(&[hour, 21 * hour, DAY_NS + hour]), Some(&factors), settings);
        check_error(result, &["1970-01-01T01:00:00Z and 1970-01-01T21:00:00Z", "look-ahead"]);
    }
    let daily = prices(&[21 * hour, DAY_NS + 21 * hour]);
    assert_eq!(run(&daily, Some(&factors), Settings::default()).unwrap().frames[1].factors, [0.2]);
    let columns = vec![("ts", stamps(&[0, hour, 2 * hour])), ("mkt", floats(&[0.1, 0.2, 0.3]))];
    let hourly = folder.write("hourly.parquet", columns);
    assert_eq!(run(&prices(&[hour, 2 * hour]), Some(&hourly), Settings::default()).unwrap().frames.len(), 2);
}

#[test]
fn invalid_factor_files_are_located_errors() {
    let folder = Folder::new();
    let prices = prices_on(&folder, &[1, 2, 3]);
    let cases: [(Table, &[&str]); 9] = [
        (
            vec![("date", days(&[1, 2])), ("mkt", floats(&[0.1, -1.2]))],
            &["f.parquet: row 1 (counting from 0), column `mkt`: found -1.2 at 1970-01-03", "in percent"],
        ),
        (vec![("date", days(&[1, 2])), ("mkt", floats(&[0.1, f64::NAN]))], &["found NaN", "in percent"]),
        (vec![("date", days(&[1, 2])), ("rf", nullable(&[Some(0.1), None]))], &["column `rf`: found null"]),
        (
            vec![("date", days(&[1, 1])), ("mkt", floats(&[0.1, 0.1]))],
            &["row 1", "found 1970-01-02 after 1970-01-02"],
        ),
        (
            vec![("date", days(&[2, 1])), ("mkt", floats(&[0.1, 0.1]))],
            &["found 1970-01-02 after 1970-01-03", "sort the rows"],
        ),
        (vec![("day", days(&[1])), ("mkt", floats(&[0.1]))], &["no column `timestamp`"]),
        (vec![("date", days(&[1])), ("mkt", texts(&["0.1"]))], &["column `mkt` has the type Utf8"]),
        (
            vec![("date", days(&[-20, -10])), ("mkt", floats(&[0.1, 0.1]))],
            &[
                "do not overlap",
                "factor rows from 1969-12-12 to 1969-12-22, frames from 1970-01-02 to 1970-01-04",
            ],
        ),
        (
            vec![("date", days(&[10, 20])), ("mkt", floats(&[0.1, 0.1]))],
            &[
                "do not overlap",
                "factor rows from 1970-01-11 to 1970-01-21, frames from 1970-01-02 to 1970-01-04",
            ],
        ),
    ];
    for (columns, parts) in cases {
        check_error(run(&prices, Some(&folder.write("f.parquet", columns)), Settings::default()), parts);
    }
}

#[test]
fn daily_bars_stamped_midnight_of_another_zone_are_refused() {
    let folder = Folder::new();
    // Friday to Wednesday in Tokyo, where midnight is 15:00 UTC of the preceding day; the factors have the
    // same dates.
    let local = [1_i64, 4, 5, 6];
    let midnights = local.map(|day| day * 86_400_000_000 - 9 * 3_600_000_000).to_vec();
    let times = arrow_array::TimestampMicrosecondArray::from(midnights).with_timezone("Asia/Tokyo");
    let prices = folder.write(
        "prices.parquet",
        vec![
            ("date", std::sync::Arc::new(times)),
            ("symbol", texts(&["A"; 4])),
            ("close", floats(&[1.0, 2.0, 3.0, 4.0])),
        ],
    );
    let file = folder.write("f.parquet", vec![("date", days(&[-2, 1, 4, 5, 6])), ("mkt", floats(&[0.1; 5]))]);
    check_error(
        run(&prices, Some(&file), Settings::default()),
        &["f.parquet", "Asia/Tokyo", "tz_localize(None)"],
    );
}

#[test]
fn daily_bars_stamped_at_the_close_get_the_factors_of_their_date() {
    let folder = Folder::new();
    // Monday to Friday and Monday; some of these hours are midnights in Tokyo, Shanghai, Paris or London.
    let dates = [4_i64, 5, 6, 7, 8, 11];
    let file = folder.write(
        "f.parquet",
        vec![("date", days(&dates.map(|day| day as i32))), ("mkt", floats(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]))],
    );
    for hour in 0..24 {
        let times = dates.map(|day| (day * 24 + hour) * 3_600_000_000_000);
        let name = format!("prices-{hour}.parquet");
        let columns = vec![
            ("date", stamps(&times)),
            ("symbol", texts(&["A"; 6])),
            ("close", floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])),
        ];
        let found = run(&folder.write(&name, columns), Some(&file), Settings::default()).unwrap();
        let factors: Vec<f64> = found.frames.iter().map(|frame| frame.factors[0]).collect();
        assert_eq!(factors, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "{hour}:00");
    }
}

fn factors(expressions: &[(&str, &str)]) -> Vec<(String, betaflow_engine::assembly::Expression)> {
    expressions.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap())).collect()
}

/// Wide data with SPX from day 2 on and MTUM from day 3 on.
fn wide(folder: &Folder, spx: &[Option<f64>]) -> Input {
    folder.write(
        "wide.parquet",
        vec![
            ("date", days(&[1, 2, 3, 4, 5])),
            ("A", floats(&[1.0, 2.0, 3.0, 4.0, 5.0])),
            ("MTUM", nullable(&[None, None, Some(10.0), Some(15.0), Some(30.0)])),
            ("SPX", nullable(spx)),
        ],
    )
}

#[test]
fn factor_expressions_are_computed_from_instruments() {
    let folder = Folder::new();
    let input = wide(&folder, &[None, Some(100.0), Some(200.0), Some(250.0), Some(250.0)]);
    let of = |universe: Universe| Settings {
        factors: factors(&[("mkt", "SPX"), ("mom", "MTUM - SPX"), ("mix", "0.5*MTUM + SPX*2")]),
        universe,
        ..Settings::default()
    };
    let expected = ["0 d3 +A | 3 | f - - -", "1 d4 + | 4 | f 0.25 0.25 0.75", "2 d5 + | 5 | f 0 1 0.5"];
    let run = run(&input, None, of(Universe::default())).unwrap();
    assert_eq!(lines(&run), expected);
    assert_eq!(
        (run.facts.left_out, run.factor_names.as_slice()),
        (2, ["mkt", "mom", "mix"].map(String::from).as_slice())
    );
    let trade = Universe { trade: vec!["SPX".into(), "Q".into()], ..Universe::default() };
    let run = crate::support::run(&input, None, of(trade)).unwrap();
    let expected =
        ["0 d3 +SPX | 200 | f - - -", "1 d4 + | 250 | f 0.25 0.25 0.75", "2 d5 + | 250 | f 0 1 0.5"];
    assert_eq!(lines(&run), expected);
    let none = Settings { factors: factors(&[("mkt", "SPY")]), ..Settings::default() };
    check_error(crate::support::run(&input, None, none), &["found no price in the data for SPY"]);
    let both = of(Universe::default());
    check_error(crate::support::run(&input, Some(&input), both), &["found both"]);
}

#[test]
fn factor_instrument_without_a_price_is_an_error_or_carried_or_ends_the_data() {
    let folder = Folder::new();
    let mkt = |gap| Settings { factors: factors(&[("mkt", "SPX")]), factor_gap: gap, ..Settings::default() };
    let gap = wide(&folder, &[Some(100.0), Some(200.0), None, Some(250.0), Some(500.0)]);
    let parts = ["`SPX`", "at 1970-01-04", "resume at 1970-01-05", "expected one in every frame"];
    check_error(run(&gap, None, mkt(FactorGap::Error)), &parts);
    let expected = [
        "0 d1 +A | 1 | f -",
        "1 d2 + | 2 | f 1",
        "2 d3 +MTUM | 3 10 | f -",
        "3 d4 + | 4 15 | f -",
        "4 d5 + | 5 30 | f 1",
    ];
    assert_eq!(lines(&run(&gap, None, mkt(FactorGap::Carry)).unwrap()), expected);
    let ends = wide(&folder, &[Some(100.0), Some(200.0), Some(250.0), None, None]);
    let run = run(&ends, None, mkt(FactorGap::Error)).unwrap();
    assert_eq!((run.frames.len(), run.facts.left_out), (3, 2));
    let from = TimestampNs(4 * DAY_NS);
    let ended = Warning::FactorInstrumentEnded { instrument: "SPX".to_owned(), from };
    assert!(run.facts.warnings.contains(&ended), "{:?}", run.facts.warnings);
}

#[test]
fn return_data_trades_an_index_that_starts_at_100() {
    let folder = Folder::new();
    let rows =
        [(1, "A", Some(0.5)), (2, "A", None), (2, "B", Some(-0.5)), (3, "A", Some(0.0)), (3, "B", Some(1.0))];
    let renamed = |name: &'static str| {
        let mut columns = tidy(&rows);
        columns[2].0 = name;
        columns
    };
    let returns = Settings { values: Values::Returns, ..Settings::default() };
    let expected = ["0 d1 +A | 150 | r 0.5", "1 d2 +B | - 50 | r - -0.5", "2 d3 + | 150 100 | r 0 1"];
    let tidy = folder.write("tidy.parquet", renamed("return"));
    assert_eq!(read(&tidy, returns.clone()), expected);
    let named = Settings { price: "ret".into(), ..returns.clone() };
    assert_eq!(read(&folder.write("ret.parquet", renamed("ret")), named), expected);
    let wide = folder.write(
        "wide.parquet",
        vec![
            ("date", days(&[1, 2, 3])),
            ("B", nullable(&[None, Some(-0.5), Some(1.0)])),
            ("A", nullable(&[Some(0.5), None, Some(0.0)])),
        ],
    );
    assert_eq!(read(&wide, returns.clone()), expected);
    let of_b = Settings { factors: factors(&[("f", "2*B")]), ..returns.clone() };
    let expected = ["0 d2 + |  | f -1", "1 d3 +A | 100 | r 0 | f 2"];
    assert_eq!(read(&wide, of_b), expected);
    let bad = folder.write("bad.parquet", vec![("date", days(&[1])), ("A", floats(&[-1.0]))]);
    check_error(run(&bad, None, returns), &["found -1.0", "a finite return above -1"]);
}

/// Returns the outcome of equal risk-free returns at these hours: refused, warned or accepted.
fn outcome(hours: impl IntoIterator<Item = i64>, rf: f64, rf_max: f64) -> &'static str {
    let folder = Folder::new();
    let times: Vec<i64> = hours.into_iter().map(|hour| hour * (DAY_NS / 24)).collect();
    let n = times.len();
    let market: Vec<f64> = (0..n).map(|row| 0.01 * (row as f64).sin()).collect();
    let factors = vec![("ts", stamps(&times)), ("mkt", floats(&market)), ("rf", floats(&vec![rf; n]))];
    let prices =
        vec![("ts", stamps(&times)), ("symbol", texts(&vec!["A"; n])), ("close", floats(&vec![1.0; n]))];
    let (prices, factors) = (folder.write("p.parquet", prices), folder.write("f.parquet", factors));
    match run(&prices, Some(&factors), Settings { rf_max, ..Settings::default() }) {
        Err(error) => {
            let parts = ["f.parquet: row ", "column `rf`: found ", "% a year", "expected at most"];
            parts.iter().for_each(|part| assert!(error.contains(part), "{error}"));
            "refused"
        }
        Ok(run) if run.facts.warnings.iter().any(|warning| warning.code() == "rf_large") => "warned",
        Ok(_) => "accepted",
    }
}

#[test]
fn risk_free_returns_are_annualised_by_the_spacing_of_their_rows() {
    let weekdays = || (0..60).filter(|day| day % 7 < 5).map(|day| 24 * day);
    let every = |days: i64| (0..40).map(move |row| 24 * days * row);
    // Eight hourly bars on each weekday.
    let bars = || weekdays().flat_map(|day| (14..22).map(move |hour| day + hour));
    let cases = [
        ("6 % a year on weekdays", outcome(weekdays(), 0.00025, 0.5), "accepted"),
        ("the highest month of 1981", outcome(weekdays(), 0.0006, 0.5), "accepted"),
        ("2 % a year in every row", outcome(weekdays(), 0.02, 0.5), "refused"),
        ("2 % a year in percent", outcome(weekdays(), 2.0 / 252.0, 0.5), "refused"),
        ("2 % a year in percent, lifted", outcome(weekdays(), 2.0 / 252.0, 10.0), "warned"),
        ("30 % a year", outcome(weekdays(), 0.00105, 0.5), "warned"),
        ("30 % a year, at most 25 %", outcome(weekdays(), 0.00105, 0.25), "refused"),
        ("-2 % a day", outcome(weekdays(), -0.02, 0.5), "refused"),
        ("-0.5 % a year", outcome(weekdays(), -0.00002, 0.5), "accepted"),
        ("5 % a year in months", outcome(every(30), 0.004, 0.5), "accepted"),
        ("5 % in every month", outcome(every(30), 0.05, 0.5), "refused"),
        ("0.4 percent a month", outcome(every(30), 0.4, 0.5), "refused"),
        ("5 % a year in weeks", outcome(every(7), 0.001, 0.5), "accepted"),
        ("5 % in years", outcome(every(365), 0.05, 0.5), "accepted"),
        ("5 % a year in bars of a day", outcome(bars(), 0.05 / 252.0 / 8.0, 0.5), "accepted"),
        ("5 % in every bar", outcome(bars(), 0.05, 0.5), "refused"),
        ("5 % a year in hours of all days", outcome(0..900, 0.05 / 365.0 / 24.0, 0.5), "accepted"),
        ("two bars of one date", outcome([1, 2], 0.05, 0.5), "refused"),
    ];
    for (name, found, expected) in cases {
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn universe_equals_filtered_data() {
    let folder = Folder::new();
    // Day 1 has only a bad price of an instrument outside the universe.
    let rows = [
        (1, "C", Some(-1.0)),
        (2, "A", Some(1.0)),
        (2, "B", Some(2.0)),
        (3, "C", Some(1.0)),
        (4, "B", Some(3.0)),
    ];
    let tidy = folder.write("tidy.parquet", tidy(&rows));
    let wide = folder.write(
        "wide.parquet",
        vec![
            ("date", days(&[1, 2, 3, 4])),
            ("C", nullable(&[Some(-1.0), None, Some(1.0), None])),
            ("B", nullable(&[None, Some(2.0), None, Some(3.0)])),
            ("A", nullable(&[None, Some(1.0), None, None])),
        ],
    );
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let expected = ["0 d2 +A,B | 1 2", "1 d4 + | - 3"];
    for universe in [
        Universe { include: list(&["A", "B", "AA"]), ..Universe::default() },
        Universe { exclude: list(&["C", "AA"]), ..Universe::default() },
        Universe { trade: list(&["B", "A", "AA"]), ..Universe::default() },
    ] {
        for input in [&tidy, &wide] {
            let settings = Settings { universe: universe.clone(), ..Settings::default() };
            let run = run(input, None, settings).unwrap();
            assert_eq!(lines(&run), expected);
            let unseen: Vec<_> =
                run.facts.warnings.iter().filter(|w| w.code() == "instrument_not_in_data").collect();
            assert!(
                matches!(unseen.as_slice(), [Warning::InstrumentNotInData { symbol, .. }] if symbol == "AA"),
                "{unseen:?}"
            );
        }
    }
}

//! Each fault in the data gives an error with place, finding, expectation and remedy.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use betaflow_connectors::DataError;
use betaflow_connectors::parquet::{BadRow, DataPlace, Input, Settings, read_benchmark, read_half_spreads};
use betaflow_engine::assembly::{FrameColumn, Universe};
use betaflow_engine::execution::{FillAt, Need};
use betaflow_engine::frame::Field;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::support::{Folder, Table, days, floats, line, nullable, run, texts, tidy, write_to};

/// Checks that the error of reading `input` contains all `parts`.
#[track_caller]
fn check(input: &Input, settings: Settings, parts: &[&str]) {
    let error = run(input, None, settings).err().expect("an error");
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn missing_or_wrong_columns_are_located_errors() {
    let folder = Folder::new();
    let a = |values: ArrayRef| values;
    let (date, symbol, close) = (days(&[1]), texts(&["A"]), floats(&[1.0]));
    let cases: Vec<(Table, &[&str])> = vec![
        (
            vec![("date", a(date.clone())), ("symbol", symbol.clone()), ("closee", close.clone())],
            &[
                "f.parquet: no column `close` (the price)",
                "`date`, `symbol`, `closee` (did you mean `closee`?)",
            ],
        ),
        (
            vec![("date", date.clone()), ("open", close.clone()), ("close", close.clone())],
            &["no column `symbol` (the instrument of each row)", "found the columns `date`, `open`, `close`"],
        ),
        (
            vec![("Date", date.clone()), ("Adj Close", close.clone()), ("Close", close.clone())],
            &["no column `symbol`"],
        ),
        (vec![("symbol", symbol.clone()), ("close", close.clone())], &["no column `timestamp`", "`date`"]),
        (vec![("date", date.clone())], &["no column `symbol`"]),
        (
            vec![("date", floats(&[1.0])), ("symbol", symbol.clone()), ("close", close.clone())],
            &["column `date` has the type Float64, expected a date, a timestamp", "cast it"],
        ),
        (
            vec![("date", date.clone()), ("symbol", floats(&[1.0])), ("close", close.clone())],
            &["column `symbol` has the type Float64, expected a string"],
        ),
        (
            vec![("date", date.clone()), ("symbol", symbol.clone()), ("close", texts(&["1.0"]))],
            &["column `close` has the type Utf8, expected a floating-point number"],
        ),
        (
            vec![("date", date.clone()), ("A", close.clone()), ("note", texts(&["x"]))],
            &["column `note` has the type Utf8", "in wide data every column"],
        ),
        (
            vec![
                ("ts", date.clone()),
                ("date", date.clone()),
                ("symbol", symbol.clone()),
                ("close", close.clone()),
            ],
            &["both `ts` and `date` as the time"],
        ),
        (
            vec![
                ("date", date.clone()),
                ("symbol", symbol.clone()),
                ("close", close.clone()),
                ("Close", close.clone()),
            ],
            &["both `close` and `Close` as the price"],
        ),
        (
            vec![("Date", date.clone()), ("Ticker", symbol.clone()), ("Adj Close", close.clone())],
            &["no column `close`", "did you mean `Adj Close`"],
        ),
        (
            vec![("trade_date", date.clone()), ("symbol", symbol.clone()), ("close", close.clone())],
            &["no column `timestamp`", "did you mean `trade_date`"],
        ),
        (
            vec![("date", date.clone()), ("instrument", symbol.clone()), ("close", close.clone())],
            &["no column `symbol`", "did you mean `instrument`"],
        ),
        (
            vec![("date", date.clone()), ("symbol", texts(&[" "])), ("close", close.clone())],
            &["row 0 (counting from 0), column `symbol`: found the symbol \" \""],
        ),
        (
            vec![("date", texts(&["31/12/2020"])), ("symbol", symbol.clone()), ("close", close.clone())],
            &["row 0 (counting from 0), column `date`: found \"31/12/2020\", expected an ISO date"],
        ),
        (
            vec![
                ("date", date.clone()),
                ("('Volume', 'A')", close.clone()),
                ("('Open', 'A')", close.clone()),
            ],
            &["no column `('close', 'A')` (the price)"],
        ),
    ];
    for (columns, parts) in cases {
        check(&folder.write("f.parquet", columns), Settings::default(), parts);
    }
}

#[test]
fn settings_that_the_data_cannot_meet_are_errors() {
    let folder = Folder::new();
    let columns = || vec![("date", days(&[1])), ("A", floats(&[1.0]))];
    let wide = folder.write("wide.parquet", columns());
    check(
        &wide,
        Settings { required: vec![(Field::Open, Need::FillAt(FillAt::Open))], ..Settings::default() },
        &["found wide data", "expected the column `open`, needed to fill at the open"],
    );
    let tidy = folder.write("tidy.parquet", tidy(&[(1, "A", Some(1.0))]));
    check(
        &tidy,
        Settings { required: vec![(Field::Open, Need::FillAt(FillAt::Open))], ..Settings::default() },
        &["no column `open` (needed to fill at the open)"],
    );
    let settings = Settings { return_price: Some("adj_close".into()), ..Settings::default() };
    check(&tidy, settings, &["no column `adj_close` (the price for returns)", "did you mean `close`"]);
    let settings = Settings { time: Some("when".into()), ..Settings::default() };
    check(&tidy, settings, &["no column `when` (the time of each row)"]);
    let trade = Universe { trade: vec!["B".into()], exclude: vec!["B".into()], ..Universe::default() };
    let settings = Settings { universe: trade, ..Settings::default() };
    check(&tidy, settings, &["universe: found `B` in both `trade` and `exclude`"]);
    folder.write("hive/date=tomorrow/x.parquet", vec![("symbol", texts(&["A"])), ("close", floats(&[1.0]))]);
    check(&folder.input("hive"), Settings::default(), &["the folder `date=tomorrow` names a time"]);
}

#[test]
fn bad_rows_are_errors_or_skipped() {
    let good = [(1, "A", Some(1.0)), (1, "B", Some(2.0)), (2, "A", Some(3.0)), (2, "B", Some(4.0))];
    let with = |row: usize, value: (i32, &'static str, Option<f64>)| {
        let mut rows = good.to_vec();
        rows[row] = value;
        rows
    };
    const PRICE: &str = "expected a positive finite price, or null";
    let cases: Vec<(Vec<crate::support::Row<'_>>, &[&str], &[&str])> = vec![
        (
            with(3, (2, "B", Some(f64::NAN))),
            &[
                "row 3 (counting from 0), column `close`: found NaN for `B` at 1970-01-03",
                PRICE,
                "make it null",
            ],
            &["0 d1 +A,B | 1 2", "1 d2 + | 3 -"],
        ),
        (
            with(1, (1, "B", Some(f64::INFINITY))),
            &["row 1", "found inf", PRICE],
            &["0 d1 +A | 1", "1 d2 +B | 3 4"],
        ),
        (
            with(1, (1, "B", Some(0.0))),
            &["row 1", "found 0.0 for `B`", PRICE],
            &["0 d1 +A | 1", "1 d2 +B | 3 4"],
        ),
        (
            with(2, (2, "A", Some(-3.0))),
            &["row 2", "found -3.0", PRICE],
            &["0 d1 +A,B | 1 2", "1 d2 + | - 4"],
        ),
        (
            with(1, (1, "A", Some(9.0))),
            &[
                "row 1 (counting from 0), column `symbol`: found a second row of `A` at 1970-01-02",
                "expected one; remove one",
            ],
            &["0 d1 +A | 1", "1 d2 +B | 3 4"],
        ),
        (
            with(3, (1, "B", Some(9.0))),
            &[
                "row 3 (counting from 0), column `date`: found 1970-01-02, expected 1970-01-03 (the latest time so far) or later",
                "sort",
            ],
            &["0 d1 +A,B | 1 2", "1 d2 + | 3 -"],
        ),
    ];
    for group in [1, 100] {
        for (rows, parts, expected) in &cases {
            let folder = Folder::new();
            let input = folder.write_groups("prices.parquet", tidy(rows), group);
            check(&input, Settings::default(), parts);
            check(&input, Settings::default(), &["prices.parquet: row"]);
            let skip = Settings { on_bad_row: BadRow::Skip, ..Settings::default() };
            let run = run(&input, None, skip).unwrap();
            assert_eq!(run.frames.iter().map(line).collect::<Vec<_>>(), *expected);
            assert_eq!(run.facts.skipped, 1);
            assert!(run.facts.warnings.iter().any(|warning| warning.code() == "rows_skipped"));
        }
    }
}

#[test]
fn report_ends_when_most_rows_are_out_of_order() {
    // Rows in order, rows that precede them, and the row of the error: more than 1,000 rows, and more than half as many as
    // the rows in order.
    let cases = [
        (1, 1, None),
        (1, 999, None),
        (1, 1_000, None),
        (1, 1_001, Some(1_001)),
        (2_001, 1_001, Some(3_001)),
        (2_002, 1_001, None),
        (2_002, 1_002, Some(3_003)),
        (3_000, 1_500, None),
        (3_000, 1_501, Some(4_500)),
    ];
    let folder = Folder::new();
    for (sorted, early, error_row) in cases {
        let dates: Vec<i32> = (1..=sorted).chain((0..early).map(|_| 0)).collect();
        let ones = || floats(&vec![1.0; dates.len()]);
        let forms: [Table; 3] = [
            vec![("date", days(&dates)), ("A", ones())],
            vec![("date", days(&dates)), ("symbol", texts(&vec!["A"; dates.len()])), ("close", ones())],
            vec![("date", days(&dates)), ("('Close', 'A')", ones()), ("('Open', 'A')", ones())],
        ];
        for columns in forms {
            let form = columns[1].0;
            let input = folder.write("report.parquet", columns);
            let settings = Settings { on_bad_row: BadRow::Report, ..Settings::default() };
            match (run(&input, None, settings), error_row) {
                (Ok(run), None) => {
                    let frames = usize::try_from(sorted).unwrap();
                    let found = (run.frames.len(), run.facts.skipped);
                    assert_eq!(found, (frames, early), "{form} {sorted} {early}");
                }
                (Err(error), Some(row)) => {
                    let place = format!("row {row} (counting from 0), column `date`");
                    assert!(error.contains(&place), "{form}: {error}");
                }
                (found, _) => panic!("{form} {sorted} {early}: {:?}", found.map(|run| run.facts)),
            }
            // Skipped rows are only counted.
            let skip = Settings { on_bad_row: BadRow::Skip, ..Settings::default() };
            assert_eq!(run(&input, None, skip).unwrap().facts.skipped, early);
        }
    }
}

/// First error of reading `prices`.
fn fault(prices: &Input, factors: Option<&Input>) -> DataError {
    crate::support::fault(prices, factors, Settings::default())
}

#[test]
fn error_has_the_place_that_it_names() {
    let folder = Folder::new();
    let prices = folder.write("prices.parquet", tidy(&[(1, "A", Some(1.0)), (2, "A", Some(2.0))]));
    let of_rows = |rows: &[crate::support::Row<'_>]| fault(&folder.write("f.parquet", tidy(rows)), None);
    let of_text = |text: &str| {
        std::fs::write(folder.path("f.csv"), text).unwrap();
        fault(&folder.input("f.csv"), None)
    };
    let of_factors = |dates: &[i32], mkt: &[f64]| {
        let columns = vec![("date", days(dates)), ("mkt", floats(mkt))];
        fault(&prices, Some(&folder.write("f.parquet", columns)))
    };
    let first = (1, "A", Some(1.0));
    std::fs::write(folder.path("f.parquet"), "no Parquet file").unwrap();
    let other_format = fault(&folder.input("f.parquet"), None);
    let returns = vec![("date", days(&[1, 2])), ("return", floats(&[0.1, -2.0]))];
    let benchmark = read_benchmark(&folder.write("f.parquet", returns), None).unwrap_err();
    let spreads = vec![("symbol", texts(&["A", "B"])), ("half_spread_bps", floats(&[1.0, -2.0]))];
    let spreads = read_half_spreads(&folder.write("f.parquet", spreads)).unwrap_err();
    let close = Some("close");
    let cases = [
        (of_rows(&[first, (2, "A", Some(-1.0))]), "f.parquet", Some(1), None, close),
        (of_rows(&[first, (2, "B", None), (1, "A", None)]), "f.parquet", Some(2), None, Some("date")),
        (of_rows(&[first, first]), "f.parquet", Some(1), None, Some("symbol")),
        (of_rows(&[first, (1, " ", None)]), "f.parquet", Some(1), None, Some("symbol")),
        (of_rows(&[]), "f.parquet", None, None, None),
        (
            fault(&folder.write("f.parquet", vec![("date", days(&[1]))]), None),
            "f.parquet",
            None,
            None,
            Some("symbol"),
        ),
        (other_format, "f.parquet", None, None, None),
        (benchmark, "f.parquet", Some(1), None, Some("return")),
        (spreads, "f.parquet", Some(1), None, Some("half_spread_bps")),
        (of_factors(&[1, 2], &[0.1, 50.0]), "f.parquet", Some(1), None, Some("mkt")),
        (of_factors(&[1, 2, 2], &[0.1, 0.1, 0.1]), "f.parquet", Some(2), None, Some("date")),
        (of_factors(&[8, 9], &[0.1, 0.1]), "", None, None, None),
        (of_text("date,symbol,close\n2020-01-01,A,1\n2020-01-02,A,-1\n"), "f.csv", Some(2), Some(3), close),
        (of_text("date,symbol,close\n2020-01-01,A,1\n2020-01-02,A,$10\n"), "f.csv", Some(2), Some(3), close),
        (of_text("date,symbol,close\n2020-01-01,A,1\nsoon,A,1\n"), "f.csv", Some(2), Some(3), Some("date")),
        (of_text("date,symbol,close\n2020-01-01,A,1\n2020-01-02,A\n"), "f.csv", None, None, None),
        (fault(&folder.input("none.parquet"), None), "", None, None, None),
    ];
    for (error, file, row, line, column) in cases {
        let expected = (!file.is_empty()).then(|| DataPlace {
            file: folder.path(file).display().to_string(),
            row,
            line,
            column: column.map(str::to_owned),
        });
        assert_eq!(error.place(), expected, "{error}");
    }
}

#[test]
fn empty_symbol_is_found_in_any_batch() {
    let mut rows: Vec<(i32, &str, Option<f64>)> =
        (0..30_000).map(|i| (i / 3, ["A", "B", "C"][i as usize % 3], Some(1.0))).collect();
    rows[20_000].1 = "";
    let folder = Folder::new();
    let input = folder.write("empty.parquet", tidy(&rows));
    for sealed_from in [None, Some(crate::support::day(9_000))] {
        let settings = Settings { sealed_from, ..Settings::default() };
        check(&input, settings, &["row 20000 (counting from 0), column `symbol`: found the symbol \"\""]);
    }
    folder.write("hive/symbol=/x.parquet", vec![("date", days(&[1])), ("close", floats(&[1.0]))]);
    check(&folder.input("hive"), Settings::default(), &["found the symbol \"\""]);
}

#[test]
fn files_by_symbol_are_sorted_and_single_unsorted_rows_are_errors_for_any_range() {
    // Rows sorted by symbol, as after concatenating one pandas frame per symbol.
    let by_symbol: Vec<(i32, &str, Option<f64>)> = ["A", "B", "C"]
        .into_iter()
        .flat_map(|name| (0..100).map(move |i| (i, name, Some(f64::from(i) + 1.0))))
        .collect();
    let mut sorted = by_symbol.clone();
    sorted.sort_by_key(|row| row.0);
    let mut late = by_symbol[..100].to_vec();
    late.swap(90, 95);
    let ranges = [
        Settings::default(),
        Settings { to: Some(crate::support::day(50)), ..Settings::default() },
        Settings { from: Some(crate::support::day(95)), ..Settings::default() },
        Settings {
            from: Some(crate::support::day(20)),
            to: Some(crate::support::day(30)),
            ..Settings::default()
        },
        Settings { sealed_from: Some(crate::support::day(50)), ..Settings::default() },
        Settings {
            sealed_from: Some(crate::support::day(50)),
            to: Some(crate::support::day(20)),
            ..Settings::default()
        },
    ];
    for group in [7, 100, 1000] {
        for settings in &ranges {
            let folder = Folder::new();
            let input = folder.write_groups("by_symbol.parquet", tidy(&by_symbol), group);
            let lines = |input: &Input| {
                let run = run(input, None, settings.clone()).unwrap();
                run.frames.iter().map(crate::support::line).collect::<Vec<_>>()
            };
            assert_eq!(
                lines(&input),
                lines(&folder.write("sorted.parquet", tidy(&sorted))),
                "{settings:?} {group}"
            );
            let input = folder.write_groups("late.parquet", tidy(&late), group);
            check(&input, settings.clone(), &["late.parquet: row 91 (counting from 0)"]);
            let inside = |day: i32| {
                let time = crate::support::day(i64::from(day));
                settings.from.is_none_or(|from| time >= from)
                    && settings.to.is_none_or(|to| time <= to)
                    && settings.sealed_from.is_none_or(|seal| time < seal)
            };
            // A skipped row inside the range is counted.
            let skip = Settings { on_bad_row: BadRow::Skip, ..settings.clone() };
            let folder_of_one = Folder::new();
            let input = folder_of_one.write_groups("late.parquet", tidy(&late), group);
            let run = run(&input, None, skip).unwrap();
            let lost = (90..95).filter(|day| inside(*day)).count();
            assert_eq!(run.facts.skipped as usize, lost, "{settings:?} {group}");
        }
    }
}

#[test]
fn file_outside_the_range_must_be_sorted() {
    let folder = Folder::new();
    folder.write("two/a.parquet", tidy(&[(1, "A", Some(1.0)), (2, "A", Some(2.0))]));
    folder.write("two/b.parquet", tidy(&[(9, "A", Some(1.0)), (8, "A", Some(2.0))]));
    let parts = &["b.parquet: row 1 (counting from 0), column `date`: found 1970-01-09"];
    for settings in [
        Settings { to: Some(crate::support::day(5)), ..Settings::default() },
        Settings { sealed_from: Some(crate::support::day(5)), ..Settings::default() },
    ] {
        check(&folder.input("two"), settings, parts);
    }
}

#[test]
fn factor_rows_after_the_last_frame_must_be_sorted() {
    let folder = Folder::new();
    let prices = folder
        .write("prices.parquet", tidy(&[(1, "A", Some(1.0)), (2, "A", Some(2.0)), (3, "A", Some(2.0))]));
    let dates = days(&[1, 2, 3, 7, 6, 8]);
    let factors = folder.write("factors.parquet", vec![("date", dates), ("mkt", floats(&[0.01; 6]))]);
    for settings in [
        Settings::default(),
        Settings { to: Some(crate::support::day(2)), ..Settings::default() },
        Settings { sealed_from: Some(crate::support::day(3)), ..Settings::default() },
    ] {
        let error = run(&prices, Some(&factors), settings).err().unwrap();
        assert!(error.contains("factors.parquet: row 4 (counting from 0), column `date`"), "{error}");
    }
}

#[test]
fn error_names_the_zones_of_different_midnights() {
    const HOUR: i64 = betaflow_engine::time::DAY_NS / 24;
    // Weekdays from 2013-03-18 to 2013-04-16. New York changed its clocks before; London does on 2013-03-31.
    let weekdays: Vec<i64> = (15_782..15_812).filter(|day| (day + 3) % 7 < 5).collect();
    let at = |hours: &dyn Fn(i64) -> i64| {
        crate::support::stamps(
            &weekdays.iter().map(|day| day * 24 * HOUR - hours(*day) * HOUR).collect::<Vec<_>>(),
        )
    };
    let utc = |_| 0;
    let london = |day| i64::from(day >= 15_795);
    let new_york = |_| -4;
    let tokyo = |_| 9;
    let zones: [(&str, &dyn Fn(i64) -> i64); 4] =
        [("UTC", &utc), ("Europe/London", &london), ("America/New_York", &new_york), ("Asia/Tokyo", &tokyo)];
    let folder = Folder::new();
    for (price_zone, price_hours) in zones {
        for (factor_zone, factor_hours) in zones {
            let n = weekdays.len();
            let closes: Vec<f64> = (0..n).map(|i| 10.0 + i as f64).collect();
            let prices =
                vec![("date", at(price_hours)), ("symbol", texts(&vec!["A"; n])), ("close", floats(&closes))];
            let prices = folder.write("prices.parquet", prices);
            let factors = vec![("date", at(factor_hours)), ("mkt", floats(&vec![0.01; n]))];
            let factors = folder.write("factors.parquet", factors);
            let outcome = run(&prices, Some(&factors), Settings::default()).map(|run| run.frames.len());
            // A row is joined to the frame of its date, except if the row is later than the frame.
            let is_right = weekdays.iter().all(|day| factor_hours(*day) >= price_hours(*day));
            match outcome {
                Ok(frames) => assert!(is_right && frames + 1 >= n, "{price_zone} {factor_zone}: {frames}"),
                Err(error) => {
                    assert!(!is_right, "{price_zone} {factor_zone}: {error}");
                    let named =
                        [price_zone, factor_zone].iter().any(|zone| *zone != "UTC" && error.contains(zone));
                    assert!(
                        named && error.contains("factors.parquet"),
                        "{price_zone} {factor_zone}: {error}"
                    );
                }
            }
        }
    }
}

#[test]
fn error_of_a_wide_cell_names_its_column() {
    let folder = Folder::new();
    let input = folder.write(
        "wide.parquet",
        vec![("date", days(&[1, 2])), ("A", floats(&[1.0, 2.0])), ("B", nullable(&[None, Some(-1.0)]))],
    );
    check(
        &input,
        Settings::default(),
        &["row 1 (counting from 0), column `B`: found -1.0 for `B` at 1970-01-03"],
    );
    let input = folder.write("twice.parquet", vec![("date", days(&[1, 1])), ("A", floats(&[1.0, 2.0]))]);
    check(&input, Settings::default(), &["row 1 (counting from 0), column `A`: found a second row of `A`"]);
}

#[test]
fn symbol_in_two_files_at_one_time_is_a_duplicate() {
    let folder = Folder::new();
    folder.write("two/a.parquet", tidy(&[(1, "A", Some(1.0))]));
    folder.write("two/b.parquet", tidy(&[(1, "A", Some(2.0)), (2, "A", Some(3.0))]));
    check(&folder.input("two"), Settings::default(), &["b.parquet: row 0", "a second row of `A`"]);
    let skip = Settings { on_bad_row: BadRow::Skip, ..Settings::default() };
    assert_eq!(crate::support::read(&folder.input("two"), skip.clone()), ["0 d1 +A | 1", "1 d2 + | 3"]);
    // Several inputs keep their order, also where a later one begins earlier.
    let [a, b] = ["two/a.parquet", "two/b.parquet"].map(|name| folder.input(name));
    let c = folder.write("c.parquet", tidy(&[(0, "B", Some(5.0)), (1, "A", Some(7.0))]));
    let cases: [(Vec<&Input>, &str, &[&str]); 4] = [
        (vec![&a, &b], "b.parquet: row 0", &["0 d1 +A | 1", "1 d2 + | 3"]),
        (vec![&b, &a], "a.parquet: row 0", &["0 d1 +A | 2", "1 d2 + | 3"]),
        (vec![&a, &c], "c.parquet: row 1", &["0 d0 +B | 5", "1 d1 +A | - 1"]),
        (vec![&c, &b], "b.parquet: row 0", &["0 d0 +B | 5", "1 d1 +A | - 7", "2 d2 + | - 3"]),
    ];
    for (inputs, second, lines) in cases {
        let inputs = Input::Several(inputs.into_iter().cloned().collect());
        check(&inputs, Settings::default(), &[second, "a second row of `A`"]);
        assert_eq!(crate::support::read(&inputs, skip.clone()), lines, "{second}");
    }
}

#[test]
fn error_of_a_number_names_its_column_and_the_valid_numbers() {
    const PRICE: &str = "expected a positive finite price, or null";
    const VOLUME: &str = "expected a finite volume of at least 0, or null";
    const DIVIDEND: &str = "expected a finite dividend of at least 0, or null";
    const SPLIT: &str = "expected a finite ratio of at least 0 (0 or 1 for none), or null";
    // Name of the column with one column level and with two; those of pandas have no bid and ask.
    let columns = [
        (Field::Close, "close", Some("Close"), PRICE),
        (Field::Open, "open", Some("Open"), PRICE),
        (Field::High, "high", Some("High"), PRICE),
        (Field::Low, "low", Some("Low"), PRICE),
        (Field::Volume, "volume", Some("Volume"), VOLUME),
        (Field::Dividend, "dividend", Some("Dividends"), DIVIDEND),
        (Field::Split, "split", Some("Stock Splits"), SPLIT),
        (Field::Bid, "bid", None, PRICE),
        (Field::Ask, "ask", None, PRICE),
    ];
    let optional = columns.map(|(field, ..)| FrameColumn { field, checked: true });
    let settings = Settings { optional: optional[1..].to_vec(), ..Settings::default() };
    let folder = Folder::new();
    for (field, name, of_pandas, expected) in columns {
        for value in [-1.5, 0.0, f64::INFINITY, f64::NAN] {
            let is_valid = value == 0.0 && expected != PRICE;
            // The number is that of B on the second day.
            let cells = |of: &str, values: [f64; 4]| {
                let bad = [values[0], values[1], values[2], value];
                floats(if of == name { &bad } else { &values })
            };
            let mut one = vec![("date", days(&[1, 1, 2, 2])), ("symbol", texts(&["A", "B", "A", "B"]))];
            one.extend(columns.map(|(_, of, ..)| (of, cells(of, [1.0; 4]))));
            let mut inputs = vec![(folder.write("one.parquet", one), "row 3", name.to_owned())];
            if let Some(of_pandas) = of_pandas {
                let mut two = vec![("date".to_owned(), days(&[1, 2]))];
                for (symbol, last) in [("A", 1.0), ("B", value)] {
                    two.extend(columns.iter().filter_map(|(of, _, level, _)| {
                        let cells = if *of == field { [1.0, last] } else { [1.0, 1.0] };
                        Some((format!("('{}', '{symbol}')", (*level)?), floats(&cells)))
                    }));
                }
                let two = two.iter().map(|(name, array)| (name.as_str(), array.clone())).collect();
                inputs.push((folder.write("two.parquet", two), "row 1", format!("('{of_pandas}', 'B')")));
            }
            for (input, row, column) in inputs {
                let found = run(&input, None, settings.clone());
                let place = format!("{row} (counting from 0), column `{column}`: found {value:?} for `B`");
                match found {
                    Ok(_) => assert!(is_valid, "{place}"),
                    Err(error) => {
                        assert!(!is_valid && error.contains(&place), "{place}: {error}");
                        assert!(error.contains(expected), "{place}: {error}");
                    }
                }
            }
        }
    }
}

#[test]
fn missing_path_below_the_current_folder_names_this_folder() {
    let here = std::env::current_dir().unwrap();
    let above = here.parent().unwrap().join("none.parquet");
    let note = format!("(relative paths count from the current folder {})", here.display());
    for (path, is_below) in [
        ("none.parquet".into(), true),
        ("no/none.parquet".into(), true),
        (here.join("none.parquet"), true),
        (above, false),
    ] {
        let error = run(&Input::Path(path.clone()), None, Settings::default()).err().unwrap();
        assert!(error.starts_with(&format!("{}: no such file or folder", path.display())), "{error}");
        assert_eq!(error.contains(&note), is_below, "{error}");
    }
}

#[test]
fn missing_column_is_reported_with_the_first_twenty_of_the_file() {
    let folder = Folder::new();
    for count in [1, 19, 20, 21, 22, 40] {
        let names: Vec<String> = (0..count).map(|at| format!("c{at}")).collect();
        let columns = names.iter().map(|name| (name.as_str(), floats(&[1.0]))).collect();
        let error = run(&folder.write("f.parquet", columns), None, Settings::default()).err().unwrap();
        let shown = names.iter().filter(|name| error.contains(&format!("`{name}`"))).count();
        assert_eq!(shown, count.min(20), "{error}");
        let more = (0..=40).find(|more| error.contains(&format!(", and {more} more")));
        assert_eq!(more, (count > 20).then(|| count - 20), "{error}");
    }
}

#[test]
fn name_of_a_file_may_contain_a_number_sign() {
    let folder = Folder::new();
    let text = |name: &str, close: f64| {
        std::fs::write(folder.path(name), format!("date,A\n2020-01-01,{close}\n")).unwrap();
        folder.input(name)
    };
    let plain = folder.write("prices.parquet", tidy(&[(1, "A", Some(1.0))]));
    let signed = folder.write("prices.parquet#1", tidy(&[(1, "A", Some(2.0))]));
    let other = folder.write("a#b.parquet", tidy(&[(1, "A", Some(3.0))]));
    let inputs = [plain, signed, other, text("x.csv", 4.0), text("x.csv#y", 5.0), text("#.csv", 6.0)];
    for (input, close) in inputs.iter().zip([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) {
        assert_eq!(run(input, None, Settings::default()).unwrap().frames[0].close, [close]);
    }
    for name in ["x.csv#", "none#x.csv", "x#none.csv"] {
        check(&folder.input(name), Settings::default(), &[&format!("{name}: no such file or folder")]);
    }
}

#[test]
fn rows_without_time_or_symbol_are_errors() {
    let folder = Folder::new();
    let no_symbol: ArrayRef = Arc::new(StringArray::from(vec![Some("A"), None]));
    let columns = vec![("date", days(&[1, 1])), ("symbol", no_symbol), ("close", floats(&[1.0, 2.0]))];
    let expected = &["row 1 (counting from 0), column `symbol`: found null"];
    check(&folder.write("f.parquet", columns), Settings::default(), expected);
    let huge: ArrayRef = Arc::new(arrow_array::TimestampSecondArray::from(vec![i64::MAX / 1000]));
    let columns = vec![("ts", huge), ("symbol", texts(&["A"])), ("close", floats(&[1.0]))];
    let expected = &["row 0 (counting from 0), column `ts`: found a time outside"];
    check(&folder.write("f.parquet", columns), Settings::default(), expected);
}

#[test]
fn files_of_other_formats_are_located_errors() {
    let folder = Folder::new();
    let whole = folder.write("whole.parquet", tidy(&[(1, "A", Some(1.0))]));
    let Input::Path(whole) = whole else { unreachable!() };
    let bytes = std::fs::read(whole).unwrap();
    std::fs::create_dir(folder.path("none")).unwrap();
    let cases: [(&str, &[u8], &[&str]); 11] = [
        ("empty.csv", b"", &["empty.csv: the file is empty (0 bytes), expected a table with rows"]),
        ("blank.CSV", b"\n", &["blank.CSV: not a text table: found \"\\n\"", "separated by commas"]),
        ("word.tsv", b"close\n", &["word.tsv: not a text table: found \"close\\n\""]),
        ("line.csv", b"date,symbol,close", &["line.csv: not a text table: found \"date,symbol,clos\""]),
        ("json.csv", b"{\"a\": 1, \"b\": 2}\n", &["json.csv: not a text table: found"]),
        ("empty.parquet", b"", &["empty.parquet: the file is empty (0 bytes)"]),
        ("a.csv", b"date,symbol,close\n", &["a.csv: found a header and no rows"]),
        ("a.json", b"{\"a\": 1, \"b\": 2}\n", &["not a Parquet file: found \"{\\\"a\\\": 1", "to_parquet"]),
        ("short.parquet", &bytes[..4], &["truncated or damaged", "footer cannot be read"]),
        ("cut.parquet", &bytes[..bytes.len() - 9], &["truncated or damaged", "copy or write it again"]),
        ("half.parquet", &bytes[..bytes.len() / 2], &["truncated or damaged"]),
    ];
    for (name, content, parts) in cases {
        std::fs::write(folder.path(name), content).unwrap();
        check(&folder.input(name), Settings::default(), parts);
    }
    check(
        &folder.input("whole.parqet"),
        Settings::default(),
        &["no such file", "did you mean `whole.parquet`?"],
    );
    check(&folder.input("none"), Settings::default(), &["found no file named `*.parquet`"]);
    check(&folder.write("rows.parquet", tidy(&[])), Settings::default(), &["rows.parquet: found 0 rows"]);
}

#[test]
fn error_of_a_damaged_page_names_its_row_group() {
    let folder = Folder::new();
    let rows: Vec<(i32, &str, Option<f64>)> = (0..3000).map(|i| (i, "A", Some(f64::from(i) + 0.5))).collect();
    let path = folder.path("damaged.parquet");
    let compression = parquet::basic::Compression::ZSTD(parquet::basic::ZstdLevel::default());
    let properties =
        WriterProperties::builder().set_max_row_group_row_count(Some(1000)).set_compression(compression);
    write_to(&path, tidy(&rows), properties.build());
    let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
    let (start, length) = reader.metadata().row_group(1).column(2).byte_range();
    let mut bytes = std::fs::read(&path).unwrap();
    let start = usize::try_from(start).unwrap();
    bytes[start..start + usize::try_from(length).unwrap()].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    let parts = &["damaged.parquet: row group 1 (rows 1000 to 1999, counting from 0)", "`close`"];
    check(&Input::Path(path), Settings::default(), parts);
}

#[test]
fn numeric_time_column_is_a_type_error() {
    let folder = Folder::new();
    let time: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let columns = vec![("timestamp", time), ("symbol", texts(&["A"])), ("close", floats(&[1.0]))];
    let parts = &["column `timestamp` has the type Int64", "numbers have no unit"];
    check(&folder.write("f.parquet", columns), Settings::default(), parts);
}

#[test]
fn damaged_byte_is_a_located_error_or_harmless() {
    let folder = Folder::new();
    let rows: Vec<(i32, &str, Option<f64>)> =
        (0..600).map(|i| (i / 3, ["A", "B", "C"][i as usize % 3], Some(f64::from(i) + 0.5))).collect();
    let Input::Path(path) = folder.write_groups("whole.parquet", tidy(&rows), 200) else { unreachable!() };
    let bytes = std::fs::read(path).unwrap();
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let mut errors = 0;
    for _ in 0..500 {
        let mut damaged = bytes.clone();
        damaged[random(bytes.len())] = u8::try_from(random(256)).unwrap();
        let input = Input::Bytes { name: "damaged".into(), bytes: damaged.into() };
        if let Err(error) = run(&input, None, Settings::default()) {
            assert!(error.starts_with("damaged"), "expected a located error: {error}");
            errors += 1;
        }
    }
    assert!(errors > 100);
}

/// Environment variable with the folder for the process with few open files.
const FOLDER: &str = "BETAFLOW_TEST_FOLDER_OF_OVERLAPPING_FILES";

#[test]
#[ignore = "runs inside a process with few open files"]
fn read_the_folder_of_overlapping_files() {
    let folder = std::path::PathBuf::from(std::env::var(FOLDER).unwrap());
    let parts = &["open files that overlap in time", "ulimit -n"];
    check(&Input::from(folder.join("overlapping")), Settings::default(), parts);
    assert_eq!(crate::support::read(&Input::from(folder.join("consecutive")), Settings::default()).len(), 60);
}

#[test]
#[cfg(unix)]
fn too_many_overlapping_files_are_a_located_error() {
    let folder = Folder::new();
    for i in 0..60 {
        let symbol = format!("S{i}");
        let rows = [(1, symbol.as_str(), Some(1.0)), (2, symbol.as_str(), Some(2.0))];
        folder.write(&format!("overlapping/{symbol}.parquet"), tidy(&rows));
        folder.write(&format!("consecutive/{i}.parquet"), tidy(&[(i, "A", Some(1.0))]));
    }
    let test = std::env::current_exe().unwrap();
    let command =
        "ulimit -n 40 && exec \"$0\" --ignored --exact errors::read_the_folder_of_overlapping_files";
    let mut shell = std::process::Command::new("sh");
    let output = shell.args(["-c", command]).arg(test).env(FOLDER, folder.path("")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

//! Values of tables of the user: groups, symbol changes, sessions, half-spreads, benchmarks and forecasts.

use std::fs;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use betaflow_connectors::WithUserData;
use betaflow_connectors::parquet::{
    DataError, DateRule, GivenKind, GivenRows, Input, ParquetSource, ReturnRows as RowsToRead, ReturnTable,
    Settings, read_benchmark, read_groups, read_half_spreads, read_holdings, read_renames, read_returns,
    read_sessions, read_weight_bounds,
};
use betaflow_engine::dated::FROM_BEGINNING;
use betaflow_engine::execution::{BenchmarkRule, ReturnRows, WeightRows};
use betaflow_engine::frame::{CrossSection, Frame};
use betaflow_engine::portfolio::{CapMethod, SizingSettings, WeightBounds};
use betaflow_engine::source::Source as _;
use betaflow_engine::time::{DAY_NS, Zone};

use crate::support::{Folder, Table, day, days, floats, nullable, texts, tidy};

/// Reads a text as a file.
fn with<T>(text: &str, read: impl Fn(&Input) -> Result<T, DataError>) -> Result<T, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, text).unwrap();
    read(&path.into()).map_err(|error| error.to_string())
}

#[test]
fn groups_and_symbol_changes_have_the_rows_of_their_file() {
    let tables =
        with("symbol,from,sector,size\nA,,Energy,small\nA,2020-01-02,Banks,\nB,,Energy,large\n", |input| {
            read_groups(input, &["sector", "size"], |symbol| format!("x{symbol}"))
        });
    assert_eq!(tables.unwrap().len(), 2);
    let twice = with("symbol,from,sector\nA,,Energy\nA,,Banks\n", |input| {
        read_groups(input, &["sector"], str::to_owned)
    });
    assert!(twice.unwrap_err().contains("a second row of `A`"));
    let renames = with("from_symbol,to_symbol,date,ratio\nA,B,2020-01-02,\nC,D,2021-05-06,2.5\n", |input| {
        read_renames(input, |symbol| format!("x{symbol}"))
    });
    let renames = renames.unwrap();
    let rows: Vec<_> = renames.rows().iter().map(|row| (&*row.from, &*row.to, row.ratio)).collect();
    assert_eq!(rows, [("xA", "xB", 1.0), ("xC", "xD", 2.5)]);
}

#[test]
fn row_of_a_symbol_after_its_change_is_located() {
    let renames = with("from_symbol,to_symbol,date,ratio\nA,B,1970-01-03,\n", |input| {
        read_renames(input, str::to_owned)
    });
    let settings = Settings { renames: renames.unwrap(), ..Settings::default() };
    let folder = Folder::new();
    let rows = [(1, "A", Some(1.0)), (2, "B", Some(2.0)), (3, "A", Some(3.0)), (3, "B", Some(2.0))];
    let prices = folder.write("prices.parquet", tidy(&rows));
    let mut source = ParquetSource::open(&prices, None, settings).unwrap();
    let mut frame = Frame::default();
    let error = loop {
        match source.next_frame(&mut frame) {
            Ok(more) => assert!(more, "no error"),
            Err(error) => break *error.downcast::<DataError>().unwrap(),
        }
    };
    assert!(matches!(error, DataError::Renamed { .. }), "{error}");
    let place = error.place().unwrap();
    assert_eq!((place.row, place.line, place.column.as_deref()), (Some(2), None, Some("symbol")));
}

#[test]
fn sessions_open_on_the_evening_before_where_they_open_later_than_they_close() {
    let read = |text: &str| with(text, |input| read_sessions(input, &Zone::default()));
    let sessions = read("date,open,close\n2020-01-02,09:30,16:00\n2020-01-03,18:00,17:00\n2020-01-06,2020-01-06T14:30:00Z,2020-01-06T21:00:00Z\n").unwrap();
    let hours = |at: usize| {
        let row = &sessions.rows()[at];
        [row.open.0, row.close.0].map(|time| (time - row.date * DAY_NS) as f64 * 24.0 / DAY_NS as f64)
    };
    assert_eq!([hours(0), hours(1), hours(2)], [[9.5, 16.0], [-6.0, 17.0], [14.5, 21.0]]);
    // A date is not a timestamp.
    let date = read("date,open,close\n2020-01-02,2020-01-02,16:00\n");
    assert!(date.unwrap_err().contains("a time of day such as 09:30"));
    // A session that opens when it closes has no time.
    let empty = read("date,open,close\n2020-01-02,09:30,16:00\n2020-01-03,17:00,17:00\n").unwrap_err();
    assert!(empty.contains("expected a time after the opening"), "{empty}");
}

#[test]
fn half_spreads_name_what_is_wrong_with_a_cell() {
    let read = |text: &str| with(text, read_half_spreads);
    let spreads = read("symbol,half_spread_bps\nA,1.5\nB,0\n").unwrap();
    assert_eq!(spreads.into_iter().collect::<Vec<_>>(), [("A".to_owned(), 1.5), ("B".to_owned(), 0.0)]);
    for (text, found) in [("A,1\nA,2\n", "a second row"), ("A,1\nB,\n", "null"), ("A,1\nB,-3.5\n", "-3.5")] {
        let error = read(&format!("symbol,half_spread_bps\n{text}")).unwrap_err();
        assert!(error.contains(found), "{error}");
    }
}

#[test]
fn returns_of_a_benchmark_are_the_only_numbers_or_the_column_return() {
    let folder = Folder::new();
    let dates = || days(&[1, 2]);
    let (values, other, note) = (floats(&[0.5, -0.25]), floats(&[7.0, 8.0]), texts(&["x", "y"]));
    let index: ArrayRef = Arc::new(Int64Array::from(vec![0, 1]));
    let cases: Vec<(Table, Result<(), &str>)> = vec![
        (vec![("date", dates()), ("spx", values.clone())], Ok(())),
        (vec![("spx", values.clone()), ("date", dates())], Ok(())),
        (vec![("date", dates()), ("note", note.clone()), ("spx", values.clone())], Ok(())),
        (vec![("date", dates()), ("spx", values.clone()), ("__index_level_0__", index)], Ok(())),
        (vec![("date", dates()), ("a", other.clone()), ("Return", values.clone())], Ok(())),
        (vec![("date", dates()), ("return", values.clone()), ("b", other.clone())], Ok(())),
        (
            vec![("date", dates()), ("a", other.clone()), ("note", note.clone()), ("b", values)],
            Err("f.parquet: found the numeric columns `a`, `b`, expected one column of returns"),
        ),
        (vec![("date", dates()), ("note", note)], Err("f.parquet: no column `return`")),
        (vec![("date", dates())], Err("f.parquet: no column `return`")),
        (vec![("spx", other)], Err("f.parquet: no column `timestamp`")),
    ];
    for (columns, expected) in cases {
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        match (read_benchmark(&folder.write("f.parquet", columns), None), expected) {
            (Ok(BenchmarkRule::Returns(rows)), Ok(())) => {
                assert_eq!(*rows, ReturnRows::new(vec![(day(1), 0.5), (day(2), -0.25)]), "{names:?}");
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{names:?}: {error}"),
            (found, _) => panic!("{names:?}: {found:?}"),
        }
    }
}

#[test]
fn numbers_and_times_of_a_benchmark_are_in_range_and_in_order() {
    let folder = Folder::new();
    let read = |columns: Table, seal: Option<i64>| {
        let rule = read_benchmark(&folder.write_groups("f.parquet", columns, 2), seal.map(day));
        rule.map_err(|error| error.to_string())
    };
    let returns = |dates: &[i32], values: &[Option<f64>], seal: Option<i64>| {
        read(vec![("date", days(dates)), ("return", nullable(values))], seal)
    };
    let number = "a return above -1 and at most 10, as a decimal";
    for (value, is_valid) in [
        (Some(-1.0), false),
        (Some(-0.999), true),
        (Some(10.0), true),
        (Some(10.001), false),
        (Some(f64::NAN), false),
        (None, false),
    ] {
        let shown = value.map_or("null".to_owned(), |value| format!("{value:?}"));
        let found = returns(&[1, 2, 3], &[Some(0.0), Some(0.1), value], None);
        match found {
            Ok(_) => assert!(is_valid, "{value:?}"),
            Err(error) => {
                let place = format!(
                    "f.parquet: row 2 (counting from 0), column `return`: found {shown} at 1970-01-04"
                );
                assert!(!is_valid && error.contains(&place) && error.contains(number), "{error}");
            }
        }
        // Numbers of the hold-out are not checked.
        assert!(returns(&[1, 2, 3], &[Some(0.0), Some(0.1), value], Some(3)).is_ok(), "{value:?}");
    }
    let zeros = [Some(0.0); 5];
    for (dates, row) in
        [([1, 2, 2, 3, 4], 2), ([1, 3, 2, 4, 5], 2), ([2, 1, 3, 4, 5], 1), ([1, 2, 3, 5, 4], 4)]
    {
        for seal in [None, Some(2), Some(4)] {
            let error = returns(&dates, &zeros, seal).unwrap_err();
            assert!(error.contains(&format!("row {row} (counting from 0), column `date`")), "{error}");
            assert!(error.contains("expected increasing times"), "{error}");
        }
    }
    let error = returns(&[1, 2, 3, 4, 5], &zeros, Some(1)).unwrap_err();
    assert!(error.contains("f.parquet") && error.contains("1970-01-02"), "{error}");
    let Ok(BenchmarkRule::Returns(rows)) = returns(&[1, 2, 3, 4, 5], &zeros, Some(4)) else { panic!() };
    assert_eq!(*rows, ReturnRows::new((1..4).map(|at| (day(at), 0.0)).collect()));
    let weights = |rows: &[(i32, &str, Option<f64>)], seal: Option<i64>| {
        let mut columns = tidy(rows);
        columns[2].0 = "weight";
        read(columns, seal)
    };
    let good = [
        (1, "A", Some(1000.0)),
        (1, "B", Some(-1000.0)),
        (1, "C", Some(0.5)),
        (2, "A", Some(0.25)),
        (3, "B", Some(0.0)),
    ];
    for seal in [None, Some(3), Some(2)] {
        let Ok(BenchmarkRule::Weights(found)) = weights(&good, seal) else { panic!("{seal:?}") };
        let open = good.iter().filter(|row| seal.is_none_or(|seal| i64::from(row.0) < seal));
        let rows = open.map(|(date, symbol, weight)| (day(i64::from(*date)), *symbol, weight.unwrap()));
        assert_eq!(*found, WeightRows::new(rows), "{seal:?}");
    }
    let with = |at: usize, row: (i32, &'static str, Option<f64>)| {
        let mut rows = good.to_vec();
        rows[at] = row;
        weights(&rows, None).unwrap_err()
    };
    for (error, part) in [
        (
            with(2, (1, "C", Some(1000.5))),
            "row 2 (counting from 0), column `weight`: found 1000.5 at 1970-01-02",
        ),
        (with(3, (2, "A", Some(-1000.5))), "row 3 (counting from 0), column `weight`: found -1000.5"),
        (with(4, (3, "A", None)), "row 4 (counting from 0), column `weight`: found null"),
        (
            with(2, (1, "B", Some(0.0))),
            "row 2 (counting from 0), column `symbol`: found a second weight of `B`",
        ),
        (
            with(3, (0, "A", Some(0.0))),
            "row 3 (counting from 0), column `date`: found 1970-01-01 after 1970-01-02",
        ),
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn text_in_a_column_of_numbers_is_located_by_its_line() {
    let given = |kind: GivenKind| {
        move |input: &Input| {
            let rule = DateRule { frames_per_day: 1, open_bar_ns: 0, zone: Zone::UTC };
            GivenRows::open(input, kind.clone(), rule, None).map(drop)
        }
    };
    let half_spreads = |input: &Input| read_half_spreads(input).map(drop);
    let holdings = |input: &Input| read_holdings(input).map(drop);
    let benchmark = |input: &Input| read_benchmark(input, None).map(drop);
    let factor = || vec!["mkt".to_owned()];
    type Reader<'a> = &'a dyn Fn(&Input) -> Result<(), DataError>;
    let cases: [(Reader<'_>, &str, &str); 9] = [
        (&half_spreads, "symbol,half_spread_bps\nA,\nB,oops\n", "half_spread_bps"),
        (&holdings, "symbol,quantity\n,\nB,oops\n", "quantity"),
        (&benchmark, "date,symbol,weight\n2020-01-02,A,\n2020-01-02,B,oops\n", "weight"),
        (&benchmark, "date,return\n2020-01-02,\n2020-01-03,oops\n", "return"),
        (&given(GivenKind::Forecasts), "date,symbol,score\n2020-01-02,A,\n2020-01-02,B,oops\n", "score"),
        (&given(GivenKind::Forecasts), "date,A,B\n2020-01-02,1,\n2020-01-03,2,oops\n", "B"),
        (&given(GivenKind::Weights), "date,symbol,weight\n2020-01-02,A,\n2020-01-02,B,oops\n", "weight"),
        (
            &given(GivenKind::Betas(factor())),
            "date,symbol,mkt,residual_sd\n2020-01-02,A,,1\n2020-01-02,B,oops,1\n",
            "mkt",
        ),
        (
            &given(GivenKind::FactorCov(factor())),
            "date,factor,mkt\n2020-01-02,a,\n2020-01-02,mkt,oops\n",
            "mkt",
        ),
    ];
    for (read, text, column) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        fs::write(&path, text).unwrap();
        let error = read(&path.into()).unwrap_err();
        let place = error.place().unwrap_or_else(|| panic!("no place: {error}"));
        assert_eq!((place.line, place.column.as_deref()), (Some(3), Some(column)), "{error}");
        assert!(error.to_string().contains("\"oops\""), "{error}");
    }
}

/// Cross-section of each frame with prices of A and B on the days 1 to 12.
fn sections(input: &Input, kind: GivenKind) -> Result<Vec<CrossSection>, String> {
    let folder = Folder::new();
    let prices: Vec<_> = (1..=12).flat_map(|day| [(day, "A", Some(1.0)), (day, "B", Some(2.0))]).collect();
    let prices = folder.write("prices.parquet", tidy(&prices));
    let rule = DateRule { frames_per_day: 1, open_bar_ns: 0, zone: Zone::UTC };
    let rows = GivenRows::open(input, kind, rule, None).map_err(|error| error.to_string())?;
    let source = ParquetSource::open(&prices, None, Settings::default()).unwrap();
    let mut source = WithUserData::new(Box::new(source), vec![rows]);
    let (mut sections, mut frame) = (Vec::new(), Frame::default());
    while source.next_frame(&mut frame).map_err(|error| error.to_string())? {
        sections.push(frame.given.signal.clone());
    }
    Ok(sections)
}

#[test]
fn forecasts_and_weights_are_the_only_numbers_or_have_a_usual_name() {
    let folder = Folder::new();
    let (values, other, sd) = (floats(&[0.5, -0.25]), floats(&[7.0, 8.0]), floats(&[0.125, 0.75]));
    let note = texts(&["x", "y"]);
    let table = |columns: &[(&'static str, &ArrayRef)]| {
        let mut all = vec![("date", days(&[1, 1])), ("symbol", texts(&["A", "B"]))];
        all.extend(columns.iter().map(|(name, array)| (*name, Arc::clone(*array))));
        all
    };
    let (alone, with_sd) = ([0.5, -0.25, f64::NAN, f64::NAN], [0.5, -0.25, 0.125, 0.75]);
    let (forecasts, weights) = (GivenKind::Forecasts, GivenKind::Weights);
    type Case<'a> = (GivenKind, Table, Result<&'a [f64], &'a str>);
    let cases: Vec<Case<'_>> = vec![
        (forecasts.clone(), table(&[("momentum", &values)]), Ok(&alone)),
        (forecasts.clone(), table(&[("note", &note), ("momentum", &values)]), Ok(&alone)),
        (forecasts.clone(), table(&[("momentum", &values), ("Forecast_SD", &sd)]), Ok(&with_sd)),
        (
            forecasts.clone(),
            table(&[("forecast_sd", &sd), ("score", &values), ("other", &other)]),
            Ok(&with_sd),
        ),
        (forecasts.clone(), table(&[("signal", &other), ("Score", &values)]), Ok(&alone)),
        (
            forecasts.clone(),
            table(&[("a", &values), ("note", &note), ("b", &other)]),
            Err("f.parquet: found the columns `a`, `b`, expected one column of forecasts, named forecast"),
        ),
        (
            forecasts,
            table(&[("note", &note)]),
            Err("f.parquet: found no column of numbers, expected one column of forecasts"),
        ),
        (weights.clone(), table(&[("share", &values)]), Ok(&alone[..2])),
        (weights.clone(), table(&[("target_weight", &values), ("other", &other)]), Ok(&alone[..2])),
        (
            weights,
            table(&[("a", &values), ("b", &other)]),
            Err("expected one column of weights, named weight"),
        ),
    ];
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    for (kind, columns, expected) in cases {
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        match (sections(&folder.write("f.parquet", columns), kind), expected) {
            (Ok(found), Ok(values)) => {
                assert_eq!(found[0].of, Some(day(1)), "{names:?}");
                assert_eq!(bits(&found[0].values), bits(values), "{names:?}: {:?}", found[0].values);
            }
            (Err(error), Err(part)) => assert!(error.contains(part), "{names:?}: {error}"),
            (found, _) => panic!("{names:?}: {found:?}"),
        }
    }
}

#[test]
fn invalid_time_of_a_forecast_is_located_in_any_row_group() {
    let folder = Folder::new();
    let dates: Vec<i32> = (1..=10).flat_map(|day| [day, day]).collect();
    let symbols: Vec<&str> = (0..10).flat_map(|_| ["A", "B"]).collect();
    let table = |known: Vec<Option<&str>>| {
        vec![
            ("date", days(&dates)),
            ("symbol", texts(&symbols)),
            ("forecast", floats(&[0.5; 20])),
            ("known_at", Arc::new(StringArray::from(known)) as ArrayRef),
        ]
    };
    for group in [6, 20] {
        let read = |known: Vec<Option<&str>>| {
            sections(&folder.write_groups("f.parquet", table(known), group), GivenKind::Forecasts)
        };
        for at in [0, 1, 5, 6, 8, 19] {
            let mut known = vec![Some("1970-01-05"); 20];
            known[at] = Some("soon");
            let place = format!("f.parquet: row {at} (counting from 0), column `known_at`: found \"soon\"");
            let error = read(known.clone()).unwrap_err();
            assert!(error.contains(&place), "{group}: {error}");
            // The same with a null in each row group.
            [2, 7, 13, 18].into_iter().for_each(|row| known[row] = None);
            let error = read(known.clone()).unwrap_err();
            assert!(error.contains(&place), "{group}: {error}");
            known[at] = None;
            assert!(read(known).is_ok());
        }
        // A row is known at the later of both times; without a second one, at its date.
        let mut known = vec![None; 20];
        (known[0], known[1], known[19]) = (Some("1970-01-08"), Some("1970-01-04"), Some("1970-01-13"));
        let found = read(known).unwrap();
        let of: Vec<Option<i64>> = found.iter().map(|section| section.of.map(|of| of.date())).collect();
        let expected =
            [None, Some(2), Some(3), Some(4), Some(5), Some(6), Some(7), Some(8), Some(9), Some(10)];
        assert_eq!(of[..10], expected, "{group}");
        let values =
            |frame: usize| found[frame].column(0).iter().map(|value| !value.is_nan()).collect::<Vec<_>>();
        assert_eq!([values(8), values(9)], [[true, true], [true, false]], "{group}");
    }
}

#[test]
fn values_of_the_user_have_the_range_of_their_column() {
    const NUMBER: &str = "expected a number from -1e30 to 1e30";
    const SD: &str = "expected a number from 0 to 1e30";
    const SHARE: &str = "expected a share of NAV from -1000 to 1000";
    const POSITIVE: &str = "expected a number above 0";
    let factors = || vec!["mkt".to_owned(), "smb".to_owned()];
    let (betas, cov) = (GivenKind::Betas(factors()), GivenKind::FactorCov(factors()));
    let of_betas: &[&'static str] = &["alpha", "mkt", "smb", "residual_sd"];
    let (infinity, nan) = (f64::INFINITY, f64::NAN);
    // Names of the columns, the tested one, valid and invalid numbers, and what the error expects.
    type Case<'a> = (GivenKind, &'a [&'static str], usize, &'a [f64], &'a [f64], &'a str);
    let cases: [Case<'_>; 10] = [
        (
            GivenKind::Forecasts,
            &["forecast"],
            0,
            &[-1e30, 0.0, 1e30, nan],
            &[-1.1e30, 1.1e30, infinity],
            NUMBER,
        ),
        (GivenKind::Forecasts, &["forecast", "forecast_sd"], 0, &[-1.0], &[-1.1e30], NUMBER),
        (GivenKind::Forecasts, &["forecast", "forecast_sd"], 1, &[0.0, 1e30, nan], &[-1e-9, 1.1e30], SD),
        (GivenKind::Weights, &["weight"], 0, &[-1e3, 0.0, 1e3, nan], &[-1000.5, 1000.5, infinity], SHARE),
        (betas.clone(), of_betas, 0, &[-1e30, 0.0, 1e30, nan], &[-1.1e30, -infinity], NUMBER),
        (betas.clone(), of_betas, 1, &[-1e30, 0.0, 1e30], &[1.1e30, infinity], NUMBER),
        (betas.clone(), of_betas, 2, &[-1e30, 0.0, 1e30], &[1.1e30, infinity], NUMBER),
        (betas, of_betas, 3, &[1e-300, 1e30, nan], &[-0.5, 0.0, 1.1e30], POSITIVE),
        (cov.clone(), &["mkt", "smb"], 0, &[-1e30, 0.0], &[-1.1e30, 1.1e30], NUMBER),
        (cov, &["mkt", "smb"], 1, &[-1e30, 0.0], &[-1.1e30, infinity], NUMBER),
    ];
    let folder = Folder::new();
    for (kind, names, tested, valid, invalid, expected) in cases {
        let read = |value: f64| {
            let key = if matches!(kind, GivenKind::FactorCov(_)) { "factor" } else { "symbol" };
            let keys = if key == "factor" { ["mkt", "smb"] } else { ["A", "B"] };
            let mut columns = vec![("date", days(&[1, 1])), (key, texts(&keys))];
            columns.extend(
                names
                    .iter()
                    .enumerate()
                    .map(|(at, name)| (*name, floats(&[0.5, if at == tested { value } else { 0.5 }]))),
            );
            sections(&folder.write("f.parquet", columns), kind.clone()).err().unwrap_or_default()
        };
        let place = format!("row 1 (counting from 0), column `{}`: found ", names[tested]);
        for value in valid {
            let error = read(*value);
            assert!(!error.contains("row 1"), "{kind:?}, {value}: {error}");
        }
        for value in invalid {
            let error = read(*value);
            assert!(error.contains(&place) && error.contains(expected), "{kind:?}, {value}: {error}");
        }
    }
}

#[test]
fn wide_forecasts_and_weights_equal_those_with_a_row_for_each_symbol() {
    let folder = Folder::new();
    let (a, b) = ([Some(0.1), None, Some(0.3)], [Some(-0.2), Some(0.4), Some(0.5)]);
    let wide = || vec![("A", nullable(&a)), ("date", days(&[1, 4, 6])), ("B", nullable(&b))];
    let tidy = |name: &'static str| -> Table {
        let values: Vec<_> = a.iter().zip(&b).flat_map(|(a, b)| [*a, *b]).collect();
        vec![
            ("date", days(&[1, 1, 4, 4, 6, 6])),
            ("symbol", texts(&["A", "B"].repeat(3))),
            (name, nullable(&values)),
        ]
    };
    for (kind, name) in [(GivenKind::Forecasts, "forecast"), (GivenKind::Weights, "weight")] {
        let found = sections(&folder.write("wide.parquet", wide()), kind.clone()).unwrap();
        let expected = sections(&folder.write("tidy.parquet", tidy(name)), kind.clone()).unwrap();
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{name}");
        for (frame, values) in [(0, [0.1, -0.2]), (5, [0.3, 0.5])] {
            assert_eq!(found[frame].column(0), values, "{name}");
        }
        let of = |columns: Table| sections(&folder.write("f.parquet", columns), kind.clone()).unwrap_err();
        let large = vec![("date", days(&[1, 2])), ("A", floats(&[0.5; 2])), ("B", floats(&[0.5, 2e30]))];
        let twice = vec![("date", days(&[1, 1])), ("A", floats(&[0.5; 2])), ("B", floats(&[0.5; 2]))];
        let early = vec![("date", days(&[2, 1])), ("A", floats(&[0.5; 2]))];
        for (columns, part) in [
            (large, "row 1 (counting from 0), column `B`: found 2e30 for `B` at 1970-01-03"),
            (twice, "row 1 (counting from 0), column `A`: found a second row of `A` at 1970-01-02"),
            (early, "row 1 (counting from 0), column `date`: found 1970-01-02, expected 1970-01-03"),
        ] {
            let error = of(columns);
            assert!(error.contains(part), "{error}");
        }
    }
}

#[test]
fn row_of_the_user_without_a_known_symbol_or_factor_is_located() {
    let folder = Folder::new();
    let nulls: ArrayRef = Arc::new(StringArray::from(vec![Some("A"), None]));
    let forecasts = |symbols: ArrayRef| {
        vec![("date", days(&[1, 1])), ("symbol", symbols), ("forecast", floats(&[0.5, 0.25]))]
    };
    let of_factors = |factors: &[&str]| {
        let rows = factors.len();
        let columns = ["mkt", "hml"].map(|name| (name, floats(&vec![0.5; rows])));
        [vec![("date", days(&vec![1; rows])), ("factor", texts(factors))], columns.into()].concat()
    };
    let cov = GivenKind::FactorCov(vec!["mkt".to_owned(), "hml".to_owned()]);
    let cases: [(GivenKind, Table, &str); 6] = [
        (GivenKind::Forecasts, forecasts(nulls), "row 1 (counting from 0), column `symbol`: found null"),
        (
            GivenKind::Forecasts,
            forecasts(texts(&["A", " "])),
            "row 1 (counting from 0), column `symbol`: found the symbol \" \"",
        ),
        (
            GivenKind::Forecasts,
            forecasts(texts(&["B", "B"])),
            "row 1 (counting from 0), column `symbol`: found a second row of `B`",
        ),
        (
            cov.clone(),
            of_factors(&["mkt", "smb"]),
            "row 1 (counting from 0), column `factor`: found the factor \"smb\", expected one of [\"mkt\", \"hml\"]",
        ),
        (
            cov.clone(),
            of_factors(&["smb"]),
            "row 0 (counting from 0), column `factor`: found the factor \"smb\"",
        ),
        (
            cov,
            of_factors(&["mkt", "hml", "hml"]),
            "row 2 (counting from 0), column `factor`: found a second row of `hml`",
        ),
    ];
    for (kind, columns, part) in cases {
        let error = sections(&folder.write("f.parquet", columns), kind).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn bounds_of_weights_are_in_range_in_order_and_as_the_cap_method_needs_them() {
    // Of all instruments, the smallest weight is 0 and the largest 0.1.
    const RANGE: &str = "expected -1000 to 1000, or null";
    const ORDER: &str = "expected weight_min at most weight_max: they are";
    const ZERO: &str = "expected bounds that contain 0, because sizing.cap_method is \"scale\"";
    let settings = |cap_method| SizingSettings { cap_method, ..SizingSettings::default() };
    let read = |row: &str, cap_method| {
        let text = format!("symbol,from,weight_min,weight_max\nB,,-1,1\nA,2020-01-02,{row}\n");
        let bounds = with(&text, |input| read_weight_bounds(input, &settings(cap_method)))?;
        assert_eq!(bounds.rows_of("B")[0].0, FROM_BEGINNING);
        let [(date, bounds)] = bounds.rows_of("A") else { panic!("one row") };
        assert_eq!(*date, 18_263);
        Ok::<WeightBounds, String>(*bounds)
    };
    let (min, max) = ("weight_min", "weight_max");
    // Bounds, and the column and expectation of an error with either cap method.
    type Expected = Result<[Option<f64>; 2], (&'static str, &'static str)>;
    let cases: [(&str, Expected, Expected); 15] = [
        ("-0.5,0.5", Ok([Some(-0.5), Some(0.5)]), Ok([Some(-0.5), Some(0.5)])),
        ("-1000,1000", Ok([Some(-1e3), Some(1e3)]), Ok([Some(-1e3), Some(1e3)])),
        (",", Ok([None, None]), Ok([None, None])),
        ("-0.5,", Ok([Some(-0.5), None]), Ok([Some(-0.5), None])),
        (",0", Ok([None, Some(0.0)]), Ok([None, Some(0.0)])),
        ("0,0", Ok([Some(0.0); 2]), Ok([Some(0.0); 2])),
        ("0.1,", Ok([Some(0.1), None]), Err((min, ZERO))),
        ("0.05,0.08", Ok([Some(0.05), Some(0.08)]), Err((max, ZERO))),
        ("-0.5,-0.1", Ok([Some(-0.5), Some(-0.1)]), Err((max, ZERO))),
        ("-1000.5,1", Err((min, RANGE)), Err((min, RANGE))),
        ("1000.5,1", Err((min, RANGE)), Err((min, RANGE))),
        ("0,1000.5", Err((max, RANGE)), Err((max, RANGE))),
        ("0.2,", Err((min, ORDER)), Err((min, ORDER))),
        (",-0.5", Err((max, ORDER)), Err((max, ORDER))),
        ("0.5,0.2", Err((max, ORDER)), Err((max, ORDER))),
    ];
    for (row, exact, scale) in cases {
        for (cap_method, expected) in [(CapMethod::Exact, exact), (CapMethod::Scale, scale)] {
            match (read(row, cap_method), expected) {
                (Ok(found), Ok(bounds)) => assert_eq!([found.weight_min, found.weight_max], bounds, "{row}"),
                (Err(error), Err((column, part))) => {
                    // The second line after the header.
                    let place = format!("line 3, column `{column}`");
                    assert!(error.contains(&place) && error.contains(part), "{row}: {error}");
                }
                (found, _) => panic!("{row}, {cap_method:?}: {found:?}"),
            }
        }
    }
    let error = read("0.2,0.15", CapMethod::Exact).unwrap_err();
    assert!(error.contains("they are 0.2 and 0.15"), "{error}");
}

#[test]
fn returns_are_those_of_the_range_by_series() {
    let folder = Folder::new();
    let dates: Vec<i32> = (1..=10).collect();
    let of = |scale: f64| (1..=10).map(|day| scale * f64::from(day)).collect::<Vec<f64>>();
    let table = |x: ArrayRef| {
        vec![("x", x), ("date", days(&dates)), ("rf", floats(&of(1e-5))), ("y", floats(&of(0.01)))]
    };
    let whole = RowsToRead { what: "trials", ..RowsToRead::default() };
    let range = |from: Option<i64>, to: Option<i64>, seal: Option<i64>| RowsToRead {
        from: from.map(day),
        to: to.map(day),
        sealed_from: seal.map(day),
        ..whole
    };
    for group in [4, 100] {
        let input = folder.write_groups("f.parquet", table(floats(&of(0.5))), group);
        for (rows, first, last) in [
            (whole, 1, 10),
            (range(Some(3), None, None), 3, 10),
            (range(None, Some(6), None), 1, 6),
            (range(Some(5), Some(5), None), 5, 5),
            (range(Some(2), Some(9), Some(7)), 2, 6),
            (range(None, Some(3), Some(7)), 1, 3),
        ] {
            let part = |scale: f64| of(scale)[first - 1..last].to_vec();
            let expected = ReturnTable {
                names: vec!["x".to_owned(), "y".to_owned()],
                times: (first..=last).map(|at| day(at as i64)).collect(),
                returns: vec![part(0.5), part(0.01)],
                rf: Some("rf".to_owned()),
            };
            assert_eq!(read_returns(&input, &rows).unwrap(), expected, "{rows:?}");
        }
        for (rows, part) in [
            (range(Some(11), None, None), "found no row in the range of dates"),
            (range(None, None, Some(1)), "found no row before 1970-01-02"),
        ] {
            let error = read_returns(&input, &rows).unwrap_err().to_string();
            assert!(error.contains("f.parquet") && error.contains(part), "{error}");
        }
        // The number of day 7, row 6, is the third of the second row group with four rows each.
        for (value, is_return) in [
            (Some(-1.0), false),
            (Some(-0.999), true),
            (Some(10.0), true),
            (Some(10.001), false),
            (Some(f64::NAN), false),
            (Some(f64::INFINITY), false),
            (Some(f64::NEG_INFINITY), false),
            (None, false),
        ] {
            let mut cells: Vec<Option<f64>> = of(0.5).into_iter().map(Some).collect();
            cells[6] = value;
            let input = folder.write_groups("f.parquet", table(nullable(&cells)), group);
            let shown = value.map_or("null".to_owned(), |value| format!("{value:?}"));
            let place =
                format!("f.parquet: row 6 (counting from 0), column `x`: found {shown} at 1970-01-08");
            for rows in [whole, range(Some(6), None, None), range(None, Some(7), None)] {
                for nulls in [false, true] {
                    match read_returns(&input, &RowsToRead { nulls, ..rows }) {
                        Ok(found) => {
                            assert!(is_return || (nulls && value.is_none()), "{value:?} {rows:?}");
                            let at = found.times.iter().position(|time| *time == day(7)).unwrap();
                            assert_eq!(found.returns[0][at].to_bits(), value.unwrap_or(f64::NAN).to_bits());
                        }
                        Err(error) => {
                            assert!(!(is_return || nulls && value.is_none()), "{value:?} {rows:?}: {error}");
                            assert!(error.to_string().contains(&place), "{error}");
                        }
                    }
                }
            }
            // Numbers outside the range are not checked.
            for rows in [range(Some(8), None, None), range(None, Some(6), None), range(None, None, Some(7))] {
                assert!(read_returns(&input, &rows).is_ok(), "{value:?} {rows:?}");
            }
        }
    }
}

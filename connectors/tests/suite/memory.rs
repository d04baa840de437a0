//! Tables in memory are read as Parquet files of the same contents are: frames, facts and errors.

use std::sync::Arc;

use arrow_array::types::{Float16Type, Int8Type};
use arrow_array::{
    ArrayRef, BooleanArray, Decimal128Array, DictionaryArray, Float32Array, Float64Array, Int32Array,
    Int64Array, NullArray, PrimitiveArray, StringArray, TimestampSecondArray, UInt8Array,
};
use arrow_schema::DataType;
use betaflow_connectors::import::{Content, ImportOptions};
use betaflow_connectors::parquet::{
    BadRow, DateRule, GivenKind, GivenRows, Input, MemoryTable, ParquetSource, ReturnRows, Settings,
    content_digest, import_files, read_benchmark, read_half_spreads, read_holdings, read_returns,
};
use betaflow_connectors::{DataError, WithUserData};
use betaflow_engine::assembly::{FrameColumn, Universe};
use betaflow_engine::frame::{Field, Frame};
use betaflow_engine::source::Source as _;
use betaflow_engine::time::{TimestampNs, Zone};
use betaflow_engine::warning::Warning;
use proptest::prelude::*;

use crate::support::arrow_tables::{
    CUTS, Cut, batch_of, check_same, faulty, file, memory, outcome, panel, plain, text_forms, time_forms,
};
use crate::support::{Folder, Row, Table, day, days, floats, nullable, texts, tidy};

fn ranges() -> Vec<Settings> {
    let default = Settings::default;
    vec![
        default(),
        Settings { from: Some(day(10)), to: Some(day(20)), ..default() },
        Settings { sealed_from: Some(day(12)), ..default() },
        Settings { sealed_from: Some(day(0)), ..default() },
        Settings { from: Some(day(100)), ..default() },
        Settings { from: Some(day(3)), sealed_from: Some(day(30)), ..default() },
        Settings {
            universe: Universe { trade: vec!["A".into(), "C".into()], ..Universe::default() },
            ..default()
        },
        Settings { universe: Universe { trade: vec!["UNUSED".into()], ..Universe::default() }, ..default() },
    ]
}

#[test]
fn every_type_in_every_division_gives_the_frames_of_the_file() {
    let folder = Folder::new();
    for by_symbol in [false, true] {
        let rows = panel(by_symbol);
        let (file, name) = file(&folder.path("prices.parquet"), tidy(&rows));
        let symbols: Vec<Option<&str>> = rows.iter().map(|row| Some(row.1)).collect();
        let dates: Vec<i32> = rows.iter().map(|row| row.0).collect();
        let close = nullable(&rows.iter().map(|row| row.2).collect::<Vec<_>>());
        let expected: Vec<_> = ranges().iter().map(|settings| outcome(&file, None, settings)).collect();
        assert!(expected[0].is_ok());
        let check = |date: &ArrayRef, symbol: &ArrayRef, cut: Cut| {
            let columns = [("date", date.clone()), ("symbol", symbol.clone()), ("close", close.clone())];
            let input = memory(&name, &columns, cut);
            for (settings, expected) in ranges().iter().zip(&expected) {
                let types = format!("{} {} {cut:?}", date.data_type(), symbol.data_type());
                let same = |outcome| plain(outcome, date.data_type());
                assert_eq!(
                    same(outcome(&input, None, settings)),
                    plain(expected.clone(), &DataType::Date32),
                    "{types} {settings:?}"
                );
            }
        };
        for cut in CUTS {
            let (first_time, first_text) = (time_forms(&dates), text_forms(&symbols));
            first_time.iter().for_each(|date| check(date, &first_text[0], cut));
            first_text.iter().for_each(|symbol| check(&first_time[0], symbol, cut));
        }
    }
}

#[test]
fn files_with_every_type_of_text_are_read() {
    let folder = Folder::new();
    let rows = panel(true);
    let symbols: Vec<Option<&str>> = rows.iter().map(|row| Some(row.1)).collect();
    let (expected, _) = file(&folder.path("plain.parquet"), tidy(&rows));
    let lines = |input: &Input| {
        crate::support::read(input, Settings { universe: Universe::default(), ..Settings::default() })
    };
    // The writer of the tests does not write dictionaries of views.
    let forms = text_forms(&symbols)
        .into_iter()
        .filter(|form| !format!("{:?}", form.data_type()).contains(", Utf8View"));
    for form in forms {
        let kind = form.data_type().clone();
        let mut columns = tidy(&rows);
        columns[1].1 = form;
        let (input, _) = file(&folder.path("typed.parquet"), columns);
        assert_eq!(lines(&input), lines(&expected), "{kind}");
    }
}

#[test]
fn numbers_of_every_type_give_the_frames_of_the_file() {
    let folder = Folder::new();
    let decimals = Decimal128Array::from(vec![Some(150), None, Some(-5), Some(175)]);
    let halves = [Some(1.5), None, Some(2.25), Some(8.0)]
        .map(|n| n.map(<Float16Type as arrow_array::ArrowPrimitiveType>::Native::from_f64));
    let columns: [ArrayRef; 9] = [
        Arc::new(Float64Array::from(vec![Some(0.1), None, Some(f64::NAN), Some(3.0)])),
        Arc::new(Float32Array::from(vec![Some(0.1), None, Some(0.2), Some(3.0)])),
        Arc::new(PrimitiveArray::<Float16Type>::from_iter(halves)),
        Arc::new(Int64Array::from(vec![Some(1), None, Some(2), Some(i64::MAX)])),
        Arc::new(UInt8Array::from(vec![Some(1), None, Some(0), Some(255)])),
        Arc::new(decimals.with_precision_and_scale(10, 2).unwrap()),
        Arc::new(NullArray::new(4)),
        Arc::new(BooleanArray::from(vec![true, false, true, true])),
        Arc::new(DictionaryArray::<Int8Type>::new(
            vec![0, 0, 0, 0].into(),
            Arc::new(Int32Array::from(vec![1])),
        )),
    ];
    for close in columns {
        let kind = close.data_type().clone();
        let tidy: Table = vec![
            ("date", days(&[1, 1, 2, 2])),
            ("symbol", texts(&["A", "B", "A", "B"])),
            ("close", close.clone()),
        ];
        let wide: Table = vec![("date", days(&[1, 2, 3, 4])), ("A", close), ("B", floats(&[1.0; 4]))];
        for columns in [tidy, wide] {
            for on_bad_row in [BadRow::Error, BadRow::Skip, BadRow::Report] {
                let settings = Settings { on_bad_row, ..Settings::default() };
                check_same(&folder, &columns, &kind.to_string(), |input| outcome(input, None, &settings));
            }
        }
    }
}

#[test]
fn wide_tables_and_two_column_levels_give_the_frames_of_the_file() {
    let folder = Folder::new();
    let numbers = |scale: f64| {
        let cells = (0..90).map(|at| (at % 7 != 3).then_some(scale + f64::from(at) / 100.0));
        nullable(&cells.collect::<Vec<_>>())
    };
    let dates = || days(&(0..90).collect::<Vec<_>>());
    let wide = vec![("B", numbers(2.0)), ("Date", dates()), ("A", numbers(1.0)), ("C", numbers(3.0))];
    let levels: Table = vec![
        ("Date", dates()),
        ("('Close', 'AAPL')", numbers(10.0)),
        ("('Close', 'MSFT')", numbers(20.0)),
        ("('Open', 'AAPL')", numbers(10.5)),
        ("('Open', 'MSFT')", numbers(20.5)),
        ("('Volume', 'AAPL')", numbers(100.0)),
        ("('Volume', 'MSFT')", numbers(200.0)),
    ];
    let unsorted = vec![("A", floats(&[1.0, 2.0, 3.0])), ("date", days(&[1, 3, 2]))];
    let optional = vec![FrameColumn { field: Field::Open, checked: true }];
    for columns in [wide, levels, unsorted] {
        for mut settings in ranges() {
            settings.optional.clone_from(&optional);
            check_same(&folder, &columns, &format!("{settings:?}"), |input| outcome(input, None, &settings));
        }
    }
}

#[test]
fn every_error_equals_that_of_the_file() {
    let folder = Folder::new();
    let mut errors = 0;
    for (at, columns) in faulty().into_iter().enumerate() {
        for on_bad_row in [BadRow::Error, BadRow::Skip, BadRow::Report] {
            for settings in ranges() {
                let settings = Settings { on_bad_row, ..settings };
                check_same(&folder, &columns, &format!("table {at}, {settings:?}"), |input| {
                    let outcome = outcome(input, None, &settings);
                    errors += usize::from(outcome.is_err());
                    outcome
                });
            }
        }
    }
    assert!(errors > 1000, "{errors}");
}

#[test]
fn other_readers_give_the_same_as_for_files() {
    let folder = Folder::new();
    let text = |result: Result<String, DataError>| result.map_err(|error| format!("{error} {error:?}"));
    let dates = || days(&(0..200).collect::<Vec<_>>());
    let returns = |scale: f64| floats(&(0..200).map(|at| scale * f64::from(at % 5)).collect::<Vec<_>>());
    let seals = [None, Some(day(50)), Some(day(0))];
    let tables: Vec<Table> = vec![
        vec![("date", dates()), ("mkt", returns(0.01)), ("rf", returns(1e-5))],
        vec![("date", dates()), ("mkt", returns(0.5))],
        vec![("date", dates()), ("mkt", returns(5.0)), ("smb", returns(0.1))],
        vec![("date", dates()), ("return", returns(0.01)), ("other", returns(1.0))],
        vec![("date", days(&[1, 2, 2])), ("mkt", nullable(&[Some(0.1), None, Some(0.2)]))],
        vec![
            ("date", days(&[1, 1, 2])),
            ("symbol", texts(&["A", "B", "A"])),
            ("weight", floats(&[0.5, 0.5, 1.0])),
        ],
        vec![
            ("date", days(&[1, 1, 2])),
            ("symbol", texts(&["A", "A", "A"])),
            ("weight", floats(&[0.5, 0.5, 1.0])),
        ],
        vec![("symbol", texts(&["A", "B", "A"])), ("half_spread_bps", floats(&[1.0, 2.0, 3.0]))],
        vec![("symbol", texts(&["A", "B"])), ("half_spread_bps", nullable(&[Some(1.0), None]))],
        vec![
            ("symbol", Arc::new(StringArray::from(vec![Some("A"), None])) as ArrayRef),
            ("quantity", floats(&[1.0, 2.0])),
        ],
    ];
    let prices = crate::support::arrow_tables::memory("prices", &tidy(&panel(false)), Cut::One);
    for columns in &tables {
        for sealed_from in seals {
            let rows = ReturnRows { what: "trials", sealed_from, ..ReturnRows::default() };
            let settings = Settings { sealed_from, ..Settings::default() };
            check_same(&folder, columns, "returns", |input| {
                text(read_returns(input, &rows).map(|t| format!("{t:?}")))
            });
            check_same(&folder, columns, "benchmark", |input| {
                text(read_benchmark(input, sealed_from).map(|t| format!("{t:?}")))
            });
            check_same(&folder, columns, "factors", |input| outcome(&prices, Some(input), &settings));
        }
        check_same(&folder, columns, "spreads", |input| {
            text(read_half_spreads(input).map(|t| format!("{t:?}")))
        });
        check_same(&folder, columns, "holdings", |input| {
            text(read_holdings(input).map(|t| format!("{t:?}")))
        });
        check_same(&folder, columns, "import", |input| {
            let options = ImportOptions { content: Content::Table, ..ImportOptions::default() };
            text(
                import_files(std::slice::from_ref(input), &options, None).map(|report| format!("{report:?}")),
            )
            .map(|text| text.replace("\"Parquet\"", "\"table\""))
        });
    }
}

#[test]
fn files_and_tables_are_joined_as_factors_and_merged_as_prices() {
    let folder = Folder::new();
    let factors: [Table; 2] = [
        vec![("date", days(&(0..40).collect::<Vec<_>>())), ("mkt", floats(&[0.01; 40]))],
        vec![
            ("date", days(&(2..42).collect::<Vec<_>>())),
            ("smb", floats(&[0.02; 40])),
            ("rf", floats(&[1e-5; 40])),
        ],
    ];
    let prices = [tidy(&panel(false)[..50]), tidy(&panel(false)[50..])];
    let inputs = |tables: &[Table; 2], kinds: [bool; 2], name: &str| {
        let all = tables.iter().zip(kinds).enumerate().map(|(at, (columns, in_memory))| {
            let (file, path) = file(&folder.path(&format!("{name}{at}.parquet")), columns.clone());
            if in_memory { memory(&path, columns, Cut::Rows(7)) } else { file }
        });
        Input::Several(all.collect())
    };
    let read = |kinds| {
        let (prices, factors) = (inputs(&prices, kinds, "prices"), inputs(&factors, kinds, "factors"));
        outcome(&prices, Some(&factors), &Settings::default())
    };
    let expected = read([false, false]);
    assert!(expected.is_ok());
    for kinds in [[true, false], [false, true], [true, true]] {
        assert_eq!(read(kinds), expected, "{kinds:?}");
    }
}

#[test]
fn files_of_the_user_are_read_from_tables() {
    let folder = Folder::new();
    let prices = memory("prices", &tidy(&panel(false)), Cut::One);
    let rule = DateRule { frames_per_day: 1, open_bar_ns: 0, zone: Zone::UTC };
    let value = |rows: &[Row<'static>]| -> Table {
        let mut columns = tidy(rows);
        columns[2].0 = "forecast";
        columns
    };
    let mut known = value(&panel(false));
    let known_at: Vec<Option<&str>> =
        (0..known[0].1.len()).map(|row| (row % 3 > 0).then_some("1970-02-01")).collect();
    known.push(("known_at", Arc::new(StringArray::from(known_at))));
    let mut unsorted = panel(false);
    unsorted.swap(20, 60);
    let wide = vec![
        ("date", days(&[1, 2, 3])),
        ("A", nullable(&[Some(0.1), None, Some(0.3)])),
        ("B", floats(&[0.2; 3])),
    ];
    for columns in [value(&panel(false)), value(&panel(true)), known, value(&unsorted), wide] {
        for sealed_from in [None, Some(day(20))] {
            for kind in [GivenKind::Forecasts, GivenKind::Weights] {
                check_same(&folder, &columns, &format!("{kind:?}"), |input| {
                    let rows = GivenRows::open(input, kind.clone(), rule.clone(), sealed_from)
                        .map_err(|error| error.to_string())?;
                    let source = ParquetSource::open(&prices, None, Settings::default()).unwrap();
                    let mut source = WithUserData::new(Box::new(source), vec![rows]);
                    let (mut lines, mut frame) = (Vec::new(), Frame::default());
                    while source.next_frame(&mut frame).map_err(|error| error.to_string())? {
                        lines.push(format!("{frame:?}"));
                    }
                    Ok::<_, String>(lines)
                });
            }
        }
    }
}

#[test]
fn order_of_many_rows_equals_that_of_the_file() {
    let folder = Folder::new();
    // More rows than a row group of a table in memory, and than a batch.
    let rows: Vec<Row<'static>> = ["A", "B", "C", "D"]
        .into_iter()
        .flat_map(|symbol| (0..50_000).map(move |day| (day, symbol, Some(1.0 + f64::from(day % 100)))))
        .collect();
    let mut by_time = rows.clone();
    by_time.sort_by_key(|row| row.0);
    let (mut late, mut doubled) = (by_time.clone(), rows.clone());
    late.swap(150_000, 150_010);
    doubled[150_000].0 = doubled[149_999].0;
    for rows in [rows, by_time, late, doubled] {
        let (file, name) = file(&folder.path("large.parquet"), tidy(&rows));
        for settings in [
            Settings::default(),
            Settings { from: Some(day(20_000)), to: Some(day(30_000)), ..Settings::default() },
            Settings { from: Some(day(45_000)), ..Settings::default() },
            Settings { sealed_from: Some(day(17_000)), ..Settings::default() },
        ] {
            let expected = outcome(&file, None, &settings);
            for cut in [Cut::One, Cut::Rows(1000), Cut::Rows(30)] {
                let found = outcome(&memory(&name, &tidy(&rows), cut), None, &settings);
                assert!(found == expected, "{cut:?} {settings:?}");
            }
        }
    }
}

#[test]
fn tables_of_one_name_are_distinct() {
    let closes =
        |scale: f64| panel(true).into_iter().map(move |row| (row.0, row.1, row.2.map(|close| close * scale)));
    let read = |scale: f64| {
        let input = memory("prices", &tidy(&closes(scale).collect::<Vec<_>>()), Cut::One);
        crate::support::read(&input, Settings::default())
    };
    assert_ne!(read(1.0), read(2.0));
    assert_eq!(read(1.0), read(1.0));
}

fn digest(input: &Input) -> [u8; 32] {
    content_digest([input]).unwrap()
}

#[test]
fn digest_depends_on_contents_alone() {
    let rows = panel(false);
    let symbols: Vec<Option<&str>> =
        rows.iter().enumerate().map(|(at, row)| (at != 7).then_some(row.1)).collect();
    let mut others = symbols.clone();
    others[3] = Some("AB");
    for (form, other) in text_forms(&symbols).into_iter().zip(text_forms(&others)) {
        let mut columns = tidy(&rows);
        columns[1].1 = other;
        let different = digest(&memory("a", &columns, Cut::One));
        columns[1].1 = form;
        let expected = digest(&memory("a", &columns, Cut::One));
        assert_ne!(different, expected, "{:?}", columns[1].1.data_type());
        for cut in CUTS {
            assert_eq!(digest(&memory("b", &columns, cut)), expected, "{cut:?}");
        }
    }
    let mut seen = vec![digest(&memory("a", &tidy(&rows), Cut::One))];
    let mut changes: Vec<Table> = Vec::new();
    for at in [0, 50] {
        let mut changed = rows.clone();
        changed[at].2 = changed[at].2.map(|close| close + 1e-12);
        changes.push(tidy(&changed));
        changed[at].2 = None;
        changes.push(tidy(&changed));
        changed[at].2 = Some(0.0);
        changes.push(tidy(&changed));
        changed[at].1 = "AB";
        changes.push(tidy(&changed));
        changed[at].0 -= 1;
        changes.push(tidy(&changed));
    }
    changes.push(tidy(&rows[..rows.len() - 1]));
    changes.push(tidy(&rows).into_iter().rev().collect());
    let mut renamed = tidy(&rows);
    renamed[2].0 = "price";
    changes.push(renamed);
    for columns in changes {
        let found = digest(&memory("a", &columns, Cut::One));
        assert!(!seen.contains(&found));
        seen.push(found);
    }
    let batch = batch_of(&tidy(&rows));
    let twice = MemoryTable::new("a".into(), batch.schema(), vec![batch.clone(), batch]);
    assert!(!seen.contains(&digest(&Input::Memory(twice))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_table_is_read_as_its_file(
        rows in prop::collection::vec((0..30_i32, 0..5_usize, prop::option::weighted(0.9, 0.5..9.0_f64)), 0..120),
        order in 0..4_u8,
        swapped in (0..120_usize, 0..120_usize),
        forms in (0..64_usize, 0..64_usize),
        cut in 0..1000_u64,
        (from, to, seal) in (prop::option::of(-1..32_i64), prop::option::of(-1..32_i64), prop::option::of(-1..32_i64)),
        on_bad_row in prop::sample::select(vec![BadRow::Error, BadRow::Skip, BadRow::Report]),
    ) {
        const NAMES: [&str; 5] = ["A", "B", "C", "AA", " "];
        let mut rows: Vec<Row<'static>> =
            rows.into_iter().map(|(day, symbol, close)| (day, NAMES[symbol % if order == 0 { 5 } else { 4 }], close)).collect();
        match order {
            0 | 1 => rows.sort_by_key(|row| row.0),
            2 => rows.sort_by_key(|row| (row.1, row.0)),
            _ => {}
        }
        if order > 0 {
            rows.dedup_by_key(|row| (row.0, row.1));
        }
        if swapped.0 < rows.len() && swapped.1 < rows.len() && cut % 3 == 0 {
            rows.swap(swapped.0, swapped.1);
        }
        let folder = Folder::new();
        let mut columns = tidy(&rows);
        let (file, name) = file(&folder.path("table.parquet"), columns.clone());
        if !rows.is_empty() {
            let dates = time_forms(&rows.iter().map(|row| row.0).collect::<Vec<_>>());
            let symbols = text_forms(&rows.iter().map(|row| Some(row.1)).collect::<Vec<_>>());
            // Texts have no type of the time to compare, and their range is known only after reading.
            columns[0].1 = Arc::clone(&dates[forms.0 % 8]);
            columns[1].1 = Arc::clone(&symbols[forms.1 % symbols.len()]);
        }
        let time = |day: Option<i64>| day.map(crate::support::day);
        let settings = Settings { from: time(from), to: time(to), sealed_from: time(seal), on_bad_row, ..Settings::default() };
        let found = outcome(&memory(&name, &columns, Cut::Random(cut)), None, &settings);
        let expected = outcome(&file, None, &settings);
        let kind = columns[0].1.data_type();
        prop_assert_eq!(plain(found, kind), plain(expected, &DataType::Date32));
    }
}

#[test]
fn table_that_was_sorted_is_sorted_again_by_other_columns() {
    let folder = Folder::new();
    // Symbols one after another; the two columns of times interleave them differently.
    let columns: Table = vec![
        ("traded", days(&[1, 2, 3, 1, 2, 3])),
        ("settled", days(&[11, 12, 13, 10, 20, 30])),
        ("symbol", texts(&["A", "A", "A", "B", "B", "B"])),
        ("venue", texts(&["X", "X", "X", "Y", "Y", "Y"])),
        ("close", floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])),
    ];
    let of = |time: &str, symbol: &str, seal: Option<i64>| Settings {
        time: Some(time.to_owned()),
        symbol: Some(symbol.to_owned()),
        sealed_from: seal.map(day),
        ..Settings::default()
    };
    let all = [
        of("traded", "symbol", None),
        of("settled", "symbol", None),
        of("settled", "symbol", Some(13)),
        of("settled", "venue", Some(13)),
        of("traded", "venue", None),
        of("traded", "venue", Some(3)),
        of("traded", "symbol", None),
    ];
    let (file, name) = file(&folder.path("table.parquet"), columns.clone());
    // One table for all readers.
    let table = memory(&name, &columns, Cut::One);
    for settings in &all {
        for _ in 0..2 {
            let found = outcome(&table, None, settings);
            assert!(found.is_ok(), "{settings:?}: {found:?}");
            assert_eq!(found, outcome(&file, None, settings), "{settings:?}");
        }
    }
}

#[test]
fn record_batch_a_symbol_is_sorted() {
    let folder = Folder::new();
    // 70 days of each symbol: times step back only between record batches.
    for shared in [0, 1, 69] {
        let rows: Vec<Row<'static>> = ["A", "B", "C"]
            .into_iter()
            .enumerate()
            .flat_map(|(at, symbol)| {
                let first = (69 - shared) * (2 - at as i32);
                (first..first + 70).map(move |day| (day, symbol, Some(f64::from(day) + 1.0)))
            })
            .collect();
        let (file, name) = file(&folder.path("table.parquet"), tidy(&rows));
        for cut in [Cut::Rows(70), Cut::Rows(35), Cut::One] {
            let found = outcome(&memory(&name, &tidy(&rows), cut), None, &Settings::default());
            assert!(found.is_ok(), "{shared} {cut:?}: {found:?}");
            assert_eq!(found, outcome(&file, None, &Settings::default()), "{shared} {cut:?}");
        }
    }
}

#[test]
fn table_is_shown_by_its_name() {
    let shown = format!("{:?}", memory("prices of 2020", &tidy(&panel(false)), Cut::One));
    assert!(shown.contains("MemoryTable") && shown.contains("\"prices of 2020\""), "{shown}");
}

#[test]
fn time_outside_a_shift_is_an_error_of_its_row() {
    let folder = Folder::new();
    let late: ArrayRef = Arc::new(TimestampSecondArray::from(vec![0, i64::MAX / 1_000_000_000]));
    let columns = vec![("date", late), ("A", floats(&[1.0, 2.0]))];
    let time_is = betaflow_connectors::parquet::TimeIs::Open { bar_ns: TimestampNs(i64::MAX / 2).0 };
    let settings = Settings { time_is, ..Settings::default() };
    check_same(&folder, &columns, "shift", |input| outcome(input, None, &settings));
}

#[test]
fn columns_may_have_any_order() {
    let folder = Folder::new();
    for by_symbol in [false, true] {
        let columns = tidy(&panel(by_symbol));
        let (expected, _) = file(&folder.path("expected.parquet"), columns.clone());
        let expected = crate::support::read(&expected, Settings::default());
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let columns: Table = order.iter().map(|at| columns[*at].clone()).collect();
            check_same(&folder, &columns, &format!("{order:?}"), |input| {
                assert_eq!(crate::support::read(input, Settings::default()), expected, "{order:?}");
                outcome(input, None, &Settings::default())
            });
        }
    }
}

#[test]
fn table_in_the_order_of_its_symbols_is_described() {
    let folder = Folder::new();
    let rows: Vec<Row<'static>> =
        ["A", "B"].into_iter().flat_map(|symbol| (1..=3).map(move |day| (day, symbol, Some(1.0)))).collect();
    let mut columns = tidy(&rows);
    columns.push(("note", texts(&["x"; 6])));
    let (file, name) = file(&folder.path("table.parquet"), columns.clone());
    for (input, form) in [(file, "Parquet"), (memory(&name, &columns, Cut::One), "table")] {
        let facts: Vec<String> = crate::support::run(&input, None, Settings::default())
            .unwrap()
            .facts
            .warnings
            .iter()
            .filter_map(|warning| match warning {
                Warning::Imported { facts, .. } => Some(facts.clone()),
                _ => None,
            })
            .collect();
        let expected = format!(
            "{form} in the order of its symbols; time `date` as Date32; not read: `note`; 6 rows, 1970-01-02 to 1970-01-04; \
             sorted by time (2 rows followed a later one)"
        );
        assert_eq!(facts, [expected]);
    }
}

#[test]
fn invalid_time_of_a_table_in_the_order_of_its_symbols_is_located() {
    let folder = Folder::new();
    // The symbol changes at row 80; record batches of 70 rows begin at the rows 70 and 140.
    let valid: Vec<String> =
        (0..160).map(|row| betaflow_engine::time::Iso(day(row % 80)).to_string()).collect();
    let symbols = [["A"; 80], ["B"; 80]].concat();
    for at in [10, 79, 80, 85, 139, 140, 150, 159] {
        let mut times: Vec<&str> = valid.iter().map(String::as_str).collect();
        times[at] = "soon";
        let dates = ("date", texts(&times));
        let (symbol, close) = (("symbol", texts(&symbols)), ("close", floats(&[1.0; 160])));
        for columns in [vec![dates.clone(), symbol.clone(), close.clone()], vec![close, symbol, dates]] {
            check_same(&folder, &columns, &format!("row {at}"), |input| {
                let error = outcome(input, None, &Settings::default()).unwrap_err();
                let place = format!("row {at} (counting from 0), column `date`: found \"soon\"");
                assert!(error.contains(&place), "{error}");
                error.split(';').next().unwrap_or_default().to_owned()
            });
        }
    }
}

#[test]
fn record_batches_may_have_dictionaries_of_their_own() {
    for by_symbol in [false, true] {
        let rows = panel(by_symbol);
        for size in [1, 3, 70] {
            let of_rows = |rows: &[Row<'_>]| {
                let mut columns = tidy(rows);
                // Values in the order of their first row, so that a key has another text in each batch.
                let symbols: DictionaryArray<Int8Type> = rows.iter().map(|row| row.1).collect();
                columns[1].1 = Arc::new(symbols);
                batch_of(&columns)
            };
            let batches: Vec<_> = rows.chunks(size).map(of_rows).collect();
            let table = MemoryTable::new("prices".to_owned(), batches[0].schema(), batches);
            let table = Input::Memory(table);
            let plain = memory("prices", &tidy(&rows), Cut::Rows(size));
            for settings in ranges() {
                let expected = outcome(&plain, None, &settings);
                assert_eq!(outcome(&table, None, &settings), expected, "{size} {settings:?}");
            }
        }
    }
}

#[test]
fn progress_counts_the_rows_of_a_table_once() {
    // Times of text have no range before they are read; a row group has 65,536 rows.
    const ROWS: i64 = 80_000;
    let texts_of_days: Vec<String> =
        (0..ROWS).map(|at| betaflow_engine::time::Iso(day(at)).to_string()).collect();
    let times: [ArrayRef; 2] = [
        days(&(0..80_000).collect::<Vec<_>>()),
        texts(&texts_of_days.iter().map(String::as_str).collect::<Vec<_>>()),
    ];
    for dates in times {
        let kind = dates.data_type().clone();
        let input = memory("prices", &[("date", dates), ("A", floats(&[1.0; 80_000]))], Cut::One);
        for (settings, frames) in [
            (Settings::default(), 80_000),
            (Settings { to: Some(day(99)), ..Settings::default() }, 100),
            (Settings { sealed_from: Some(day(9_000)), ..Settings::default() }, 9_000),
            (Settings { from: Some(day(70_000)), to: Some(day(70_009)), ..Settings::default() }, 10),
        ] {
            let mut source = ParquetSource::open(&input, None, settings.clone()).unwrap();
            let progress = source.progress();
            let mut frame = Frame::default();
            while source.next_frame(&mut frame).unwrap() {
                assert!(progress.share() <= 1.0, "{kind} {settings:?}");
            }
            assert_eq!((source.facts().frames, progress.share()), (frames, 1.0), "{kind} {settings:?}");
        }
    }
}

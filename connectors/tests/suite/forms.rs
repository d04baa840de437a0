//! The same data in every form gives the same frames.

use betaflow_engine::execution::{FillAt, Need};
use betaflow_engine::frame::Field;
use std::sync::Arc;

use arrow_array::types::Int8Type;
use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Int32Array, LargeStringArray,
    StringArray, StringViewArray, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampSecondArray,
};
use betaflow_connectors::parquet::{Input, ParquetSource, Settings, TimeIs};
use betaflow_engine::frame::Frame;
use betaflow_engine::source::Source;
use betaflow_engine::time::{DAY_NS, TimestampNs};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::support::{
    Folder, Row, day, days, floats, line, nullable, read, run, stamps, texts, tidy, write_to,
};

/// B trades first; A and C are listed on day 2, in byte order; D has only null prices.
const ROWS: [Row<'static>; 8] = [
    (1, "B", Some(10.0)),
    (1, "C", None),
    (2, "C", Some(30.0)),
    (2, "A", Some(20.0)),
    (2, "B", None),
    (3, "D", None),
    (3, "B", Some(11.0)),
    (3, "A", Some(21.5)),
];

const FRAMES: [&str; 3] = ["0 d1 +B | 10", "1 d2 +A,C | - 20 30", "2 d3 + | 11 21.5 -"];

fn of_symbol(symbol: &str) -> Vec<Row<'static>> {
    ROWS.into_iter().filter(|row| row.1 == symbol).collect()
}

fn wide() -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("D", nullable(&[None, None, None])),
        ("Date", days(&[1, 2, 3])),
        ("C", nullable(&[None, Some(30.0), None])),
        ("B", nullable(&[Some(10.0), None, Some(11.0)])),
        ("A", nullable(&[None, Some(20.0), Some(21.5)])),
    ]
}

#[test]
fn every_form_of_the_same_data_gives_the_same_frames() {
    let folder = Folder::new();
    let mut reversed = ROWS;
    reversed.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(a.1)));
    let one = |name: &str, group: usize| folder.write_groups(name, tidy(&ROWS), group);
    for symbol in ["A", "B", "C", "D"] {
        folder.write(&format!("by_symbol/{symbol}.parquet"), tidy(&of_symbol(symbol)));
        let without = tidy(&of_symbol(symbol)).into_iter().filter(|column| column.0 != "symbol").collect();
        folder.write(&format!("hive/symbol={symbol}/part-0.parquet"), without);
    }
    for date in 1..=3 {
        let rows: Vec<Row<'_>> = ROWS.into_iter().filter(|row| row.0 == date).collect();
        folder.write(&format!("by_day/{date}.parquet"), tidy(&rows));
        let without = tidy(&rows).into_iter().filter(|column| column.0 != "date").collect();
        folder.write(&format!("hive_days/year=1970/date=1970-01-0{}/x.parquet", date + 1), without);
    }
    folder.write("split/a.parquet", tidy(&ROWS[..4]));
    folder.write("split/b.parquet", tidy(&ROWS[4..]));
    std::fs::write(folder.path("split/_SUCCESS.parquet"), "").unwrap();
    let Input::Path(path) = one("bytes.parquet", 100) else { unreachable!() };
    let bytes = Input::Bytes { name: "embedded".into(), bytes: std::fs::read(path).unwrap().into() };
    let cases = [
        ("tidy", one("tidy.parquet", 100)),
        ("symbols in another order", folder.write("reversed.parquet", tidy(&reversed))),
        ("a timestamp across row groups", one("groups.parquet", 1)),
        ("wide", folder.write("wide.parquet", wide())),
        ("a timestamp across files", folder.input("split")),
        ("a file a symbol", folder.input("by_symbol")),
        ("a file a day", folder.input("by_day")),
        ("hive partitions of symbols", folder.input("hive")),
        ("hive partitions of days", folder.input("hive_days")),
        ("bytes", bytes),
    ];
    for (form, input) in cases {
        assert_eq!(read(&input, Settings::default()), FRAMES, "{form}");
    }
}

/// Returns columns as pandas writes two column levels, with the field or the symbol first.
fn levels(field_first: bool, symbols: &[&str]) -> Vec<(String, ArrayRef)> {
    let name = |field: &str, symbol: &str| match field_first {
        true => format!("('{field}', '{symbol}')"),
        false => format!("('{symbol}', '{field}')"),
    };
    let mut columns = vec![("Date".to_owned(), days(&[1, 2, 3]))];
    for (at, field) in ["Adj Close", "Close", "High", "Low", "Open", "Volume"].into_iter().enumerate() {
        for (i, symbol) in symbols.iter().enumerate() {
            let base = 10.0 * (i as f64 + 1.0) + at as f64;
            columns.push((name(field, symbol), nullable(&[Some(base), None, Some(base + 0.5)])));
        }
    }
    columns
}

#[test]
fn two_column_levels_are_read_as_bars_by_symbol() {
    let folder = Folder::new();
    let write = |name: &str, columns: &[(String, ArrayRef)]| {
        folder.write(name, columns.iter().map(|(name, array)| (name.as_str(), array.clone())).collect())
    };
    let optional = [Field::Open, Field::Volume]
        .map(|field| betaflow_engine::assembly::FrameColumn { field, checked: true });
    let settings = Settings {
        optional: optional.into(),
        return_price: Some("Adj Close".to_owned()),
        ..Settings::default()
    };
    for symbols in [&["A", "B"][..], &["A"]] {
        let mut rows = Vec::new();
        for (day, change) in [(1, 0.0), (3, 0.5)] {
            rows.extend(
                symbols
                    .iter()
                    .enumerate()
                    .map(|(i, symbol)| (day, *symbol, 10.0 * (i as f64 + 1.0) + change)),
            );
        }
        let dates: Vec<i32> = rows.iter().map(|row| row.0).collect();
        let names: Vec<&str> = rows.iter().map(|row| row.1).collect();
        let column = |at: f64| floats(&rows.iter().map(|row| row.2 + at).collect::<Vec<_>>());
        let tidy = vec![
            ("date", days(&dates)),
            ("symbol", texts(&names)),
            ("Adj Close", column(0.0)),
            ("close", column(1.0)),
            ("open", column(4.0)),
            ("volume", column(5.0)),
        ];
        let known = run(&folder.write("tidy.parquet", tidy), None, settings.clone()).unwrap();
        assert_eq!(known.frames.len(), 2);
        let joined = |joint: char| {
            let columns = levels(false, symbols).into_iter().map(|(name, array)| {
                let name =
                    name.trim_matches(['(', ')']).replace("', '", &joint.to_string()).replace('\'', "");
                (name, array)
            });
            columns.collect::<Vec<_>>()
        };
        for columns in [levels(true, symbols), levels(false, symbols), joined('_'), joined('|')] {
            let found = run(&write("levels.parquet", &columns), None, settings.clone()).unwrap();
            assert_eq!(
                found.frames.iter().map(line).collect::<Vec<_>>(),
                known.frames.iter().map(line).collect::<Vec<_>>()
            );
            let volumes = |run: &crate::support::Run| {
                run.frames.iter().map(|frame| frame.volume.clone()).collect::<Vec<_>>()
            };
            assert_eq!(volumes(&found), volumes(&known));
        }
    }
}

#[test]
fn joined_names_are_two_levels_with_a_close_and_another_number_of_a_bar() {
    let folder = Folder::new();
    for (fields, are_levels) in [
        (&["close", "open"][..], true),
        (&["high", "close"], true),
        (&["close", "volume"], true),
        (&["close", "open", "high", "low", "volume"], true),
        (&["close"], false),
        (&["close", "low"], false),
        (&["close", "dividends"], false),
        (&["open"], false),
        (&["open", "high"], false),
        (&["volume", "open", "low"], false),
    ] {
        for joint in ['_', '|', ':', '/', '.', '-'] {
            let joined = |field: &str, symbol: &str, field_first: bool| match field_first {
                true => format!("{field}{joint}{symbol}"),
                false => format!("{symbol}{joint}{field}"),
            };
            for field_first in [true, false] {
                let mut names: Vec<String> = ["A", "B"]
                    .iter()
                    .flat_map(|symbol| fields.iter().map(|field| joined(field, symbol, field_first)))
                    .collect();
                let mut columns = vec![("date", days(&[1]))];
                columns.extend(names.iter().map(|name| (name.as_str(), floats(&[1.0]))));
                let frames =
                    run(&folder.write("f.parquet", columns), None, Settings::default()).unwrap().frames;
                let listed: Vec<&str> = frames[0].listed.iter().map(|symbol| &**symbol).collect();
                if are_levels {
                    assert_eq!(listed, ["A", "B"], "{names:?}");
                } else {
                    names.sort();
                    assert_eq!(listed, names);
                }
            }
        }
    }
}

#[test]
fn usual_names_and_iso_dates_are_recognised() {
    let folder = Folder::new();
    let expected = ["0 d1 +A,B | 1 2.5", "1 d2 + | 3 -"];
    let (symbols, closes) = (texts(&["A", "B", "A"]), floats(&[1.0, 2.5, 3.0]));
    let dates = ["1970-01-02", "1970-01-02", "1970-01-03"];
    let times = ["1970-01-02T00:00:00Z", "1970-01-02 00:00:00", "1970-01-03T01:00:00+01:00"];
    for (time, array) in [
        ("Date", days(&[1, 1, 2])),
        ("Datetime", stamps(&[DAY_NS, DAY_NS, 2 * DAY_NS])),
        ("date", texts(&dates)),
        ("datetime", texts(&times)),
    ] {
        for symbol in ["symbol", "Symbol", "ticker", "Ticker", "TICKER"] {
            let columns = vec![(time, array.clone()), (symbol, symbols.clone()), ("Close", closes.clone())];
            assert_eq!(read(&folder.write("names.parquet", columns), Settings::default()), expected);
        }
    }
    let wide = vec![
        ("date", texts(&["1970-01-02", "1970-01-03"])),
        ("A", floats(&[1.0, 3.0])),
        ("B", nullable(&[Some(2.5), None])),
    ];
    assert_eq!(read(&folder.write("wide.parquet", wide), Settings::default()), expected);
}

#[test]
fn every_type_of_a_column_is_read() {
    let symbols = ["A", "B", "A"];
    let times: [(&str, ArrayRef); 6] = [
        ("date", days(&[1, 1, 2])),
        ("Timestamp", Arc::new(TimestampSecondArray::from(vec![86_400, 86_400, 172_800]))),
        ("ts", Arc::new(TimestampMillisecondArray::from(vec![86_400_000, 86_400_000, 172_800_000]))),
        (
            "TIME",
            Arc::new(
                TimestampMicrosecondArray::from(vec![86_400_000_000, 86_400_000_000, 172_800_000_000])
                    .with_timezone("America/New_York"),
            ),
        ),
        ("ts", stamps(&[DAY_NS, DAY_NS, 2 * DAY_NS])),
        ("__index_level_0__", stamps(&[DAY_NS, DAY_NS, 2 * DAY_NS])),
    ];
    let dictionary: DictionaryArray<Int8Type> = symbols.into_iter().collect();
    let names: [ArrayRef; 4] = [
        Arc::new(StringArray::from(symbols.to_vec())),
        Arc::new(LargeStringArray::from(symbols.to_vec())),
        Arc::new(StringViewArray::from(symbols.to_vec())),
        Arc::new(dictionary),
    ];
    let decimals = Decimal128Array::from(vec![100, 250, 300]).with_precision_and_scale(20, 2).unwrap();
    let closes: [(ArrayRef, [&str; 2]); 4] = [
        (floats(&[1.0, 2.5, 3.0]), ["0 d1 +A,B | 1 2.5", "1 d2 + | 3 -"]),
        (Arc::new(Float32Array::from(vec![1.0, 2.5, 3.0])), ["0 d1 +A,B | 1 2.5", "1 d2 + | 3 -"]),
        (Arc::new(decimals), ["0 d1 +A,B | 1 2.5", "1 d2 + | 3 -"]),
        (Arc::new(Int32Array::from(vec![1, 2, 3])), ["0 d1 +A,B | 1 2", "1 d2 + | 3 -"]),
    ];
    let folder = Folder::new();
    for (time_name, time) in &times {
        for names in &names {
            for (close, expected) in &closes {
                let columns =
                    vec![(*time_name, time.clone()), ("symbol", names.clone()), ("close", close.clone())];
                let input = folder.write("types.parquet", columns);
                assert_eq!(
                    read(&input, Settings::default()),
                    expected,
                    "{:?} {:?} {:?}",
                    time.data_type(),
                    names.data_type(),
                    close.data_type()
                );
            }
        }
    }
}

#[test]
fn timestamp_may_span_record_batches() {
    let symbols: Vec<String> = (0..3000).map(|i| format!("S{i:04}")).collect();
    let mut rows = Vec::new();
    for date in 0..7 {
        rows.extend(symbols.iter().map(|symbol| (date, symbol.as_str(), Some(f64::from(date) + 1.0))));
    }
    let folder = Folder::new();
    let plain = WriterProperties::builder().set_dictionary_enabled(false).build();
    write_to(&folder.path("plain.parquet"), tidy(&rows), plain);
    for input in [folder.write_groups("dictionary.parquet", tidy(&rows), 5000), folder.input("plain.parquet")]
    {
        let run = run(&input, None, Settings::default()).unwrap();
        assert_eq!(run.frames.len(), 7);
        assert_eq!(run.frames[0].listed.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), symbols);
        for (date, frame) in (0..).zip(&run.frames) {
            assert_eq!(
                (frame.close.len(), frame.close.iter().sum::<f64>()),
                (3000, 3000.0 * f64::from(date + 1))
            );
        }
        assert_eq!((run.facts.rows, run.facts.instruments), (21_000, 3000));
    }
}

#[test]
fn from_and_to_bound_the_frames() {
    let folder = Folder::new();
    // Bad data outside the range has no effect.
    let rows = [
        (1, "A", Some(-1.0)),
        (2, "B", Some(2.0)),
        (3, "A", Some(3.0)),
        (4, "B", Some(4.0)),
        (5, "A", Some(f64::NAN)),
    ];
    let settings = |from, to| Settings { from: Some(day(from)), to: Some(to), ..Settings::default() };
    let expected = ["0 d2 +B | 2", "1 d3 +A | - 3", "2 d4 + | 4 -"];
    let none = WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None).build();
    write_to(&folder.path("none/a.parquet"), tidy(&rows[..2]), none.clone());
    write_to(&folder.path("none/b.parquet"), tidy(&rows[2..]), none);
    let inputs = [
        folder.write_groups("one.parquet", tidy(&rows), 1),
        folder.write("all.parquet", tidy(&rows)),
        folder.input("none"),
    ];
    for input in inputs {
        assert_eq!(read(&input, settings(2, day(4))), expected);
        assert_eq!(read(&input, settings(2, TimestampNs(day(5).0 - 1))), expected);
        let error = run(&input, None, settings(7, day(9))).err().unwrap();
        assert!(error.contains("found no price between 1970-01-08 and 1970-01-10"), "{error}");
    }
}

#[test]
fn bar_stamped_at_its_open_is_emitted_at_its_close() {
    let folder = Folder::new();
    let minute = 60_000_000_000;
    let columns = vec![
        ("ts", stamps(&[0, minute])),
        ("symbol", texts(&["A", "A"])),
        ("close", floats(&[1.0, 2.0])),
        ("Open", floats(&[0.5, 1.5])),
        ("adj_close", nullable(&[Some(10.0), None])),
    ];
    let input = folder.write("minutes.parquet", columns);
    let settings = Settings {
        time_is: TimeIs::Open { bar_ns: minute },
        from: Some(TimestampNs(minute)),
        required: vec![(Field::Open, Need::FillAt(FillAt::Open))],
        return_price: Some("adj_close".into()),
        ..Settings::default()
    };
    let expected = ["0 60000000000ns +A | 1 | o 0.5 | p 10", "1 120000000000ns + | 2 | o 1.5 | p -"];
    assert_eq!(read(&input, settings), expected);
}

#[test]
fn column_names_are_configurable_and_symbols_may_equal_column_names() {
    let folder = Folder::new();
    let columns = vec![
        ("when", days(&[1])),
        ("ticker", texts(&["A"])),
        ("px", floats(&[1.0])),
        ("first", floats(&[2.0])),
        ("note", texts(&["not read"])),
    ];
    let settings = Settings {
        time: Some("when".into()),
        symbol: Some("ticker".into()),
        price: "px".into(),
        names: vec![(Field::Open, "first".into())],
        required: vec![(Field::Open, Need::FillAt(FillAt::Open))],
        ..Settings::default()
    };
    let input = folder.write("names.parquet", columns);
    assert_eq!(read(&input, settings), ["0 d1 +A | 1 | o 2"]);
    let columns =
        vec![("date", days(&[1])), ("LOW", floats(&[1.0])), ("OPEN", floats(&[2.0])), ("TS", floats(&[3.0]))];
    let input = folder.write("tickers.parquet", columns);
    assert_eq!(read(&input, Settings::default()), ["0 d1 +LOW,OPEN,TS | 1 2 3"]);
    let columns = vec![
        ("date", Arc::new(Date32Array::from(vec![1])) as ArrayRef),
        ("timestamp", stamps(&[DAY_NS + 1])),
        ("symbol", texts(&["A"])),
        ("close", floats(&[1.0])),
    ];
    let input = folder.write("both.parquet", columns);
    assert_eq!(read(&input, Settings::default()), ["0 86400000000001ns +A | 1"]);
}

#[test]
fn progress_counts_every_row_once() {
    let folder = Folder::new();
    let rows: Vec<Row<'_>> = (0..100).map(|date| (date, "A", Some(1.0))).collect();
    folder.write_groups("all/a.parquet", tidy(&rows[..50]), 10);
    folder.write_groups("all/b.parquet", tidy(&rows[50..]), 10);
    for (from, to, frames) in [(0, 99, 100), (25, 64, 40), (60, 60, 1)] {
        let settings = Settings { from: Some(day(from)), to: Some(day(to)), ..Settings::default() };
        let mut source = ParquetSource::open(&folder.input("all"), None, settings).unwrap();
        let progress = source.progress();
        assert!(progress.share() < 1.0);
        let mut frame = Frame::default();
        while source.next_frame(&mut frame).unwrap() {
            assert!(progress.rows() > 0 && progress.share() <= 1.0);
        }
        assert_eq!((source.facts().frames, progress.share()), (frames, 1.0));
    }
}

#[test]
fn progress_counts_the_rows_behind_the_range_once() {
    let folder = Folder::new();
    let none = WriterProperties::builder()
        .set_statistics_enabled(EnabledStatistics::None)
        .set_max_row_group_row_count(Some(9_000));
    // One row a day, in two row groups without statistics; the range ends in the first batch, of 8,192 rows.
    let dates: Vec<i32> = (0..10_000).collect();
    let daily = vec![("date", days(&dates)), ("A", floats(&[1.0; 10_000]))];
    write_to(&folder.path("both/a.parquet"), daily, none.clone().build());
    let seconds: Vec<i64> = (1..=5_000).map(|second| day(100).0 + second * 1_000_000_000).collect();
    let dense = vec![("date", stamps(&seconds)), ("B", floats(&[2.0; 5_000]))];
    write_to(&folder.path("both/b.parquet"), dense, none.build());
    let end = TimestampNs(seconds[4_999] + 1);
    for settings in [
        Settings { to: Some(end), ..Settings::default() },
        Settings { sealed_from: Some(end), ..Settings::default() },
    ] {
        let mut source = ParquetSource::open(&folder.input("both"), None, settings.clone()).unwrap();
        let progress = source.progress();
        let mut frame = Frame::default();
        while frame.timestamp < day(100) {
            assert!(source.next_frame(&mut frame).unwrap());
        }
        // The first file is done, of the second at most the first row was read.
        assert_eq!(progress.share(), 10_000.0 / 15_000.0, "{settings:?}");
        while source.next_frame(&mut frame).unwrap() {}
        assert_eq!((source.facts().frames, progress.share()), (5_101, 1.0), "{settings:?}");
    }
}

#[test]
fn files_without_statistics_are_merged_by_their_first_rows() {
    let folder = Folder::new();
    let none = WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None).build();
    // Before 1970 and after; names in another order than the times.
    for start in [-10, -3, 0, 7] {
        let rows = |symbol: &'static str, first: i32, last: i32| -> Vec<Row<'static>> {
            (first..=last).map(|day| (start + day, symbol, Some(f64::from(day) + 1.0))).collect()
        };
        let files = [("a", rows("A", 2, 5)), ("b", rows("B", 0, 3)), ("c", rows("C", 4, 6))];
        let mut all: Vec<Row<'_>> = Vec::new();
        for (name, rows) in &files {
            write_to(&folder.path(&format!("{start}/{name}.parquet")), tidy(rows), none.clone());
            all.extend(rows);
        }
        all.sort_by_key(|row| row.0);
        let expected = read(&folder.write("all.parquet", tidy(&all)), Settings::default());
        assert_eq!(expected.len(), 7);
        assert_eq!(read(&folder.input(&start.to_string()), Settings::default()), expected, "{start}");
    }
}

#[test]
fn size_counts_the_bars_of_all_symbols() {
    let folder = Folder::new();
    let rows: Vec<Row<'_>> =
        (1..=10).flat_map(|day| ["A", "B", "C"].map(|symbol| (day, symbol, Some(1.0)))).collect();
    let mut columns = vec![("date", days(&(1..=10).collect::<Vec<_>>()))];
    columns.extend(["A", "B", "C"].map(|symbol| (symbol, floats(&[1.0; 10]))));
    folder.write("split/a.parquet", tidy(&rows[..12]));
    folder.write("split/b.parquet", tidy(&rows[12..]));
    let inputs = [
        ("tidy", folder.write_groups("tidy.parquet", tidy(&rows), 6)),
        ("wide", folder.write_groups("wide.parquet", columns, 2)),
        ("files", folder.input("split")),
    ];
    for (name, input) in &inputs {
        let size = ParquetSource::open(input, None, Settings::default()).unwrap().size().unwrap();
        assert_eq!((size.bars, size.times), (30.0, (day(1), day(10))), "{name}");
    }
    // A file of one time has all its bars there; the bars of others are spread evenly over time.
    let one = folder.write("one.parquet", tidy(&[(3, "A", Some(1.0)), (3, "B", Some(1.0))]));
    let none = WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None).build();
    write_to(&folder.path("none.parquet"), tidy(&rows), none);
    let part = |from, to| Settings { from: Some(day(from)), to: Some(day(to)), ..Settings::default() };
    let sealed = Settings { sealed_from: Some(day(7)), ..Settings::default() };
    let cases = [
        (&one, Settings::default(), Some((2.0, day(3), day(3)))),
        (&one, part(1, 9), Some((2.0, day(3), day(3)))),
        (&inputs[0].1, part(1, 10), Some((30.0, day(1), day(10)))),
        // Row groups of two days with six bars each.
        (&inputs[0].1, part(2, 5), Some((6.0, day(2), day(5)))),
        (&inputs[0].1, part(3, 4), Some((6.0, day(3), day(4)))),
        // The row group with the start of the hold-out is not counted, nor are those behind it.
        (&inputs[0].1, sealed, Some((18.0, day(1), day(6)))),
        (&folder.input("none.parquet"), Settings::default(), None),
    ];
    for (input, settings, expected) in cases {
        let size = ParquetSource::open(input, None, settings.clone()).unwrap().size();
        let found = size.map(|size| (size.bars, size.times.0, size.times.1));
        assert_eq!(found, expected, "{settings:?}");
    }
    // The file before the wanted time has several rows of each time too.
    let settings = Settings { from: Some(day(5)), ..Settings::default() };
    assert_eq!(read(&folder.input("split"), settings).len(), 6);
}

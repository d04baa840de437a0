//! Statistics of a Parquet file decide which row groups are read. They may be missing; a false one is a located error or
//! changes nothing. Rows behind the start of the hold-out have no effect, with statistics and without them.

use std::sync::Arc;

use arrow_array::ArrayRef;
use betaflow_connectors::WithUserData;
use betaflow_connectors::parquet::{
    BadRow, DateRule, GivenKind, GivenRows, Input, MemoryTable, ParquetSource, ReturnRows, Settings,
    read_benchmark, read_returns,
};
use betaflow_engine::frame::Frame;
use betaflow_engine::source::Source as _;
use betaflow_engine::time::{Iso, Zone};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::pages::FileParts;
use crate::support::arrow_tables::{Cut, batch_of, memory, outcome};
use crate::support::{Table, day, days, floats, texts, tidy};
use crate::thrift::Node;

/// Name of the file in errors.
const NAME: &str = "f.parquet";
/// Rows of a row group of a table with one row a day.
const GROUP_DAYS: i32 = 10;
const DAYS: i32 = 30;

/// Numbers that are prices, returns, weights and forecasts.
fn numbers(rows: usize) -> ArrayRef {
    floats(&(0..rows).map(|row| 0.01 * (1 + row % 7) as f64).collect::<Vec<_>>())
}

/// One row a day with these columns.
fn series(dates: &[i32], names: &[&'static str]) -> Table {
    let mut columns = vec![("date", days(dates))];
    columns.extend(names.iter().map(|name| (*name, numbers(dates.len()))));
    columns
}

/// Two symbols a day with one number.
fn of_symbols(dates: &[i32], name: &'static str) -> Table {
    let twice: Vec<i32> = dates.iter().flat_map(|day| [*day, *day]).collect();
    let symbols: Vec<&str> = dates.iter().flat_map(|_| ["A", "B"]).collect();
    vec![("date", days(&twice)), ("symbol", texts(&symbols)), (name, numbers(twice.len()))]
}

type ReadInput = fn(&Input, &Settings) -> Result<Vec<String>, String>;

/// Reader of a kind of file, with a table for it and the rows of each day.
struct Reader {
    name: &'static str,
    table: fn(&[i32]) -> Table,
    rows_per_day: usize,
    read: ReadInput,
}

/// Settings with the hold-out alone.
fn sealed(settings: &Settings) -> Settings {
    Settings { sealed_from: settings.sealed_from, ..Settings::default() }
}

fn prices() -> Input {
    memory("prices", &of_symbols(&(0..DAYS).collect::<Vec<_>>(), "close"), Cut::One)
}

fn forecasts(input: &Input, settings: &Settings) -> Result<Vec<String>, String> {
    let rule = DateRule { frames_per_day: 1, open_bar_ns: 0, zone: Zone::UTC };
    let rows = GivenRows::open(input, GivenKind::Forecasts, rule, settings.sealed_from)
        .map_err(|error| error.to_string())?;
    let source = ParquetSource::open(&prices(), None, Settings::default()).unwrap();
    let mut source = WithUserData::new(Box::new(source), vec![rows]);
    let (mut lines, mut frame) = (Vec::new(), Frame::default());
    while source.next_frame(&mut frame).map_err(|error| error.to_string())? {
        lines.push(format!("{:?}", frame.given));
    }
    Ok(lines)
}

const READERS: [Reader; 8] = [
    Reader {
        name: "prices",
        table: |dates| of_symbols(dates, "close"),
        rows_per_day: 2,
        read: |input, settings| outcome(input, None, settings),
    },
    Reader {
        name: "wide prices",
        table: |dates| series(dates, &["A", "B"]),
        rows_per_day: 1,
        read: |input, settings| outcome(input, None, settings),
    },
    Reader {
        name: "factors",
        table: |dates| series(dates, &["mkt", "smb"]),
        rows_per_day: 1,
        read: |input, settings| outcome(&prices(), Some(input), &sealed(settings)),
    },
    Reader {
        name: "joined factors",
        table: |dates| series(dates, &["mkt", "smb"]),
        rows_per_day: 1,
        read: |input, settings| {
            let other = memory("other", &series(&(0..DAYS).collect::<Vec<_>>(), &["hml"]), Cut::One);
            let both = Input::Several(vec![input.clone(), other]);
            outcome(&prices(), Some(&both), &sealed(settings))
        },
    },
    Reader {
        name: "benchmark of returns",
        table: |dates| series(dates, &["return"]),
        rows_per_day: 1,
        read: |input, settings| {
            let rule = read_benchmark(input, settings.sealed_from).map_err(|error| error.to_string())?;
            Ok(vec![format!("{rule:?}")])
        },
    },
    Reader {
        name: "benchmark of weights",
        table: |dates| of_symbols(dates, "weight"),
        rows_per_day: 2,
        read: |input, settings| {
            let rule = read_benchmark(input, settings.sealed_from).map_err(|error| error.to_string())?;
            Ok(vec![format!("{rule:?}")])
        },
    },
    Reader {
        name: "returns",
        table: |dates| series(dates, &["x", "y"]),
        rows_per_day: 1,
        read: |input, settings| {
            let Settings { from, to, sealed_from, .. } = *settings;
            let rows = ReturnRows { what: "returns", from, to, sealed_from, ..ReturnRows::default() };
            let table = read_returns(input, &rows).map_err(|error| error.to_string())?;
            Ok(vec![format!("{table:?}")])
        },
    },
    Reader {
        name: "forecasts",
        table: |dates| of_symbols(dates, "forecast"),
        rows_per_day: 2,
        read: forecasts,
    },
];

/// File with several pages in each column chunk.
fn written(columns: &Table, group: usize, page: usize, statistics: EnabledStatistics) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .set_data_page_row_count_limit(page)
        .set_write_batch_size(page)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(statistics)
        .set_write_page_header_statistics(true);
    let batch = batch_of(columns);
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn finished(mut file: FileParts) -> Vec<u8> {
    let pages = file.laid_out();
    file.finished(pages)
}

fn input(bytes: &[u8]) -> Input {
    Input::Bytes { name: NAME.to_owned(), bytes: bytes.to_vec().into() }
}

/// Table that the reader of the `parquet` crate finds in the file. It uses no statistics.
fn independent(bytes: &[u8]) -> Input {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::copy_from_slice(bytes)).unwrap();
    let schema = Arc::clone(builder.schema());
    let batches = builder.build().unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    Input::Memory(MemoryTable::new(NAME.to_owned(), schema, batches))
}

/// Row groups of the footer, each with its column chunks.
fn chunk_mut(file: &mut FileParts, group: usize, column: usize) -> &mut Node {
    let Some(Node::List(_, groups)) = file.footer.field_mut(4) else { panic!("row groups") };
    let Some(Node::List(_, chunks)) = groups[group].field_mut(1) else { panic!("column chunks") };
    &mut chunks[column]
}

/// Sets the bounds of the times of a row group.
fn set_times(file: &mut FileParts, group: usize, (first, last): (i32, i32)) {
    let statistics = chunk_mut(file, group, 0).field_mut(3).and_then(|column| column.field_mut(12)).unwrap();
    let mut changed = 0;
    for (id, time) in [(1, last), (2, first), (5, last), (6, first)] {
        if let Some(Node::Binary(bytes)) = statistics.field_mut(id) {
            *bytes = time.to_le_bytes().to_vec();
            changed += 1;
        }
    }
    assert!(changed >= 2, "a minimum and a maximum");
}

/// Inverts every bound below a node; returns their number.
fn invert(node: &mut Node) -> usize {
    let mut changed = 0;
    node.visit(|node| {
        if let Node::Binary(bytes) = node {
            bytes.iter_mut().for_each(|byte| *byte = !*byte);
            changed += 1;
        }
    });
    changed
}

fn ranges() -> Vec<Settings> {
    let sealed_from = |at| Settings { sealed_from: Some(day(at)), ..Settings::default() };
    let range = |from, to| Settings { from: Some(day(from)), to: Some(day(to)), ..Settings::default() };
    vec![
        Settings::default(),
        range(12, 15),
        range(0, 5),
        range(25, 29),
        sealed_from(3),
        sealed_from(15),
        sealed_from(25),
        Settings { from: Some(day(2)), to: Some(day(6)), ..sealed_from(22) },
    ]
}

#[test]
fn false_time_statistic_is_a_located_error_or_harmless() {
    // Bounds of the days 10 to 19, and true if these are all inside.
    let cases = [
        ((10, 19), true),
        ((20, 29), false),
        ((0, 9), false),
        ((12, 19), false),
        ((10, 17), false),
        ((19, 10), false),
        ((-50, -40), false),
        ((0, 29), true),
        ((10, 40), true),
        ((-1_000, 1_000), true),
        ((i32::MIN, i32::MAX), true),
    ];
    let dates: Vec<i32> = (0..DAYS).collect();
    for reader in READERS {
        let group = GROUP_DAYS as usize * reader.rows_per_day;
        let whole = written(&(reader.table)(&dates), group, 6, EnabledStatistics::Chunk);
        for (bounds, are_inside) in cases {
            let mut file = FileParts::of(&whole).unwrap();
            set_times(&mut file, 1, bounds);
            let bytes = finished(file);
            for settings in ranges() {
                let found = (reader.read)(&input(&bytes), &settings);
                let case = format!("{}, {bounds:?}, {settings:?}: {found:?}", reader.name);
                let seal = settings.sealed_from.map_or(i64::MAX, |seal| seal.date());
                let expected = (reader.read)(&independent(&bytes), &settings);
                // A row group reaches the hold-out by its statistics, and the next one has days before it.
                let reaches = are_inside && bounds.1 < i32::MAX && i64::from(bounds.1) >= seal && seal > 20;
                let hides = reaches && (settings.to.is_none() || !reader.name.ends_with("prices"));
                // Forecasts are read up to the hold-out.
                let is_read = reader.name != "forecasts" || seal > 10;
                match found {
                    Err(error) if hides => {
                        assert!(error.contains("f.parquet: row group 2 (rows "), "{case}");
                        assert!(error.contains("leave it out, but it contains 1970-01-21"), "{case}");
                    }
                    // Days that are no time in ns are no statistic.
                    found if are_inside => assert!(!hides && found == expected, "{case}"),
                    Err(error) => {
                        assert!(error.contains("f.parquet: row group 1 (rows "), "{case}");
                        assert!(error.contains("its statistics give times from "), "{case}");
                    }
                    found => assert!(!is_read && found == expected, "{case}"),
                }
            }
        }
    }
}

#[test]
fn statistics_of_numbers_texts_and_pages_are_not_used() {
    let dates: Vec<i32> = (0..DAYS).collect();
    for reader in READERS {
        let group = GROUP_DAYS as usize * reader.rows_per_day;
        let whole = written(&(reader.table)(&dates), group, 3, EnabledStatistics::Page);
        let mut file = FileParts::of(&whole).unwrap();
        let columns = file.chunks[0].len();
        let (mut of_chunks, mut of_pages, mut of_indexes) = (0, 0, 0);
        for (group, column) in (0..3).flat_map(|group| (0..columns).map(move |column| (group, column))) {
            let chunk = chunk_mut(&mut file, group, column);
            if column > 0 {
                let statistics = chunk.field_mut(3).and_then(|column| column.field_mut(12));
                of_chunks += invert(statistics.unwrap());
            }
            for page in &mut file.chunks[group][column] {
                let statistics = page.header.field_mut(5).and_then(|data| data.field_mut(5));
                of_pages += statistics.map_or(0, invert);
            }
        }
        let mut bytes = finished(file.clone());
        // The index of the pages of each chunk lies between the pages and the footer.
        let changed = FileParts::of(&bytes).unwrap();
        for chunk in changed
            .footer
            .field(4)
            .unwrap()
            .elements()
            .iter()
            .flat_map(|group| group.field(1).unwrap().elements())
        {
            let [at, length] = [6, 7].map(|id| usize::try_from(chunk.int(id).unwrap()).unwrap());
            let (mut index, read) = crate::thrift::read(&bytes[at..at + length]).unwrap();
            of_indexes += invert(&mut index);
            assert_eq!((read, index.bytes().len()), (length, length));
            bytes[at..at + length].copy_from_slice(&index.bytes());
        }
        let least = 2 * 3 * columns;
        assert!(of_chunks + 6 >= least && of_pages >= least && of_indexes >= least, "{}", reader.name);
        for settings in ranges() {
            let (found, expected) =
                [input(&bytes), independent(&whole)].map(|input| (reader.read)(&input, &settings)).into();
            assert_eq!(found, expected, "{}, {settings:?}", reader.name);
        }
    }
}

#[test]
fn file_in_the_order_of_its_symbols_is_not_misread_by_its_statistics() {
    let symbols: Vec<&str> = ["A", "B"].into_iter().flat_map(|symbol| [symbol; 30]).collect();
    let dates: Vec<i32> = (0..2).flat_map(|_| 0..DAYS).collect();
    let columns = vec![("date", days(&dates)), ("symbol", texts(&symbols)), ("close", numbers(60))];
    let whole = written(&columns, 20, 6, EnabledStatistics::Chunk);
    for (bounds, is_read) in [
        (vec![], true),
        // The row groups seem to follow one another.
        (vec![(1, (20, 29)), (2, (30, 49))], false),
        (vec![(1, (50, 60))], true),
        (vec![(1, (0, 5))], true),
    ] {
        let mut file = FileParts::of(&whole).unwrap();
        bounds.iter().for_each(|(group, times)| set_times(&mut file, *group, *times));
        let bytes = finished(file);
        for settings in ranges() {
            let found = outcome(&input(&bytes), None, &settings);
            if is_read {
                assert_eq!(found, outcome(&independent(&bytes), None, &settings), "{bounds:?} {settings:?}");
            } else {
                let error = found.unwrap_err();
                assert!(error.contains("row group 1 (rows 20 to 39"), "{settings:?}: {error}");
            }
        }
    }
}

#[test]
fn last_row_before_a_false_start_of_the_hold_out_is_not_lost() {
    // Two rows of one day in two row groups, the first with a statistic behind the start of the hold-out.
    let rows = [(0, "A", Some(1.0)), (0, "B", Some(2.0)), (30, "A", Some(3.0))];
    let whole = written(&tidy(&rows), 1, 1, EnabledStatistics::Chunk);
    let settings = Settings { sealed_from: Some(day(20)), ..Settings::default() };
    assert!(outcome(&input(&whole), None, &settings).is_ok());
    let mut file = FileParts::of(&whole).unwrap();
    set_times(&mut file, 0, (0, 40));
    let error = outcome(&input(&finished(file)), None, &settings).unwrap_err();
    assert!(error.contains("f.parquet: row group 1 (rows 1 to 1, "), "{error}");
    assert!(error.contains("leave it out, but it contains 1970-01-01"), "{error}");
}

#[test]
fn early_row_behind_the_hold_out_is_out_of_order() {
    let mut dates: Vec<i32> = (0..DAYS).collect();
    dates[25] = 5;
    let bytes = written(&series(&dates, &["A"]), 10, 10, EnabledStatistics::Chunk);
    let settings = |on_bad_row| Settings { sealed_from: Some(day(15)), on_bad_row, ..Settings::default() };
    for on_bad_row in [BadRow::Skip, BadRow::Report] {
        let found = outcome(&input(&bytes), None, &settings(on_bad_row));
        assert!(found.is_ok(), "{found:?}");
        assert_eq!(found, outcome(&independent(&bytes), None, &settings(on_bad_row)));
        let run = crate::support::run(&input(&bytes), None, settings(on_bad_row)).unwrap();
        assert_eq!((run.frames.len(), run.facts.skipped), (15, 1));
    }
    let error = outcome(&input(&bytes), None, &settings(BadRow::Error)).unwrap_err();
    assert!(error.contains("f.parquet: row 25 (counting from 0), column `date`"), "{error}");
}

#[test]
fn damaged_numbers_of_the_hold_out_have_no_effect() {
    let dates: Vec<i32> = (0..DAYS).collect();
    let long: Vec<i32> = (0..12_000).collect();
    for reader in READERS {
        // Other row groups than that of the hold-out's start, and later pages of the same row group.
        let cases = [(&dates, GROUP_DAYS as usize, 6, 0, 1), (&long, 12_000, 500, 18, 0)];
        for (dates, group, page, first_page, first_group) in cases {
            for statistics in [EnabledStatistics::None, EnabledStatistics::Chunk] {
                let table = (reader.table)(dates);
                let whole = written(&table, group * reader.rows_per_day, page, statistics);
                let mut file = FileParts::of(&whole).unwrap();
                let number = table.len() - 1;
                for chunk in &mut file.chunks[first_group..] {
                    let first_page = first_page * reader.rows_per_day;
                    assert!(chunk[number].len() > first_page);
                    chunk[number][first_page..].iter_mut().for_each(|page| page.body.fill(0xa5));
                }
                let damaged = input(&finished(file));
                let case = format!("{}, {} days, {statistics:?}", reader.name, dates.len());
                for seal in [3, 9] {
                    let settings = Settings { sealed_from: Some(day(seal)), ..Settings::default() };
                    let expected = (reader.read)(&input(&whole), &settings);
                    assert!(expected.is_ok(), "{case}: {expected:?}");
                    assert_eq!((reader.read)(&damaged, &settings), expected, "{case}, {seal}");
                }
                // Forecasts behind the last frame are not read.
                if first_group == 1 {
                    assert!((reader.read)(&damaged, &Settings::default()).is_err(), "{case}");
                }
            }
        }
    }
}

#[test]
fn row_out_of_order_is_located_in_any_batch() {
    // Batches have 8,192 rows.
    const ROWS: i32 = 20_000;
    for at in [1_usize, 50, 101, 8_191, 8_192, 8_193, 9_999, 10_000, 10_001, 18_192, 19_999] {
        let mut dates: Vec<i32> = (0..ROWS).collect();
        dates.swap(at - 1, at);
        for statistics in [EnabledStatistics::None, EnabledStatistics::Chunk] {
            for reader in READERS.iter().filter(|reader| reader.rows_per_day == 1) {
                let bytes = written(&(reader.table)(&dates), 10_000, 20_000, statistics);
                for settings in [
                    Settings { to: Some(day(100)), ..Settings::default() },
                    Settings { sealed_from: Some(day(100)), ..Settings::default() },
                ] {
                    let error = (reader.read)(&input(&bytes), &settings).unwrap_err();
                    let place = format!("f.parquet: row {at} (counting from 0), column `date`");
                    assert!(error.contains(&place), "{}, {settings:?}: {error}", reader.name);
                }
            }
        }
    }
}

#[test]
fn invalid_time_is_located_in_any_row_group() {
    let dates: Vec<i32> = (0..DAYS).collect();
    for reader in READERS {
        let mut table = (reader.table)(&dates);
        let rows = table[0].1.len();
        let days_of = (0..rows).map(|row| day((row / reader.rows_per_day) as i64));
        let valid: Vec<String> = days_of.map(|day| Iso(day).to_string()).collect();
        for at in [0, 1, 6, 7, 9, 15, rows - 1] {
            let mut times: Vec<&str> = valid.iter().map(String::as_str).collect();
            times[at] = "soon";
            table[0].1 = texts(&times);
            let bytes = written(&table, 7, 3, EnabledStatistics::Chunk);
            for settings in
                [Settings::default(), Settings { sealed_from: Some(day(1)), ..Settings::default() }]
            {
                // Forecasts are read up to the hold-out.
                if settings.sealed_from.is_some() && reader.name == "forecasts" {
                    continue;
                }
                let place = format!("f.parquet: row {at} (counting from 0), column `date`: found \"soon\"");
                for input in [input(&bytes), independent(&bytes)] {
                    let error = (reader.read)(&input, &settings).unwrap_err();
                    assert!(error.contains(&place), "{}, {settings:?}: {error}", reader.name);
                }
            }
        }
    }
}

//! One table as a Parquet file and in memory, divided in several ways.

use std::fmt::Debug;
use std::path::Path;

use arrow_array::types::{
    Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    ArrayRef, Date32Array, Date64Array, DictionaryArray, Int64Array, LargeStringArray, RecordBatch,
    StringArray, StringViewArray, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray, TimestampSecondArray,
};
use arrow_schema::DataType;
use betaflow_connectors::parquet::{Input, MemoryTable, ParquetSource, Settings};
use betaflow_engine::frame::Frame;
use betaflow_engine::source::Source as _;
use betaflow_engine::time::DAY_NS;
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

use super::{Row, Table, days, floats, texts, tidy, write_to};

/// Division of a table into record batches. All but `One` give arrays with offsets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    One,
    Each,
    Rows(usize),
    Random(u64),
}

pub(crate) const CUTS: [Cut; 6] =
    [Cut::One, Cut::Each, Cut::Rows(3), Cut::Rows(70), Cut::Random(1), Cut::Random(2)];

pub(crate) fn batch_of(columns: &[(&str, ArrayRef)]) -> RecordBatch {
    let columns = columns.iter().map(|(name, array)| (*name, Arc::clone(array), true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// Returns the table in memory under `name`.
pub(crate) fn memory(name: &str, columns: &[(&str, ArrayRef)], cut: Cut) -> Input {
    let batch = batch_of(columns);
    let (rows, mut batches, mut at) = (batch.num_rows(), Vec::new(), 0);
    let mut state = if let Cut::Random(seed) = cut { seed } else { 0 };
    while at < rows {
        let length = match cut {
            Cut::One => rows,
            Cut::Each => 1,
            Cut::Rows(length) => length,
            Cut::Random(_) => {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Some batches are empty.
                (state >> 33) as usize % 100
            }
        };
        let length = length.min(rows - at);
        batches.push(batch.slice(at, length));
        at += length;
    }
    Input::Memory(MemoryTable::new(name.to_owned(), batch.schema(), batches))
}

/// Writes the table as a file of one row group, and returns it with its path.
pub(crate) fn file(path: &Path, columns: Table) -> (Input, String) {
    write_to(path, columns, WriterProperties::default());
    (Input::from(path), path.display().to_string())
}

/// Text of all frames, bit by bit except the bits of a NaN, of the facts and of skipped rows; or of the error.
pub(crate) fn outcome(
    prices: &Input,
    factors: Option<&Input>,
    settings: &Settings,
) -> Result<Vec<String>, String> {
    let mut source = ParquetSource::open(prices, factors, settings.clone())
        .map_err(|error| format!("{error} {error:?}"))?;
    let (mut lines, mut frame) = (Vec::new(), Frame::default());
    while source.next_frame(&mut frame).map_err(|error| error.to_string())? {
        lines.push(format!("{frame:?}"));
    }
    lines.push(format!("{:?}", source.take_refused()));
    // The note about the order names the kind of the input.
    lines.push(format!("{:?}", source.facts()).replace("Parquet in the order", "table in the order"));
    Ok(lines)
}

/// Removes what depends on the type of the time: its name in the note about the order, and the range of the data in
/// an error, which is known only of times that are not texts.
pub(crate) fn plain(outcome: Result<Vec<String>, String>, time: &DataType) -> Result<Vec<String>, String> {
    let kind = time.to_string().replace('"', "\\\"");
    let lines = |lines: Vec<String>| {
        lines.into_iter().map(|line| line.replace(&format!("as {kind};"), "as its type;")).collect()
    };
    let error = |error: String| error.split(", expected a range").next().unwrap_or_default().to_owned();
    outcome.map(lines).map_err(error)
}

/// Checks that a reader gives the same for the file and for the table in every division.
#[track_caller]
pub(crate) fn check_same<T: PartialEq + Debug>(
    folder: &super::Folder,
    columns: &Table,
    what: &str,
    mut read: impl FnMut(&Input) -> T,
) {
    let (file, name) = file(&folder.path("table.parquet"), columns.clone());
    let expected = read(&file);
    for cut in CUTS {
        assert_eq!(read(&memory(&name, columns, cut)), expected, "{what}, {cut:?}");
    }
}

/// The texts as every type of text.
pub(crate) fn text_forms(texts: &[Option<&str>]) -> Vec<ArrayRef> {
    let mut values: Vec<Option<&str>> = texts.to_vec();
    values.sort_unstable();
    values.dedup();
    let key = |text: &Option<&str>| values.iter().position(|value| value == text).map(|key| key as u8 + 1);
    let keys: Vec<Option<u8>> = texts.iter().map(|text| text.and(key(text))).collect();
    // A category without a row, a repeated one, and a null.
    let mut all = vec![Some("UNUSED")];
    all.extend(values.iter().copied());
    all.extend([values[0], None]);
    let strings: ArrayRef = Arc::new(all.iter().copied().collect::<StringArray>());
    let large: ArrayRef = Arc::new(all.iter().copied().collect::<LargeStringArray>());
    let views: ArrayRef = Arc::new(all.iter().copied().collect::<StringViewArray>());
    let mut forms: Vec<ArrayRef> = vec![
        Arc::new(texts.iter().copied().collect::<StringArray>()),
        Arc::new(texts.iter().copied().collect::<LargeStringArray>()),
        Arc::new(texts.iter().copied().collect::<StringViewArray>()),
    ];
    macro_rules! dictionary {
        ($($kind:ty),+) => {
            $(for values in [&strings, &large, &views] {
                let keys = keys.iter().map(|key| key.map(|key| key as _)).collect();
                forms.push(Arc::new(DictionaryArray::<$kind>::new(keys, Arc::clone(values))));
            })+
        };
    }
    dictionary!(Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type);
    forms
}

/// The days since 1970 as every type of time; texts are among them.
pub(crate) fn time_forms(days: &[i32]) -> Vec<ArrayRef> {
    let times = |unit: i64| days.iter().map(move |day| i64::from(*day) * (DAY_NS / unit));
    let seconds = || TimestampSecondArray::from_iter_values(times(1_000_000_000));
    let nanoseconds = || TimestampNanosecondArray::from_iter_values(times(1));
    let texts: Vec<String> =
        days.iter().map(|day| betaflow_engine::time::Iso(super::day(i64::from(*day))).to_string()).collect();
    let mut forms: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(days.to_vec())),
        Arc::new(Date64Array::from_iter_values(times(1_000_000))),
        Arc::new(seconds()),
        Arc::new(seconds().with_timezone("UTC")),
        Arc::new(TimestampMillisecondArray::from_iter_values(times(1_000_000))),
        Arc::new(TimestampMicrosecondArray::from_iter_values(times(1_000)).with_timezone("Europe/Berlin")),
        Arc::new(nanoseconds()),
        Arc::new(nanoseconds().with_timezone("America/New_York")),
    ];
    forms.extend(text_forms(&texts.iter().map(|text| Some(text.as_str())).collect::<Vec<_>>()));
    forms
}

/// Three symbols on 40 days, the third from day 5 on, with missing prices.
pub(crate) fn panel(by_symbol: bool) -> Vec<Row<'static>> {
    let all = [("B", 0), ("A", 0), ("C", 5)].into_iter().enumerate();
    let mut rows: Vec<Row<'static>> = all
        .flat_map(|(at, (symbol, first))| {
            (first..40).map(move |day| {
                let price = 10.0 * (at as f64 + 1.0) + f64::from((day * 7) % 11) / 10.0;
                (day, symbol, (day % 9 != 4).then_some(price))
            })
        })
        .collect();
    if !by_symbol {
        rows.sort_by_key(|row| row.0);
    }
    rows
}

/// Tables with a fault, of `errors.rs`.
pub(crate) fn faulty() -> Vec<Table> {
    let (date, symbol, close) = (days(&[1]), texts(&["A"]), floats(&[1.0]));
    let tidy_of = |date: ArrayRef, symbol: ArrayRef, close: ArrayRef| {
        vec![("date", date), ("symbol", symbol), ("close", close)]
    };
    let nulls: ArrayRef = Arc::new(StringArray::from(vec![Some("A"), None]));
    let huge: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MAX / 1000]));
    let no_time: ArrayRef = Arc::new(TimestampSecondArray::from(vec![Some(86_400), None]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let mut all = vec![
        vec![("date", date.clone()), ("symbol", symbol.clone()), ("closee", close.clone())],
        vec![("date", date.clone()), ("open", close.clone()), ("close", close.clone())],
        vec![("symbol", symbol.clone()), ("close", close.clone())],
        vec![("date", date.clone())],
        tidy_of(floats(&[1.0]), symbol.clone(), close.clone()),
        tidy_of(numbers, symbol.clone(), close.clone()),
        tidy_of(date.clone(), floats(&[1.0]), close.clone()),
        tidy_of(date.clone(), symbol.clone(), texts(&["1.0"])),
        vec![("date", date.clone()), ("A", close.clone()), ("note", texts(&["x"]))],
        vec![
            ("ts", date.clone()),
            ("date", date.clone()),
            ("symbol", symbol.clone()),
            ("close", close.clone()),
        ],
        vec![
            ("date", date.clone()),
            ("symbol", symbol.clone()),
            ("close", close.clone()),
            ("Close", close.clone()),
        ],
        vec![
            ("date", date.clone()),
            ("symbol", symbol.clone()),
            ("close", close.clone()),
            ("close", close.clone()),
        ],
        tidy_of(date.clone(), texts(&[" "]), close.clone()),
        tidy_of(texts(&["31/12/2020"]), symbol.clone(), close.clone()),
        vec![("date", date.clone()), ("('Volume', 'A')", close.clone()), ("('Open', 'A')", close.clone())],
        tidy_of(days(&[1, 1]), nulls, floats(&[1.0, 2.0])),
        tidy_of(huge, symbol.clone(), close.clone()),
        tidy_of(no_time, texts(&["A", "B"]), floats(&[1.0, 2.0])),
        tidy(&[]),
    ];
    for by_symbol in [false, true] {
        let good = panel(by_symbol);
        let changed = |change: &dyn Fn(&mut Vec<Row<'static>>)| {
            let mut rows = good.clone();
            change(&mut rows);
            tidy(&rows)
        };
        all.push(changed(&|rows| rows[30].2 = Some(f64::NAN)));
        all.push(changed(&|rows| rows[31].2 = Some(f64::INFINITY)));
        all.push(changed(&|rows| rows[90].2 = Some(-1.0)));
        all.push(changed(&|rows| rows[90].0 = rows[89].0));
        all.push(changed(&|rows| rows.swap(80, 90)));
        all.push(changed(&|rows| rows[20].1 = ""));
        all.push(changed(&|rows| rows[1] = rows[0]));
        all.push(changed(&|rows| rows.reverse()));
        all.push(changed(&|rows| rows.rotate_left(10)));
    }
    all
}

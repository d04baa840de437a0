//! CSV files in the forms in which people have them give the frames of the Parquet file; faults are located.

use std::fmt::Write as _;
use std::io::Write as _;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use betaflow_connectors::import::{Content, DateOrder, ImportError, ImportOptions};
use betaflow_connectors::parquet::{Input, Settings, import_files, prepare};
use betaflow_connectors::{DataError, Place};
use betaflow_engine::frame::Field;
use flate2::{Compression, write::GzEncoder};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

use crate::support::{Folder, Row, days, floats, line, nullable, read, run, tidy};

/// Bars of 2020-01-01 (day 18,262) and the two days after it.
const ROWS: [Row<'static>; 5] = [
    (18_262, "AAPL", Some(10.5)),
    (18_262, "MSFT", Some(20.25)),
    (18_263, "AAPL", None),
    (18_263, "MSFT", Some(21.0)),
    (18_264, "AAPL", Some(11.125)),
];

fn text_file(folder: &Folder, name: &str, text: impl AsRef<[u8]>) -> Input {
    let path = folder.path(name);
    std::fs::write(&path, text).unwrap();
    Input::Path(path)
}

fn expected(folder: &Folder) -> Vec<String> {
    read(&folder.write("expected.parquet", tidy(&ROWS)), Settings::default())
}

/// First error of a source.
fn fault(prices: &Input, settings: Settings) -> DataError {
    crate::support::fault(prices, None, settings)
}

fn located(place: &Place) -> (Option<u64>, &str) {
    (place.line, &place.column)
}

#[test]
fn every_form_of_a_csv_file_gives_the_frames_of_the_parquet_file() {
    let folder = Folder::new();
    let expected = expected(&folder);
    let plain = "date,symbol,close\n2020-01-01,AAPL,10.5\n2020-01-01,MSFT,20.25\n2020-01-02,AAPL,\n\
                 2020-01-02,MSFT,21.0\n2020-01-03,AAPL,11.125\n";
    let dates = |form: fn(u32) -> String| {
        (1..=3).fold(plain.to_owned(), |text, day| text.replace(&format!("2020-01-0{day}"), &form(day)))
    };
    let mut by_symbol: Vec<&str> = plain.lines().skip(1).collect();
    by_symbol.sort_by_key(|line| line[11..15].to_owned());
    let mut newest_first: Vec<&str> = plain.lines().skip(1).collect();
    newest_first.sort_by_key(|line| std::cmp::Reverse(line[..10].to_owned()));
    let with_header = |lines: &[&str]| format!("date,symbol,close\n{}\n", lines.join("\n"));
    let mut zipped = GzEncoder::new(Vec::new(), Compression::default());
    zipped.write_all(plain.as_bytes()).unwrap();
    let forms: Vec<(&str, Vec<u8>)> = vec![
        ("plain.csv", plain.into()),
        ("crlf.csv", plain.replace('\n', "\r\n").into()),
        ("no_end.csv", plain.trim_end().into()),
        ("bom.csv", format!("\u{feff}{plain}").into()),
        ("semicolon.csv", plain.replace(',', ";").into()),
        ("comma.csv", format!("\u{feff}{}", plain.replace(',', ";").replace('.', ",")).into()),
        ("tab.tsv", plain.replace(',', "\t").into()),
        ("quoted.csv", plain.replace("AAPL", "\"AAPL\"").into()),
        ("spaces.csv", plain.replace(',', ", ").replace(", \n", ",\n").replace(" AAPL", "AAPL").replace(" MSFT", "MSFT").into()),
        ("null.csv", plain.replace("AAPL,\n", "AAPL,NaN\n").into()),
        ("na.csv", plain.replace("AAPL,\n", "AAPL,NA\n").into()),
        ("compact.csv", dates(|day| format!("2020010{day}")).into()),
        ("slash.csv", dates(|day| format!("2020/01/0{day}")).into()),
        ("point.csv", dates(|day| format!("0{day}.01.2020")).into()),
        ("zulu.csv", dates(|day| format!("2020-01-0{day}T00:00:00Z")).into()),
        ("by_symbol.csv", with_header(&by_symbol).into()),
        ("newest_first.csv", with_header(&newest_first).into()),
        ("index.csv", plain.replace("date,", ",date,").replace("2020", "7,2020").into()),
        ("text.csv", plain.replace("close\n", "close,sector\n").replace(".5\n", ".5,Tech\n").replace(".25\n", ".25,x\n").replace("AAPL,\n", "AAPL,,\n").replace(".0\n", ".0,y\n").replace(".125\n", ".125,z\n").into()),
        ("plain.csv.gz", zipped.finish().unwrap()),
        ("wide.csv", "Date,AAPL,MSFT\n2020-01-01,10.5,20.25\n2020-01-02,,21\n2020-01-03,11.125,\n".into()),
        ("unnamed.csv", ",AAPL,MSFT\n2020-01-01,10.5,20.25\n2020-01-02,,21\n2020-01-03,11.125,\n".into()),
        (
            "yfinance.csv",
            "Price,Close,Close,Volume,Volume\nTicker,AAPL,MSFT,AAPL,MSFT\nDate,,,,\n2020-01-01,10.5,20.25,1,2\n\
             2020-01-02,,21,,4\n2020-01-03,11.125,,5,\n"
                .into(),
        ),
    ];
    for (name, text) in forms {
        assert_eq!(read(&text_file(&folder, name, text), Settings::default()), expected, "{name}");
    }
    let bytes = Input::Bytes { name: "memory".to_owned(), bytes: plain.to_owned().into() };
    assert_eq!(read(&bytes, Settings::default()), expected);
}

#[test]
fn days_above_twelve_decide_the_order_of_day_and_month() {
    let folder = Folder::new();
    let frames = |text: &str| read(&text_file(&folder, "dates.csv", text), Settings::default());
    let (iso, us, eu) = (
        "date,A\n2020-01-02,1\n2020-01-13,2\n",
        "date,A\n01/02/2020,1\n01/13/2020,2\n",
        "date,A\n2/1/2020,1\n13/1/2020,2\n",
    );
    assert_eq!(frames(iso), frames(us));
    assert_eq!(frames(iso), frames(eu));
    let ambiguous = text_file(&folder, "ambiguous.csv", "date,A\n01/02/2020,1\n03/02/2020,2\n");
    let error = fault(&ambiguous, Settings::default());
    let DataError::Import(ImportError::AmbiguousDate { place, found }) = error else { panic!("{error}") };
    assert_eq!((located(&place), found.as_str()), ((Some(2), "date"), "01/02/2020"));
    let options = ImportOptions { date_order: Some(DateOrder::DayFirst), ..ImportOptions::default() };
    let report = import_files(&[ambiguous], &options, None).unwrap();
    assert_eq!(report.range.unwrap().0, crate::support::day(18_293));
    let mixed = text_file(&folder, "mixed.csv", "date,A\n13/01/2020,1\n01/14/2020,2\n");
    let error = fault(&mixed, Settings::default());
    let DataError::Import(ImportError::NotDate { place, .. }) = error else { panic!("{error}") };
    assert_eq!(located(&place), (Some(3), "date"));
}

#[test]
fn file_of_one_symbol_is_named_after_it() {
    let folder = Folder::new();
    let header = "Date,Open,High,Low,Close,Adj Close,Volume\n";
    let apple = format!("{header}2020-01-01,10,11,9,10.5,10.4,100\n2020-01-03,11,12,10,11.125,11,200\n");
    let microsoft = format!("{header}2020-01-01,20,21,19,20.25,20,300\n2020-01-02,21,22,20,21,21,400\n");
    text_file(&folder, "yahoo/AAPL.csv", &apple);
    text_file(&folder, "yahoo/MSFT.csv", &microsoft);
    let frames = read(&folder.input("yahoo"), Settings::default());
    let expected = expected(&folder);
    assert_eq!(frames, expected);
    assert_eq!(read(&folder.input("yahoo/AAPL.csv"), Settings::default())[0], "0 d18262 +AAPL | 10.5");
    let settings = Settings { return_price: Some("Adj Close".to_owned()), ..Settings::default() };
    assert_eq!(read(&folder.input("yahoo/AAPL.csv"), settings)[0], "0 d18262 +AAPL | 10.5 | p 10.4");
    let files = [folder.input("yahoo/AAPL.csv"), folder.input("yahoo/MSFT.csv")];
    let out = folder.path("all.parquet");
    let report = import_files(&files, &ImportOptions::default(), Some(&out)).unwrap();
    assert_eq!((report.rows, report.symbols, report.files.len()), (4, Some(2), 2));
    assert_eq!(read(&Input::Path(out), Settings::default()), expected);
}

#[test]
fn file_in_the_folder_of_a_symbol_is_named_after_the_folder() {
    let folder = Folder::new();
    let expected = expected(&folder);
    for (key, name) in [("symbol", None), ("Ticker", None), ("instrument", Some("instrument"))] {
        for (symbol, closes) in
            [("AAPL", "2020-01-01,10.5\n2020-01-03,11.125\n"), ("MSFT", "2020-01-01,20.25\n2020-01-02,21\n")]
        {
            text_file(&folder, &format!("{key}/{key}={symbol}/2020.csv"), format!("date,close\n{closes}"));
        }
        let settings = Settings { symbol: name.map(str::to_owned), ..Settings::default() };
        assert_eq!(read(&folder.input(key), settings), expected, "{key}");
    }
}

#[test]
fn imported_table_without_a_column_of_symbols_has_no_number_of_symbols() {
    let folder = Folder::new();
    let wide = "Date,AAPL,MSFT\n2020-01-01,10.5,20.25\n2020-01-02,,21\n2020-01-03,11.125,\n";
    let text = text_file(&folder, "wide.csv", wide);
    let columns = vec![("Date", days(&[3, 1])), ("AAPL", floats(&[1.0, 2.0])), ("MSFT", floats(&[3.0, 4.0]))];
    for (input, rows) in [(text, 3), (folder.write("wide.parquet", columns), 2)] {
        let report = import_files(&[input], &ImportOptions::default(), None).unwrap();
        assert_eq!((report.rows, report.symbols), (rows, None));
        let names: Vec<&str> = report.columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Date", "AAPL", "MSFT"]);
    }
}

#[test]
fn imported_parquet_files_keep_their_symbols_and_numbers() {
    let folder = Folder::new();
    let symbols = |names: &[&str]| crate::support::texts(names);
    let first = vec![
        ("date", days(&[2, 2, 3])),
        ("instrument", symbols(&["A", "B", "A"])),
        ("close", nullable(&[Some(1.0), Some(f64::NAN), None])),
        ("volume", floats(&[10.0, 20.0, 30.0])),
    ];
    // Without volumes, and with a column that the first file lacks.
    let second = vec![
        ("date", days(&[1, 4])),
        ("instrument", symbols(&["C", "A"])),
        ("close", floats(&[7.0, 8.0])),
        ("open", floats(&[6.0, f64::NEG_INFINITY])),
    ];
    let files = [folder.write("a.parquet", first), folder.write("b.parquet", second)];
    let options = ImportOptions { symbol: Some("instrument".to_owned()), ..ImportOptions::default() };
    let out = folder.path("all.parquet");
    let report = import_files(&files, &options, Some(&out)).unwrap();
    assert_eq!((report.rows, report.symbols), (5, Some(3)));
    let names: Vec<&str> = report.columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["date", "instrument", "close", "volume", "open"]);
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&out).unwrap()).unwrap();
    let batches = reader.build().unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    let [batch] = batches.as_slice() else { panic!("one batch") };
    let column = |name: &str| -> Vec<String> {
        let cells = batch.column_by_name(name).unwrap().as_primitive::<Float64Type>();
        cells.iter().map(|cell| cell.map_or("null".to_owned(), |cell| cell.to_string())).collect()
    };
    assert_eq!(column("close"), ["7", "1", "NaN", "null", "8"]);
    assert_eq!(column("volume"), ["null", "10", "20", "30", "null"]);
    assert_eq!(column("open"), ["6", "null", "null", "null", "-inf"]);
    // The option names a column of a text file too.
    let text = text_file(&folder, "a.csv", "date,instrument,close\n2020-01-02,A,1\n2020-01-02,B,2\n");
    let report = import_files(std::slice::from_ref(&text), &options, Some(&out)).unwrap();
    assert_eq!((report.rows, report.symbols), (2, Some(2)));
    let settings = Settings { symbol: Some("instrument".to_owned()), ..Settings::default() };
    assert_eq!(read(&Input::Path(out), settings.clone()), read(&text, settings));
    // A file without symbols has its name as the symbol.
    let named = text_file(&folder, "C.csv", "date,close\n2020-01-02,1\n2020-01-03,2\n");
    let report = import_files(std::slice::from_ref(&named), &ImportOptions::default(), None).unwrap();
    assert_eq!((report.rows, report.symbols), (2, Some(1)));
    let wrong = ImportOptions { symbol: Some("ticker".to_owned()), ..ImportOptions::default() };
    assert!(import_files(&files, &wrong, None).is_err());
}

#[test]
fn nan_of_a_file_in_the_order_of_its_symbols_stays_a_nan() {
    let folder = Folder::new();
    let mut rows: Vec<Row<'_>> =
        ["A", "B"].into_iter().flat_map(|symbol| (0..9).map(move |day| (day, symbol, Some(1.0)))).collect();
    for (value, found) in [(f64::NAN, "found NaN for `B`"), (f64::NEG_INFINITY, "found -inf for `B`")] {
        rows[12].2 = Some(value);
        let error = fault(&folder.write("nan.parquet", tidy(&rows)), Settings::default());
        assert!(error.to_string().contains(found), "{error}");
        let DataError::BadValue { place, .. } = error else { panic!("a number") };
        assert_eq!((place.row, &*place.column), (12, "close"));
    }
}

#[test]
fn faults_of_text_files_name_line_and_column() {
    let folder = Folder::new();
    let tidy =
        |rows: &str| text_file(&folder, "fault.csv", format!("date,symbol,close\n2020-01-01,A,1\n{rows}"));
    let error = |rows: &str| match fault(&tidy(rows), Settings::default()) {
        DataError::Import(error) => error,
        other => panic!("{other}"),
    };
    let ImportError::Fields { line, found, expected, is_last, .. } = error("2020-01-02,A") else { panic!() };
    assert_eq!((line, found, expected, is_last), (3, 2, 3, true));
    let ImportError::Fields { line, is_last, .. } = error("2020-01-02,A\n2020-01-03,A,1\n") else { panic!() };
    assert_eq!((line, is_last), (3, false));
    let ImportError::Fields { found: 4, .. } = error("2020-01-02,A,1,234\n") else { panic!() };
    let ImportError::OpenQuote { line: 3, .. } = error("2020-01-02,A,\"1\n2020-01-03,A,2\n") else {
        panic!()
    };
    let ImportError::Thousands { place, found } = error("2020-01-02,A,\"1,234.5\"\n") else { panic!() };
    assert_eq!((located(&place), found.as_str()), ((Some(3), "close"), "1,234.5"));
    let ImportError::NotNumber { place, .. } = error("\n2020-01-02,A,$5\n") else { panic!() };
    assert_eq!(located(&place), (Some(4), "close"), "blank lines count");
    let ImportError::NotDate { place, .. } = error("soon,A,5\n") else { panic!() };
    assert_eq!(located(&place), (Some(3), "date"));
    let negative = fault(&tidy("2020-01-03,A,5\n2020-01-02,A,-5\n"), Settings::default());
    let DataError::BadValue { place, .. } = negative else { panic!("{negative}") };
    assert_eq!(located(&place), (Some(4), "close"), "line of the file, not row of the sorted table");
    let duplicate = fault(&tidy("2020-01-01,A,5\n"), Settings::default());
    let DataError::Duplicate { place, .. } = duplicate else { panic!("{duplicate}") };
    assert_eq!(place.line, Some(3));
    let wide = text_file(&folder, "wide.csv", "date,A,B\n2020-01-01,1,2\n2020-01-02,1,x\n");
    let DataError::Import(ImportError::NotNumber { place, .. }) = fault(&wide, Settings::default()) else {
        panic!()
    };
    assert_eq!(located(&place), (Some(3), "B"));
    let text = text_file(&folder, "wide2.csv", "date,A,B\n2020-01-01,1,x\n");
    let DataError::Import(ImportError::NotNumber { place, .. }) = fault(&text, Settings::default()) else {
        panic!()
    };
    assert_eq!(located(&place), (Some(2), "B"));
    let seconds = text_file(&folder, "epoch.csv", "date,A\n1577836800,1\n");
    let DataError::Import(ImportError::Epoch { code, .. }) = fault(&seconds, Settings::default()) else {
        panic!()
    };
    assert_eq!(code, "s");
    let marks = text_file(&folder, "marks.csv", "date;A\n2020-01-01;1,5\n2020-01-02;1.5\n");
    let DataError::Import(ImportError::DecimalMark { place, .. }) = fault(&marks, Settings::default()) else {
        panic!()
    };
    assert_eq!(located(&place), (Some(3), "A"));
    let headless = text_file(&folder, "headless.csv", "2020-01-01,A,1\n2020-01-02,A,2\n");
    assert!(matches!(fault(&headless, Settings::default()), DataError::Import(ImportError::NoHeader { .. })));
    let ImportError::ControlCharacter { line, found, .. } = error("2020-01-02,A\u{1},2\n") else { panic!() };
    assert_eq!((line, found), (3, 1));
    let wide: Vec<u8> = "\u{feff}date,A\n2020-01-01,1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide = text_file(&folder, "utf16.csv", wide);
    assert!(matches!(fault(&wide, Settings::default()), DataError::Import(ImportError::Utf16 { .. })));
    let twice = text_file(&folder, "twice.csv", "date,A,A\n2020-01-01,1,2\n");
    assert!(matches!(fault(&twice, Settings::default()), DataError::DuplicateColumn { columns: (1, 2), .. }));
    let mut cut = GzEncoder::new(Vec::new(), Compression::default());
    cut.write_all(b"date,A\n2020-01-01,1\n2020-01-02,1\n").unwrap();
    let cut = cut.finish().unwrap();
    let cut = text_file(&folder, "cut.csv.gz", &cut[..cut.len() - 12]);
    assert!(matches!(fault(&cut, Settings::default()), DataError::Import(ImportError::Compressed { .. })));
}

#[test]
fn rows_of_the_hold_out_are_not_read() {
    let folder = Folder::new();
    let open = "date,symbol,close\n2020-01-01,A,1\n2020-01-02,A,2\n";
    let sealed = |rest: &str| {
        let settings = Settings { sealed_from: Some(crate::support::day(18_264)), ..Settings::default() };
        read(&text_file(&folder, "sealed.csv", format!("{open}{rest}")), settings)
    };
    let expected = sealed("2020-01-03,A,3\n");
    assert_eq!(expected.len(), 2);
    for rest in ["2020-01-03,A,-3\n", "2020-01-03,A,\"1,234\"\n", "2020-01-04,Z,x\n2020-01-03,,\n"] {
        assert_eq!(sealed(rest), expected, "{rest}");
    }
    let all = Settings { sealed_from: Some(crate::support::day(18_000)), ..Settings::default() };
    let error = fault(&folder.input("sealed.csv"), all);
    assert!(matches!(error, DataError::NothingBeforeSeal { .. }), "{error}");
}

#[test]
fn parquet_file_in_order_of_symbols_gives_the_frames_of_the_sorted_file() {
    let folder = Folder::new();
    let rows: Vec<Row<'_>> = (0..40)
        .flat_map(|day| [(day, "A", Some(1.0 + f64::from(day))), (day, "B", None), (day, "C", Some(7.0))])
        .collect();
    let mut by_symbol = rows.clone();
    by_symbol.sort_by_key(|row| row.1);
    let expected = read(&folder.write("sorted.parquet", tidy(&rows)), Settings::default());
    for group in [1_000, 40, 25, 3] {
        let input = folder.write_groups("by_symbol.parquet", tidy(&by_symbol), group);
        assert_eq!(read(&input, Settings::default()), expected, "row groups of {group}");
        let facts = run(&input, None, Settings::default()).unwrap().facts;
        assert!(facts.warnings.iter().any(|warning| warning.code() == "imported"));
    }
    let mut bad = by_symbol.clone();
    bad[50].2 = Some(-1.0);
    let input = folder.write("bad.parquet", tidy(&bad));
    let DataError::BadValue { place, .. } = fault(&input, Settings::default()) else { panic!() };
    assert_eq!((place.row, place.line), (50, None), "row of the user's file");
    // A single row out of order is a fault of the data.
    let mut stray = rows.clone();
    stray[60].0 = 3;
    let error = fault(&folder.write("stray.parquet", tidy(&stray)), Settings::default());
    assert!(matches!(error, DataError::Unsorted { .. }), "{error}");
}

#[test]
fn table_of_any_columns_keeps_its_texts() {
    let folder = Folder::new();
    let file = text_file(&folder, "spreads.csv", "symbol,half_spread_bps\nAAPL,1.5\n0700,2\n");
    let spreads = betaflow_connectors::parquet::read_half_spreads(&file).unwrap();
    assert_eq!(spreads.into_iter().collect::<Vec<_>>(), [("0700".to_owned(), 2.0), ("AAPL".to_owned(), 1.5)]);
    let options = ImportOptions { content: Content::Table, ..ImportOptions::default() };
    let Input::Prepared(file) = prepare(&file, &options).unwrap() else { panic!() };
    assert_eq!((file.interpretation().rows, file.interpretation().nulls), (2, 0));
    let parquet = folder.write("any.parquet", vec![("x", floats(&[1.0]))]);
    assert!(matches!(prepare(&parquet, &options).unwrap(), Input::Path(_)));
}

/// Random rows: close and volume of up to 4 symbols on up to 30 days.
fn tables() -> impl Strategy<Value = Vec<(i32, usize, Option<f64>, Option<f64>)>> {
    let price =
        proptest::option::weighted(0.9, (1.0e-3..1.0e6_f64).prop_filter("finite", |price| price.is_finite()));
    let volume = proptest::option::weighted(0.9, (0..1_000_000_i32).prop_map(f64::from));
    proptest::collection::btree_map((0..30_i32, 0..4_usize), (price, volume), 1..80).prop_map(|cells| {
        cells
            .into_iter()
            .map(|((day, symbol), (price, volume))| (18_262 + day, symbol, price, volume))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_tables_as_csv_and_parquet_give_equal_frames(rows in tables(), by_symbol: bool, semicolons: bool) {
        prop_assume!(rows.iter().any(|row| row.2.is_some()));
        const SYMBOLS: [&str; 4] = ["AAPL", "BRK.B", "0700", "A \"x\", Z"];
        let folder = Folder::new();
        let table = vec![
            ("date", days(&rows.iter().map(|row| row.0).collect::<Vec<_>>())),
            ("symbol", crate::support::texts(&rows.iter().map(|row| SYMBOLS[row.1]).collect::<Vec<_>>())),
            ("close", nullable(&rows.iter().map(|row| row.2).collect::<Vec<_>>())),
            ("volume", nullable(&rows.iter().map(|row| row.3).collect::<Vec<_>>())),
        ];
        let settings = || Settings {
            optional: vec![betaflow_engine::assembly::FrameColumn { field: Field::Volume, checked: true }],
            ..Settings::default()
        };
        let frames = |input: &Input| {
            let frames = run(input, None, settings()).unwrap().frames;
            frames.iter().map(|frame| format!("{} {:?}", line(frame), frame.volume)).collect::<Vec<_>>()
        };
        let expected = frames(&folder.write("table.parquet", table));
        let mut rows = rows;
        if by_symbol {
            rows.sort_by_key(|row| (row.1, row.0));
        }
        let number = |number: Option<f64>| number.map_or(String::new(), |number| format!("{number}"));
        let mut text = "date,symbol,close,volume\n".to_owned();
        for (day, symbol, close, volume) in &rows {
            let date = betaflow_engine::time::Iso(crate::support::day((*day).into())).to_string();
            let symbol = format!("\"{}\"", SYMBOLS[*symbol].replace('"', "\"\""));
            writeln!(text, "{date},{symbol},{},{}", number(*close), number(*volume)).unwrap();
        }
        if semicolons {
            text = text.replace("\"A \"\"x\"\", Z\"", "\u{1}").replace(',', ";").replace('\u{1}', "\"A \"\"x\"\", Z\"");
        }
        prop_assert_eq!(frames(&text_file(&folder, "table.csv", text)), expected);
    }
}

/// A row is read as a whole, and a compressed file of 40 kB may have more bytes in one than there is memory.
#[test]
fn row_without_end_is_refused() {
    let rows = "date,symbol,close\n2020-01-01,A,10\n";
    let cases = [
        ("a long cell", format!("{rows}2020-01-02,{},11\n", "A".repeat(40 << 20)), "line 3"),
        (
            "an open quotation mark",
            format!("{rows}2020-01-02,\"A,11\n{}", "2020-01-03,A,11\n".repeat(3 << 20)),
            "line 3",
        ),
        ("blank lines", format!("{rows}{}", "\n".repeat(40 << 20)), "line 3"),
        ("no row", "a,".repeat(20 << 20) + "\n", "line 1"),
    ];
    for (case, text, line) in cases {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        let input = Input::Bytes { name: "prices.csv.gz".to_owned(), bytes: packed.finish().unwrap().into() };
        let error = fault(&input, Settings::default()).to_string();
        assert!(
            error.starts_with(&format!("prices.csv.gz: {line}: found more than 4 MiB")),
            "{case}: {error}"
        );
    }
}

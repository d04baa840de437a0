//! Small files of facts about instruments: columns in the forms that people have, and located errors.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Date32Array, Int64Array, StringArray};
use betaflow_connectors::DataError;
use betaflow_connectors::parquet::{Input, SmallColumn, SmallKind, SmallTable};

use crate::support::{Folder, nullable, texts};

const COLUMNS: [SmallColumn<'static>; 4] = [
    SmallColumn::required("symbol", SmallKind::Text, "the instrument of each row"),
    SmallColumn::optional("from", SmallKind::Date, "the first date"),
    SmallColumn::required("sector", SmallKind::Text, "the group of the instrument"),
    SmallColumn::optional("fee", SmallKind::Number, "the fee"),
];

/// Day of 2015-01-31.
const DAY: i64 = 16_466;

type Row = (String, Option<i64>, Option<String>, Option<f64>);

fn rows(input: &Input) -> Result<Vec<Row>, DataError> {
    let table = SmallTable::read(input, "groups", &COLUMNS)?;
    let row = |row| {
        let sector = table.text(2, row).map(str::to_owned);
        Ok((table.symbol(0, row)?.to_owned(), table.date(1, row)?, sector, table.number(3, row)?))
    };
    (0..table.rows()).map(row).collect()
}

#[test]
fn forms_of_a_column_give_the_same_rows() {
    let folder = Folder::new();
    let csv = |name: &str, text: &str| {
        std::fs::write(folder.path(name), text).unwrap();
        Input::Path(folder.path(name))
    };
    let symbols = || texts(&["A", "B"]);
    let sectors: ArrayRef = Arc::new(StringArray::from(vec![Some("10"), None]));
    let fees = || nullable(&[Some(0.5), None]);
    let dates: [(&str, ArrayRef); 3] = [
        ("date", Arc::new(Date32Array::from(vec![Some(i32::try_from(DAY).unwrap()), None]))),
        ("text", Arc::new(StringArray::from(vec![Some("2015-01-31"), Some("")]))),
        ("number", Arc::new(Int64Array::from(vec![Some(20_150_131), None]))),
    ];
    let expected = vec![
        ("A".to_owned(), Some(DAY), Some("10".to_owned()), Some(0.5)),
        ("B".to_owned(), None, None, None),
    ];
    for (name, dates) in dates {
        let columns =
            vec![("ticker", symbols()), ("from", dates), ("Sector", Arc::clone(&sectors)), ("fee", fees())];
        assert_eq!(rows(&folder.write(&format!("{name}.parquet"), columns)).unwrap(), expected, "{name}");
    }
    for (name, date) in [("iso", "2015-01-31"), ("digits", "20150131"), ("time", "2015-01-31 14:30:00")] {
        let text = format!("symbol,from,sector,fee\nA,{date},10,0.5\nB,,,\n");
        assert_eq!(rows(&csv(&format!("{name}.csv"), &text)).unwrap(), expected, "{name}");
    }
    let without = rows(&csv("without.csv", "symbol,sector\nA,Energy\n")).unwrap();
    assert_eq!(without, [("A".to_owned(), None, Some("Energy".to_owned()), None)]);
}

#[test]
fn table_has_the_name_of_its_file_and_its_columns() {
    let folder = Folder::new();
    let columns = vec![("symbol", texts(&["A"])), ("sector", texts(&["x"]))];
    let input = folder.write("groups.parquet", columns);
    let table = SmallTable::read(&input, "groups", &COLUMNS).unwrap();
    assert_eq!(table.file(), folder.path("groups.parquet").display().to_string());
    assert_eq!((0..4).map(|column| table.has(column)).collect::<Vec<_>>(), [true, false, true, false]);
    let bytes = Input::Bytes { name: "stated".to_owned(), bytes: "symbol,sector\nA,x\n".into() };
    assert_eq!(SmallTable::read(&bytes, "groups", &COLUMNS).unwrap().file(), "stated");
}

#[test]
fn boolean_is_a_number() {
    let folder = Folder::new();
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]));
    let columns =
        vec![("symbol", texts(&["A", "B", "C"])), ("sector", texts(&["x", "x", "x"])), ("fee", flags)];
    let read = rows(&folder.write("flags.parquet", columns)).unwrap();
    let fees: Vec<Option<f64>> = read.into_iter().map(|(.., fee)| fee).collect();
    assert_eq!(fees, [Some(1.0), Some(0.0), None]);
    for (name, words) in
        [("fee", ["true", "false", ""]), ("Fee", ["TRUE", "False", "null"]), ("FEE", ["1", "0", ""])]
    {
        let [first, second, third] = words;
        let text = format!("symbol,sector,{name}\nA,x,{first}\nB,x,{second}\nC,x,{third}\n");
        std::fs::write(folder.path("flags.csv"), &text).unwrap();
        let read = rows(&Input::Path(folder.path("flags.csv"))).unwrap();
        let fees: Vec<Option<f64>> = read.into_iter().map(|(.., fee)| fee).collect();
        assert_eq!(fees, [Some(1.0), Some(0.0), None], "{text}");
    }
    // Another word is refused.
    std::fs::write(folder.path("flags.csv"), "symbol,sector,fee\nA,x,yes\n").unwrap();
    assert!(rows(&Input::Path(folder.path("flags.csv"))).is_err());
}

#[test]
fn invalid_cell_is_located() {
    let folder = Folder::new();
    let cases = [
        ("symbol,from,sector\nA,2015-01-31,x\nB,soon,x\n", "from", Some(3), "found \"soon\""),
        ("symbol,from,sector\nA,2015-01-31,x\nB,123,x\n", "from", Some(3), "found \"123\""),
        ("symbol,from,sector\nA,2015-13-31,x\n", "from", Some(2), "found \"2015-13-31\""),
        ("symbol,from,sector\n,2015-01-31,x\n", "symbol", Some(2), "null"),
        ("symbol,sector,fee\nA,x,1\nB,x,inf\n", "fee", Some(3), "found inf"),
    ];
    for (text, column, line, shown) in cases {
        std::fs::write(folder.path("file.csv"), text).unwrap();
        let error = rows(&Input::Path(folder.path("file.csv"))).unwrap_err();
        let found = match &error {
            DataError::BadCell { place, .. } | DataError::NullKey { place } => (&*place.column, place.line),
            other => panic!("{text}: {other}"),
        };
        assert_eq!(found, (column, line), "{text}");
        assert!(error.to_string().contains(shown), "{error}");
    }
    std::fs::write(folder.path("other.csv"), "symbol,section\nA,x\n").unwrap();
    match rows(&Input::Path(folder.path("other.csv"))) {
        Err(DataError::MissingColumn { column, nearest, .. }) => {
            assert_eq!((&*column, nearest.as_deref()), ("sector", Some("section")));
        }
        other => panic!("{other:?}"),
    }
}

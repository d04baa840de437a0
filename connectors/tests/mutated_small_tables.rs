//! Mutated files of facts (members, fees, symbol changes, holdings, spreads), CSV and Parquet: a located error, or the facts
//! that a strict reader finds in the same text.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stdout)]

mod support;

#[path = "mutated/random.rs"]
mod random;
#[path = "mutated/records.rs"]
mod records;
#[path = "mutated/text_mutation.rs"]
mod text_mutation;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use betaflow_connectors::parquet::{
    Input, MemoryTable, read_borrow, read_half_spreads, read_holdings, read_membership, read_renames,
};
use parquet::arrow::ArrowWriter;
use random::Random;

const NAME: &str = "facts.csv";

/// Facts of a file as text.
type Reader = fn(&Input) -> Result<String, String>;

fn shown<T: std::fmt::Debug, E: std::fmt::Display>(facts: Result<T, E>) -> Result<String, String> {
    facts.map(|facts| format!("{facts:?}")).map_err(|error| error.to_string())
}

/// Kind of file, its text, its columns of numbers, and its reader.
const TABLES: [(&str, &str, &[&str], Reader); 5] = [
    (
        "membership",
        "symbol,from,to\nA,2020-01-02,\nB,2020-01-02,2021-05-06\nB,2022-01-03,\nC,,2023-01-02\n",
        &[],
        |input| shown(read_membership(input, str::to_owned)),
    ),
    (
        "borrow",
        "symbol,from,bps_per_year,available\nA,2020-01-02,25,\nA,2020-03-02,1e3,100\nB,,0,1\nC,2021-01-04,,0\n",
        &["bps_per_year", "available"],
        |input| shown(read_borrow(input)),
    ),
    (
        "renames",
        "from_symbol,to_symbol,date,ratio\nFB,META,2022-06-09,\nA,B,2020-01-02,0.5\n",
        &["ratio"],
        |input| shown(read_renames(input, str::to_owned)),
    ),
    ("half_spreads", "symbol,half_spread_bps\nA,1.5\nB,2e0\nC,0.25\n", &["half_spread_bps"], |input| {
        shown(read_half_spreads(input))
    }),
    ("holdings", "symbol,quantity\nA,100\nB,-25.5\nC,1e3\n", &["quantity"], |input| {
        shown(read_holdings(input))
    }),
];

/// Strict reading of a text: a table of texts, in which the readers find dates and numbers; `None` if it is not CSV.
fn strict(bytes: &[u8], numbers: &[&str]) -> Option<Input> {
    let text = std::str::from_utf8(bytes).ok()?;
    let all = records::records(text.strip_prefix('\u{feff}').unwrap_or(text), ',').ok()?;
    let (header, rows) = all.split_first()?;
    if rows.is_empty() || rows.iter().any(|row| row.len() != header.len()) {
        return None;
    }
    let columns = header.iter().enumerate().map(|(at, name)| {
        let cells = rows.iter().map(|row| row[at].trim());
        let array: ArrayRef = if numbers.iter().any(|known| known.eq_ignore_ascii_case(name.trim())) {
            let cells: Option<Vec<Option<f64>>> = cells.map(records::number).collect();
            Arc::new(arrow_array::Float64Array::from(cells?))
        } else {
            Arc::new(StringArray::from_iter(cells.map(|cell| (!records::is_null(cell)).then_some(cell))))
        };
        Some((name.trim().to_owned(), array))
    });
    let columns: Vec<(String, ArrayRef)> = columns.collect::<Option<_>>()?;
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    );
    let batch = batch.ok()?;
    Some(Input::Memory(MemoryTable::new(NAME.to_owned(), batch.schema(), vec![batch])))
}

#[test]
fn mutated_small_table_is_refused_or_read_alike() {
    let count: u64 = std::env::var("BETAFLOW_MUTATED_CASES").map_or(1_500, |count| count.parse().unwrap());
    let first: u64 = std::env::var("BETAFLOW_MUTATED_SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut failures = Vec::new();
    for (kind, text, numbers, read) in TABLES {
        let input = |bytes: &[u8]| Input::Bytes { name: NAME.into(), bytes: bytes.to_vec().into() };
        let whole = read(&input(text.as_bytes())).unwrap();
        assert_eq!(read(&strict(text.as_bytes(), numbers).unwrap()).unwrap(), whole, "{kind}");
        let (mut errors, mut alike) = (0, 0);
        for seed in first..first + count {
            let mut random = Random::new(seed);
            let mutations = text_mutation::draw(&mut random);
            let bytes = text_mutation::applied(text.as_bytes(), &mutations);
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            let ours = catch_unwind(AssertUnwindSafe(|| read(&input(&bytes))));
            match ours.unwrap_or_else(|_| Ok("panic".to_owned())) {
                Err(error) if error.contains(NAME) => errors += 1,
                Err(error) => {
                    failures.push(format!("{kind}, seed {seed}: an error without the file: {error}"))
                }
                Ok(found) => match strict(&bytes, numbers).map(|table| read(&table)) {
                    Some(Ok(expected)) if expected == found => alike += 1,
                    // A carriage return alone ends a line too, which the strict reader refuses.
                    None if shown.replace("\r\n", "").contains('\r') => {}
                    other => failures
                        .push(format!("{kind}, seed {seed}: found {found}, expected {other:?}\n{shown}")),
                },
            }
        }
        println!("{kind}: {errors} errors, {alike} alike");
    }
    let first: Vec<&String> = failures.iter().take(12).collect();
    assert!(failures.is_empty(), "{}:\n{first:#?}", failures.len());
}

#[test]
fn mutated_parquet_file_of_facts_ends_in_a_located_error_or_in_facts() {
    let count: u64 = std::env::var("BETAFLOW_MUTATED_CASES").map_or(1_500, |count| count.parse().unwrap());
    for (kind, text, numbers, read) in TABLES {
        let Some(Input::Memory(_)) = strict(text.as_bytes(), numbers) else { panic!("{kind}") };
        let all = records::records(text, ',').unwrap();
        let columns = all[0].iter().enumerate().map(|(at, name)| {
            let cells: Vec<&str> = all[1..].iter().map(|row| row[at].as_str()).collect();
            let array: ArrayRef = match numbers.contains(&name.as_str()) {
                true => Arc::new(arrow_array::Float64Array::from(
                    cells.iter().map(|cell| records::number(cell).unwrap()).collect::<Vec<_>>(),
                )),
                false => Arc::new(StringArray::from_iter(
                    cells.iter().map(|cell| (!cell.is_empty()).then_some(*cell)),
                )),
            };
            (name.as_str(), array, true)
        });
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let mut whole = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut whole, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        for seed in 0..count {
            let mut random = Random::new(seed);
            let mut bytes = whole.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len());
                bytes[at] = match random.below(2) {
                    0 => bytes[at] ^ (1 << random.below(8)),
                    _ => random.next().to_le_bytes()[0],
                };
            }
            let input = Input::Bytes { name: "facts.parquet".into(), bytes: bytes.into() };
            if let Err(error) = read(&input) {
                assert!(error.contains("facts.parquet"), "{kind}, seed {seed}: {error}");
            }
        }
    }
}

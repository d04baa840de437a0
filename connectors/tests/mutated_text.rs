//! Mutated CSV and Ken French files end in a located error, or in the frames that a strict reader of RFC 4180 finds in the
//! same text.
//!
//! `BETAFLOW_MUTATED_CASES` and `BETAFLOW_MUTATED_SEED` set the number of cases and the first seed.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stdout, unsafe_code)]

mod support;

#[path = "mutated/allocation.rs"]
mod allocation;
#[path = "mutated/random.rs"]
mod random;
#[path = "mutated/records.rs"]
mod records;
#[path = "mutated/strict_csv.rs"]
mod strict_csv;
#[path = "mutated/text_mutation.rs"]
mod text_mutation;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use betaflow_connectors::parquet::{Input, ParquetSource, Settings};
use betaflow_engine::frame::Frame;
use betaflow_engine::source::Source as _;
use random::Random;
use support::run;

#[global_allocator]
static ALLOCATOR: allocation::Counting = allocation::Counting;

/// Name of the file in errors.
const NAME: &str = "mutated.csv";
const BYTES_MAX: usize = 64 << 20;

/// Form of a seed.
#[derive(Clone, Copy, Debug)]
struct Form {
    name: &'static str,
    separator: char,
    is_wide: bool,
    is_quoted: bool,
    end: &'static str,
    decimal_comma: bool,
    has_bom: bool,
}

const PLAIN: Form = Form {
    name: "plain",
    separator: ',',
    is_wide: false,
    is_quoted: false,
    end: "\n",
    decimal_comma: false,
    has_bom: false,
};

const FORMS: [Form; 6] = [
    PLAIN,
    Form { name: "quoted", is_quoted: true, end: "\r\n", ..PLAIN },
    Form { name: "wide", is_wide: true, ..PLAIN },
    Form { name: "semicolon", separator: ';', decimal_comma: true, has_bom: true, ..PLAIN },
    Form { name: "tab", separator: '\t', end: "\r\n", ..PLAIN },
    Form { name: "wide quoted", is_wide: true, is_quoted: true, has_bom: true, ..PLAIN },
];

const NAMES: [&str; 3] = ["AAPL", "BRK.B", "MSFT"];

fn text(form: Form) -> String {
    let price = |day: usize, name: usize| {
        let text = match (day + name) % 7 {
            3 => String::new(),
            5 => format!("{}.5e1", 9 + name),
            _ => format!("{}.{:02}", 90 + 7 * name + day, (day * 37 + name * 11) % 100),
        };
        if form.decimal_comma { text.replace('.', ",") } else { text }
    };
    let quoted = |text: String| if form.is_quoted { format!("\"{text}\"") } else { text };
    let line = |cells: Vec<String>| {
        cells.into_iter().map(quoted).collect::<Vec<_>>().join(&form.separator.to_string())
    };
    let mut lines = vec![match form.is_wide {
        true => line(std::iter::once("date").chain(NAMES).map(str::to_owned).collect()),
        false => line(["date", "symbol", "close"].map(str::to_owned).to_vec()),
    }];
    for day in 0..12 {
        let date = format!("2024-01-{:02}", day + 2);
        if form.is_wide {
            let prices = (0..NAMES.len()).map(|name| price(day, name));
            lines.push(line(std::iter::once(date).chain(prices).collect()));
        } else {
            lines.extend(
                (0..NAMES.len())
                    .map(|name| line(vec![date.clone(), NAMES[name].to_owned(), price(day, name)])),
            );
        }
    }
    let bom = if form.has_bom { "\u{feff}" } else { "" };
    format!("{bom}{}{}", lines.join(form.end), form.end)
}

fn lines(input: &Input) -> Result<Vec<String>, String> {
    let run = run(input, None, Settings::default())?;
    let bits =
        |values: &[f64]| values.iter().map(|value| format!("{:x}", value.to_bits())).collect::<Vec<_>>();
    Ok(run.frames.iter().map(|frame| format!("{} {:?}", support::line(frame), bits(&frame.close))).collect())
}

fn ours(bytes: &[u8]) -> Result<Vec<String>, String> {
    lines(&Input::Bytes { name: NAME.into(), bytes: bytes.to_vec().into() })
}

/// Texts that only the strict reader refuses: part of its reason, and why the values are certain.
const LENIENT: [(&str, &str); 1] =
    [("carriage return without line feed", "a carriage return alone ends a line")];

/// Class of a result, or the fault.
fn judged(bytes: &[u8], form: Form) -> Result<String, String> {
    let (result, held) = allocation::peak(|| catch_unwind(AssertUnwindSafe(|| ours(bytes))));
    if held > BYTES_MAX + 20 * bytes.len() {
        return Err(format!("{held} bytes held"));
    }
    let found = match result {
        Err(_) => return Err("panic".to_owned()),
        Ok(Err(error)) if error.starts_with(NAME) => return Ok("error".to_owned()),
        Ok(Err(error)) => return Err(format!("an error without the file: {error}")),
        Ok(Ok(found)) => found,
    };
    let strict = strict_csv::table(bytes, form.separator, form.decimal_comma).and_then(|table| {
        lines(&Input::Memory(table)).map_err(|error| format!("refused by the source: {error}"))
    });
    match strict {
        Ok(expected) if expected == found => Ok("alike".to_owned()),
        Ok(expected) => {
            let at = found
                .iter()
                .zip(&expected)
                .position(|(a, b)| a != b)
                .unwrap_or(found.len().min(expected.len()));
            Err(format!("frame {at}: found {:?}, expected {:?}", found.get(at), expected.get(at)))
        }
        Err(why) => match LENIENT.iter().find(|(part, _)| why.contains(part)) {
            Some((_, reason)) => Ok(format!("lenient: {reason}")),
            None => Err(format!("accepted; the strict reader: {why}")),
        },
    }
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

#[test]
fn mutated_text_is_refused_or_read_alike() {
    let (first, count) = (variable("BETAFLOW_MUTATED_SEED", 1), variable("BETAFLOW_MUTATED_CASES", 4_000));
    for form in FORMS {
        assert_eq!(judged(text(form).as_bytes(), form).unwrap(), "alike", "{form:?}");
    }
    let (mut tally, mut failures) = (BTreeMap::<String, u64>::new(), Vec::new());
    for seed in first..first + count {
        let mut random = Random::new(seed);
        let form = *random.choose(&FORMS);
        let mutations = text_mutation::draw(&mut random);
        let bytes = text_mutation::applied(text(form).as_bytes(), &mutations);
        match judged(&bytes, form) {
            Ok(class) => *tally.entry(class).or_default() += 1,
            Err(_) => {
                let mut fewer = mutations;
                while let Some(less) = (0..fewer.len()).filter(|_| fewer.len() > 1).find_map(|at| {
                    let mut less = fewer.clone();
                    less.remove(at);
                    judged(&text_mutation::applied(text(form).as_bytes(), &less), form)
                        .is_err()
                        .then_some(less)
                }) {
                    fewer = less;
                }
                let bytes = text_mutation::applied(text(form).as_bytes(), &fewer);
                let shown = String::from_utf8_lossy(&bytes).into_owned();
                let original = text(form);
                let changed: Vec<String> = shown
                    .lines()
                    .filter(|line| !original.lines().any(|known| known == *line))
                    .take(4)
                    .map(str::to_owned)
                    .collect();
                let found = judged(&bytes, form).unwrap_err();
                failures.push(format!("seed {seed}, {}, {fewer:?}, lines {changed:?}: {found}", form.name));
            }
        }
    }
    println!("{tally:#?}");
    let shown: Vec<&String> = failures.iter().take(25).collect();
    assert!(failures.is_empty(), "{} of {count} cases:\n{shown:#?}", failures.len());
}

#[test]
fn mutated_gzip_file_is_refused_or_read_alike() {
    let plain = text(PLAIN);
    let known = ours(plain.as_bytes()).unwrap();
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(plain.as_bytes()).unwrap();
    let packed = writer.finish().unwrap();
    let first = variable("BETAFLOW_MUTATED_SEED", 1);
    for seed in first..first + variable("BETAFLOW_MUTATED_CASES", 1_500) {
        let mut random = Random::new(seed);
        let mut bytes = packed.clone();
        let at = random.below(bytes.len());
        match random.below(3) {
            0 => bytes.truncate(at),
            1 => bytes[at] = random.next().to_le_bytes()[0],
            _ => bytes[at] ^= 1 << random.below(8),
        }
        match ours(&bytes) {
            Ok(found) => assert_eq!(found, known, "seed {seed}"),
            Err(error) => assert!(error.starts_with(NAME), "seed {seed}: {error}"),
        }
    }
}

#[test]
fn gzip_bomb_is_read_within_the_bound_on_memory() {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(b"date,symbol,close\n2024-01-02,A,\"").unwrap();
    let block = vec![b'1'; 1 << 20];
    for _ in 0..96 {
        writer.write_all(&block).unwrap();
    }
    let bytes = writer.finish().unwrap();
    assert!(bytes.len() < 1 << 20);
    let (result, held) = allocation::peak(|| ours(&bytes));
    assert!(result.as_ref().unwrap_err().starts_with(NAME), "{result:?}");
    assert!(held < BYTES_MAX, "{held} bytes held: {result:?}");
}

/// Ken French file: preamble, header, percent, missing codes, end.
const KEN_FRENCH: &str = "This file was created by CMPT_ME_BEME_OP_INV_RETS_DAILY using the 202501 CRSP database.\r\n\
    The 1-month TBill return is from Ibbotson and Associates.\r\n\r\n\
    ,Mkt-RF,SMB,HML,RF\r\n\
    20240102,   -0.70,   -0.88,    0.92,    0.022\r\n\
    20240103,   -1.14,   -1.02,    0.33,    0.022\r\n\
    20240104,   -0.26,    0.18,   -0.07,    0.022\r\n\
    20240105,    0.12,   -0.58,    0.41,    0.022\r\n\
    20240108,    1.53,    0.83,   -1.14,    0.022\r\n\
    20240109,   -0.25,   -0.48,   -0.77,    0.022\r\n\r\n\
    Copyright 2024 Eugene F. Fama and Kenneth R. French\r\n";

/// Dates and values of the rows behind the header; `None` if one of them is not as expected.
fn plain_factors(text: &str) -> Option<Vec<(String, Vec<f64>)>> {
    let below: Vec<&str> = text.lines().skip_while(|line| !line.trim_start().starts_with(',')).collect();
    let names: Vec<&str> = below.first()?.split(',').skip(1).map(str::trim).collect();
    let rf = names.iter().position(|name| name.eq_ignore_ascii_case("rf"));
    let rows = below[1..].iter().filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()));
    rows.map(|line| {
        let mut cells = line.split(',');
        let date = cells.next().map(str::trim).filter(|date| date.len() == 8)?;
        // The decimal with its point moved, which a division would miss by a rounding.
        let share = |cell: &str| match records::number(cell.trim())? {
            Some(number) if number == -99.99 || number == -999.0 => Some(f64::NAN),
            Some(number) => Some(format!("{}e-2", cell.trim()).parse().unwrap_or(number / 100.0)),
            None => Some(f64::NAN),
        };
        let mut values: Vec<f64> = cells.map(share).collect::<Option<_>>()?;
        if values.len() != names.len() {
            return None;
        }
        let rate = rf.map_or(0.0, |at| values.remove(at));
        values.push(rate);
        Some((date.to_owned(), values))
    })
    .collect()
}

/// Factors of the frames at `dates`: rows since the frame before, compounded. Frames begin and end with the factors; `None` if
/// a frame inside has no row.
fn plain_frames(mut rows: Vec<(String, Vec<f64>)>, dates: &[&str]) -> Option<Vec<Vec<f64>>> {
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let (first, last) = (rows.first()?.0.clone(), rows.last()?.0.clone());
    let inside = (0..dates.len()).filter(|at| (first.as_str()..=last.as_str()).contains(&dates[*at]));
    let of = |at: usize| {
        let since = if at == 0 { "" } else { dates[at - 1] };
        let mut window = rows.iter().filter(|(date, _)| since < date.as_str() && date.as_str() <= dates[at]);
        let first = window.next()?.1.clone();
        let growth = |all: Vec<f64>, row: &Vec<f64>| {
            all.iter().zip(row).map(|(all, row)| (1.0 + all) * (1.0 + row) - 1.0).collect()
        };
        // Before the first price, no frame compounds: its frame has the last row up to it.
        if at == 0 {
            return Some(window.next_back().map_or(first, |row| row.1.clone()));
        }
        Some(window.map(|row| &row.1).fold(first, growth))
    };
    inside.map(of).collect()
}

/// Returns whether two lists of rows are equal except for rounding; NaN equals NaN.
fn is_alike(found: &[Vec<f64>], expected: &[Vec<f64>]) -> bool {
    let equal = |a: &f64, b: &f64| (a - b).abs() <= 1e-12 || (a.is_nan() && b.is_nan());
    let rows = |a: &Vec<f64>, b: &Vec<f64>| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b));
    found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| rows(a, b))
}

#[test]
fn mutated_ken_french_file_is_refused_or_read_alike() {
    let dates = ["20240102", "20240103", "20240104", "20240105", "20240108", "20240109"];
    let prices: String = dates
        .iter()
        .enumerate()
        .map(|(at, date)| format!("{}-{}-{},A,{}\n", &date[..4], &date[4..6], &date[6..], 100 + at))
        .collect();
    let prices = format!("date,symbol,close\n{prices}");
    let read = |bytes: &[u8]| -> Result<Vec<Vec<f64>>, String> {
        let input =
            |name: &str, bytes: &[u8]| Input::Bytes { name: name.into(), bytes: bytes.to_vec().into() };
        let prices = input("prices.csv", prices.as_bytes());
        let factors = input("factors.csv", bytes);
        let mut source =
            ParquetSource::open(&prices, Some(&factors), Settings::default()).map_err(|e| e.to_string())?;
        let (mut all, mut frame) = (Vec::new(), Frame::default());
        while source.next_frame(&mut frame).map_err(|e| e.to_string())? {
            all.push([frame.factors.clone(), vec![frame.rf]].concat());
        }
        Ok(all)
    };
    let whole = read(KEN_FRENCH.as_bytes()).unwrap();
    assert_eq!(whole.len(), dates.len());
    let (mut errors, mut alike, mut failures) = (0, 0, Vec::new());
    let first = variable("BETAFLOW_MUTATED_SEED", 1);
    for seed in first..first + variable("BETAFLOW_MUTATED_CASES", 2_000) {
        let mut random = Random::new(seed);
        let mutations = text_mutation::draw(&mut random);
        let bytes = text_mutation::applied(KEN_FRENCH.as_bytes(), &mutations);
        match catch_unwind(AssertUnwindSafe(|| read(&bytes))) {
            Err(_) => failures.push(format!("seed {seed}: panic")),
            Ok(Err(error)) if error.contains("factors.csv") || error.contains("factor") => errors += 1,
            Ok(Err(error)) => failures.push(format!("seed {seed}: an error without the file: {error}")),
            Ok(Ok(found)) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let expected = plain_factors(&text);
                match expected.and_then(|rows| plain_frames(rows, &dates)) {
                    Some(rows) if is_alike(&found, &rows) => alike += 1,
                    other => failures.push(format!(
                        "seed {seed} {mutations:?}: found {found:?}, expected {other:?}\n{text}"
                    )),
                }
            }
        }
    }
    println!("{errors} errors, {alike} alike");
    let shown: Vec<&String> = failures.iter().take(8).collect();
    assert!(failures.is_empty(), "{}:\n{shown:#?}", failures.len());
}

#[test]
fn misplaced_quotation_marks_and_spaces_of_symbols_are_refused_or_trimmed() {
    let read = |rows: &str| ours(format!("date,symbol,close\n{rows}\n").as_bytes());
    let known = read("2024-01-02,A,1\n2024-01-02,B,2\n2024-01-03,A,3\n2024-01-03,B,4").unwrap();
    let alike = [
        "2024-01-02,\"A\",1\n2024-01-02, B ,2\n2024-01-03,\"A\" ,3\n2024-01-03,B,4",
        "2024-01-02,A\t,1\n2024-01-02,B,2\n2024-01-03, A,3\n2024-01-03,\"B \",4",
    ];
    for rows in alike {
        assert_eq!(read(rows).unwrap(), known, "{rows}");
    }
    let refused = [
        // The mark before A pairs with the one before B: a row of three fields, and one row fewer.
        ("2024-01-02,\"A,1\n2024-01-02,\"B,2\n2024-01-03,A,3\n2024-01-03,B,4", 2),
        ("2024-01-02,\"A\"A,1\n2024-01-03,A,2", 2),
        ("2024-01-02,A,1\n2024-01-03, \"A\",2", 3),
    ];
    for (rows, line) in refused {
        let error = read(rows).unwrap_err();
        assert!(
            error.contains("found a quotation mark") && error.contains(&format!("line {line}")),
            "{rows}: {error}"
        );
    }
    let header = ours(b"date,\"A\"B,C\n2024-01-02,1,2\n").unwrap_err();
    assert!(header.contains("found a quotation mark"), "{header}");
}

#[test]
fn damaged_rows_of_a_ken_french_file_are_refused() {
    let read = |text: &str| {
        let input = Input::Bytes { name: "factors.csv".into(), bytes: text.as_bytes().to_vec().into() };
        betaflow_connectors::parquet::prepare(&input, &betaflow_connectors::import::ImportOptions::default())
            .map(drop)
            .map_err(|error| error.to_string())
    };
    read(KEN_FRENCH).unwrap();
    let above = KEN_FRENCH.replace(",Mkt-RF", "20240101, 1, 2, 3, 4\r\n,Mkt-RF");
    assert!(read(&above).unwrap_err().contains("which is data, expected a header"), "{:?}", read(&above));
    let date = KEN_FRENCH.replace("20240104,", "x0240104,");
    assert!(read(&date).unwrap_err().contains("\"x0240104\""), "{:?}", read(&date));
}

//! Data: forms of files, time zones, later data, and the machine that runs it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::TimestampNanosecondType;
use arrow_array::{ArrayRef, TimestampNanosecondArray};
use arrow_schema::DataType;
use betaflow_connectors::parquet::MemoryTable;
use betaflow_engine::processor::InstructionSet;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use toml::Value;

use crate::driver::{Case, Checked, check};
use crate::market::{Feature, Market, Row, batch, table};
use crate::run::{Rule, Run, completed, replay, replay_case, replay_market, rows, scratch};
use crate::settings::Draw as _;
use crate::support::{Columns, DAY_NS, Random};

/// Writes a table in row groups of some rows.
fn write(path: &Path, columns: Columns<'_>, rows: usize) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let batch = batch(columns);
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(rows)).build();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Text of the rows as CSV.
fn csv(market: &Market) -> String {
    let rows = &market.rows;
    let (dividends, splits) =
        (rows.iter().any(|row| row.dividend.is_some()), rows.iter().any(|row| row.split.is_some()));
    let mut text = "date,symbol,open,high,low,close,bid,ask,volume".to_owned();
    text += if dividends { ",dividend" } else { "" };
    text += if splits { ",split" } else { "" };
    let cell = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    for row in rows {
        let time = jiff::Timestamp::from_nanosecond(i128::from(row.time)).unwrap();
        let time = if market.shape.has(Feature::Intraday) {
            time.to_string()
        } else {
            time.to_string()[..10].to_owned()
        };
        let _ = write!(text, "\n{time},{}", row.symbol);
        for value in row.prices.iter().chain([&row.volume]) {
            let _ = write!(text, ",{}", cell(*value));
        }
        if dividends {
            let _ = write!(text, ",{}", cell(row.dividend));
        }
        if splits {
            let _ = write!(text, ",{}", cell(row.split));
        }
    }
    text + "\n"
}

/// Writes the prices in one of several forms; returns its path.
fn form(folder: &Path, market: &Market, kind: usize, random: &mut Random) -> String {
    let groups = 1 + random.below(200);
    let columns = |rows: &[Row]| Market::price_columns(rows);
    let path = folder.join("prices");
    match kind {
        0 => write(&path, columns(&market.rows), groups),
        1 => {
            let mut rows = market.rows.clone();
            rows.sort_by(|a, b| (&a.symbol, a.time).cmp(&(&b.symbol, b.time)));
            write(&path, columns(&rows), groups);
        }
        2 => {
            for symbol in market.symbols() {
                let rows: Vec<Row> = market.rows.iter().filter(|row| row.symbol == symbol).cloned().collect();
                write(&path.join(format!("{symbol}.parquet")), columns(&rows), groups);
            }
        }
        3 => {
            let middle = market.times[market.times.len() / 2];
            let end = market.rows.partition_point(|row| row.time < middle);
            let parts = [&market.rows[..end], &market.rows[end..]];
            for (at, rows) in parts.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
                write(&path.join(format!("part-{at}.parquet")), columns(rows), groups);
            }
        }
        _ => fs::write(&path, csv(market)).unwrap(),
    }
    path.display().to_string()
}

#[test]
fn every_form_of_the_files_gives_one_digest() {
    check("every_form_of_the_files_gives_one_digest", 11, |case| {
        let Some((market, first)) = replay_case(case)? else { return Ok(false) };
        let mut random = case.random_numbers();
        let folder = scratch();
        let kind = random.below(5);
        let prices = form(folder.path(), &market, kind, &mut random);
        let mut settings = case.settings.clone();
        for name in ["record.betas", "record.weights"] {
            settings.set(name, "all");
        }
        if !market.renames.is_empty() {
            settings.set("data.renames", "memory:renames");
        }
        let factors = (case.shape.factors > 0).then_some("memory:factors");
        let second = completed(replay(&prices, factors, market.tables(), &settings))?;
        // A row of a table of several files may lack columns that others have; their values are null.
        Rule::SAME.check(&first, &second).map_err(|error| format!("form {kind}: {error}"))
    });
}

#[test]
fn every_division_of_a_table_in_memory_gives_one_digest() {
    check("every_division_of_a_table_in_memory_gives_one_digest", 6, |case| {
        let Some((market, first)) = replay_case(case)? else { return Ok(false) };
        let mut random = case.random_numbers();
        let whole = batch(Market::price_columns(&market.rows));
        let (mut batches, mut at) = (Vec::new(), 0);
        while at < whole.num_rows() {
            let length = (1 + random.below(150)).min(whole.num_rows() - at);
            batches.push(whole.slice(at, length));
            at += length;
        }
        let mut tables = market.tables();
        tables[0] = MemoryTable::new("prices".to_owned(), whole.schema(), batches);
        let mut settings = case.settings.clone();
        if !market.renames.is_empty() {
            settings.set("data.renames", "memory:renames");
        }
        let factors = (case.shape.factors > 0).then_some("memory:factors");
        let second = completed(replay("memory:prices", factors, tables, &settings))?;
        same_digest(&first, &second)
    });
}

fn same_digest(first: &Run, second: &Run) -> Checked {
    match first.digest() == second.digest() {
        true => Ok(true),
        false => Err(format!("digests {} and {}", first.digest(), second.digest())),
    }
}

/// Columns whose times are in a zone.
fn in_zone(columns: Columns<'static>, zone: &str) -> Columns<'static> {
    let zoned = |(name, array): (&'static str, ArrayRef)| match array.data_type() {
        DataType::Timestamp(..) => {
            let times = array.as_primitive::<TimestampNanosecondType>().values().to_vec();
            (name, Arc::new(TimestampNanosecondArray::from(times).with_timezone(zone)) as ArrayRef)
        }
        _ => (name, array),
    };
    columns.into_iter().map(zoned).collect()
}

#[test]
fn times_with_a_zone_are_those_in_utc() {
    check("times_with_a_zone_are_those_in_utc", 6, |case| {
        let case = case.clone().without(&[Feature::Renames]).with(&[Feature::Intraday]);
        let mut random = case.random_numbers();
        let zone = ["America/New_York", "Europe/London", "Asia/Tokyo", "Australia/Sydney"][random.below(4)];
        let case = case.set(&[("data.timezone", zone.into())]);
        let Some((market, first)) = replay_case(&case)? else { return Ok(false) };
        let mut tables = market.tables();
        tables[0] = table("prices", in_zone(Market::price_columns(&market.rows), zone));
        let factors = (case.shape.factors > 0).then(|| {
            tables[1] = table("factors", in_zone(market.factor_columns(), zone));
            "memory:factors"
        });
        let second = completed(replay("memory:prices", factors, tables, &case.settings))?;
        same_digest(&first, &second)
    });
}

/// Rows of a table up to a frame.
fn until(run: &Run, name: &str, end: i64) -> Vec<String> {
    let table = run.table(name);
    let times = table["timestamp"].as_primitive::<TimestampNanosecondType>().values().to_vec();
    let (_, rows) = rows(&table, &str::to_owned, false);
    let kept = rows.into_iter().zip(times).filter(|(_, time)| *time <= end);
    kept.map(|((texts, values), _)| format!("{texts:?} {values:?}")).collect()
}

#[test]
fn later_data_changes_no_earlier_frame() {
    check("later_data_changes_no_earlier_frame", 13, |case| {
        let Some((market, whole)) = replay_case(case)? else { return Ok(false) };
        let mut random = case.random_numbers();
        let frames = market.times.len() / 2 + random.below(market.times.len() / 2);
        let shorter = market.clone().first(frames.max(2));
        let last = shorter.times.len() - 1;
        // Files that are given whole: terms of borrowing, spells and symbol changes.
        let mut tables = market.tables();
        tables[0] = table("prices", Market::price_columns(&shorter.rows));
        let factors = (case.shape.factors > 0).then(|| {
            tables[1] = table("factors", shorter.factor_columns());
            "memory:factors"
        });
        let mut settings = case.settings.clone();
        settings.set("record.betas", "all");
        settings.set("record.weights", "all");
        if !market.renames.is_empty() {
            settings.set("data.renames", "memory:renames");
        }
        let Ok(short) = replay("memory:prices", factors, tables, &settings)? else { return Ok(false) };
        for name in ["equity", "fills", "weights", "betas", "attribution", "orders"] {
            if !whole.tables().iter().any(|table| table == name)
                || !short.tables().iter().any(|table| table == name)
            {
                continue;
            }
            // Orders that are open at the end of a run have a row on its last frame.
            let end = shorter.times[if name == "orders" { last - 1 } else { last }];
            let (earlier, later) = (until(&short, name, end), until(&whole, name, end));
            if let Some(at) =
                (0..earlier.len().max(later.len())).find(|at| earlier.get(*at) != later.get(*at))
            {
                return Err(format!("{name}, row {at}: {:?} and {:?}", earlier.get(at), later.get(at)));
            }
        }
        Ok(true)
    });
}

/// The case with a placement, a capacity and a batch size.
fn placed(case: &Case, random: &mut Random) -> Case {
    let placement: Value = match random.below(5) {
        0 => "inline".into(),
        1 => "threaded".into(),
        2 => Value::Array(vec![Value::Integer(2), Value::Integer(3)]),
        3 => Value::Array(vec![Value::Integer(1), Value::Integer(4)]),
        _ => Value::Array([1, 1, 1, 2].map(Value::Integer).to_vec()),
    };
    let (capacity, batch) = ([1, 2, 64][random.below(3)], [1, 3, 64][random.below(3)]);
    case.clone().set(&[
        ("pipeline.placement", placement),
        ("pipeline.capacity", Value::Integer(capacity)),
        ("pipeline.batch", Value::Integer(batch)),
    ])
}

#[test]
fn threads_and_instruction_sets_change_no_bit() {
    check("threads_and_instruction_sets_change_no_bit", 8, |case| {
        let Some((market, first)) = replay_case(case)? else { return Ok(false) };
        let mut random = case.random_numbers();
        for set in InstructionSet::compiled().iter().filter(|set| set.is_available()) {
            InstructionSet::limit(*set);
            let other = placed(case, &mut random);
            let second = completed(replay_market(&market, &other.settings));
            InstructionSet::limit(InstructionSet::X86V4);
            Rule::SAME.check(&first, &second?).map_err(|error| format!("{}: {error}", set.name()))?;
        }
        Ok(true)
    });
}

#[test]
fn every_random_run_has_finite_numbers() {
    check("every_random_run_has_finite_numbers", 33, |case| {
        let Some((_, run)) = replay_case(case)? else { return Ok(false) };
        run.unfinite().map_or(Ok(true), Err)
    });
}

#[test]
fn times_are_whole_days_for_daily_bars() {
    let shape = crate::market::Shape::random(&mut Random(3)).without(&[Feature::Intraday]);
    assert!(Market::new(&shape).times.iter().all(|time| time % DAY_NS == 0));
}

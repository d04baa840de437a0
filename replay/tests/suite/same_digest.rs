//! The digest depends only on data, settings and version.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type};
use jiff::civil::date;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::{
    Bar, Columns, DAY_NS, Panel, Random, folder, joined, numbers, run, times, write, write_tidy,
};

const SETTINGS: &[&str] = &["estimator.warmup=60", "sizing.weight_min=-0.05"];

fn year(time: i64) -> i16 {
    (date(1970, 1, 1) + jiff::Span::new().days(time / DAY_NS)).year()
}

/// Writes one column of closes per symbol, in reverse order of the symbols.
fn write_wide(path: &Path, bars: &[Bar]) {
    let frames: Vec<i64> = bars.iter().map(|bar| bar.time).collect::<BTreeSet<_>>().into_iter().collect();
    let mut columns = BTreeMap::<&str, Vec<Option<f64>>>::new();
    for bar in bars {
        let column = columns.entry(&bar.symbol).or_insert_with(|| vec![None; frames.len()]);
        column[frames.binary_search(&bar.time).unwrap()] = Some(bar.close);
    }
    let mut table: Columns<'_> = vec![times(frames)];
    table.extend(columns.into_iter().rev().map(|(symbol, closes)| (symbol, numbers(closes))));
    write(path, table);
}

/// Writes the same bars in every supported layout; returns the names of files and folders.
fn write_layouts(folder: &Path, bars: &[Bar]) -> [&'static str; 6] {
    write_tidy(&folder.join("tidy.parquet"), bars);
    let mut random = Random(7);
    let mut shuffled: Vec<(i64, u64, &Bar)> = bars.iter().map(|bar| (bar.time, random.next(), bar)).collect();
    shuffled.sort_by_key(|(time, order, _)| (*time, *order));
    let shuffled: Vec<Bar> = shuffled.into_iter().map(|(_, _, bar)| bar.clone()).collect();
    write_tidy(&folder.join("shuffled.parquet"), &shuffled);
    write_wide(&folder.join("wide.parquet"), bars);
    let (mut years, mut symbols) = (BTreeMap::<_, Vec<Bar>>::new(), BTreeMap::<_, Vec<Bar>>::new());
    for bar in bars {
        years.entry(year(bar.time)).or_default().push(bar.clone());
        symbols.entry(&bar.symbol).or_default().push(bar.clone());
    }
    assert!(years.len() > 1);
    for (year, bars) in years {
        write_tidy(&folder.join(format!("by_year/{year}.parquet")), &bars);
    }
    for (symbol, bars) in symbols {
        write_tidy(&folder.join(format!("by_symbol/{symbol}.parquet")), &bars);
        let closes = numbers(bars.iter().map(|bar| Some(bar.close)));
        let times = times(bars.iter().map(|bar| bar.time));
        let path = folder.join(format!("hive/symbol={symbol}/part-0.parquet"));
        write(&path, vec![times, ("close", closes)]);
    }
    ["tidy.parquet", "shuffled.parquet", "wide.parquet", "by_year", "by_symbol", "hive"]
}

#[test]
fn digest_is_equal_for_every_file_layout_placement_capacity_and_batch() {
    let folder = folder();
    let folder = folder.path();
    let panel = Panel::new(1, 400, 12);
    panel.write_factors(&folder.join("factors.parquet"));
    let layouts = write_layouts(folder, &panel.bars);
    let mut count = 0;
    let mut digest = |layout: &str, settings: &[&str]| {
        count += 1;
        let data = panel.arguments(folder, layout);
        let settings = [SETTINGS, settings].concat();
        run(folder, &format!("run-{count}"), &joined("replay", &data, &settings)).digest().to_owned()
    };
    let expected = digest(layouts[0], &[]);
    for layout in layouts {
        assert_eq!(digest(layout, &[]), expected, "{layout}");
    }
    for placement in ["inline", "threaded", "auto", "[2, 3]", "[1, 3, 1]", "[4, 1]"] {
        for capacity in [1, 2, 64, 1024] {
            for batch in [1, 7, 64] {
                let [placement, capacity, batch] = [
                    format!("pipeline.placement={placement}"),
                    format!("pipeline.capacity={capacity}"),
                    format!("pipeline.batch={batch}"),
                ];
                let settings = [placement.as_str(), &capacity, &batch];
                assert_eq!(digest(layouts[1], &settings), expected, "{settings:?}");
            }
        }
    }
    // Recording does not change the digest.
    assert_eq!(digest(layouts[0], &["record.weights=none", "record.betas=all"]), expected);
    assert_eq!(digest(layouts[0], &["record.weights=monthly", "record.betas=rebalances"]), expected);
    // A cost and one price of the last day change it.
    let costlier = digest(layouts[0], &["execution.half_spread_bps=4.5"]);
    assert_ne!(costlier, expected);
    for symbol in ["S00", "S05"] {
        let mut changed = panel.clone();
        let bar = changed.bars.iter_mut().rev().find(|bar| bar.symbol == symbol).unwrap();
        bar.close *= 1.0 + 1e-12;
        write_tidy(&folder.join("changed.parquet"), &changed.bars);
        assert_ne!(digest("changed.parquet", &[]), expected, "the last price of {symbol}");
    }
}

/// Date, symbol and adjusted close of the development data.
fn read_adjusted(path: &Path) -> Vec<Bar> {
    let file = std::fs::File::open(path).unwrap();
    let mut bars = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let column = |name| batch.column_by_name(name).unwrap();
        let (days, symbols) =
            (column("date").as_primitive::<Date32Type>(), column("symbol").as_string::<i32>());
        let closes = column("adj_close").as_primitive::<Float64Type>();
        for row in 0..batch.num_rows() {
            let (time, symbol, close) =
                (i64::from(days.value(row)) * DAY_NS, symbols.value(row).to_owned(), closes.value(row));
            bars.push(Bar::new(time, &symbol, close, close));
        }
    }
    bars
}

#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn digest_of_five_years_of_stocks_is_equal_in_two_layouts_and_placements() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let [prices, factors] =
        ["us_stocks_5yr_adj.parquet", "ff5_mom_daily.parquet"].map(|name| data.join(name));
    let folder = folder();
    write_wide(&folder.path().join("wide.parquet"), &read_adjusted(&prices));
    let [tidy, wide, factors] =
        [prices, folder.path().join("wide.parquet"), factors].map(|path| path.display().to_string());
    let from_tidy = [tidy, factors.clone()];
    let from_wide = [wide, factors];
    let cases: [(&str, &[String; 2], &[&str]); 3] = [
        ("inline", &from_tidy, &["data.price=adj_close", "pipeline.placement=inline"]),
        (
            "threaded",
            &from_tidy,
            &["data.price=adj_close", "pipeline.placement=threaded", "pipeline.capacity=2"],
        ),
        ("wide", &from_wide, &["pipeline.placement=auto"]),
    ];
    let digests = cases.map(|(name, [prices, factors], settings)| {
        let data = ["--prices", prices, "--factors", factors].map(str::to_owned);
        run(folder.path(), name, &joined("replay", &data, settings)).digest().to_owned()
    });
    assert_eq!(digests[0], digests[1], "{} = {}", cases[0].0, cases[1].0);
    assert_eq!(digests[0], digests[2], "{} = {}", cases[0].0, cases[2].0);
}

//! Folder of a stress run, with figures that follow from the settings by a formula.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray};
use serde_json::{Value, json};

use super::write;

/// Name of a setting, and its value in each scenario.
pub(crate) type Column = (&'static str, Vec<f64>);

/// Product of values; the last setting varies fastest.
pub(crate) fn product(grid: &[(&'static str, &[f64])]) -> Vec<Column> {
    let rows: usize = grid.iter().map(|(_, values)| values.len()).product();
    let mut stride = rows;
    let column = |(name, values): &(&'static str, &[f64])| {
        stride /= values.len();
        (*name, (0..rows).map(|row| values[row / stride % values.len()]).collect())
    };
    grid.iter().map(column).collect()
}

/// Net Sharpe ratio: 1, minus 0.1 for each bps of cost, plus 1 for each unit of any other setting.
pub(crate) fn sharpe(columns: &[Column], row: usize) -> f64 {
    let part = |(name, values): &Column| values[row] * if name.ends_with("_bps") { -0.1 } else { 1.0 };
    1.0 + columns.iter().map(part).sum::<f64>()
}

/// Writes the folder. `texts` is a further setting with text values.
pub(crate) fn stress(
    folder: &Path,
    columns: &[Column],
    texts: Option<(&str, Vec<String>)>,
    base: &Value,
) -> PathBuf {
    let path = folder.join("stress");
    fs::create_dir_all(&path).unwrap();
    let rows = columns[0].1.len();
    let ratios: Vec<f64> = (0..rows).map(|row| sharpe(columns, row)).collect();
    let mut table: Vec<(String, ArrayRef)> =
        vec![("scenario".to_owned(), Arc::new(Int64Array::from_iter_values(0..rows as i64)))];
    for (name, values) in columns {
        table.push(((*name).to_owned(), Arc::new(Float64Array::from(values.clone()))));
    }
    if let Some((name, values)) = texts {
        table.push((name.to_owned(), Arc::new(StringArray::from(values))));
    }
    table.push(("digest".to_owned(), Arc::new(StringArray::from(vec!["ab"; rows]))));
    let scaled = |scale: f64| ratios.iter().map(move |ratio| ratio * scale).collect::<Vec<f64>>();
    let figures = [
        ("net_sharpe", scaled(1.0)),
        ("gross_sharpe", scaled(1.1)),
        ("net_annual_return", scaled(0.1)),
        ("net_calmar", scaled(0.5)),
        ("net_max_drawdown", (0..rows).map(|row| -0.1 - 0.01 * row as f64).collect()),
        ("turnover", vec![0.01; rows]),
        ("cost_total", vec![1_000.0; rows]),
        ("break_even_bps", vec![40.0; rows]),
        ("capacity_of_same_trades", vec![f64::NAN; rows]),
    ];
    for (name, values) in figures {
        table.push((name.to_owned(), Arc::new(Float64Array::from(values))));
    }
    let table: Vec<(&str, ArrayRef)> =
        table.iter().map(|(name, column)| (name.as_str(), Arc::clone(column))).collect();
    write(&path.join("scenarios.parquet"), table);
    let summary = json!({
        "kind": "stress", "version": env!("CARGO_PKG_VERSION"), "strategy": "quarter_kelly", "scenarios": rows, "base": base,
        "data": {"instruments": 20, "first": "2014-01-02", "last": "2022-12-28"}, "warnings": ["a <b> & c"]
    });
    fs::write(path.join("summary.json"), summary.to_string()).unwrap();
    fs::write(path.join("run.toml"), "[sizing]\nturnover_cap = 0.08\n").unwrap();
    fs::write(path.join("grid.toml"), "[grid]\n").unwrap();
    path
}

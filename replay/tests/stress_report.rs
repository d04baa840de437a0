//! The report of a stress run: what it says of grids of any size and of lists.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::stress::{Column, product, stress};
use support::{call, folder};

const CAP: &str = "sizing.turnover_cap";
const SPREAD: &str = "execution.half_spread_bps";
const KELLY: &str = "sizing.kelly_fraction";
const GRID: [(&str, &[f64]); 3] =
    [(CAP, &[0.04, 0.08, 0.16]), (SPREAD, &[0.0, 4.0, 8.0, 16.0]), (KELLY, &[0.25, 0.5])];

fn base() -> Value {
    json!({CAP: 0.08, SPREAD: 4.0, KELLY: 0.25, "sizing.cap_method": "exact"})
}

/// The report without plotly.js.
fn report(folder: &Path, columns: &[Column], texts: Option<(&str, Vec<String>)>, base: &Value) -> String {
    let path = stress(folder, columns, texts, base);
    let ended = call(folder, &["report", "stress"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let html = fs::read_to_string(path.join("report.html")).unwrap();
    let (before, rest) = html.split_once("<script type=\"text/javascript\">").unwrap();
    before.to_owned() + rest.split_once("</script>").unwrap().1
}

#[test]
fn a_grid_says_where_it_dies_and_draws_its_maps() {
    let folder = folder();
    let html = report(folder.path(), &product(&GRID), None, &base());
    for part in [
        "<b>24</b> scenarios: all combinations of <b>turnover cap</b> (3 values from 4 % to 16 %)",
        "<b>half spread</b> (4 values from 0 to 16 bps)",
        // 1 + 0.08 + 0.25 at no cost, and 0.1 less for each bps.
        "At a turnover cap of <b>8 %</b> (kelly fraction 0.25): break-even half spread <b>13.3 bps</b>",
        "the best of 6 trials has the highest net Sharpe ratio",
        "chosen among the 6 scenarios with half spread 4 bps",
        // The best at the base's cost, and the neighbour one bps level dearer and one level of each lower.
        "<td>1.26</td>",
        "<h2>Effect of each setting</h2>",
        "<h2>Growth against drawdown</h2>",
        "<h2>The ten worst</h2>",
        "data-stride=\"1\"",
        "a &lt;b&gt; &amp; c",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert_eq!(html.matches("\"type\":\"heatmap\"").count(), 8, "four maps for each Kelly fraction");
    assert!(html.contains("<td>12.9</td>") && html.contains("<td>14.1</td>"), "by cap");
}

#[test]
fn the_report_can_be_made_again_to_the_byte_and_draws_no_betas() {
    let folder = folder();
    let first = report(folder.path(), &product(&GRID), None, &base());
    assert_eq!(first, report(folder.path(), &product(&GRID), None, &base()));
    let ended = call(folder.path(), &["report", "stress", "--plot", "AAPL"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("the folder of a stress run"), "{}", ended.err);
    fs::remove_file(folder.path().join("stress/scenarios.parquet")).unwrap();
    let ended = call(folder.path(), &["report", "stress"]);
    assert!(ended.err.contains("scenarios.parquet: could not read the table"), "{}", ended.err);
}

#[test]
fn one_setting_has_lines_and_a_list_has_no_maps() {
    let folder = folder();
    let html = report(folder.path(), &product(&GRID[1..2]), None, &json!({SPREAD: 4.0}));
    assert!(html.contains("All else as configured: break-even half spread <b>10.0"), "a cost alone");
    assert!(!html.contains("heatmap") && html.contains("<h2>Over the settings</h2>"));
    assert!(html.contains("does not vary: there is no line to draw"));

    let list = [(CAP, vec![0.04, 0.08, 0.08, 0.3]), (SPREAD, vec![4.0, 4.0, 20.0, 7.0])];
    let html = report(folder.path(), &list, None, &base());
    assert!(html.contains("<b>4</b> scenarios: a list of values of"));
    assert!(html.contains("more holes than cells") && !html.contains("heatmap"));
    assert!(html.contains("<h2>All scenarios, by Sharpe ratio</h2>"));
}

#[test]
fn names_a_base_that_was_not_tried_and_six_settings_are_told() {
    let folder = folder();
    let two = |name: &'static str| (name, &[1.0, 2.0][..]);
    let grid = product(&[two(CAP), two("a.x"), two("b.x"), two("c.y<i>"), two("d.z")]);
    let (rows, mut twice) = (grid[0].1.len(), grid.clone());
    twice.iter_mut().for_each(|(_, values)| values.extend_from_within(..));
    let names = ["exact", "<i>scale"].iter().flat_map(|name| vec![(*name).to_owned(); rows]).collect();
    let html = report(folder.path(), &twice, Some(("sizing.cap_method", names)), &base());
    assert!(html.contains("<b>64</b> scenarios: all combinations"));
    assert!(html.contains("nearest to the base") && html.contains("is none of the scenarios"));
    assert!(html.contains("a.x") && html.contains("b.x"), "settings of one name are told apart");
    assert!(!html.contains("<i>") && html.contains("&lt;i&gt;scale"), "no name is markup");
    assert_eq!(html.matches("<select").count(), 4);
}

//! Report of a stress run, of grids of any size and of lists.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray};
use serde_json::{Value, json};

use crate::support::stress::{Column, product, stress};
use crate::support::{call, folder, write};

const CAP: &str = "sizing.turnover_cap";
const SPREAD: &str = "execution.half_spread_bps";
const KELLY: &str = "sizing.kelly_fraction";
const GRID: [(&str, &[f64]); 3] =
    [(CAP, &[0.04, 0.08, 0.16]), (SPREAD, &[0.0, 4.0, 8.0, 16.0]), (KELLY, &[0.25, 0.5])];

fn base() -> Value {
    json!({CAP: 0.08, SPREAD: 4.0, KELLY: 0.25, "sizing.cap_method": "exact"})
}

/// Returns the report without plotly.js.
fn report(folder: &Path, columns: &[Column], texts: Option<(&str, Vec<String>)>, base: &Value) -> String {
    let path = stress(folder, columns, texts, base);
    let ended = call(folder, &["report", "stress"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let html = fs::read_to_string(path.join("report.html")).unwrap();
    let (before, rest) = html.split_once("<script type=\"text/javascript\">").unwrap();
    before.to_owned() + rest.split_once("</script>").unwrap().1
}

#[test]
fn report_of_a_grid_states_the_break_even_cost_and_draws_maps() {
    let folder = folder();
    let html = report(folder.path(), &product(&GRID), None, &base());
    for part in [
        "<b>24</b> scenarios: all combinations of <b>turnover cap</b> (3 values from 4 % to 16 %)",
        "<b>half spread</b> (4 values from 0 to 16 bps)",
        // 1 + 0.08 + 0.25 at no cost, and 0.1 less for each bps.
        "At a turnover cap of <b>8 %</b> (Kelly fraction 0.25): break-even half spread <b>13.3 bps</b>",
        "the best of 6 trials has the highest net Sharpe ratio",
        "chosen among the 6 scenarios with half spread 4 bps",
        // Lowest ratio within one level of the robust choice.
        "<td>1.26</td>",
        "<h2>Effect of each setting</h2>",
        "<h2>Growth against drawdown</h2>",
        "<h2>The ten worst</h2>",
        "data-stride=\"1\"",
        "a &lt;b&gt; &amp; c",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert_eq!(html.matches("\"type\":\"heatmap\"").count(), 8, "four maps per Kelly fraction");
    assert!(html.contains("<td>12.9</td>") && html.contains("<td>14.1</td>"), "by cap");
}

#[test]
fn report_can_be_rebuilt_to_the_byte_and_draws_no_betas() {
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
fn single_setting_has_lines_and_a_list_has_no_maps() {
    let folder = folder();
    let html = report(folder.path(), &product(&GRID[1..2]), None, &json!({SPREAD: 4.0}));
    assert!(html.contains("All else as configured: break-even half spread <b>10.0"), "a cost alone");
    assert!(!html.contains("heatmap") && html.contains("<h2>Figures by setting</h2>"));
    assert!(html.contains("does not vary: there is no line to draw"));

    let list = [(CAP, vec![0.04, 0.08, 0.08, 0.3]), (SPREAD, vec![4.0, 4.0, 20.0, 7.0])];
    let html = report(folder.path(), &list, None, &base());
    assert!(html.contains("<b>4</b> scenarios: a list of values of"));
    assert!(html.contains("most cells of a map would be empty") && !html.contains("heatmap"));
    assert!(html.contains("<h2>All scenarios, by Sharpe ratio</h2>"));
}

#[test]
fn base_outside_the_grid_and_equal_titles_are_named() {
    let folder = folder();
    let two = |name: &'static str| (name, &[1.0, 2.0][..]);
    let grid = product(&[two(CAP), two("a.x"), two("b.x"), two("c.y<i>"), two("d.z")]);
    let (rows, mut twice) = (grid[0].1.len(), grid.clone());
    twice.iter_mut().for_each(|(_, values)| values.extend_from_within(..));
    let names = ["exact", "<i>scale"].iter().flat_map(|name| vec![(*name).to_owned(); rows]).collect();
    let html = report(folder.path(), &twice, Some(("sizing.cap_method", names)), &base());
    assert!(html.contains("<b>64</b> scenarios: all combinations"));
    assert!(html.contains("nearest to the base") && html.contains("is none of the scenarios"));
    assert!(
        html.contains("a.x") && html.contains("b.x"),
        "settings with the same last name keep their dotted names"
    );
    assert!(!html.contains("<i>") && html.contains("&lt;i&gt;scale"), "no name is markup");
    assert_eq!(html.matches("<select").count(), 4);
}

/// Returns the section with an id.
fn section<'a>(html: &'a str, id: &str) -> &'a str {
    let (_, rest) = html.split_once(&format!("<section id=\"{id}\">")).unwrap_or_else(|| panic!("{id}"));
    rest.split_once("</section>").unwrap().0
}

#[test]
fn best_and_efficient_lists_have_only_choices_in_the_environment_of_the_base() {
    let folder = folder();
    let html = report(folder.path(), &product(&GRID), None, &base());
    let best = section(&html, "choices-by-sharpe-ratio");
    // Six of 24 scenarios have the half-spread of the base; scenario number, cap, half-spread, Kelly fraction.
    assert_eq!(best.matches("<tr><th scope=\"row\">").count(), 6);
    assert_eq!(best.matches("</td><td>4</td><td>").count(), 6, "half-spread 4 bps in each row");
    assert!(best.contains("Choices with half spread 4 bps alone"));
    let efficient = section(&html, "growth-against-drawdown");
    let rows = efficient.matches("<tr><th scope=\"row\">").count();
    assert!(rows > 0 && efficient.matches("half spread 4 bps").count() == rows + 1, "and in the reading");
    assert!(section(&html, "the-ten-worst").contains("<td>16</td>"), "of all environments");
}

#[test]
fn colours_of_a_map_span_its_values() {
    let folder = folder();
    let html = report(folder.path(), &product(&GRID), None, &base());
    let (_, figures) = html.split_once("id=\"figures\">").unwrap();
    let figures: Value = serde_json::from_str(figures.split_once("</script>").unwrap().0).unwrap();
    let slices =
        figures["figures"].as_array().unwrap().iter().filter_map(|figure| figure["slices"].as_array());
    let mut maps = 0;
    for map in slices.flatten().map(|traces| &traces[0]) {
        let rows = map["z"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
        let values: Vec<f64> = rows.map(|value| value.as_f64().unwrap()).collect();
        let ends = [
            values.iter().fold(f64::MAX, |low, value| low.min(*value)),
            values.iter().fold(f64::MIN, |high, value| high.max(*value)),
        ];
        // Values of cells are rounded to five decimals.
        let near = |end: &Value, expected: f64| (end.as_f64().unwrap() - expected).abs() < 1e-5;
        assert!(near(&map["zmin"], ends[0]) && near(&map["zmax"], ends[1]), "{ends:?}");
        maps += 1;
    }
    assert_eq!(maps, 8);
}

#[test]
fn environment_choices_and_named_scenarios_are_defined_on_the_first_screen() {
    let folder = folder();
    let columns =
        product(&[(CAP, &[0.04, 0.08]), ("world.worst_window_days", &[60.0, 90.0]), (SPREAD, &[4.0, 8.0])]);
    let html = report(folder.path(), &columns, None, &base());
    let (first, _) = html.split_once("<nav class=\"contents\"").unwrap();
    for part in [
        "<b>Environment</b> (costs, delays, data), given: worst window days; half spread, bps.",
        "<b>Choices</b>, picked by the user: turnover cap.",
        "<li><b>nearest to the base</b>: ",
        "<li><b>best</b>: ",
        "<li><b>robust</b>: ",
    ] {
        assert!(first.contains(part), "{part}: {first}");
    }
}

#[test]
fn end_of_trading_is_stated_once_in_the_table_of_break_even_costs() {
    let folder = folder();
    // The net annual return is 0 without trades, and the Sharpe ratio is not defined.
    let (caps, costs) = ([0.04, 0.08], [4.0, 10.0, 20.0]);
    let columns = product(&[(CAP, &caps), (SPREAD, &costs)]);
    let path = stress(folder.path(), &columns, None, &base());
    let array = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    let mut table: Vec<(&str, ArrayRef)> =
        columns.iter().map(|(name, values)| (*name, array(values.clone()))).collect();
    table.insert(0, ("scenario", Arc::new(Int64Array::from_iter_values(0..6))));
    table.push(("digest", Arc::new(StringArray::from(vec!["ab"; 6]))));
    table.push(("net_sharpe", array([0.9, 0.4, f64::NAN].repeat(2))));
    table.push(("net_annual_return", array([0.09, 0.04, 0.0].repeat(2))));
    write(&path.join("scenarios.parquet"), table);
    assert_eq!(call(folder.path(), &["report", "stress"]).code, Some(0));
    let html = fs::read_to_string(path.join("report.html")).unwrap();
    let table = section(&html, "break-even-cost-by-turnover-cap");
    let cell = "<td colspan=\"2\">no trades above 10 bps: no zero crossing</td>";
    assert_eq!(table.matches(cell).count(), 2, "{table}");
    assert!(html.contains("no trades at <b>20 bps</b>, so no zero crossing"));
}

#[test]
fn study_of_the_embedded_data_warns_of_survivorship() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("grid.toml"), "[grid]\n\"sizing.kelly_fraction\" = [0.1, 0.25]\n").unwrap();
    let ended = call(folder.path(), &["stress", "--grid", "grid.toml", "--out", "out"]);
    assert!(ended.code == Some(0) && ended.out.contains("[survivorship]"), "{}", ended.err);
    let html = fs::read_to_string(folder.path().join("out/report.html")).unwrap();
    assert!(html.contains("(survivorship bias)"));
}

#[test]
fn cost_axis_is_named_as_one_of_trading_speed() {
    let folder = folder();
    let path = stress(folder.path(), &product(&GRID), None, &base());
    let html = |trades: &str| {
        let file = path.join("summary.json");
        let mut summary: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        summary["trades"] = trades.into();
        fs::write(&file, summary.to_string()).unwrap();
        assert_eq!(call(folder.path(), &["report", "stress"]).code, Some(0));
        fs::read_to_string(path.join("report.html")).unwrap()
    };
    let own = html("own");
    let speed = section(&own, "cost-and-trading-speed");
    for part in [
        "Sizing knows the half spread and trades less when it is higher",
        "<code>trades = &quot;fixed&quot;</code>",
    ] {
        assert!(speed.contains(part), "{part}: {speed}");
    }
    assert!(section(&own, "figures-by-setting").contains("href=\"#cost-and-trading-speed\""));
    let (_, figures) = own.split_once("id=\"figures\">").unwrap();
    let figures: Value = serde_json::from_str(figures.split_once("</script>").unwrap().0).unwrap();
    let traces =
        figures["figures"].as_array().unwrap().iter().flat_map(|figure| figure["data"].as_array().unwrap());
    let repriced = traces.clone().find(|trace| trace["name"] == "trades of the base, repriced").unwrap();
    // 1 % of NAV a day are 2.52 a year: 4 bps less than the base earn 0.1008 % more.
    let y: Vec<f64> = repriced["y"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    assert!((y[0] - y[1] - 0.001_008).abs() < 1e-9 && (y[1] - y[3] - 0.003_024).abs() < 1e-9, "{y:?}");
    let fixed = html("fixed");
    let speed = section(&fixed, "cost-and-trading-speed");
    assert!(
        speed.contains("All scenarios have the trades of the configuration")
            && !speed.contains("Sizing knows")
    );
    assert!(fixed.contains("same trades, repriced") && !fixed.contains("trades of the base, repriced"));
}

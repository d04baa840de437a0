//! Reports of `replay`, `estimate` and `score`: text, figures, and escaping of names from the data.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, TimestampNanosecondArray};
use betaflow_engine::time::{Iso, TimestampNs};
use serde_json::{Value, json};

use crate::support::{DAY_NS, Panel, Run, call, folder, joined, numbers, run, sets, write};

const FIGURES: (&str, &str) = ("<script type=\"application/json\" id=\"figures\">", "</script>");
const PLOTLY: (&str, &str) = ("<script type=\"text/javascript\">", "</script>");

/// A report and the data of its figures.
struct Report {
    html: String,
    figures: Value,
}

impl Report {
    fn of(run: &Run) -> Self {
        let html = fs::read_to_string(run.path.join("report.html")).unwrap();
        let figures = between(&html, FIGURES).map_or(Value::Null, |json| serde_json::from_str(json).unwrap());
        Self { html, figures }
    }

    /// Returns the page without plotly.js.
    fn ours(&self) -> String {
        let plotly = between(&self.html, PLOTLY).unwrap_or("-");
        assert!(plotly.len() < 6_000_000, "plotly.js alone");
        self.html.replacen(plotly, "", 1)
    }

    /// Returns all figures in order.
    fn all(&self) -> &Vec<Value> {
        self.figures["figures"].as_array().unwrap()
    }

    /// Returns the figures over time in order.
    fn timed(&self) -> Vec<&Value> {
        self.all().iter().filter(|figure| figure["timed"].as_bool().unwrap()).collect()
    }

    /// Returns the figure over time that has a line.
    fn with_line(&self, name: &str) -> &Value {
        let figure = self.timed().into_iter().find(|figure| names(figure).contains(&name));
        figure.unwrap_or_else(|| panic!("a figure has the line {name}"))
    }

    /// Returns the section with an id.
    fn section(&self, id: &str) -> &str {
        let start = format!("<section id=\"{id}\">");
        between(&self.html, (&start, "</section>")).unwrap_or_else(|| panic!("a section has the id {id}"))
    }

    /// Checks that the contents link to each section, and that each figure has a title, a reading and units.
    fn assert_readable(&self) {
        let html = self.ours();
        let sections: Vec<&str> =
            html.split("<section id=\"").skip(1).map(|rest| rest.split_once('"').unwrap().0).collect();
        let contents = between(&html, ("<nav class=\"contents\"", "</nav>")).unwrap();
        assert!(sections.len() > 2);
        for section in &sections {
            assert!(contents.contains(&format!("<a href=\"#{section}\">")), "{section}");
        }
        assert_eq!(contents.matches("<a href").count(), sections.len());
        for part in ["<figcaption>", "<p class=\"reading\">"] {
            assert_eq!(html.matches(part).count(), self.all().len(), "{part}");
        }
        assert!(!html.contains("<figcaption></figcaption>") && !html.contains("<p class=\"reading\"></p>"));
        for figure in self.all() {
            let layout = &figure["layout"];
            let title =
                |axis: &str| layout[axis]["title"]["text"].as_str().is_some_and(|title| !title.is_empty());
            assert!(title("yaxis") && (layout["yaxis2"].is_null() || title("yaxis2")), "{layout}");
            assert!(figure["timed"].as_bool().unwrap() || title("xaxis"), "{layout}");
        }
    }
}

fn between<'a>(text: &'a str, (start, end): (&str, &str)) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inner, _)| inner)
}

/// Returns the names of the lines of a figure.
fn names(figure: &Value) -> Vec<&str> {
    figure["data"].as_array().unwrap().iter().filter_map(|trace| trace["name"].as_str()).collect()
}

fn line<'a>(figure: &'a Value, name: &str) -> &'a Value {
    figure["data"].as_array().unwrap().iter().find(|trace| trace["name"] == name).unwrap()
}

fn number(value: &Value) -> String {
    format!(">{:.4}<", value.as_f64().unwrap())
}

#[test]
fn report_of_the_tutorial_shows_the_figures_of_the_summary_and_draws_the_betas() {
    let folder = folder();
    let run = run(folder.path(), "a", &["estimate"]);
    let report = Report::of(&run);
    let estimator = &run.summary["estimator"];
    for key in
        ["hedged_r2", "mean_log_predictive_density", "coverage_50", "coverage_90", "coverage_95", "nis"]
    {
        assert!(report.html.contains(&number(&estimator[key])), "{key}");
    }
    let baseline = estimator["baseline_log_predictive_density"].as_f64().unwrap();
    assert!(report.html.contains(&format!("more than {baseline:.4}<")));
    for instrument in estimator["instruments"].as_array().unwrap() {
        let row = format!("<tr><th scope=\"row\">{}</th>", instrument["symbol"].as_str().unwrap());
        let row = between(&report.html, (&row, "</tr>")).unwrap();
        for key in ["hedged_r2", "nis", "autocorrelation", "coverage_50", "log_predictive_density"] {
            assert!(row.contains(&number(&instrument[key])), "{key} in {row}");
        }
    }
    let settings = fs::read_to_string(run.path.join("run.toml")).unwrap().replace('"', "&quot;");
    assert!(report.html.contains(&settings), "run.toml is in the page");
    report.assert_readable();

    // Every coefficient has a figure, with the four instruments that have the most forecasts.
    let timed = report.timed();
    let coefficients = ["alpha", "mkt", "mom", "qual", "size", "vol", "val"];
    assert_eq!(timed.len(), coefficients.len());
    let betas = run.table("betas");
    let symbols = betas.texts("symbol");
    for (at, figure) in timed.iter().enumerate() {
        assert_eq!(names(figure), ["AAPL", "AMD", "BAC", "BBY"]);
        let (means, deviations) =
            (betas.numbers(coefficients[at]), betas.numbers(&format!("{}_sd", coefficients[at])));
        let last = symbols.iter().rposition(|symbol| symbol == "AMD").unwrap();
        let scale = if at == 0 { 25_200.0 } else { 1.0 };
        let drawn = line(figure, "AMD");
        let (y, band) = (drawn["y"].as_array().unwrap(), drawn["customdata"].as_array().unwrap());
        assert!((600..=1_500).contains(&y.len()), "{} points", y.len());
        assert_eq!(y.len(), report.figures["times"].as_array().unwrap().len());
        let near = |drawn: &Value, is: f64| {
            let drawn = drawn.as_f64().unwrap();
            assert!((drawn - is).abs() < 1e-3 * is.abs().max(1e-2), "{}: {drawn} is {is}", coefficients[at]);
        };
        near(y.last().unwrap(), scale * means[last]);
        near(band.last().unwrap(), 2.0 * scale * deviations[last]);
    }
    assert_eq!(report.figures["times"].as_array().unwrap().last().unwrap(), "2022-12-28");
}

#[test]
fn report_loads_nothing() {
    let folder = folder();
    let report = Report::of(&run(folder.path(), "a", &["estimate"]));
    let ours = report.ours();
    for word in ["http:", "https:", " src=", "@import", "url(", "<link", "<iframe", "//cdn"] {
        assert!(!ours.contains(word), "{word}");
    }
    assert!(ours.contains("default-src 'none'") && ours.contains("name=\"viewport\""));
    assert_eq!(report.html.matches("<script").count(), 3, "plotly.js, the figures and the page's script");
}

#[test]
fn instruments_of_plot_are_drawn_in_their_order() {
    let folder = folder();
    let run = run(folder.path(), "a", &["estimate", "--plot", "XOM,MSFT", "--plot", "AAPL"]);
    for figure in Report::of(&run).timed() {
        assert_eq!(names(figure), ["XOM", "MSFT", "AAPL"]);
    }
}

#[test]
fn unknown_instrument_is_an_error_that_names_the_nearest_and_writes_nothing() {
    let folder = folder();
    let ended = call(folder.path(), &["estimate", "--plot", "AAPL,mfst", "--out", "a"]);
    assert_eq!(ended.code, Some(1));
    for part in ["--plot", "`mfst`", "did you mean `MSFT`?"] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
    assert_eq!(ended.out, "");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
}

/// Symbol that tries to end the script, an attribute and an element.
const HOSTILE: &str = "</script><b onload=\"x\">&amp;'`${x}%{y}";
/// The same symbol as text of the page, and as a label of a figure.
const TEXT: &str = "&lt;/script&gt;&lt;b onload=&quot;x&quot;&gt;&amp;amp;'`${x}%{y}";
const LABEL: &str = "&lt;/script&gt;&lt;b onload=&#34;x&#34;&gt;&amp;amp;&#39;`${x}%{y}";

fn hostile_panel(folder: &Path) -> [String; 4] {
    let mut panel = Panel::new(5, 500, 6);
    for bar in panel.bars.iter_mut().filter(|bar| bar.symbol == "S02") {
        bar.symbol = HOSTILE.to_owned();
    }
    panel.bars.sort_by(|a, b| (a.time, &a.symbol).cmp(&(b.time, &b.symbol)));
    panel.write(folder)
}

#[test]
fn symbol_that_is_markup_stays_text() {
    let folder = folder();
    let data = hostile_panel(folder.path());
    let arguments = [joined("estimate", &data, &["estimator.warmup=50"]), vec!["--plot", HOSTILE]].concat();
    let run = run(folder.path(), "a", &arguments);
    let report = Report::of(&run);
    let ours = report.ours();
    assert!(!ours.contains(HOSTILE) && !ours.contains("<b onload"), "never unescaped");
    assert!(ours.contains(&format!("<th scope=\"row\">{TEXT}</th>")));
    // plotly.js interprets tags in names.
    for figure in report.timed() {
        assert_eq!(names(figure), [LABEL]);
    }
    assert!(!between(&report.html, FIGURES).unwrap().contains('<'), "no text can end the script");
    assert_eq!(ours.matches("<script").count(), ours.matches("</script>").count());
}

#[test]
fn line_is_empty_before_its_instrument_is_listed() {
    let folder = folder();
    let data = Panel::new(3, 300, 6).write(folder.path());
    let arguments = [joined("estimate", &data, &["estimator.warmup=20"]), vec!["--plot", "S00,S02"]].concat();
    let report = Report::of(&run(folder.path(), "a", &arguments));
    for figure in report.timed() {
        let y = |name| line(figure, name)["y"].as_array().unwrap();
        assert_eq!(y("S00").len(), y("S02").len());
        let missing = y("S02").iter().take_while(|value| value.is_null()).count();
        assert!((100..200).contains(&missing), "{missing}");
        assert!(y("S02")[missing..].iter().all(Value::is_number));
    }
}

#[test]
fn report_without_betas_of_every_frame_states_the_setting() {
    let folder = folder();
    for recorded in ["rebalances", "last", "none"] {
        let setting = format!("record.betas={recorded}");
        let arguments = [vec!["estimate", "--plot", "KO"], sets(&[&setting])].concat();
        let report = Report::of(&run(folder.path(), recorded, &arguments));
        assert!(report.html.contains("record.betas=all"), "{recorded}");
        assert_eq!(report.timed().len(), 0);
        assert!(report.html.contains("<th scope=\"row\">KO</th>"), "the table does not need them");
    }
}

#[test]
fn report_draws_the_betas_of_each_month() {
    let folder = folder();
    let arguments = [vec!["estimate", "--plot", "KO,AMD"], sets(&["record.betas=monthly"])].concat();
    let run = run(folder.path(), "a", &arguments);
    let report = Report::of(&run);
    assert!(report.html.contains("The last frame of each month and the last of all are drawn"));
    let betas = run.table("betas");
    let times: BTreeSet<i64> = betas.times().into_iter().collect();
    assert_eq!(times.len(), 108, "months of nine years");
    assert_eq!(report.figures["times"].as_array().unwrap().len(), 108);
    let market = betas.numbers("mkt");
    let of_amd = betas.texts("symbol").into_iter().zip(market).filter(|(symbol, _)| symbol == "AMD");
    let of_amd: Vec<f64> = of_amd.map(|(_, beta)| beta).collect();
    let drawn = line(report.timed()[1], "AMD")["y"].as_array().unwrap();
    assert_eq!(drawn.len(), of_amd.len());
    for (drawn, is) in drawn.iter().zip(of_amd) {
        let drawn = drawn.as_f64().unwrap();
        assert!((drawn - is).abs() < 1e-3 * is.abs().max(1e-2), "{drawn} is {is}");
    }
}

#[test]
fn no_report_is_written_with_no_report() {
    let folder = folder();
    let run = run(folder.path(), "a", &["estimate", "--no-report"]);
    assert!(!run.path.join("report.html").exists());
    let ended = call(folder.path(), &["estimate", "--no-report", "--plot", "KO"]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
}

/// Rebuilds the report of a folder, and reads it.
fn rebuilt(run: &Run) -> Report {
    let ended = call(&run.path, &["report", "."]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let report = Report::of(run);
    let ours = report.ours();
    for word in ["NaN", "inf ", "inf<", "null<"] {
        assert!(!ours.contains(word), "{word} is not a number of a report");
    }
    report
}

fn change(run: &Run, changed: impl FnOnce(&mut Value)) {
    let mut summary = run.summary.clone();
    changed(&mut summary);
    fs::write(run.path.join("summary.json"), summary.to_string()).unwrap();
}

/// Returns a share as the report shows it.
fn percent(value: &Value) -> String {
    format!("{:.2} %", 100.0 * value.as_f64().unwrap()).replace('-', "−")
}

#[test]
fn report_of_a_replay_shows_the_figures_of_the_summary_and_the_lines_of_the_tables() {
    let folder = folder();
    let run = run(folder.path(), "a", &["replay"]);
    let report = Report::of(&run);
    for kind in ["net", "gross", "benchmark"] {
        for key in ["annual_return", "max_drawdown", "value_at_risk", "total_return"] {
            let cell = format!(">{}<", percent(&run.summary["metrics"][kind][key]));
            assert!(report.html.contains(&cell), "{kind} {key}: {cell}");
        }
    }
    for drawdown in run.summary["drawdowns"].as_array().unwrap() {
        assert!(report.html.contains(&format!("<th scope=\"row\">{}</th>", percent(&drawdown["depth"]))));
    }
    for year in run.summary["yearly"].as_array().unwrap() {
        let cell = percent(&year["net"]);
        assert!(report.html.contains(&format!(">{}<", cell.trim_end_matches(" %"))), "{cell}");
    }
    assert!(report.html.contains(run.digest()));
    // The lines end at the total returns, and the deepest drawdown is among their points.
    let timed = report.timed();
    let values = |name: &str| line(timed[0], name)["y"].as_array().unwrap();
    assert!(
        values("net").len() <= 1_500
            && values("net").len() == report.figures["times"].as_array().unwrap().len()
    );
    for kind in ["net", "gross", "benchmark"] {
        let total = run.summary["metrics"][kind]["total_return"].as_f64().unwrap();
        assert!((values(kind).last().unwrap().as_f64().unwrap() - 1.0 - total).abs() < 1e-3, "{kind}");
    }
    for (kind, name) in [("net", "drawdown, net"), ("benchmark", "drawdown, benchmark")] {
        let deepest = values(name).iter().map(|value| value.as_f64().unwrap()).fold(0.0, f64::min);
        assert!((deepest - run.summary["metrics"][kind]["max_drawdown"].as_f64().unwrap()).abs() < 1e-4);
    }
    let attribution = timed.iter().find(|figure| names(figure).contains(&"factor mkt")).unwrap();
    let ends: f64 = attribution["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trace| trace["y"].as_array().unwrap().last().unwrap().as_f64().unwrap())
        .sum();
    assert!((ends - run.summary["metrics"]["net"]["total_return"].as_f64().unwrap()).abs() < 1e-3, "{ends}");
    report.assert_readable();
    let before = report.html.clone();
    assert!(rebuilt(&run).html == before, "to the byte");
    assert!(!before.contains("class=\"missing\"") && !before.contains("class=\"banner\""));
}

#[test]
fn report_of_an_estimate_can_be_rebuilt_to_the_byte() {
    let folder = folder();
    let run = run(folder.path(), "a", &["estimate", "--plot", "XOM"]);
    let before = fs::read(run.path.join("report.html")).unwrap();
    let ended = call(folder.path(), &["report", "a", "--plot", "XOM"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(fs::read(run.path.join("report.html")).unwrap() == before, "to the byte");
    assert_eq!(fs::read_dir(&run.path).unwrap().count(), 5, "no other file is written");
}

#[test]
fn section_without_its_table_or_key_states_the_reason() {
    let folder = folder();
    let run = run(folder.path(), "a", &["replay", "--no-report"]);
    assert!(!run.path.join("report.html").exists());
    for table in ["attribution", "contributions", "fills", "betas"] {
        fs::remove_file(run.path.join(format!("{table}.parquet"))).unwrap();
    }
    change(&run, |summary| {
        for key in ["monthly", "drawdowns", "distribution", "cost_analysis", "kelly"] {
            summary.as_object_mut().unwrap().remove(key);
        }
    });
    let report = rebuilt(&run);
    assert_eq!(report.html.matches("class=\"missing\"").count(), 5);
    for part in
        ["attribution.parquet is not in the run folder", "has no returns by month", "has no drawdowns"]
    {
        assert!(report.html.contains(part), "{part}");
    }
    fs::write(run.path.join("equity.parquet"), "not a table").unwrap();
    let ended = call(&run.path, &["report", "."]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("equity.parquet"), "{}", ended.err);
    let html = fs::read_to_string(run.path.join("report.html")).unwrap();
    assert!(html.contains("could not read the table"));
    fs::remove_file(run.path.join("equity.parquet")).unwrap();
    let bare = json!({"strategy": "flat", "version": "0.0.1"});
    change(&run, |summary| *summary = bare);
    rebuilt(&run);
    let ended = call(folder.path(), &["report", "nowhere"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("summary.json") && ended.err.contains("a run of betaflow"), "{}", ended.err);
}

#[test]
fn summary_of_another_schema_version_is_an_error() {
    let folder = folder();
    let run = run(folder.path(), "a", &["replay", "--no-report"]);
    assert_eq!(run.summary["schema_version"], 1);
    change(&run, |summary| summary["schema_version"] = 7.into());
    let ended = call(&run.path, &["report", "."]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("found schema version 7, expected 1"), "{}", ended.err);
    // A folder of betaflow 0.2.0 or earlier has no schema version.
    change(&run, |summary| _ = summary.as_object_mut().unwrap().remove("schema_version"));
    rebuilt(&run);
    change(&run, |summary| summary["metrics"]["net"]["sharpe"] = "high".into());
    let ended = call(&run.path, &["report", "."]);
    assert!(ended.err.contains("summary.json: is not as betaflow wrote it"), "{}", ended.err);
}

#[test]
fn warnings_and_look_ahead_precede_the_figures() {
    let folder = folder();
    let ahead = run(folder.path(), "ahead", &["replay", "--set", "execution.fill_at=same_close"]);
    let why = ahead.summary["look_ahead"].as_str().unwrap();
    assert!(Report::of(&ahead).html.contains(&format!("<b>{}</b>", why.replace('"', "&quot;"))));
    let run = run(folder.path(), "a", &["replay", "--no-report"]);
    assert_eq!(run.summary["look_ahead"], Value::Null);
    change(&run, |summary| {
        summary["look_ahead"] = "fills <b>at the close</b> that decided".into();
        summary["warnings"] = (0..9).map(|at| format!("warning {at} <i> `a.key <b>`")).collect();
        summary["warning_codes"] = (0..9).map(|at| if at == 8 { "stale" } else { "" }).collect();
    });
    let html = rebuilt(&run).html;
    let place = |part: &str| html.find(part).unwrap_or_else(|| panic!("{part}"));
    assert!(place("fills &lt;b&gt;at the close") < place("warning 0 &lt;i&gt;"));
    assert!(place("warning 0") < place("class=\"tiles\""));
    assert!(place("warning 5") < place("2 more warnings") && place("2 more warnings") < place("warning 7"));
    // The eighth is a warning of the data check.
    let report = rebuilt(&run);
    assert!(report.section("data-quality-warnings").contains("warning 8"));
    assert!(!report.section("warnings").contains("warning 8"));
    assert_eq!(html.matches("&lt;i&gt; <code>a.key &lt;b&gt;</code>").count(), 9, "backticks are code");
}

#[test]
fn symbol_that_is_markup_stays_text_in_a_replay() {
    let folder = folder();
    let data = hostile_panel(folder.path());
    let run = run(folder.path(), "a", &joined("replay", &data, &["estimator.warmup=50"]));
    let ours = Report::of(&run).ours();
    assert!(!ours.contains(HOSTILE) && !ours.contains("<b onload"), "never unescaped");
    assert!(ours.contains(&format!("<th scope=\"row\">{TEXT}</th>")));
    assert!(!between(&ours, FIGURES).unwrap().contains('<'));
}

/// Writes an equity table with one of these values per day.
fn write_equity(run: &Run, navs: &[f64]) {
    let constant = |value: f64| numbers(navs.iter().map(|_| Some(value)));
    let seconds = (0..navs.len()).map(|at| at as i64 * DAY_NS);
    let times = TimestampNanosecondArray::from_iter_values(seconds).with_timezone("UTC");
    let seq = Int64Array::from_iter_values(0..navs.len() as i64);
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("timestamp", Arc::new(times)),
        ("seq", Arc::new(seq)),
        ("nav", numbers(navs.iter().map(|nav| Some(*nav)))),
        ("benchmark_nav", constant(1.0)),
        ("cap_multiplier", numbers(navs.iter().map(|_| None))),
    ];
    for name in ["turnover", "commission", "spread", "impact", "borrow", "financing"] {
        columns.push((name, constant(0.0)));
    }
    write(&run.path.join("equity.parquet"), columns);
}

#[test]
fn unusual_equity_has_a_report_without_empty_figures() {
    let folder = folder();
    let run = run(folder.path(), "a", &["replay", "--no-report"]);
    change(&run, |summary| {
        for value in summary["costs"].as_object_mut().unwrap().values_mut() {
            *value = 0.into();
        }
        summary["monthly"][0]["net"] = Value::Null;
        summary["yearly"][0]["net"] = Value::Null;
        summary["metrics"]["net"]["sharpe"] = Value::Null;
        summary["metrics"]["net"]["sharpe_standard_error"] = Value::Null;
    });
    for navs in [&[1e6, 4e5, -2e5, -3e5][..], &[1e6], &[]] {
        write_equity(&run, navs);
        let report = rebuilt(&run);
        assert_eq!(report.html.contains("Growth of 1"), navs.len() > 1);
        assert!(!report.html.contains("data-log="), "no logarithm of a negative value");
        assert!(report.html.contains("No costs were charged."));
        let figures = report.figures["figures"].as_array().unwrap();
        let drawn = |trace: &Value| trace["y"].as_array().unwrap().len() > 1;
        assert!(figures.iter().flat_map(|figure| figure["data"].as_array().unwrap()).all(drawn));
    }
    // A long equity is thinned, and keeps its one deep fall.
    let navs: Vec<f64> = (0..20_000).map(|at| if at == 12_345 { 5e5 } else { 1e6 }).collect();
    write_equity(&run, &navs);
    let report = rebuilt(&run);
    let fallen = line(report.timed()[0], "drawdown, net")["y"].as_array().unwrap();
    assert!(fallen.len() <= 1_500 && fallen.iter().any(|value| value.as_f64() == Some(-0.5)));
}

/// Returns simple returns of a column of values.
fn returns(values: &[f64]) -> Vec<f64> {
    values.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Returns the sample covariance of two series.
fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let products = a.iter().zip(b).map(|(x, y)| (x - mean(a)) * (y - mean(b)));
    products.sum::<f64>() / (a.len() as f64 - 1.0)
}

/// Returns the last value of a line.
fn last(figure: &Value, name: &str) -> f64 {
    line(figure, name)["y"].as_array().unwrap().last().unwrap().as_f64().unwrap()
}

fn assert_near(found: f64, expected: f64, name: &str) {
    // The report rounds to five digits behind the point.
    let tolerance = 1e-3 * expected.abs() + 5e-6;
    assert!((found - expected).abs() < tolerance, "{name}: found {found}, expected {expected}");
}

#[test]
fn exposure_holdings_and_rolling_risk_are_those_of_the_tables() {
    let folder = folder();
    let run = run(folder.path(), "a", &["replay"]);
    let report = Report::of(&run);
    let equity = run.table("equity");
    let end = |name: &str| *equity.numbers(name).last().unwrap();
    let exposure = report.with_line("gross exposure");
    assert_near(last(exposure, "gross exposure"), end("gross_exposure"), "gross exposure");
    assert_near(last(exposure, "net exposure"), end("net_exposure"), "net exposure");
    assert_near(last(exposure, "cash"), end("cash") / end("nav"), "cash");

    let weights = run.table("weights");
    let times = weights.times();
    let held: Vec<f64> = weights
        .numbers("held_weight")
        .into_iter()
        .zip(&times)
        .filter(|(weight, time)| *weight != 0.0 && **time == *times.last().unwrap())
        .map(|(weight, _)| weight.abs())
        .collect();
    let gross: f64 = held.iter().sum();
    let squares: f64 = held.iter().map(|weight| (weight / gross) * (weight / gross)).sum();
    let holdings = report.with_line("holdings");
    assert_near(last(holdings, "holdings"), held.len() as f64, "holdings");
    assert_near(last(holdings, "effective number"), 1.0 / squares, "effective number");

    let (net, benchmark) = (returns(&equity.numbers("nav")), returns(&equity.numbers("benchmark_nav")));
    let year = 252.0_f64;
    let (r, b) = (&net[net.len() - 252..], &benchmark[benchmark.len() - 252..]);
    let find = |name: &str| report.all().iter().find(|figure| title(figure) == name).unwrap();
    let deviation = |values: &[f64]| covariance(values, values).sqrt();
    let sharpe = find("Sharpe ratio, annualised");
    assert_near(last(sharpe, "net"), mean(r) / deviation(r) * year.sqrt(), "Sharpe ratio");
    assert_near(
        last(sharpe, "benchmark"),
        mean(b) / deviation(b) * year.sqrt(),
        "Sharpe ratio of the benchmark",
    );
    assert_near(last(find("volatility, % a year"), "net"), deviation(r) * year.sqrt(), "volatility");
    assert_near(last(find("beta, no unit"), "beta, net"), covariance(r, b) / covariance(b, b), "beta");

    // Tracking error and information ratio of the whole run.
    let active: Vec<f64> = net.iter().zip(&benchmark).map(|(r, b)| r - b).collect();
    let error = deviation(&active) * year.sqrt();
    let section = report.section("strategy-against-benchmark");
    for cell in [format!("{:.2} %", 100.0 * error), format!("{:.2}", mean(&active) * year / error)] {
        assert!(section.contains(&format!("<td>{}</td>", cell.replace('-', "−"))), "{cell}");
    }
    // 2022-12-28 is the last date; a year before it is 2021-12-28, a month before it 2022-11-28.
    let navs = ["nav", "benchmark_nav"].map(|name| equity.numbers(name));
    for (title, day) in [("last month", 19_324), ("last 12 months", 18_989), ("since the start", 0)] {
        let base = equity.times().iter().rposition(|time| *time / DAY_NS <= day).unwrap_or(0);
        let [net, benchmark] = [&navs[0], &navs[1]].map(|nav| nav[nav.len() - 1] / nav[base] - 1.0);
        let cells =
            [net, benchmark, net - benchmark].map(|cell| format!("<td>{}</td>", percent(&cell.into())));
        assert!(
            section.contains(&format!("<th scope=\"row\">{title}</th>{}", cells.concat())),
            "{title}: {cells:?}"
        );
    }
}

/// Returns the title of the vertical axis of a figure.
fn title(figure: &Value) -> &str {
    figure["layout"]["yaxis"]["title"]["text"].as_str().unwrap_or_default()
}

#[test]
fn headline_has_the_benchmark_and_states_a_worse_result() {
    let folder = folder();
    let run = run(folder.path(), "a", &["replay", "--no-report"]);
    let report = rebuilt(&run);
    let place = |part: &str| report.html.find(part).unwrap_or_else(|| panic!("{part}"));
    let verdict = between(&report.html, ("<p class=\"verdict worse\">", "</p>")).unwrap();
    assert!(verdict.starts_with("The strategy earned less than the equal-weight benchmark"), "{verdict}");
    let first = run.table("equity").times()[0];
    let dates = ["first", "last"].map(|key| run.summary["data"][key].as_str().unwrap().to_owned());
    let lead = between(&report.html, ("<p class=\"lead\">", "</p>")).unwrap();
    assert!(lead.contains("<b>2,264</b> frames"), "{lead}");
    let rebalance = between(lead, ("First rebalance <b>", "</b>")).unwrap();
    assert!(dates[0].as_str() < rebalance && rebalance < dates[1].as_str());
    assert_eq!(rebalance, Iso(TimestampNs(first)).to_string().get(..10).unwrap());
    assert!(lead.contains(&format!(", after a warm-up of 252 days from {}.", dates[0])), "{lead}");
    assert!(place("class=\"verdict worse\"") < place("class=\"plain first\""));
    assert!(place("class=\"plain first\"") < place("class=\"contents\""));
    let figures = |kind: &str| percent(&run.summary["metrics"][kind]["annual_return"]);
    let row = ["net", "benchmark", "gross"].map(|kind| format!("<td>{}</td>", figures(kind))).concat();
    assert!(report.html.contains(&format!("<th scope=\"row\">Annual return</th>{row}")));
    change(&run, |summary| {
        summary["metrics"]["net"]["annual_return"] = 0.9.into();
        summary["metrics"]["net"]["sharpe"] = 3.0.into();
    });
    assert!(rebuilt(&run).html.contains("<p class=\"verdict\">The strategy earned more than "));
}

#[test]
fn score_marks_the_holdout_in_figures_and_tables() {
    let folder = folder();
    let arguments = ["score", "--set", "holdout.from=2020-01-01", "--profile", "tutorial"];
    let run = run(folder.path(), "a", &arguments);
    let report = Report::of(&run);
    report.assert_readable();
    for figure in report.timed() {
        let layout = &figure["layout"];
        assert_eq!(
            (&layout["shapes"][0]["x0"], &layout["shapes"][0]["x1"]),
            (&"2020-01-01".into(), &"2022-12-28".into())
        );
        assert_eq!(layout["annotations"][0]["text"], "hold-out");
    }
    assert_eq!(report.ours().matches("The shaded part is the hold-out.").count(), report.timed().len());
    let section = report.section("hold-out");
    let holdout = &run.summary["holdout"];
    for metrics in [&holdout["metrics"], &holdout["before"]["metrics"]] {
        for kind in ["net", "benchmark", "gross"] {
            assert!(
                section.contains(&format!("<td>{}</td>", percent(&metrics[kind]["annual_return"]))),
                "{kind}"
            );
        }
    }
    assert!(section.contains("sizing knows the costs and trades more when they are lower"));
    assert!(report.html.contains("On the hold-out the strategy "));
    let months = report.section("monthly-returns-net-of-costs");
    let rows: Vec<&str> = months.split("<tr>").collect();
    let of = |year: &str| *rows.iter().find(|row| row.contains(&format!(">{year}</th>"))).unwrap();
    assert_eq!(
        (of("2019").matches("data-holdout").count(), of("2020").matches("data-holdout").count()),
        (0, 13)
    );
    assert!(report.section("worst-drawdowns").contains("trough in the hold-out"));
    let full = self::run(folder.path(), "full", &arguments[..3]);
    assert!(!Report::of(&full).html.contains("trades more when they are lower"));
}

#[test]
fn many_instruments_have_a_table_of_bounded_height() {
    let folder = folder();
    let data = Panel::new(11, 120, 30).write(folder.path());
    let run = run(folder.path(), "a", &joined("estimate", &data, &["estimator.warmup=20"]));
    let html = Report::of(&run).ours();
    let table = between(&html, ("<div class=\"sortable\">", "</table>")).unwrap();
    assert!(table.contains("class=\"wide bounded\" tabindex=\"0\" role=\"region\""));
    assert_eq!(table.matches("<tr").count(), 31, "a row for each instrument, without the script");
}

#[test]
fn documentation_lists_the_sections_of_a_replay_in_their_order() {
    let folder = folder();
    let report = Report::of(&run(folder.path(), "a", &["replay"]));
    let documentation = include_str!("../../docs/report.md");
    let (_, sections) = documentation.split_once("## Sections of a replay's report").unwrap();
    let (mut rest, _) = sections.split_once("\n## ").unwrap();
    for heading in report.ours().split("<h2>").skip(1).map(|part| part.split_once("</h2>").unwrap().0) {
        let row = format!("\n| {heading} |");
        rest = rest.split_once(&row).unwrap_or_else(|| panic!("`{heading}` is documented, in its place")).1;
    }
}

#[test]
fn attribution_defines_each_contribution_that_it_shows() {
    let folder = folder();
    let report = Report::of(&run(folder.path(), "a", &["replay"]));
    let section = report.section("attribution-of-the-return");
    for source in ["factor", "alpha", "residual", "costs"] {
        assert!(section.contains(&format!("<li><b>{source}</b>: ")), "{source}");
    }
    let rows = section.matches("<tr><th scope=\"row\">factor ").count();
    assert!(rows > 0 && section.matches("<li>").count() <= 7, "factors share one definition");
}

#[test]
fn alarms_are_counted_and_defined() {
    let folder = folder();
    let run = run(folder.path(), "a", &["estimate"]);
    let report = Report::of(&run);
    let share = percent(&run.summary["estimator"]["share_in_alarm"]);
    let meaning = format!("Alarms covered {share} of the forecasts. An alarm is raised when");
    assert!(report.html.contains(&meaning), "{meaning}");
}

#[test]
fn offline_estimation_has_a_section_with_the_figures_of_the_summary() {
    let folder = folder();
    let arguments = ["estimate", "--em", "20", "--smooth", "--compare", "rolling"];
    let run = run(folder.path(), "a", &arguments);
    let report = Report::of(&run);
    report.assert_readable();
    let section = report.section("offline-estimation");
    let em = &run.summary["em"];
    let converged =
        format!("{} of {} instruments converged within 20 steps", em["converged"], em["instruments"]);
    assert!(section.contains(&converged), "{converged}: {section}");
    assert!(
        section.contains(&format!("model <code>{}</code>", run.summary["smooth"]["model"].as_str().unwrap()))
    );
    let windows = run.summary["compare"].as_array().unwrap();
    assert!(!windows.is_empty());
    for window in windows {
        let row = format!("<tr><th scope=\"row\">{}</th>", window["window"]);
        let row = between(section, (&row, "</tr>")).unwrap();
        assert!(
            row.contains(&number(&window["hedged_r2"])) && row.contains(&number(&window["filter_hedged_r2"]))
        );
    }
    assert_eq!(windows.len(), section.matches("<tr><th scope=\"row\">").count());
}

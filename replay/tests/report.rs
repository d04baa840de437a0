//! The reports: what they say, what they draw, and that nothing in the data can break out of them.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, TimestampNanosecondArray};
use serde_json::{Value, json};
use support::{DAY_NS, Panel, Run, call, folder, joined, numbers, run, sets, write};

const FIGURES: (&str, &str) = ("<script type=\"application/json\" id=\"figures\">", "</script>");
const PLOTLY: (&str, &str) = ("<script type=\"text/javascript\">", "</script>");

/// A report taken apart.
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

    /// All but plotly.js itself.
    fn ours(&self) -> String {
        let plotly = between(&self.html, PLOTLY).unwrap_or("-");
        assert!(plotly.len() < 6_000_000, "plotly.js alone");
        self.html.replacen(plotly, "", 1)
    }

    /// The figures over time, in order.
    fn timed(&self) -> Vec<&Value> {
        let figures = self.figures["figures"].as_array().unwrap().iter();
        figures.filter(|figure| figure["timed"].as_bool().unwrap()).collect()
    }
}

fn between<'a>(text: &'a str, (start, end): (&str, &str)) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inner, _)| inner)
}

/// Names of the lines of a figure.
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
fn the_tutorial_report_shows_the_figures_of_the_summary_and_draws_the_betas() {
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
    assert!(report.html.contains(&settings), "the settings are there to run again");

    // Every coefficient has its figure, with the four names that have the most forecasts.
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
fn the_report_loads_nothing() {
    let folder = folder();
    let report = Report::of(&run(folder.path(), "a", &["estimate"]));
    let ours = report.ours();
    for word in ["http:", "https:", " src=", "@import", "url(", "<link", "<iframe", "//cdn"] {
        assert!(!ours.contains(word), "{word}");
    }
    assert!(ours.contains("default-src 'none'") && ours.contains("name=\"viewport\""));
    assert_eq!(report.html.matches("<script").count(), 3, "plotly.js, the figures and what draws them");
}

#[test]
fn instruments_asked_for_are_drawn_in_their_order() {
    let folder = folder();
    let run = run(folder.path(), "a", &["estimate", "--plot", "XOM,MSFT", "--plot", "AAPL"]);
    for figure in Report::of(&run).timed() {
        assert_eq!(names(figure), ["XOM", "MSFT", "AAPL"]);
    }
}

#[test]
fn an_unknown_instrument_is_an_error_that_names_the_nearest_and_leaves_nothing() {
    let folder = folder();
    let ended = call(folder.path(), &["estimate", "--plot", "AAPL,mfst", "--out", "a"]);
    assert_eq!(ended.code, Some(1));
    for part in ["--plot", "`mfst`", "did you mean `MSFT`?"] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
    assert_eq!(ended.out, "");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
}

/// A name that tries to end the script, an attribute and an element.
const HOSTILE: &str = "</script><b onload=\"x\">&amp;'`${x}%{y}";
/// The same name as text of the page, and as a label of a figure.
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
fn a_symbol_that_is_markup_stays_text() {
    let folder = folder();
    let data = hostile_panel(folder.path());
    let arguments = [joined("estimate", &data, &["estimator.warmup=50"]), vec!["--plot", HOSTILE]].concat();
    let run = run(folder.path(), "a", &arguments);
    let report = Report::of(&run);
    let ours = report.ours();
    assert!(!ours.contains(HOSTILE) && !ours.contains("<b onload"), "nowhere as it is");
    assert!(ours.contains(&format!("<th scope=\"row\">{TEXT}</th>")));
    // plotly.js takes tags in names for formatting.
    for figure in report.timed() {
        assert_eq!(names(figure), [LABEL]);
    }
    assert!(!between(&report.html, FIGURES).unwrap().contains('<'), "no text can end the script");
    assert_eq!(ours.matches("<script").count(), ours.matches("</script>").count());
}

#[test]
fn a_line_is_empty_before_its_instrument_is_listed() {
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
fn without_every_frame_of_the_betas_the_report_says_what_is_missing() {
    let folder = folder();
    for recorded in ["rebalances", "last", "none"] {
        let setting = format!("record.betas={recorded}");
        let arguments = [vec!["estimate", "--plot", "KO"], sets(&[&setting])].concat();
        let report = Report::of(&run(folder.path(), recorded, &arguments));
        assert!(report.html.contains("record.betas=all"), "{recorded}");
        assert_eq!(report.timed().len(), 0);
        assert!(report.html.contains("<th scope=\"row\">KO</th>"), "the table is there all the same");
    }
}

#[test]
fn no_report_is_written_where_none_is_wanted() {
    let folder = folder();
    let run = run(folder.path(), "a", &["estimate", "--no-report"]);
    assert!(!run.path.join("report.html").exists());
    let ended = call(folder.path(), &["estimate", "--no-report", "--plot", "KO"]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
}

/// Makes the report of a folder again and takes it apart.
fn rebuilt(run: &Run) -> Report {
    let ended = call(&run.path, &["report", "."]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let report = Report::of(run);
    let ours = report.ours();
    for word in ["NaN", "inf ", "inf<", "null<"] {
        assert!(!ours.contains(word), "{word} is no number");
    }
    report
}

fn change(run: &Run, changed: impl FnOnce(&mut Value)) {
    let mut summary = run.summary.clone();
    changed(&mut summary);
    fs::write(run.path.join("summary.json"), summary.to_string()).unwrap();
}

/// A share as the report has it.
fn percent(value: &Value) -> String {
    format!("{:.2} %", 100.0 * value.as_f64().unwrap()).replace('-', "−")
}

#[test]
fn the_report_of_a_replay_shows_the_figures_of_the_summary_and_the_lines_of_the_tables() {
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
    // The lines end where the figures say, and the deepest drawdown is among their points.
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
    // The same again from the folder alone.
    let before = report.html.clone();
    assert!(rebuilt(&run).html == before, "to the byte");
    assert!(!before.contains("class=\"missing\"") && !before.contains("class=\"banner\""));
}

#[test]
fn the_report_of_an_estimate_can_be_made_again() {
    let folder = folder();
    let run = run(folder.path(), "a", &["estimate", "--plot", "XOM"]);
    let before = fs::read(run.path.join("report.html")).unwrap();
    let ended = call(folder.path(), &["report", "a", "--plot", "XOM"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(fs::read(run.path.join("report.html")).unwrap() == before, "to the byte");
    assert_eq!(fs::read_dir(&run.path).unwrap().count(), 5, "nothing else is left in the folder");
}

#[test]
fn what_is_missing_in_an_older_folder_is_said() {
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
    assert!(rebuilt(&run).html.contains("could not read the table"));
    let bare = json!({"strategy": "flat", "version": "0.0.1"});
    change(&run, |summary| *summary = bare);
    rebuilt(&run);
    let ended = call(folder.path(), &["report", "nowhere"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("summary.json") && ended.err.contains("a run of betaflow"), "{}", ended.err);
}

#[test]
fn summary_of_another_schema_version_is_refused() {
    let folder = folder();
    let run = run(folder.path(), "a", &["replay", "--no-report"]);
    assert_eq!(run.summary["schema_version"], 1);
    change(&run, |summary| summary["schema_version"] = 7.into());
    let ended = call(&run.path, &["report", "."]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("found schema version 7, expected 1"), "{}", ended.err);
    // A folder of betaflow 0.2.0 or earlier has none.
    change(&run, |summary| _ = summary.as_object_mut().unwrap().remove("schema_version"));
    rebuilt(&run);
    change(&run, |summary| summary["metrics"]["net"]["sharpe"] = "high".into());
    let ended = call(&run.path, &["report", "."]);
    assert!(ended.err.contains("summary.json: is not as betaflow wrote it"), "{}", ended.err);
}

#[test]
fn warnings_and_look_ahead_stand_at_the_top() {
    let folder = folder();
    let ahead = run(folder.path(), "ahead", &["replay", "--set", "execution.fill_at=same_close"]);
    let why = ahead.summary["look_ahead"].as_str().unwrap();
    assert!(Report::of(&ahead).html.contains(&format!("<b>{}</b>", why.replace('"', "&quot;"))));
    let run = run(folder.path(), "a", &["replay", "--no-report"]);
    assert_eq!(run.summary["look_ahead"], Value::Null);
    change(&run, |summary| {
        summary["look_ahead"] = "fills <b>at the close</b> that decided".into();
        summary["warnings"] = (0..9).map(|at| format!("warning {at} <i>")).collect();
    });
    let html = rebuilt(&run).html;
    let place = |part: &str| html.find(part).unwrap_or_else(|| panic!("{part}"));
    assert!(place("fills &lt;b&gt;at the close") < place("warning 0 &lt;i&gt;"));
    assert!(place("warning 5") < place("3 more notes") && place("warning 8") < place("class=\"tiles\""));
}

#[test]
fn a_symbol_that_is_markup_stays_text_in_a_replay() {
    let folder = folder();
    let data = hostile_panel(folder.path());
    let run = run(folder.path(), "a", &joined("replay", &data, &["estimator.warmup=50"]));
    let ours = Report::of(&run).ours();
    assert!(!ours.contains(HOSTILE) && !ours.contains("<b onload"), "nowhere as it is");
    assert!(ours.contains(&format!("<th scope=\"row\">{TEXT}</th>")));
    assert!(!between(&ours, FIGURES).unwrap().contains('<'));
}

/// An equity table of these values, one a day.
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
fn odd_equity_has_a_report_without_empty_figures() {
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
        assert!(!report.html.contains("data-log="), "no logarithm of what is below zero");
        assert!(report.html.contains("Nothing was paid."));
        let figures = report.figures["figures"].as_array().unwrap();
        let drawn = |trace: &Value| trace["y"].as_array().unwrap().len() > 1;
        assert!(figures.iter().flat_map(|figure| figure["data"].as_array().unwrap()).all(drawn));
    }
    // A long one is thinned, and its one deep fall is there.
    let navs: Vec<f64> = (0..20_000).map(|at| if at == 12_345 { 5e5 } else { 1e6 }).collect();
    write_equity(&run, &navs);
    let report = rebuilt(&run);
    let fallen = line(report.timed()[0], "drawdown, net")["y"].as_array().unwrap();
    assert!(fallen.len() <= 1_500 && fallen.iter().any(|value| value.as_f64() == Some(-0.5)));
}

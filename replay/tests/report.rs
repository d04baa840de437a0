//! The report of an estimate: what it says, what it draws, and that nothing in the data can break out of it.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{Panel, Run, call, folder, joined, run, sets};

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
    let settings = fs::read_to_string(run.path.join("run.toml")).unwrap().replace('"', "&#34;");
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
const HARMLESS: &str = "&lt;/script&gt;&lt;b onload=&#34;x&#34;&gt;&amp;amp;&#39;`${x}%{y}";

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
    assert!(ours.contains(&format!("<th scope=\"row\">{HARMLESS}</th>")));
    // plotly.js takes tags in names for formatting.
    for figure in report.timed() {
        assert_eq!(names(figure), [HARMLESS]);
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

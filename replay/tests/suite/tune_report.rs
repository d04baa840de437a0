//! Report of a tuning: it shows the figures of `summary.json`, and values of settings stay text.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Panel, Run, call, folder, joined};

/// Returns the report without plotly.js.
fn report(folder: &Path) -> String {
    let html = fs::read_to_string(folder.join("report.html")).unwrap();
    let (before, rest) = html.split_once("<script type=\"text/javascript\">").unwrap();
    before.to_owned() + rest.split_once("</script>").unwrap().1
}

/// Returns a number as the report shows it.
fn two(value: &Value) -> String {
    format!("{:.2}", value.as_f64().unwrap()).replace("-0.00", "0.00").replacen('-', "−", 1)
}

#[test]
fn report_shows_the_summary_and_can_be_rebuilt_to_the_byte() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(91, 320, 6).write(path);
    fs::write(
        path.join("grid.toml"),
        "[grid]\n\"sizing.turnover_cap\" = [0.02, 0.08, 0.3]\n\"strategy.kind\" = [\"quarter_kelly\", \"equal_weight\"]\n\
         # </pre><script>alert(1)</script>\n",
    )
    .unwrap();
    let methods: [(&str, &[&str]); 2] =
        [("walk", &["--folds", "3"]), ("many", &["--method", "combinatorial", "--folds", "5"])];
    for (out, more) in methods {
        let arguments = [
            joined("tune", &data, &["estimator.warmup=60", "tune.embargo=5"]),
            vec!["--grid", "grid.toml", "--out", out],
            more.to_vec(),
        ];
        let ended = call(path, &arguments.concat());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let run = Run::at(path.join(out));
        let html = report(&run.path);
        let sample = &run.summary["out_of_sample"];
        let best = &run.summary["in_sample"];
        for part in [
            "<b>6</b> settings, chosen by net Sharpe ratio".to_owned(),
            format!("Out of sample: net Sharpe ratio <b>{}</b>", two(&sample["metrics"]["sharpe"])),
            format!("configuration as it is <b>{}</b>", two(&sample["base"]["sharpe"])),
            "<h2>Out of sample</h2>".to_owned(),
            "<h2>Growth of one unit</h2>".to_owned(),
            "<h2>Choice of each fold</h2>".to_owned(),
            "<table class=\"plain folds\">".to_owned(),
            "<a href=\"#choice-of-each-fold\">".to_owned(),
            "<h2>Multiple testing</h2>".to_owned(),
            "in-sample: it says what to use, not what to expect".to_owned(),
            format!("net Sharpe ratio on all bars {}.", two(&best["train_score"])),
            format!(", {} ±", two(&best["best"]["train_score"])),
            "the best of <b>6 trials</b>".to_owned(),
            "Net Sharpe ratio over all bars by turnover cap".to_owned(),
            "&lt;/pre&gt;&lt;script&gt;".to_owned(),
        ] {
            assert!(html.contains(&part), "{out}: {part}");
        }
        for choice in run.summary["choices"].as_array().unwrap() {
            assert!(
                html.contains(&format!("<td><b>{}</b></td>", two(&choice["test_score"]))),
                "{out}: {choice}"
            );
        }
        let is_worse = sample["metrics"]["sharpe"].as_f64() < sample["base"]["sharpe"].as_f64();
        assert_eq!(html.contains("Tuning did worse than the configuration as it is."), is_worse, "{out}");
        assert_eq!(html.contains("paths through the data. Their"), out == "many");
        assert!(!html.contains("<script>alert") && !html.contains("(survivorship bias)"));
        let first = fs::read(run.path.join("report.html")).unwrap();
        assert_eq!(call(path, &["report", out]).code, Some(0));
        assert_eq!(first, fs::read(run.path.join("report.html")).unwrap());
        let ended = call(path, &["report", out, "--plot", "S01"]);
        assert!(ended.code == Some(1) && ended.err.contains("the folder of a tuning"), "{}", ended.err);
    }
    fs::remove_file(path.join("walk/out_of_sample.parquet")).unwrap();
    assert_eq!(call(path, &["report", "walk"]).code, Some(0));
    assert!(report(&path.join("walk")).contains("out_of_sample.parquet is not in the folder"));
}

#[test]
fn tuning_on_the_embedded_data_has_the_survivorship_note() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("grid.toml"), "[grid]\n\"sizing.turnover_cap\" = [0.02, 0.08]\n").unwrap();
    let ended = call(path, &["tune", "--grid", "grid.toml", "--folds", "3", "--out", "a"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(report(&path.join("a")).matches("(survivorship bias)").count(), 1);
}

//! The reports in a real browser: they open without a network, say nothing on the console, and draw their figures.
//!
//! Needs Chromium: `cargo test -p betaflow-replay --test browser -- --ignored`.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod support;

use std::fs;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use support::stress::{product, stress};
use support::{Panel, Run, call, folder, joined, run};

/// A page is meant to open in 2 s and to take 6 MB; machines differ, so that only far more is an error.
const SECONDS_MAX: f64 = 20.0;
const BYTES_MAX: usize = 6_000_000;
const FLAGS: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    // Nothing could be loaded, even by what would try.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
    "--v=0",
    "--dump-dom",
];

/// Listens before anything else in the page runs.
const LISTEN: &str = "<script>\
    window.seen = [];\
    addEventListener('error', event => seen.push('error: ' + event.message), true);\
    addEventListener('unhandledrejection', event => seen.push('rejection: ' + event.reason));\
    addEventListener('securitypolicyviolation', event => seen.push('policy: ' + event.blockedURI));\
    </script>";
/// Says at the end what there is: a figure's traces are those that have left a mark in its drawing.
const REPORT: &str = "<script>addEventListener('load', () => {\
    const plots = [...document.querySelectorAll('.js-plotly-plot')];\
    const box = document.querySelector('[data-log]');\
    const axis = () => box && document.getElementById(box.dataset.log).layout.yaxis.type;\
    const axes = [axis()];\
    if (box) { box.click(); axes.push(axis()); }\
    const marks = '.scatterlayer .trace, .barlayer .trace, .heatmaplayer .hm';\
    const choice = document.querySelector('[data-stride]');\
    const cells = () => plots.map(plot => ((plot.data || [])[0] || {}).z).filter(z => z).map(z => JSON.stringify(z));\
    const maps = [cells()];\
    if (choice) { choice.selectedIndex = choice.options.length - 1; choice.dispatchEvent(new Event('change')); }\
    maps.push(cells());\
    const found = {\
      seen, seconds: performance.now() / 1000,\
      places: document.querySelectorAll('.plot').length,\
      traces: plots.map(plot => plot.querySelectorAll(marks).length),\
      loaded: performance.getEntriesByType('resource').map(entry => entry.name),\
      axes, maps,\
      images: document.querySelectorAll('.heatmaplayer image').length,\
      wide: document.documentElement.scrollWidth > innerWidth\
    };\
    document.body.innerHTML = '<pre id=\"probe\">' + encodeURIComponent(JSON.stringify(found)) + '</pre>';\
    });</script>";

fn browser() -> &'static str {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let runs =
        |name: &str| Command::new(name).arg("--version").output().is_ok_and(|ended| ended.status.success());
    names.into_iter().find(|name| runs(name)).expect("found no Chromium; expected the package `chromium`")
}

/// What a page was like in the browser.
struct Seen {
    found: Value,
    console: Vec<String>,
}

impl Seen {
    /// Opens a report in a window of so many pixels.
    fn of(browser: &str, html: &str, width: u32) -> Self {
        let folder = folder();
        let page = folder.path().join("report.html");
        let html = html.replacen("<head>", &format!("<head>{LISTEN}"), 1);
        let html = html.replacen("</body>", &format!("{REPORT}</body>"), 1);
        fs::write(&page, html).unwrap();
        let mut found = Value::Null;
        let mut console = Vec::new();
        // A browser on a busy machine may fail to start: once more, then it is an error.
        for _ in 0..2 {
            let ended = Command::new("timeout")
                .args(["60", browser])
                .args(FLAGS)
                .arg(format!("--window-size={width},900"))
                .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
                .arg(format!("file://{}", page.display()))
                .output()
                .unwrap();
            let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
            let probe = out.split_once("id=\"probe\">").and_then(|(_, rest)| rest.split_once("</pre>"));
            if let Some((probe, _)) = probe {
                found = serde_json::from_str(&decoded(probe)).unwrap();
                console = err.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
                break;
            }
            eprintln!("the browser said nothing of the page: {err}");
        }
        assert!(found.is_object(), "the page was opened and its scripts ran");
        Self { found, console }
    }

    /// Traces drawn in each figure.
    fn traces(&self) -> Vec<u64> {
        self.found["traces"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect()
    }

    fn assert_sound(&self, name: &str) {
        assert_eq!(
            self.found["seen"],
            Value::Array(Vec::new()),
            "{name}: no error, no violation of the policy"
        );
        assert!(self.console.is_empty(), "{name}: nothing on the console: {:?}", self.console);
        assert_eq!(self.found["loaded"], Value::Array(Vec::new()), "{name}: nothing is loaded");
        assert_eq!(
            self.found["places"].as_u64().unwrap(),
            self.traces().len() as u64,
            "{name}: every figure"
        );
        assert!(self.traces().iter().all(|traces| *traces > 0), "{name}: traces {:?}", self.traces());
        assert_eq!(self.found["wide"], false, "{name}: the page does not scroll sideways");
    }
}

/// What `encodeURIComponent` made.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digits = String::from_utf8(vec![*high, *low]).unwrap();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap());
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Opens a run's report on a screen and on a telephone, and returns how many traces each figure has.
fn assert_opens(browser: &str, run: &Run, name: &str) -> Vec<u64> {
    let html = fs::read_to_string(run.path.join("report.html")).unwrap();
    assert!(html.len() < BYTES_MAX, "{name}: {} bytes", html.len());
    let mut traces = Vec::new();
    for width in [1_400, 500] {
        let started = Instant::now();
        let seen = Seen::of(browser, &html, width);
        seen.assert_sound(&format!("{name}, {width} pixels"));
        let seconds = seen.found["seconds"].as_f64().unwrap();
        println!(
            "{name}, {width} pixels: {:.1} MB, drawn after {seconds:.2} s, {:.1} s with the browser's start",
            html.len() as f64 / 1e6,
            started.elapsed().as_secs_f64()
        );
        assert!(seconds < SECONDS_MAX, "{name}: drawn after {seconds} s");
        let axes = &seen.found["axes"];
        assert!(axes[0].is_null() || axes[1] == "log", "{name}: a click makes the axis logarithmic: {axes}");
        traces = seen.traces();
    }
    traces
}

#[test]
#[ignore = "needs Chromium"]
fn the_reports_of_the_tutorial_open_in_a_browser() {
    let browser = browser();
    let folder = folder();
    let replay = run(folder.path(), "replay", &["replay"]);
    let traces = assert_opens(browser, &replay, "replay");
    let html = fs::read_to_string(replay.path.join("report.html")).unwrap();
    assert_eq!(html.matches("data-log=").count(), 1, "growth may be seen on a logarithmic axis");
    assert!(traces.len() >= 6 && traces[0] == 5, "net, gross and benchmark, and two drawdowns: {traces:?}");
    let estimate = run(folder.path(), "estimate", &["estimate"]);
    assert!(assert_opens(browser, &estimate, "estimate").len() >= 8);
}

#[test]
#[ignore = "needs Chromium"]
fn the_report_of_a_tuning_opens_in_a_browser() {
    let browser = browser();
    let folder = folder();
    let grid =
        "[grid]\n\"sizing.turnover_cap\" = [0.02, 0.3]\n\"strategy.kind\" = [\"quarter_kelly\", \"flat\"]\n";
    fs::write(folder.path().join("grid.toml"), grid).unwrap();
    let tune = run(folder.path(), "tune", &["tune", "--grid", "grid.toml"]);
    let traces = assert_opens(browser, &tune, "tune");
    assert_eq!(traces, [5, 2, 2], "three growths and two drawdowns, and each setting by itself");
}

#[test]
#[ignore = "needs Chromium"]
fn reports_of_odd_runs_open_in_a_browser() {
    let browser = browser();
    let folder = folder();
    let data = Panel::of_bars(3, 60, &[14, 15, 16], 5).write(folder.path());
    let settings = |more: &'static [&'static str]| {
        let all = [&["estimator.warmup=20", "data.frames_per_day=3"], more].concat();
        joined("replay", &data, &all)
    };
    let intraday = run(folder.path(), "intraday", &settings(&[]));
    assert_opens(browser, &intraday, "intraday");
    let idle = run(folder.path(), "idle", &settings(&["strategy.kind=flat"]));
    assert_opens(browser, &idle, "nothing traded");
    let never = run(folder.path(), "never", &settings(&["estimator.warmup=5000"]));
    assert_opens(browser, &never, "never decided");
}

#[test]
#[ignore = "needs Chromium"]
fn the_report_of_a_stress_run_draws_its_maps_and_changes_them() {
    let browser = browser();
    let folder = folder();
    let grid: [(&str, &[f64]); 3] = [
        ("sizing.turnover_cap", &[0.04, 0.08, 0.16]),
        ("execution.half_spread_bps", &[0.0, 4.0, 16.0]),
        ("sizing.kelly_fraction", &[0.25, 0.5]),
    ];
    let seen = |settings: usize, width: u32| {
        let base = json!({"sizing.turnover_cap": 0.08, "execution.half_spread_bps": 4, "sizing.kelly_fraction": 0.25});
        let path = stress(folder.path(), &product(&grid[..settings]), None, &base);
        assert_eq!(call(folder.path(), &["report", "stress"]).code, Some(0));
        let seen = Seen::of(browser, &fs::read_to_string(path.join("report.html")).unwrap(), width);
        seen.assert_sound(&format!("{settings} settings, {width} pixels"));
        seen.found
    };
    for width in [1_400, 500] {
        let found = seen(3, width);
        assert_eq!(found["images"], 4, "four maps are drawn");
        let maps = &found["maps"];
        assert_eq!(maps[0].as_array().unwrap().len(), 4);
        assert_ne!(maps[0][0], maps[1][0], "another Kelly fraction, another map");
    }
    assert_eq!(seen(1, 500)["images"], 0, "lines alone");
}

/// What would be wrong with a page is seen: otherwise the tests above would say nothing.
#[test]
#[ignore = "needs Chromium"]
fn a_page_that_fails_loads_or_runs_over_is_seen() {
    let browser = browser();
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'\">";
    let page = |body: &str| format!("<!doctype html><html><head>{policy}</head><body>{body}</body></html>");
    let seen = |body: &str| Seen::of(browser, &page(body), 500);
    seen("<p>sound</p>").assert_sound("a page with nothing wrong");
    let thrown = seen("<script>nothing.there()</script>");
    assert!(
        thrown.found["seen"].to_string().contains("nothing is not defined") && !thrown.console.is_empty()
    );
    let loading = seen("<img src=\"http://example.org/a.png\">");
    assert!(loading.found["seen"].to_string().contains("policy: http://example.org"), "{}", loading.found);
    assert!(!loading.console.is_empty());
    assert_eq!(seen(&format!("<pre>{}</pre>", "wide ".repeat(200))).found["wide"], true);
    let blank = seen("<div class=\"plot js-plotly-plot\"></div>");
    assert_eq!(blank.traces(), [0]);
}

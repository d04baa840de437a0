//! Reports in a real browser: they open without a network, leave the console empty, and draw their figures.
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

/// A page should open within 2 s. Machines differ, so only far more is an error.
const SECONDS_MAX: f64 = 20.0;
const BYTES_MAX: usize = 6_000_000;
/// Narrowest window of the browser in pixels.
const WINDOW_MIN: u32 = 500;
/// Widths of pages in pixels: large screen, laptop, telephone.
const WIDTHS: [u32; 3] = [1_600, 1_280, 400];
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
    // Makes every request fail.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
    "--v=0",
    "--dump-dom",
];

/// Listens for errors before other scripts of the page run.
const LISTEN: &str = "<script>\
    window.seen = [];\
    addEventListener('error', event => seen.push('error: ' + event.message), true);\
    addEventListener('unhandledrejection', event => seen.push('rejection: ' + event.reason));\
    addEventListener('securitypolicyviolation', event => seen.push('policy: ' + event.blockedURI));\
    </script>";
/// Collects the state of the page. The traces of a figure are those with a mark in its drawing. Within an `iframe`, the outer
/// page receives the result.
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
    const wide = document.documentElement.scrollWidth > innerWidth;\
    const scrolling = [...document.querySelectorAll('.wide')].filter(block => block.scrollWidth > block.clientWidth)\
      .map(block => block.querySelector('table').className);\
    const links = [...document.querySelectorAll('.contents a')].map(link => link.getAttribute('href').slice(1));\
    const sortable = document.querySelector('.sortable'), table = {};\
    if (sortable) {\
      const column = at => [...sortable.querySelectorAll('tbody tr')].filter(row => !row.hidden)\
        .map(row => row.cells[at].textContent);\
      const heading = sortable.querySelectorAll('thead th')[3], input = sortable.querySelector('input');\
      table.height = sortable.querySelector('.bounded').clientHeight;\
      table.focusable = heading.querySelector('button').tabIndex;\
      heading.querySelector('button').click();\
      table.up = column(3); table.sorted = heading.getAttribute('aria-sort');\
      heading.querySelector('button').click();\
      table.down = column(3);\
      input.value = 'S03'; input.dispatchEvent(new Event('input'));\
      table.found = column(0);\
    }\
    const found = {\
      wide, scrolling, table, width: innerWidth,\
      broken: links.filter(id => !document.getElementById(id)),\
      links: links.length,\
      seen, seconds: performance.now() / 1000,\
      places: document.querySelectorAll('.plot').length,\
      traces: plots.map(plot => plot.querySelectorAll(marks).length),\
      loaded: performance.getEntriesByType('resource').map(entry => entry.name),\
      axes, maps,\
      images: document.querySelectorAll('.heatmaplayer image').length\
    };\
    top.document.body.innerHTML = '<pre id=\"probe\">' + encodeURIComponent(JSON.stringify(found)) + '</pre>';\
    });</script>";

/// Returns a page that shows a report in an `iframe` of a width in pixels.
fn framed(html: &str, width: u32) -> String {
    let source = html.replace('&', "&amp;").replace('"', "&quot;");
    format!(
        "<!doctype html><html><body><iframe style=\"width:{width}px;height:900px;border:0\" srcdoc=\"{source}\"></iframe>\
         </body></html>"
    )
}

fn browser() -> &'static str {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let runs =
        |name: &str| Command::new(name).arg("--version").output().is_ok_and(|ended| ended.status.success());
    names.into_iter().find(|name| runs(name)).expect("found no Chromium; expected the package `chromium`")
}

/// State of a page in the browser.
struct Opened {
    found: Value,
    console: Vec<String>,
}

impl Opened {
    /// Opens a report at a width in pixels. A window cannot be narrower than 500 pixels: below that the page is in an
    /// `iframe`.
    fn of(browser: &str, html: &str, width: u32) -> Self {
        let folder = folder();
        let page = folder.path().join("report.html");
        let html = html.replacen("<head>", &format!("<head>{LISTEN}"), 1);
        let html = html.replacen("</body>", &format!("{REPORT}</body>"), 1);
        let html = if width < WINDOW_MIN { framed(&html, width) } else { html };
        fs::write(&page, html).unwrap();
        let mut found = Value::Null;
        let mut console = Vec::new();
        // A browser on a busy machine may fail to start: a second failure is an error.
        for _ in 0..2 {
            let ended = Command::new("timeout")
                .args(["60", browser])
                .args(FLAGS)
                .arg(format!("--window-size={},900", width.max(WINDOW_MIN)))
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
            eprintln!("the browser returned no state of the page: {err}");
        }
        assert!(found.is_object(), "the page was opened and its scripts ran");
        Self { found, console }
    }

    /// Returns the count of traces drawn in each figure.
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
        assert_eq!(self.found["broken"], json!([]), "{name}: every link of the contents has its section");
    }
}

/// Decodes the result of `encodeURIComponent`.
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

/// Opens the report of a run on screens and on a telephone, and returns the count of traces of each figure.
fn assert_opens(browser: &str, run: &Run, name: &str) -> Vec<u64> {
    let html = fs::read_to_string(run.path.join("report.html")).unwrap();
    assert!(html.len() < BYTES_MAX, "{name}: {} bytes", html.len());
    let mut traces = Vec::new();
    for width in WIDTHS {
        let started = Instant::now();
        let seen = Opened::of(browser, &html, width);
        seen.assert_sound(&format!("{name}, {width} pixels"));
        assert!(seen.found["links"].as_u64().unwrap() > 2, "{name}: contents");
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
fn reports_of_the_tutorial_open_in_a_browser() {
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
fn report_of_a_tuning_opens_in_a_browser() {
    let browser = browser();
    let folder = folder();
    let grid =
        "[grid]\n\"sizing.turnover_cap\" = [0.02, 0.3]\n\"strategy.kind\" = [\"quarter_kelly\", \"flat\"]\n";
    fs::write(folder.path().join("grid.toml"), grid).unwrap();
    let tune = run(folder.path(), "tune", &["tune", "--grid", "grid.toml"]);
    let traces = assert_opens(browser, &tune, "tune");
    assert_eq!(traces, [5, 2, 2], "three growths and two drawdowns, and each setting alone");
    let html = fs::read_to_string(tune.path.join("report.html")).unwrap();
    let found = Opened::of(browser, &html, 1_280).found;
    assert_eq!(found["scrolling"], json!([]), "the table of the folds fits");
}

#[test]
#[ignore = "needs Chromium"]
fn reports_of_unusual_runs_open_in_a_browser() {
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
fn report_of_a_stress_run_draws_its_maps_and_changes_them() {
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
        let seen = Opened::of(browser, &fs::read_to_string(path.join("report.html")).unwrap(), width);
        seen.assert_sound(&format!("{settings} settings, {width} pixels"));
        seen.found
    };
    for width in [1_400, 400] {
        let found = seen(3, width);
        assert_eq!(found["images"], 4, "four maps are drawn");
        let maps = &found["maps"];
        assert_eq!(maps[0].as_array().unwrap().len(), 4);
        assert_ne!(maps[0][0], maps[1][0], "another Kelly fraction, another map");
    }
    assert_eq!(seen(1, 400)["images"], 0, "lines alone");
}

#[test]
#[ignore = "needs Chromium"]
fn long_table_can_be_searched_and_sorted() {
    let browser = browser();
    let folder = folder();
    let data = Panel::new(11, 120, 40).write(folder.path());
    let run = run(folder.path(), "many", &joined("estimate", &data, &["estimator.warmup=20"]));
    assert_opens(browser, &run, "many instruments");
    let html = fs::read_to_string(run.path.join("report.html")).unwrap();
    let table = &Opened::of(browser, &html, 1_280).found["table"];
    assert!(table["height"].as_u64().unwrap() <= 600, "bounded: {}", table["height"]);
    assert_eq!((&table["focusable"], &table["sorted"]), (&json!(0), &json!("ascending")));
    let column = |way: &str| -> Vec<f64> {
        let cells = table[way].as_array().unwrap().iter().map(|cell| cell.as_str().unwrap());
        cells.filter(|cell| *cell != "–").map(|cell| cell.parse().unwrap()).collect()
    };
    let (up, mut down) = (column("up"), column("down"));
    assert!(up.len() > 30 && up.is_sorted() && up[0] < *up.last().unwrap(), "{up:?}");
    down.reverse();
    assert_eq!(up, down);
    assert_eq!(table["found"], json!(["S03"]));
}

#[test]
#[ignore = "needs Chromium"]
fn report_of_a_score_opens_in_a_browser() {
    let browser = browser();
    let folder = folder();
    let score = run(folder.path(), "score", &["score", "--set", "holdout.from=2020-01-01"]);
    assert_opens(browser, &score, "score");
}

/// Checks that the other tests can fail: each fault of a page appears in its state.
#[test]
#[ignore = "needs Chromium"]
fn faults_of_a_page_are_detected() {
    let browser = browser();
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'\">";
    let page = |body: &str| format!("<!doctype html><html><head>{policy}</head><body>{body}</body></html>");
    let seen = |body: &str| Opened::of(browser, &page(body), 500);
    seen("<p>sound</p>").assert_sound("a page with nothing wrong");
    let thrown = seen("<script>nothing.there()</script>");
    assert!(
        thrown.found["seen"].to_string().contains("nothing is not defined") && !thrown.console.is_empty()
    );
    let loading = seen("<img src=\"http://example.org/a.png\">");
    assert!(loading.found["seen"].to_string().contains("policy: http://example.org"), "{}", loading.found);
    assert!(!loading.console.is_empty());
    let wide = format!("<pre>{}</pre>", "wide ".repeat(200));
    assert_eq!(seen(&wide).found["wide"], true);
    let narrow = Opened::of(browser, &page(&wide), 400).found;
    assert_eq!((&narrow["wide"], &narrow["width"]), (&true.into(), &400.into()), "in an iframe too");
    let blank = seen("<div class=\"plot js-plotly-plot\"></div>");
    assert_eq!(blank.traces(), [0]);
}

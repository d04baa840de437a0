//! The dashboard in a real browser: it shows the content of `state.db`, reconnects, and fits a small screen.
//!
//! Needs Chromium and its driver: `cargo test -p betaflow-replay --test dashboard_browser -- --ignored`.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod support;

use support::folder;
use support::state::State;
use support::web::DashboardProcess;
use support::webdriver::Browser;

const SYMBOLS: [&str; 5] = ["AAPL", "MSFT", "XOM", "JPM", "BRK.B"];
const MARKUP: &str = "<img src=x onerror=alert(1)>";

/// Collects errors that leave no message on the console.
const LISTEN: &str = "window.errors = [];\
    addEventListener('error', event => errors.push('error: ' + event.message), true);\
    addEventListener('unhandledrejection', event => errors.push('rejection: ' + event.reason));\
    addEventListener('securitypolicyviolation', event => errors.push('policy: ' + event.blockedURI));";

fn url(served: &DashboardProcess) -> String {
    format!("http://127.0.0.1:{}/", served.address.port())
}

fn value(browser: &Browser, selector: &str) -> f64 {
    let text = browser.run(&format!("return document.querySelector({selector:?}).dataset.value"));
    text.as_str().unwrap_or_else(|| panic!("{selector} has a value")).parse().unwrap()
}

/// Compares numbers and text of the page with the database.
fn shows(browser: &Browser, state: &State) {
    let seq = state.frames - 1;
    browser.until(&format!("document.querySelector('[data-field=seq]').dataset.value === '{seq}'"), 20);
    let last = |column: &str| state.number(&format!("SELECT {column} FROM equity ORDER BY seq DESC LIMIT 1"));
    for (field, column) in [
        ("nav", "nav"),
        ("nav_gross", "nav_gross"),
        ("gross", "gross_exposure"),
        ("net", "net_exposure"),
        ("timestamp", "timestamp"),
    ] {
        assert_eq!(value(browser, &format!("[data-field={field}]")), last(column), "{field}");
    }
    let nav = last("nav");
    let grouped = browser.text("[data-field=nav]").replace('\u{202f}', "");
    assert_eq!(grouped, format!("{nav:.0}"), "as text");
    let drawdown = nav / state.number("SELECT max(nav) FROM equity") - 1.0;
    let shown = browser.text("[data-field=drawdown]").replace('\u{2212}', "-").replace("\u{2009}%", "");
    assert!((shown.parse::<f64>().unwrap() - 100.0 * drawdown).abs() < 0.0051, "{shown} of {drawdown}");
    for (row, item) in ["commission", "spread", "impact", "borrow"].iter().enumerate() {
        let shown = value(browser, &format!("#costs tbody tr:nth-child({}) td:nth-child(2)", row + 1));
        let expected = state.number(&format!("SELECT sum({item}) FROM equity"));
        assert!((shown - expected).abs() < 1e-9 * expected, "{item}: {shown}, expected {expected}");
    }
    let rows = browser.run(
        "return [...document.querySelectorAll('#positions tbody tr')]\
         .map(row => [row.cells[0].textContent, ...[1, 2, 4].map(at => row.cells[at].dataset.value)])",
    );
    assert_eq!(rows.as_array().unwrap().len(), state.symbols.len());
    for row in rows.as_array().unwrap() {
        let symbol = row[0].as_str().unwrap().replace('\'', "''");
        let quantity = state.number(&format!("SELECT total(quantity) FROM fills WHERE symbol = '{symbol}'"));
        let shown: f64 = row[3].as_str().unwrap().parse().unwrap();
        assert!((shown - quantity).abs() < 1e-9 * quantity.abs().max(1.0), "{shown} of {symbol}");
        for (cell, column) in [(1, "held_weight"), (2, "target_weight")] {
            let expected = state.number(&format!("SELECT {column} FROM weights WHERE symbol = '{symbol}'"));
            assert_eq!(row[cell].as_str().unwrap().parse::<f64>().unwrap(), expected, "{column} of {symbol}");
        }
    }
    let newest = state.number("SELECT quantity FROM fills ORDER BY seq DESC, n DESC LIMIT 1");
    assert_eq!(value(browser, "#fills tbody tr td:nth-child(3)"), newest, "the newest fill first");
}

#[test]
#[ignore = "needs Chromium and its driver"]
fn page_shows_the_database_and_follows_commits() {
    let browser = Browser::start();
    let folder = folder();
    let mut state = State::create(folder.path(), &SYMBOLS);
    state.frames(200);
    state.status(0);
    state.event("gap", "messages 12 to 15 are missing");
    let served = DashboardProcess::start(folder.path(), "127.0.0.1:0", &[]);
    browser.open(&url(&served));
    browser.run(LISTEN);
    shows(&browser, &state);
    for _ in 0..3 {
        state.frames(7);
        state.status(0);
        shows(&browser, &state);
    }
    for (symbol, wait) in [("XOM", 20), ("BRK.B", 20)] {
        browser.run(&format!(
            "const choice = document.getElementById('symbol'); choice.value = {symbol:?};\
             choice.dispatchEvent(new Event('change'))"
        ));
        browser.until(&format!("document.getElementById('betas').dataset.symbol === {symbol:?}"), wait);
        let sql = format!(
            "SELECT json_extract(coefficients, '$[1][1]') FROM betas WHERE symbol = '{symbol}' ORDER BY seq DESC LIMIT 1"
        );
        assert_eq!(value(&browser, "[data-beta=mkt]"), state.number(&sql), "{symbol}");
    }
    let drawn = browser.run(
        "return [...document.querySelectorAll('.chart')]\
         .map(chart => chart.querySelectorAll('polyline').length)",
    );
    let drawn: Vec<u64> = drawn.as_array().unwrap().iter().map(|lines| lines.as_u64().unwrap()).collect();
    assert_eq!(
        drawn,
        [2, 1, 2, 1, 1, 1],
        "NAV and benchmark, drawdown, turnover and cap, three coefficients"
    );
    assert_eq!(browser.run("return document.querySelectorAll('#latency svg rect').length > 20"), true);
    assert_eq!(browser.run("return errors"), serde_json::json!([]));
    assert_eq!(browser.console(), [""; 0], "empty console");
}

/// Position in an element, after scrolling to it.
fn place(browser: &Browser, selector: &str, share: f64) -> (f64, f64) {
    let script = format!(
        "const one = document.querySelector({selector:?}); one.scrollIntoView({{block: 'center'}});\
         const box = one.getBoundingClientRect(); return [box.x + {share} * box.width, box.y + box.height / 2]"
    );
    let place = browser.run(&script);
    (place[0].as_f64().unwrap(), place[1].as_f64().unwrap())
}

fn number(text: &str) -> f64 {
    let plain: String =
        text.replace('\u{2212}', "-").chars().filter(|c| c.is_ascii_digit() || "-.".contains(*c)).collect();
    plain.parse().unwrap_or_else(|_| panic!("a number in {text:?}"))
}

#[test]
#[ignore = "needs Chromium and its driver"]
fn charts_show_values_at_the_pointer_and_zoom() {
    let browser = Browser::start();
    let folder = folder();
    let mut state = State::create(folder.path(), &SYMBOLS);
    // More frames than points of a line.
    state.frames(3_000);
    state.status(0);
    let served = DashboardProcess::start(folder.path(), "127.0.0.1:0", &[]);
    browser.open(&url(&served));
    browser.run(LISTEN);
    shows(&browser, &state);
    let read = "document.querySelector('#chart-nav .read')";
    let shown = |selector: &str| browser.text(selector);
    let points = || browser.run("return charts.nav.scale.end - charts.nav.scale.first").as_u64().unwrap();
    assert_eq!(browser.run(&format!("return {read}.hidden")), true);
    // Mouse: NAV and benchmark of the frame below the pointer.
    browser.mouse(&[place(&browser, "#chart-nav", 0.5)], false);
    browser.until(&format!("!{read}.hidden"), 5);
    let text = shown("#chart-nav .read");
    let (time, values) = text.split_once("   ").unwrap();
    let nav = number(values.split_once("NAV ").unwrap().1);
    let near = state.number(&format!("SELECT count(*) FROM equity WHERE abs(nav - {nav}) < 1"));
    assert!(near >= 1.0 && values.contains("equal weight ") && time.starts_with("20"), "{text}");
    browser.mouse(&[(5.0, 5.0)], false);
    browser.until(&format!("{read}.hidden"), 5);
    // Keyboard.
    browser.run("document.querySelector('#chart-nav svg').focus()");
    // Keys End and Home, and the frames of the last and the first point.
    for (key, frames) in [("\u{e010}", "2999 AND 2999"), ("\u{e011}", "0 AND 7")] {
        browser.key(key);
        let nav = number(shown("#chart-nav .read").split_once("NAV ").unwrap().1);
        let sql =
            format!("SELECT count(*) FROM equity WHERE seq BETWEEN {frames} AND abs(nav - {nav}) <= 0.5");
        assert!(state.number(&sql) >= 1.0, "{nav} of {frames}");
    }
    browser.run("document.activeElement.blur()");
    browser.until(&format!("{read}.hidden"), 5);
    // Touch.
    browser.tap(place(&browser, "#chart-drawdown", 0.4));
    browser.until("!document.querySelector('#chart-drawdown .read').hidden", 5);
    assert!(shown("#chart-drawdown .read").contains("drawdown "), "{}", shown("#chart-drawdown .read"));
    // A drag zooms all charts of the account and loads more detail.
    let whole = points();
    let ends = [place(&browser, "#chart-turnover", 0.5), place(&browser, "#chart-turnover", 0.55)];
    browser.mouse(&ends, true);
    browser.until("range.from && detail && charts.nav.times === detail.lines.timestamp", 10);
    let (from, to) = (browser.run("return range.from"), browser.run("return range.to"));
    let sql = format!("SELECT count(*) FROM equity WHERE timestamp BETWEEN {from} AND {to}");
    let frames = state.number(&sql);
    assert!(
        frames > 20.0 && frames < 400.0 && (points() as f64 - frames).abs() <= 1.0,
        "{} of {frames}",
        points()
    );
    assert_eq!(browser.run("return charts.drawdown.scale.from === charts.nav.scale.from"), true);
    let pressed = "return document.querySelector('#range [aria-pressed=true]')?.dataset.span ?? null";
    assert_eq!(browser.run(pressed), serde_json::Value::Null);
    browser.double_click(place(&browser, "#chart-nav", 0.5));
    browser.until("!range.from", 5);
    assert_eq!((points(), browser.run(pressed)), (whole, "all".into()));
    // The last week, which follows new frames.
    browser.run("document.querySelector('#range [data-span=\"1w\"]').click()");
    browser.until("detail && charts.nav.times === detail.lines.timestamp", 10);
    let week = points();
    assert!((30..=50).contains(&week), "{week}");
    state.frames(6);
    state.status(0);
    shows(&browser, &state);
    let last = state.number("SELECT timestamp FROM equity ORDER BY seq DESC LIMIT 1");
    browser.until(&format!("range.to >= {last} && charts.nav.scale.to >= {last}"), 10);
    assert!((30..=50).contains(&points()), "{}", points());
    assert_eq!(browser.run("return errors"), serde_json::json!([]));
    assert_eq!(browser.console(), [""; 0], "empty console");
}

#[test]
#[ignore = "needs Chromium and its driver"]
fn kill_shows_alarm_and_normal_end_a_notice() {
    let browser = Browser::start();
    let folder = folder();
    let mut state = State::create(folder.path(), &SYMBOLS);
    state.frames(60);
    let served = DashboardProcess::start(folder.path(), "127.0.0.1:0", &[]);
    let lost = serde_json::json!({"connected": false, "outage_since": 1_704_153_600_000_000_000_i64});
    let closed = serde_json::json!({"connected": false});
    // Trading state, feed, age in seconds; text of the pill, alarm, notice, part of their text.
    let cases = [
        ("trading", "{}".to_owned(), 0, "trading", false, false, ""),
        ("trading", lost.to_string(), 0, "trading", true, false, "The feed is disconnected since 2024-01-02"),
        ("halted", "{}".to_owned(), 0, "halted", true, false, "Trading is halted"),
        ("trading", "{}".to_owned(), 60, "silent", true, false, "was killed or hangs"),
        ("ended", closed.to_string(), 0, "ended", false, true, "ended normally"),
        ("ended", closed.to_string(), 600, "ended", false, true, "ended normally"),
        ("failed", closed.to_string(), 600, "failed", true, false, "The run failed"),
    ];
    browser.open(&url(&served));
    for (trading, feed, ago, pill, alarm, notice, word) in cases {
        state.status(ago);
        let sql = "UPDATE status SET value = json_set(value, '$.state', ?1) WHERE key = 'trading'";
        state.connection.execute(sql, [trading]).unwrap();
        let sql = "UPDATE status SET value = json_patch(value, ?1) WHERE key = 'feed'";
        state.connection.execute(sql, [&feed]).unwrap();
        browser.until(&format!("document.getElementById('trading').textContent === '{pill}'"), 20);
        browser.until(&format!("document.getElementById('banner').hidden === {}", !alarm), 20);
        browser.until(&format!("document.getElementById('notice').hidden === {}", !notice), 20);
        let shown = browser.text("#banner") + &browser.text("#notice");
        assert!(shown.contains(word), "{trading}: {shown}");
    }
    let shown = browser.text("#feed");
    assert!(
        shown.contains("7 late") && shown.contains("2 clock back") && shown.contains("quiet: XOM"),
        "{shown}"
    );
    // A stage without a measurement has no row.
    let rows =
        "return [...document.querySelectorAll('#latency tbody tr')].map(row => row.cells[0].textContent)";
    assert_eq!(browser.run(rows).as_array().unwrap().len(), 3);
    let sql = "UPDATE status SET value = json_set(value, '$.stages[1].count', 0) WHERE key = 'latency'";
    state.connection.execute(sql, []).unwrap();
    browser.until("document.querySelectorAll('#latency tbody tr').length === 2", 20);
    assert_eq!(browser.run(rows), serde_json::json!(["estimate", "message to decision"]));
    // On a small screen every table fits its card.
    browser.resize(400, 900);
    let wide = "return [...document.querySelectorAll('.scroll')]\
        .filter(one => one.scrollWidth > one.clientWidth + 1).map(one => [one.firstChild.id, one.scrollWidth, one.clientWidth])";
    assert_eq!(browser.run(wide), serde_json::json!([]));
    assert_eq!(browser.console(), [""; 0], "empty console");
}

#[test]
#[ignore = "needs Chromium and its driver"]
fn names_are_never_markup() {
    let browser = Browser::start();
    let folder = folder();
    let mut state = State::create(folder.path(), &[MARKUP, "'\"&amp;", "AAPL"]);
    state.frames(40);
    state.status(0);
    state.meta("feed", &serde_json::json!({"name": MARKUP}).to_string());
    state.event(MARKUP, MARKUP);
    state.connection.execute("UPDATE fills SET reason = ?1", [MARKUP]).unwrap();
    state.connection.execute("UPDATE orders SET state = ?1", [MARKUP]).unwrap();
    let served = DashboardProcess::start(folder.path(), "127.0.0.1:0", &[]);
    browser.open(&url(&served));
    browser.run(LISTEN);
    shows(&browser, &state);
    browser.until("document.getElementById('betas').dataset.symbol", 20);
    assert_eq!(browser.run("return document.querySelectorAll('img, main script, iframe').length"), 0);
    let cells =
        ["#positions td", "#fills td:nth-child(2)", "#events td:nth-child(3)", "#source", "#symbol option"];
    for cell in cells {
        let texts = format!(
            "return [...document.querySelectorAll({cell:?})].some(one => one.textContent === {MARKUP:?})"
        );
        assert_eq!(browser.run(&texts), true, "{cell}");
    }
    assert_eq!(browser.run("return errors"), serde_json::json!([]));
    assert_eq!(browser.console(), [""; 0], "empty console");
}

#[test]
#[ignore = "needs Chromium and its driver"]
fn page_reconnects_after_a_server_restart() {
    let browser = Browser::start();
    let folder = folder();
    let mut state = State::create(folder.path(), &SYMBOLS);
    state.frames(30);
    state.status(0);
    let served = DashboardProcess::start(folder.path(), "127.0.0.1:0", &[]);
    let address = served.address.to_string();
    browser.open(&url(&served));
    shows(&browser, &state);
    assert_eq!(browser.text("#link"), "live");
    assert_eq!(browser.run("return document.getElementById('banner').hidden"), true);
    drop(served);
    browser.until("document.getElementById('link').textContent === 'disconnected'", 20);
    assert!(browser.text("#banner").contains("Disconnected since"), "{}", browser.text("#banner"));
    assert_eq!(value(&browser, "[data-field=seq]"), 29.0, "the last state stays visible");
    state.frames(5);
    std::thread::sleep(std::time::Duration::from_secs(3));
    let again = DashboardProcess::start(folder.path(), &address, &[]);
    shows(&browser, &state);
    assert_eq!(browser.text("#link"), "live");
    assert_eq!(browser.run("return document.getElementById('banner').hidden"), true);
    assert_eq!(browser.run("return document.body.classList.contains('late')"), false);
    drop(again);
}

#[test]
#[ignore = "needs Chromium and its driver"]
fn page_fits_every_width() {
    let browser = Browser::start();
    let folder = folder();
    let long = "A_VERY_LONG_NAME_OF_AN_INSTRUMENT_WITHOUT_ANY_KIND_OF_ABBREVIATION";
    let mut state = State::create(folder.path(), &["AAPL", long, "XOM"]);
    state.frames(120);
    state.status(0);
    state.event("disconnected", &"the server closed the connection early ".repeat(4));
    let served = DashboardProcess::start(folder.path(), "127.0.0.1:0", &[]);
    for width in [320, 400, 700, 1_000, 1_400, 2_200] {
        browser.resize(width, 900);
        browser.open(&url(&served));
        shows(&browser, &state);
        browser.until("document.querySelectorAll('#betas polyline').length >= 3", 20);
        let widths = browser.run("return [document.documentElement.scrollWidth, innerWidth]");
        assert!(widths[0].as_u64() <= widths[1].as_u64(), "{width} pixels: {widths}");
        let outside = browser.run(
            "return [...document.querySelectorAll('.tiles b, .tiles small, h2, .pill')]\
             .filter(one => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0)\
             .map(one => one.textContent)",
        );
        assert_eq!(outside, serde_json::json!([]), "{width} pixels: text is cut off");
    }
    assert_eq!(browser.console(), [""; 0], "empty console");
}

#[test]
#[ignore = "needs Chromium and its driver"]
fn token_in_the_address_opens_the_page_and_is_removed() {
    let browser = Browser::start();
    let folder = folder();
    let mut state = State::create(folder.path(), &SYMBOLS);
    state.frames(20);
    std::fs::write(folder.path().join("token"), "0123456789abcdef0123456789abcdef").unwrap();
    let served = DashboardProcess::start(folder.path(), "0.0.0.0:0", &["--token-file", "token"]);
    browser.open(&format!("{}?token=0123456789abcdef0123456789abcdef", url(&served)));
    shows(&browser, &state);
    assert_eq!(browser.run("return location.search + document.cookie"), "", "the token is visible");
    browser.open(&url(&served));
    shows(&browser, &state);
    assert_eq!(browser.console(), [""; 0], "empty console");
}

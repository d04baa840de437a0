//! The dashboard in a real browser: it shows what is in SQLite, comes back after the server did, and fits a telephone.
//!
//! It needs Chromium and its driver. Where there are none the tests say that they are skipped, unless `CI` is set.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod support;

use support::folder;
use support::state::State;
use support::web::Served;
use support::webdriver::Browser;

const SYMBOLS: [&str; 5] = ["AAPL", "MSFT", "XOM", "JPM", "BRK.B"];
const MARKUP: &str = "<img src=x onerror=alert(1)>";

/// Collects what would be an error and leaves no trace on the console.
const LISTEN: &str = "window.seen = [];\
    addEventListener('error', event => seen.push('error: ' + event.message), true);\
    addEventListener('unhandledrejection', event => seen.push('rejection: ' + event.reason));\
    addEventListener('securitypolicyviolation', event => seen.push('policy: ' + event.blockedURI));";

fn url(served: &Served) -> String {
    format!("http://127.0.0.1:{}/", served.address.port())
}

fn value(browser: &Browser, selector: &str) -> f64 {
    let text = browser.run(&format!("return document.querySelector({selector:?}).dataset.value"));
    text.as_str().unwrap_or_else(|| panic!("{selector} has a value")).parse().unwrap()
}

/// Numbers and text of the page against the database.
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
         .map(row => [row.cells[0].textContent, row.cells[1].dataset.value, row.cells[2].dataset.value])",
    );
    assert_eq!(rows.as_array().unwrap().len(), state.symbols.len());
    for row in rows.as_array().unwrap() {
        let symbol = row[0].as_str().unwrap().replace('\'', "''");
        for (cell, column) in [(1, "held_weight"), (2, "target_weight")] {
            let expected = state.number(&format!("SELECT {column} FROM weights WHERE symbol = '{symbol}'"));
            assert_eq!(row[cell].as_str().unwrap().parse::<f64>().unwrap(), expected, "{column} of {symbol}");
        }
    }
    let newest = state.number("SELECT quantity FROM fills ORDER BY seq DESC, n DESC LIMIT 1");
    assert_eq!(value(browser, "#fills tbody tr td:nth-child(3)"), newest, "the newest fill first");
}

#[test]
fn the_page_shows_what_is_in_sqlite_and_follows() {
    let Some(browser) = Browser::start() else { return };
    let folder = folder();
    let mut state = State::create(folder.path(), &SYMBOLS);
    state.frames(200);
    state.status(0);
    state.event("gap", "messages 12 to 15 are missing");
    let served = Served::start(folder.path(), "127.0.0.1:0", &[]);
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
        "value and benchmark, drawdown, turnover and cap, three coefficients"
    );
    assert_eq!(browser.run("return document.querySelectorAll('#latency svg rect').length > 20"), true);
    assert_eq!(browser.run("return seen"), serde_json::json!([]));
    assert_eq!(browser.console(), [""; 0], "nothing on the console");
}

#[test]
fn names_are_text() {
    let Some(browser) = Browser::start() else { return };
    let folder = folder();
    let mut state = State::create(folder.path(), &[MARKUP, "'\"&amp;", "AAPL"]);
    state.frames(40);
    state.status(0);
    state.meta("feed", &serde_json::json!({"name": MARKUP}).to_string());
    state.event(MARKUP, MARKUP);
    state.connection.execute("UPDATE fills SET reason = ?1", [MARKUP]).unwrap();
    state.connection.execute("UPDATE orders SET state = ?1", [MARKUP]).unwrap();
    let served = Served::start(folder.path(), "127.0.0.1:0", &[]);
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
    assert_eq!(browser.run("return seen"), serde_json::json!([]));
    assert_eq!(browser.console(), [""; 0], "nothing on the console");
}

#[test]
fn the_page_comes_back_after_the_server_was_gone() {
    let Some(browser) = Browser::start() else { return };
    let folder = folder();
    let mut state = State::create(folder.path(), &SYMBOLS);
    state.frames(30);
    state.status(0);
    let served = Served::start(folder.path(), "127.0.0.1:0", &[]);
    let address = served.address.to_string();
    browser.open(&url(&served));
    shows(&browser, &state);
    assert_eq!(browser.text("#link"), "live");
    assert_eq!(browser.run("return document.getElementById('banner').hidden"), true);
    drop(served);
    browser.until("document.getElementById('link').textContent === 'disconnected'", 20);
    assert!(browser.text("#banner").contains("Disconnected since"), "{}", browser.text("#banner"));
    assert_eq!(value(&browser, "[data-field=seq]"), 29.0, "what was known stays");
    state.frames(5);
    std::thread::sleep(std::time::Duration::from_secs(3));
    let again = Served::start(folder.path(), &address, &[]);
    shows(&browser, &state);
    assert_eq!(browser.text("#link"), "live");
    assert_eq!(browser.run("return document.getElementById('banner').hidden"), true);
    assert_eq!(browser.run("return document.body.classList.contains('late')"), false);
    drop(again);
}

#[test]
fn the_page_fits_every_width() {
    let Some(browser) = Browser::start() else { return };
    let folder = folder();
    let long = "A_VERY_LONG_NAME_OF_AN_INSTRUMENT_THAT_NOBODY_WOULD_EVER_ABBREVIATE";
    let mut state = State::create(folder.path(), &["AAPL", long, "XOM"]);
    state.frames(120);
    state.status(0);
    state.event("disconnected", &"the other side closed without a word ".repeat(4));
    let served = Served::start(folder.path(), "127.0.0.1:0", &[]);
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
        assert_eq!(outside, serde_json::json!([]), "{width} pixels: nothing is cut off");
    }
    assert_eq!(browser.console(), [""; 0], "nothing on the console");
}

#[test]
fn a_token_in_the_address_opens_the_page_and_leaves_it() {
    let Some(browser) = Browser::start() else { return };
    let folder = folder();
    let mut state = State::create(folder.path(), &SYMBOLS);
    state.frames(20);
    std::fs::write(folder.path().join("token"), "0123456789abcdef0123456789abcdef").unwrap();
    let served = Served::start(folder.path(), "0.0.0.0:0", &["--token-file", "token"]);
    browser.open(&format!("{}?token=0123456789abcdef0123456789abcdef", url(&served)));
    shows(&browser, &state);
    assert_eq!(
        browser.run("return location.search + document.cookie"),
        "",
        "not in the address, not for scripts"
    );
    browser.open(&url(&served));
    shows(&browser, &state);
    assert_eq!(browser.console(), [""; 0], "nothing on the console");
}

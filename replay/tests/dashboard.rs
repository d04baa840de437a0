//! The dashboard shows the content of `state.db`, refuses requests without access, and withstands slow and
//! malicious clients.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use support::state::State;
use support::web::{Answer, DashboardProcess, Events};
use support::{call, folder};

const TOKEN: &str = "a-token_of.32~characters-0123456";
const SYMBOLS: [&str; 5] = ["AAPL", "MSFT", "XOM", "JPM", "BRK.B"];

/// State with `frames` frames, and a dashboard that serves it.
fn shown(frames: i64) -> (tempfile::TempDir, State, DashboardProcess) {
    let folder = folder();
    let mut state = State::create(folder.path(), &SYMBOLS);
    state.frames(frames);
    state.status(0);
    let served = DashboardProcess::start(folder.path(), "127.0.0.1:0", &[]);
    (folder, state, served)
}

fn near(found: &Value, expected: f64, name: &str) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{name}: {found} is a number"));
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs().max(1e-3),
        "{name}: {found}, expected {expected}"
    );
}

#[test]
fn api_state_equals_the_database() {
    let (_folder, mut state, served) = shown(100);
    for more in [0, 1, 2_000] {
        state.frames(more);
        let answer = served.get("/api/state");
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        let shown = answer.json();
        let last = "FROM equity ORDER BY seq DESC LIMIT 1";
        for column in
            ["seq", "timestamp", "nav", "nav_gross", "cash", "gross_exposure", "net_exposure", "turnover"]
        {
            let expected = state.number(&format!("SELECT {column} {last}"));
            assert_eq!(shown["last"][column].as_f64(), Some(expected), "{column} differs");
        }
        assert!(shown["last"]["cap_multiplier"].is_null(), "NaN is null");
        for item in ["commission", "spread", "impact", "borrow", "financing", "interest", "dividends"] {
            near(&shown["costs"][item], state.number(&format!("SELECT total({item}) FROM equity")), item);
        }
        let nav = state.number(&format!("SELECT nav {last}"));
        let peak = state.number("SELECT max(nav) FROM equity");
        near(&shown["drawdown"]["now"], nav / peak - 1.0, "drawdown");
        near(&shown["drawdown"]["peak"], peak, "peak");
        let deepest =
            "SELECT min(nav / peak - 1) FROM (SELECT nav, max(nav) OVER (ORDER BY seq) AS peak FROM equity)";
        near(&shown["drawdown"]["deepest"], state.number(deepest), "deepest drawdown");
        let day = "timestamp / 86400000000000";
        let of_day = format!("{day} = (SELECT max({day}) FROM equity)");
        let turnover = state.number(&format!("SELECT total(turnover) FROM equity WHERE {of_day}"));
        near(&shown["day"]["turnover"], turnover, "turnover of the day");
        let before =
            state.number(&format!("SELECT nav FROM equity WHERE NOT ({of_day}) ORDER BY seq DESC LIMIT 1"));
        near(&shown["day"]["pnl"], nav - before, "profit and loss of the day");
        assert_eq!(shown["turnover_cap"], 0.08);
        for (member, table) in [("frames", "equity"), ("fill_count", "fills"), ("order_count", "orders")] {
            assert_eq!(
                shown[member].as_f64(),
                Some(state.number(&format!("SELECT count(*) FROM {table}"))),
                "{table}"
            );
        }
        assert_eq!(shown["last_input"], state.frames - 1);
        assert_eq!(shown["symbols"], json!(["AAPL", "BRK.B", "JPM", "MSFT", "XOM"]));
        positions_are_of(&shown, &state);
        lines_are_of(&shown["lines"], &state);
        rows_are_of(&shown, &state);
    }
}

/// Realised plus unrealised P&L is the value of a position minus its purchases, however it was traded; the
/// price follows from the held weight.
fn positions_are_of(shown: &Value, state: &State) {
    let nav = state.number("SELECT nav FROM equity ORDER BY seq DESC LIMIT 1");
    let (mut realised, mut unrealised) = (0.0, 0.0);
    for position in shown["positions"].as_array().unwrap() {
        let symbol = position["symbol"].as_str().unwrap();
        let sum =
            |of: &str| state.number(&format!("SELECT total({of}) FROM fills WHERE symbol = '{symbol}'"));
        let quantity = sum("quantity");
        near(&position["quantity"], quantity, "quantity");
        let value = quantity * position["last_price"].as_f64().unwrap();
        let weight = state.number(&format!("SELECT held_weight FROM weights WHERE symbol = '{symbol}'"));
        // In this simulated state, weight and quantity may have different signs; then there is no price.
        if weight * quantity > 0.0 {
            near(&json!(value), weight * nav, "value at the last price");
        }
        let member = |name: &str| position[name].as_f64().unwrap();
        let pnl = member("realised_pnl") + member("unrealised_pnl");
        near(&json!(pnl + sum("quantity * price")), value, "profit of the position");
        let entry = value / quantity - member("unrealised_pnl") / quantity;
        near(&position["entry_price"], entry, "entry price");
        near(&position["trading_costs"], sum("commission + spread + impact"), "costs of its fills");
        realised += member("realised_pnl");
        unrealised += member("unrealised_pnl");
    }
    near(&shown["pnl"]["realised"], realised, "sum of realised P&L");
    near(&shown["pnl"]["unrealised"], unrealised, "sum of unrealised P&L");
}

#[test]
fn positions_of_the_start_are_held_beside_the_fills() {
    let folder = folder();
    let mut state = State::create(folder.path(), &SYMBOLS);
    let held = folder.path().join("held.csv");
    fs::write(&held, "symbol,quantity\n,50000\nAAPL,1000\nXOM,-70\n").unwrap();
    state.meta("configuration", &format!("[execution]\nholdings = {:?}\n", held.display().to_string()));
    state.frames(100);
    state.status(0);
    let served = DashboardProcess::start(folder.path(), "127.0.0.1:0", &[]);
    let quantity = |shown: &Value, symbol: &str| {
        let positions = shown["positions"].as_array().unwrap();
        positions.iter().find(|position| position["symbol"] == symbol).unwrap()["quantity"].clone()
    };
    let shown = served.get("/api/state").json();
    assert_eq!(shown["troubles"], json!([]));
    for (symbol, opening) in [("AAPL", 1000.0), ("MSFT", 0.0), ("XOM", -70.0)] {
        let sum = state.number(&format!("SELECT total(quantity) FROM fills WHERE symbol = '{symbol}'"));
        near(&quantity(&shown, symbol), opening + sum, symbol);
    }
    drop(served);
    fs::remove_file(&held).unwrap();
    let served = DashboardProcess::start(folder.path(), "127.0.0.1:0", &[]);
    let shown = served.get("/api/state").json();
    let troubles = shown["troubles"].to_string();
    assert!(["execution.holdings", "held.csv"].iter().all(|part| troubles.contains(part)), "{troubles}");
}

#[test]
fn lines_of_a_range_have_all_its_frames() {
    let (_folder, state, served) = shown(5_000);
    let time = |seq: i64| state.number(&format!("SELECT timestamp FROM equity WHERE seq = {seq}")) as i64;
    for (first, last) in [(0, 99), (2_500, 2_560), (4_990, 4_999), (4_999, 4_999), (17, 2_000), (0, 4_999)] {
        let query = format!("/api/lines?from={}&to={}", time(first), time(last));
        let lines = served.get(&query).json();
        let line = |name: &str| -> Vec<f64> {
            lines[name].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
        };
        let frames = (last - first + 1) as usize;
        assert!(line("nav").len() >= frames.min(400) && line("nav").len() <= 800, "{first} to {last}");
        let day = "timestamp / 86400000000000";
        let sql = format!(
            "SELECT nav, nav / peak - 1, day FROM (SELECT seq, nav, max(nav) OVER (ORDER BY seq) AS peak, \
             sum(turnover) OVER (PARTITION BY {day} ORDER BY seq) AS day FROM equity) \
             WHERE seq BETWEEN {first} AND {last} ORDER BY seq"
        );
        let mut statement = state.connection.prepare(&sql).unwrap();
        let rows = statement.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?])).unwrap();
        let rows: Vec<[f64; 3]> = rows.map(Result::unwrap).collect();
        if frames <= 800 {
            for (at, name) in ["nav", "drawdown", "turnover"].iter().enumerate() {
                for (found, row) in line(name).iter().zip(&rows) {
                    near(&json!(found), row[at], name);
                }
            }
        }
        near(&json!(line("nav").last()), rows[rows.len() - 1][0], "last point");
    }
    for query in ["", "?from=1", "?from=a&to=b", "?from=1&to=1e99"] {
        assert_eq!(served.get(&format!("/api/lines{query}")).status, 400, "{query}");
    }
    let empty = served.get("/api/lines?from=1&to=2").json();
    assert_eq!(empty["nav"], json!([]));
    let backwards = format!("/api/lines?from={}&to={}", time(100), time(50));
    assert_eq!(served.get(&backwards).json()["nav"], json!([]));
}

/// Checks that the number of points is bounded, the last point is the last frame, and extremes are kept.
fn lines_are_of(lines: &Value, state: &State) {
    let line = |name: &str| -> Vec<f64> {
        lines[name].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let points = line("timestamp").len();
    assert!(points <= 800 && points >= (state.frames as usize).min(400), "{points} of {}", state.frames);
    for column in ["timestamp", "nav", "benchmark_nav"] {
        let last = state.number(&format!("SELECT {column} FROM equity ORDER BY seq DESC LIMIT 1"));
        assert_eq!(line(column).last(), Some(&last), "{column}");
        assert_eq!(line(column).len(), points);
        if state.frames <= 800 {
            let sum = state.number(&format!("SELECT total({column}) FROM equity"));
            near(&json!(line(column).iter().sum::<f64>()), sum, "all points");
        }
    }
    let deepest =
        "SELECT min(nav / peak - 1) FROM (SELECT nav, max(nav) OVER (ORDER BY seq) AS peak FROM equity)";
    near(&json!(line("drawdown").into_iter().fold(0.0, f64::min)), state.number(deepest), "deepest point");
    let days =
        "SELECT max(t) FROM (SELECT total(turnover) AS t FROM equity GROUP BY timestamp / 86400000000000)";
    near(&json!(line("turnover").into_iter().fold(0.0, f64::max)), state.number(days), "highest point");
}

fn rows_are_of(shown: &Value, state: &State) {
    let held = shown["positions"].as_array().unwrap();
    assert_eq!(held.len(), SYMBOLS.len());
    for position in held {
        let symbol = position["symbol"].as_str().unwrap();
        for column in ["held_weight", "target_weight", "seq"] {
            let expected = state.number(&format!("SELECT {column} FROM weights WHERE symbol = '{symbol}'"));
            assert_eq!(position[column].as_f64(), Some(expected), "{column} of {symbol}");
        }
    }
    for table in ["fills", "orders"] {
        let rows = shown[table].as_array().unwrap();
        assert_eq!(rows.len(), 50, "only the last {table}");
        let newest = format!("FROM {table} ORDER BY seq DESC, n DESC LIMIT 1");
        for column in ["seq", "decided_seq", "quantity"] {
            assert_eq!(
                rows[0][column].as_f64(),
                Some(state.number(&format!("SELECT {column} {newest}"))),
                "{table}"
            );
        }
    }
}

#[test]
fn betas_equal_the_database() {
    let (_folder, mut state, served) = shown(300);
    for (more, thinned) in [(0, 300), (1_500, 500)] {
        state.frames(more);
        let betas = served.get("/api/betas?symbol=BRK%2EB").json();
        assert_eq!(betas["symbol"], "BRK.B");
        let seqs: Vec<i64> =
            betas["seq"].as_array().unwrap().iter().map(|seq| seq.as_i64().unwrap()).collect();
        assert_eq!(seqs.len(), thinned);
        assert_eq!(seqs.last(), Some(&(state.frames - 1)), "the newest frame is included");
        assert!(seqs.is_sorted());
        let names: Vec<&str> = betas["coefficients"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["alpha", "mkt", "mom"]);
        for at in [0, thinned / 2, thinned - 1] {
            let row: String = state
                .connection
                .query_row(
                    "SELECT coefficients FROM betas WHERE symbol = 'BRK.B' AND seq = ?1",
                    [seqs[at]],
                    |row| row.get(0),
                )
                .unwrap();
            let row: Value = serde_json::from_str(&row).unwrap();
            for (coefficient, expected) in
                betas["coefficients"].as_array().unwrap().iter().zip(row.as_array().unwrap())
            {
                assert_eq!((&coefficient["mean"][at], &coefficient["sd"][at]), (&expected[1], &expected[2]));
            }
        }
    }
    assert_eq!(served.get("/api/betas?symbol=NONE").status, 404);
    assert_eq!(served.get("/api/betas").status, 400);
    assert_eq!(served.get("/api/betas?symbol=' OR 1=1 --").status, 400, "malformed request line");
    assert_eq!(served.get("/api/betas?symbol=%27%20OR%201%3D1%20--").status, 404, "a name, not SQL");
}

#[test]
fn every_commit_sends_an_event() {
    let (_folder, mut state, served) = shown(10);
    let mut events = Events::follow(&served);
    let seq = |(name, data): (String, String)| {
        assert_eq!(name, "state");
        serde_json::from_str::<Value>(&data).unwrap()["last"]["seq"].as_i64().unwrap()
    };
    assert_eq!(seq(events.next()), 9, "at once");
    for expected in 10..14 {
        state.frames(1);
        let started = Instant::now();
        while seq(events.next()) < expected {}
        assert!(started.elapsed() < Duration::from_secs(3), "soon after the commit: {:?}", started.elapsed());
    }
    let started = Instant::now();
    assert_eq!(seq(events.next()), 13, "repeated without a commit");
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[test]
fn health_follows_the_run() {
    let (folder, state, served) = shown(10);
    assert_eq!(served.get("/healthz").status, 200);
    state.status(60);
    let late = served.get("/healthz");
    assert_eq!(late.status, 503);
    assert!(late.body.contains("60.") && late.body.contains("expected at most 10 s"), "{}", late.body);
    state.status(0);
    let sql = "UPDATE status SET value = json_set(value, '$.state', 'halted', '$.why', 'lost 3 % today') WHERE key = 'trading'";
    state.connection.execute(sql, []).unwrap();
    let halted = served.get("/healthz");
    assert_eq!(
        (halted.status, &halted.body[..]),
        (200, "ok\nhalted: lost 3 % today\n"),
        "a halted run is alive"
    );
    // Trading status, its age in seconds; status code and text of /healthz, metric `betaflow_trading`.
    let ended = json!({"state": "ended", "ended": 1});
    let cases = [
        (json!({"state": "trading"}), 0, 200, "ok\ntrading\n", 1.0),
        (json!({"state": "trading"}), 60, 503, "was killed or hangs", 0.0),
        (json!({"state": "warming_up"}), 0, 200, "ok\nwarming_up\n", 0.0),
        (json!({"state": "halted", "why": "disk", "unwritable_since": 1}), 0, 200, "ok\nhalted: disk\n", 0.0),
        (json!({"state": "ruined", "why": "lost"}), 0, 200, "ok\nruined: lost\n", 0.0),
        (json!({"state": "ruined", "why": "lost", "ended": 1}), 600, 200, "s ago. lost.\n", 0.0),
        (
            json!({"state": "ended", "why": "loss", "ended": 1}),
            600,
            200,
            "ago. Trading was halted: loss.\n",
            0.0,
        ),
        (ended.clone(), 0, 200, "ended\n", 0.0),
        (ended, 600, 200, "ended\n", 0.0),
        (json!({"state": "failed", "why": "no disk"}), 600, 503, "failed\n", 0.0),
    ];
    for (trading, ago, code, text, trades) in cases {
        state.status(ago);
        let sql = "UPDATE status SET value = json_patch(value, ?1) WHERE key = 'trading'";
        state.connection.execute(sql, [trading.to_string()]).unwrap();
        let health = served.get("/healthz");
        assert!(health.status == code && health.body.contains(text), "{trading}: {}", health.body);
        let metrics = served.get("/metrics").body;
        let found = metrics.lines().find_map(|line| line.strip_prefix("betaflow_trading "));
        assert_eq!(found, Some(&trades.to_string()[..]), "{trading}");
        let connected = metrics.lines().find_map(|line| line.strip_prefix("betaflow_feed_connected "));
        assert_eq!(connected, Some(if ago > 10 { "0" } else { "1" }), "{trading}: a stale status");
    }
    state.connection.execute("DELETE FROM status", []).unwrap();
    assert_eq!(served.get("/healthz").status, 503);
    drop(state);
    for file in fs::read_dir(folder.path()).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    let gone = served.get("/healthz");
    assert_eq!(gone.status, 503);
    assert!(gone.body.contains("found no state of a run"), "{}", gone.body);
    let mut again = State::create(folder.path(), &SYMBOLS);
    again.frames(3);
    assert_eq!(served.get("/api/state").json()["frames"], 3, "the new state is read");
}

#[test]
fn metrics_are_in_the_format_of_prometheus() {
    let (_folder, state, served) = shown(50);
    let answer = served.get("/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let mut families = Vec::new();
    for line in answer.body.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            families.push(help.split(' ').next().unwrap());
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap();
            let family = families.last().unwrap();
            assert!(name.starts_with(family), "{line} belongs to {family}");
            let value = line.rsplit_once(' ').unwrap().1;
            assert!(value == "+Inf" || value.parse::<f64>().is_ok(), "{line}");
        }
    }
    let unique: std::collections::BTreeSet<_> = families.iter().collect();
    assert_eq!(unique.len(), families.len(), "each family occurs once");
    let value = |name: &str| -> f64 {
        let line = answer.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} in\n{}", answer.body)).parse().unwrap()
    };
    assert_eq!(value("betaflow_nav"), state.number("SELECT nav FROM equity ORDER BY seq DESC LIMIT 1"));
    assert_eq!(value("betaflow_frames"), 50.0);
    assert_eq!(value("betaflow_feed_gaps_total"), 3.0);
    assert_eq!(value("betaflow_feed_symbols{state=\"quiet\"}"), 1.0);
    assert_eq!(value("betaflow_feed_faults_total{kind=\"late\"}"), 7.0);
    assert_eq!(value("betaflow_queue_depth{queue=\"record \\\"disk\\\"\"}"), 0.0);
    near(
        &json!(value("betaflow_cost{item=\"spread\"}")),
        state.number("SELECT total(spread) FROM equity"),
        "spread",
    );
    let bucket = "betaflow_latency_seconds_bucket{stage=\"estimate\",le=\"";
    let buckets: Vec<f64> = answer
        .body
        .lines()
        .filter_map(|line| line.strip_prefix(bucket)?.split_once("\"} ")?.1.parse().ok())
        .collect();
    assert!(buckets.len() == 25 && buckets.is_sorted(), "{buckets:?}");
    assert_eq!(buckets[24], value("betaflow_latency_seconds_count{stage=\"estimate\"}"));
}

#[test]
fn invalid_and_foreign_requests_are_refused() {
    let (_folder, _state, mut served) = shown(5);
    let port = served.address.port();
    let request = |line: &str, headers: &str| {
        served.send(format!("{line} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n").as_bytes())
    };
    let host = format!("Host: 127.0.0.1:{port}\r\n");
    let large = format!("{host}X-Large: {}\r\n", "x".repeat(100_000));
    let many: String = (0..200).map(|at| format!("X-{at}: 1\r\n")).collect();
    let many = host.clone() + &many;
    let cases = [
        ("GET /", &host[..], 200),
        ("HEAD /", &host, 200),
        ("HEAD /api/state", &host, 200),
        ("GET /", "Host: localhost\r\n", 200),
        ("GET /", "Host: [::1]:9\r\n", 200),
        ("POST /", &host, 405),
        ("DELETE /api/state", &host, 405),
        ("OPTIONS /", &host, 405),
        ("GET /nothing", &host, 404),
        ("GET /../../etc/passwd", &host, 404),
        ("GET /..%2f..%2fetc%2fpasswd", &host, 404),
        ("GET /%2e%2e/state.db", &host, 404),
        ("GET //etc/passwd", &host, 404),
        ("GET /state.db", &host, 404),
        ("GET /api/", &host, 404),
        ("GET /", "", 403),
        ("GET /", "Host: evil.example\r\n", 403),
        ("GET /", "Host: 127.0.0.1.evil.example\r\n", 403),
        ("GET /", "Host: 192.168.0.1\r\n", 403),
        ("GET http://evil.example/", &host, 403),
        ("GET /", "Host: localhost\r\nHost: evil.example\r\n", 403),
        ("GET /", &large, 431),
        ("GET /", &many, 431),
    ];
    for (line, headers, expected) in cases {
        let answer = request(line, headers);
        let shown: String = headers.chars().take(60).collect();
        assert_eq!(answer.status, expected, "{line} with {shown:?}: {}", answer.body);
        assert!(!answer.body.contains("root:"), "{line}");
        if expected != 431 {
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{line}");
            assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{line}");
            let policy = answer.header("content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
            assert!(!policy.contains("unsafe"), "{policy}");
        }
    }
    for nonsense in
        [&b"\0\0\0\0\r\n\r\n"[..], b"GET\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", b""]
    {
        let mut stream = served.connect();
        let _ = stream.write_all(nonsense);
    }
    assert!(served.is_running());
    assert_eq!(served.get("/").status, 200);
}

#[test]
fn non_loopback_address_needs_a_token() {
    let folder = folder();
    let mut state = State::create(folder.path(), &SYMBOLS);
    state.frames(5);
    let refused = call(folder.path(), &["dashboard", "--state", ".", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("no token") && refused.err.contains("--token-file"), "{}", refused.err);
    for token in ["short", "has a space in the middle", ""] {
        fs::write(folder.path().join("bad"), token).unwrap();
        let refused = call(
            folder.path(),
            &["dashboard", "--state", ".", "--listen", "0.0.0.0:0", "--token-file", "bad"],
        );
        assert_eq!(refused.code, Some(1), "{token:?}");
        assert!(refused.err.contains("expected a token of 16"), "{}", refused.err);
    }

    fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
    let served = DashboardProcess::start(folder.path(), "0.0.0.0:0", &["--token-file", "token"]);
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    let wrong = format!("Authorization: Bearer {}\r\n", TOKEN.replace('a', "b"));
    let prefix = format!("Authorization: Bearer {}\r\n", &TOKEN[..31]);
    for path in
        ["/", "/events", "/api/state", "/api/betas?symbol=AAPL", "/healthz", "/metrics", "/nothing", "/../x"]
    {
        for headers in ["", &wrong[..], &prefix, "Authorization: Bearer \r\n", "Cookie: betaflow=1\r\n"] {
            let answer = served.get_with(path, headers);
            assert_eq!(
                (answer.status, answer.header("www-authenticate")),
                (401, Some("Bearer")),
                "{path} {headers}"
            );
            assert!(!answer.body.contains("nav"), "{path}");
        }
    }
    let post = served.send(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(post.status, 401, "the token is checked first");
    assert_eq!(served.get("/?token=wrong-wrong-wrong-wrong").status, 401);
    assert_eq!(served.get(&format!("/api/state?token={TOKEN}")).status, 200);
    assert_eq!(served.get_with("/api/state", &bearer).json()["frames"], 5);

    let exchanged = served.get(&format!("/?token={TOKEN}"));
    assert_eq!((exchanged.status, exchanged.header("location")), (303, Some("/")));
    let cookie = exchanged.header("set-cookie").unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict; Path=/"), "{cookie}");
    assert!(!cookie.contains(TOKEN), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(served.get_with("/", &format!("Cookie: other=1; {cookie}\r\n")).status, 200);
    let mangled = cookie.replace(['0', '1', '2', '3'], "4");
    assert_eq!(served.get_with("/", &format!("Cookie: {mangled}\r\n")).status, 401);

    let injected = format!("/?token={TOKEN}%0d%0aSet-Cookie:%20a=b");
    assert_eq!(served.get(&injected).status, 401, "not the token");
    let injected = served.get(&format!("/?token={TOKEN}&x=%0d%0aSet-Cookie:%20a=b"));
    assert_eq!(injected.headers.iter().filter(|(name, _)| name == "set-cookie").count(), 1);
    assert_eq!(injected.header("location"), Some("/"), "the answer does not repeat the request");
}

#[test]
fn unreadable_state_is_an_error_that_names_the_cause() {
    let folder = folder();
    let refusal = || {
        let ended = call(folder.path(), &["dashboard", "--state", ".", "--listen", "127.0.0.1:0"]);
        assert_eq!(ended.code, Some(1));
        ended.err
    };
    assert!(refusal().contains("found no state of a run"), "{}", refusal());
    fs::write(
        folder.path().join("state.db"),
        "no database at all, but long enough to be looked at".repeat(20),
    )
    .unwrap();
    assert!(refusal().contains("state.db"), "{}", refusal());
    fs::remove_file(folder.path().join("state.db")).unwrap();
    let state = State::create(folder.path(), &SYMBOLS);
    state.meta("schema_version", "1");
    assert!(refusal().contains("(schema version 1), expected one of betaflow"), "{}", refusal());
    state.meta("schema_version", "3");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = call(folder.path(), &["dashboard", "--state", ".", "--listen", &address]);
    assert!(ended.code == Some(1) && ended.err.contains(&address), "{}", ended.err);
}

/// The dashboard serves a state without any row.
#[test]
fn empty_state_is_served() {
    let folder = folder();
    let state = State::create(folder.path(), &SYMBOLS);
    let served = DashboardProcess::start(folder.path(), "[::1]:0", &[]);
    let url = format!("http://{}/", served.address);
    assert!(url.starts_with("http://[::1]:"), "{url}");
    drop(served);
    let served = DashboardProcess::start(folder.path(), "127.0.0.1:0", &[]);
    let shown = served.get("/api/state").json();
    assert!(shown["last"].is_null() && shown["frames"] == 0 && shown["day"].is_null());
    assert_eq!(served.get("/metrics").status, 200);
    state.connection.execute("INSERT INTO status VALUES('feed', 'no JSON')", []).unwrap();
    state.meta("configuration", "no [TOML");
    let shown = served.get("/api/state").json();
    assert_eq!(shown["troubles"].as_array().unwrap().len(), 2, "{shown}");
}

#[test]
fn idle_and_slow_clients_do_not_block_others() {
    let limits = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits });
    let (_folder, mut state, mut served) = shown(2_000);
    let idle: Vec<TcpStream> = (0..1_000).map(|_| served.connect()).collect();
    // Sends one byte at a time, without end.
    let mut loris = served.connect();
    loris.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").unwrap();
    // Sends many requests and never reads an answer.
    let mut deaf = served.connect();
    let many =
        format!("GET /api/state HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", served.address.port()).repeat(400);
    deaf.write_all(many.as_bytes()).unwrap();
    let commits = Instant::now();
    state.frames(50);
    println!("50 commits with 1,002 connections open: {:?}", commits.elapsed());
    for path in ["/", "/api/state", "/metrics", "/api/betas?symbol=AAPL"] {
        let started = Instant::now();
        let answer = served.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(started.elapsed() < Duration::from_secs(2), "{path} after {:?}", started.elapsed());
    }
    let more: Vec<TcpStream> = (0..60).map(|_| served.connect()).collect();
    let full = Answer::of(&read_all(&more[59]));
    assert_eq!((full.status, &full.body[..]), (503, "Too many connections.\n"), "refused at once");
    // Slow clients time out and free their connections.
    let started = Instant::now();
    let mut dropped = 0;
    let mut byte = [0];
    while started.elapsed() < Duration::from_secs(25) {
        if loris.write_all(b"x").is_err() {
            dropped += 1;
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(dropped, 1, "an unfinished header times out");
    assert!(matches!((&idle[0]).read(&mut byte), Ok(0) | Err(_)), "an idle connection times out");
    assert_eq!(served.get("/").status, 200);
    assert!(served.is_running());
}

fn read_all(mut stream: &TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn event_streams_are_limited_and_released() {
    let (_folder, _state, served) = shown(20);
    let mut following: Vec<Events> = (0..64).map(|_| Events::follow(&served)).collect();
    for events in &mut following {
        assert_eq!(events.next().0, "state");
    }
    let refused = served.get("/events");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("2")));
    drop(following);
    let started = Instant::now();
    loop {
        let mut stream = served.connect();
        stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        if head.ends_with(b"200") {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "no stream was released");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Readers neither prevent a checkpoint of the write-ahead log nor block the writer.
#[test]
fn reader_does_not_block_the_writer() {
    let (_folder, mut state, served) = shown(3_000);
    let mut events = Events::follow(&served);
    events.next();
    let mut longest = Duration::ZERO;
    for _ in 0..100 {
        let started = Instant::now();
        state.frames(1);
        longest = longest.max(started.elapsed());
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("longest commit with a client that follows: {longest:?}");
    let blocked: i64 =
        state.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
    assert_eq!(blocked, 0, "a read is still open");
}

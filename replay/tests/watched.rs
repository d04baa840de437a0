//! Alerts, dashboard and metrics of a running `paper`: alerts arrive once, in order and without delaying the
//! run; page, health and metrics are right while the disk is full and after the end; positions add up to the
//! NAV.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;
use support::disk::SmallDisk;
use support::paper::{Serving, arguments, digest};
use support::web::DashboardProcess;
use support::webhook::{Reply, Webhook, free_port};
use support::{Panel, call, folder, joined};

/// Secret part of an address, which no file and no message may contain.
const SECRET: &str = "hook-secret-5f3a";
const LIMIT: [&str; 2] = ["--set", "limits.daily_loss_max=0.004"];

fn address(port: u16) -> String {
    format!("alerts.webhook=http://user:{SECRET}@127.0.0.1:{port}/{SECRET}?token={SECRET}")
}

fn number(state: &Path, sql: &str) -> f64 {
    let connection = Connection::open(state.join("state.db")).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Checks properties of every series of alerts: unique identifiers, documented fields, order of events.
fn well_formed(alerts: &[Value], state: &str) {
    let ids: std::collections::BTreeSet<_> =
        alerts.iter().map(|alert| alert["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), alerts.len(), "each alert has its own identifier: {alerts:#?}");
    let times: Vec<_> = alerts.iter().map(|alert| alert["time"].as_str().unwrap()).collect();
    assert!(times.iter().all(|time| time.ends_with('Z')), "{times:?}");
    for alert in alerts {
        assert_eq!((&alert["state"], &alert["version"]), (&state.into(), &env!("CARGO_PKG_VERSION").into()));
        assert!(alert["text"].as_str().is_some_and(|text| !text.is_empty()), "{alert}");
        assert!(["alarm", "info"].contains(&alert["severity"].as_str().unwrap()), "{alert}");
        assert!(alert["frame"].is_u64() || alert["frame"].is_null(), "{alert}");
    }
    let numbers: Vec<u64> =
        ids_in_order(alerts).iter().map(|id| id.rsplit_once('-').unwrap().1.parse().unwrap()).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
}

fn ids_in_order(alerts: &[Value]) -> Vec<&str> {
    alerts.iter().map(|alert| alert["id"].as_str().unwrap()).collect()
}

fn events(alerts: &[Value]) -> Vec<&str> {
    alerts.iter().map(|alert| alert["event"].as_str().unwrap()).collect()
}

#[test]
fn alerts_arrive_once_and_do_not_change_trading() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(73, 700, 8).write(path);
    let files = joined("serve", &data, &[]);
    let serving = Serving::start(path, &files[1..], &["--speed", "24000000"]);
    let started = Instant::now();
    let plain = call(path, &[&arguments(&serving.url, "plain")[..], &LIMIT].concat());
    let usual = started.elapsed();
    assert_eq!(plain.code, Some(0), "{}", plain.err);
    // Every change of the halt after the first rebalance is an event of an alert.
    let changes =
        number(&path.join("plain"), "SELECT count(*) FROM events WHERE kind IN ('halted', 'trading')");
    assert!(changes > 4.0, "{changes}");

    let elsewhere = Webhook::start(0, &[]);
    let redirect = Reply::Redirect(elsewhere.address.port());
    let (failing, gone) = (Reply::Status(500), Reply::Status(404));
    // Name, replies of the server or time for which its port refuses, true if all are delivered, dropped alerts.
    type Case<'a> = (&'a str, &'a [Reply], Option<Duration>, bool, usize);
    let cases: [Case<'_>; 6] = [
        ("well", &[], None, true, 0),
        ("failing", &[failing, failing, failing], None, true, 0),
        ("absent", &[], Some(Duration::from_millis(1_500)), true, 0),
        ("never there", &[], Some(Duration::from_secs(3_600)), false, 0),
        ("silent", &[Reply::Never], None, false, 0),
        ("redirecting", &[redirect, gone], None, true, 2),
    ];
    for (name, replies, absent, is_delivered, refused) in cases {
        let port = free_port();
        let (opens, replies) = (absent.unwrap_or_default(), replies.to_vec());
        let server = std::thread::spawn(move || {
            std::thread::sleep(opens.min(Duration::from_secs(5)));
            (opens < Duration::from_secs(5)).then(|| Webhook::start(port, &replies))
        });
        if absent.is_none() {
            while !server.is_finished() {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let webhook = address(port);
        let own = [&LIMIT[..], &["--set", &webhook]].concat();
        let started = Instant::now();
        let ended = call(path, &[&arguments(&serving.url, name)[..], &own].concat());
        let took = started.elapsed();
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.err);
        assert_eq!(digest(&ended.out), digest(&plain.out), "{name}: trading is the same");
        // The grace at the end, and the variation between two runs on a busy machine.
        let most = usual + Duration::from_secs(if is_delivered { 3 } else { 8 });
        assert!(took < most, "{name}: {took:?}, without alerts {usual:?}");
        assert_eq!(ended.err.contains("not delivered within"), !is_delivered, "{name}: {}", ended.err);
        assert!(
            ![&ended.err, &ended.out].iter().any(|text| text.contains(SECRET)),
            "{name}: the secret is shown"
        );
        let server = server.join().unwrap();
        let Some(server) = server else { continue };
        let (requests, delivered) = (server.requests(), server.delivered());
        assert!(requests[0].head[0].starts_with(&format!("POST /{SECRET}?token={SECRET} ")), "{requests:?}");
        let expected = ["content-type: application/json", "authorization: basic "];
        for header in expected {
            assert!(requests[0].head.iter().any(|line| line.starts_with(header)), "{:?}", requests[0].head);
        }
        well_formed(&delivered, name);
        if !is_delivered {
            assert_eq!(delivered.len(), 0, "{name}");
            continue;
        }
        assert_eq!(requests.len(), replies_until(&requests) + delivered.len(), "{name}");
        assert_eq!(events(&delivered).last(), Some(&"run_ended"), "{name}: {delivered:#?}");
        if refused == 0 {
            assert_eq!(events(&delivered)[0], "limit_met", "{name}: {delivered:#?}");
            assert!(delivered[0]["frame"].is_u64(), "{name}");
            let trading = delivered.iter().filter(|alert| alert["event"] != "run_ended");
            let counted: f64 = trading.map(|alert| alert["count"].as_f64().unwrap()).sum();
            assert_eq!(counted, changes, "{name}: {delivered:#?}");
            assert!(delivered.len() <= 5, "{name}: repeated halts are merged: {delivered:#?}");
        }
        let dropped = ended.err.matches("dropped (").count();
        assert_eq!(dropped, refused, "{name}: {}", ended.err);
        if name == "failing" {
            let tries: Vec<_> = requests[..4].iter().map(|request| &request.body["id"]).collect();
            assert!(tries.iter().all(|id| *id == tries[0]), "the same alert again: {tries:?}");
        }
    }
    assert_eq!(elsewhere.requests().len(), 0, "a redirect is not followed");
}

/// Number of requests that were not accepted.
/// Frames of the recorded changes between trading and halted, in order of their record.
fn changes(state: &Path) -> Vec<(i64, String)> {
    let database = Connection::open(state.join("state.db")).unwrap();
    let sql = "SELECT seq, kind FROM events WHERE kind IN ('halted', 'trading') ORDER BY id";
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn restart_does_not_repeat_recorded_halts() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(73, 700, 8).write(path);
    let files = joined("serve", &data, &[]);
    let serving = Serving::start(path, &files[1..], &["--speed", "24000000"]);
    let whole = call(path, &[&arguments(&serving.url, "whole")[..], &LIMIT].concat());
    assert_eq!(whole.code, Some(0), "{}", whole.err);
    let hook = Webhook::start(0, &[]);
    let webhook = address(hook.address.port());
    let own = [&LIMIT[..], &["--set", &webhook]].concat();
    let typed = [&arguments(&serving.url, "killed")[..], &own].concat();
    for _ in 0..4 {
        let mut run = Command::new(env!("CARGO_BIN_EXE_betaflow"))
            .args(&typed)
            .current_dir(path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(700));
        let _ = run.kill();
        run.wait().unwrap();
    }
    let ended = call(path, &typed);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(digest(&ended.out), digest(&whole.out));
    assert_eq!(changes(&path.join("killed")), changes(&path.join("whole")));
    // A finished run has no new change: the only alert is its end, and the log repeats no halt.
    let before = hook.delivered().len();
    let again = call(path, &typed);
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert!(!again.err.contains("trading halted"), "{}", again.err);
    assert_eq!(events(&hook.delivered()[before..]), ["run_ended"]);
    assert_eq!(changes(&path.join("killed")), changes(&path.join("whole")));
}

fn replies_until(requests: &[support::webhook::Request]) -> usize {
    requests.iter().filter(|request| request.reply != Reply::Status(200)).count()
}

#[test]
fn webhook_is_secret_and_not_part_of_the_run() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(79, 80, 4).write(path);
    let files = joined("serve", &data, &[]);
    let serving = Serving::start(path, &files[1..], &[]);
    let (first, second) = (address(free_port()), address(free_port()));
    for webhook in [None, Some(&first), Some(&second)] {
        let own = webhook.map(|webhook| vec!["--set", webhook]).unwrap_or_default();
        let ended = call(path, &[arguments(&serving.url, "state"), own].concat());
        assert_eq!(ended.code, Some(0), "the webhook is not part of the run: {}", ended.err);
    }
    for file in std::fs::read_dir(path.join("state")).unwrap() {
        let file = file.unwrap().path();
        if file.is_file() {
            let bytes = std::fs::read(&file).unwrap();
            let found = bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
            assert!(!found, "{}: contains the secret", file.display());
        }
    }
    // Errors do not show the refused value.
    let refused = [
        format!("alerts.webhook=ftp://{SECRET}/"),
        format!("alerts.webhook=[\"{SECRET}\"]"),
        format!("alerts.webhok=http://127.0.0.1/{SECRET}"),
        format!("alerts.webhook={SECRET}"),
        format!("alert.webhook=http://127.0.0.1/{SECRET}"),
        format!("Alerts.webhook=http://127.0.0.1/{SECRET}"),
        format!("arlets.webhook=http://127.0.0.1/{SECRET}"),
    ];
    for setting in &refused {
        let ended = call(path, &[arguments(&serving.url, "other"), vec!["--set", setting]].concat());
        assert_eq!(ended.code, Some(1), "{setting}: {}", ended.err);
        assert!(ended.err.contains("alerts") && !ended.err.contains(SECRET), "{setting}: {}", ended.err);
    }
    for broken in [
        format!("[alerts]\nwebhook = \"http://127.0.0.1/{SECRET}\n"),
        format!("[alert]\nwebhook = \"http://127.0.0.1/{SECRET}\n"),
        format!("[alert]\nwebhook = \"http://127.0.0.1/{SECRET}\"\n"),
        format!("[alerts]\nwebook = \"http://127.0.0.1/{SECRET}\"\n"),
        format!("alerts = \"http://127.0.0.1/{SECRET}\"\n"),
    ] {
        std::fs::write(path.join("broken.toml"), &broken).unwrap();
        let own = ["--config", "broken.toml"];
        let ended = call(path, &[&arguments(&serving.url, "other")[..], &own].concat());
        assert_eq!(ended.code, Some(1), "{broken}: {}", ended.err);
        assert!(ended.err.contains("broken.toml") && !ended.err.contains(SECRET), "{broken}: {}", ended.err);
        let quotes = broken.matches('"').count();
        assert!(quotes == 2 || ended.err.contains("line 2"), "{broken}: {}", ended.err);
    }
    let own = ["--set", "alerts.webhook=https://127.0.0.1/", "--set", "alerts.ca=absent.pem"];
    let ended = call(path, &[&arguments(&serving.url, "other")[..], &own].concat());
    assert!(ended.code == Some(1) && ended.err.contains("absent.pem"), "{}", ended.err);
}

#[test]
fn alerts_over_tls_need_a_trusted_certificate() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(79, 80, 4).write(path);
    let files = joined("serve", &data, &[]);
    let serving = Serving::start(path, &files[1..], &[]);
    let hook = Webhook::start_tls(&path.join("hook.pem"));
    let webhook = format!("alerts.webhook=https://127.0.0.1:{}/{SECRET}", hook.address.port());
    // Without its certificate the server is not trusted, and no alert is posted.
    for (name, own, delivered) in [("stranger", &[][..], 0), ("trusted", &["--set", "alerts.ca=hook.pem"], 1)]
    {
        let own = [&["--set", &webhook], own].concat();
        let ended = call(path, &[&arguments(&serving.url, name)[..], &own].concat());
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.err);
        assert_eq!(hook.requests().len(), delivered, "{name}: {}", ended.err);
        assert!(!ended.err.contains(SECRET), "{name}: {}", ended.err);
    }
    assert_eq!(events(&hook.delivered()), ["run_ended"]);
}

/// Paper run with its own dashboard.
struct Run {
    child: Child,
    /// Kept open, because the run cannot write to a closed pipe.
    _out: BufReader<std::process::ChildStdout>,
    port: u16,
}

impl Run {
    fn start(path: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_betaflow"))
            .args(arguments)
            .args(["--dashboard", "127.0.0.1:0"])
            .current_dir(path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let port = line.trim().trim_end_matches('/').rsplit_once(':').unwrap().1.parse().unwrap();
        Self { child, _out: out, port }
    }

    fn get(&self, path: &str) -> support::web::Answer {
        support::web::get(self.port, path)
    }

    fn metric(&self, name: &str) -> Option<f64> {
        metric(&self.get("/metrics").body, name)
    }

    /// Waits until a metric has a value.
    fn until(&mut self, name: &str, value: f64) {
        let started = Instant::now();
        while self.metric(name) != Some(value) {
            assert!(started.elapsed() < Duration::from_secs(20), "{name} is {:?}", self.metric(name));
            assert!(self.child.try_wait().unwrap().is_none(), "the run ended");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn metric(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[test]
#[ignore = "mounts a small disk, which needs root"]
fn full_disk_raises_alert_and_shows_on_page() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(89, 2_400, 8).write(path);
    let files = joined("serve", &data, &[]);
    let serving = Serving::start(path, &files[1..], &["--speed", "6000000"]);
    let mount = path.join("disk");
    let disk = SmallDisk::mount(&mount, 24);
    let hook = Webhook::start(0, &[]);
    let webhook = address(hook.address.port());
    let own = ["--set", &webhook];
    let mut run = Run::start(path, &[&arguments(&serving.url, "disk/state")[..], &own].concat());
    run.until("betaflow_trading", 1.0);
    assert_eq!(run.metric("betaflow_state_writable"), Some(1.0));
    disk.fill();
    run.until("betaflow_trading", 0.0);
    assert_eq!(run.metric("betaflow_state_writable"), Some(0.0));
    // Longer than the maximum age of a fresh status.
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(12) {
        let (health, state) = (run.get("/healthz"), run.get("/api/state").json());
        assert_eq!(health.status, 200, "a restart would not help: {}", health.body);
        assert!(health.body.starts_with("ok\nhalted: "), "{}", health.body);
        let trading = &state["status"]["trading"];
        assert_eq!(trading["state"], "halted");
        assert!(trading["unwritable_since"].is_i64(), "{trading}");
        assert_eq!(run.metric("betaflow_trading"), Some(0.0));
        std::thread::sleep(Duration::from_millis(500));
    }
    let another = DashboardProcess::start(&mount.join("state"), "127.0.0.1:0", &[]);
    let health = another.get("/healthz");
    assert_eq!(health.status, 503, "another process reads only the recorded status: {}", health.body);
    assert_eq!(metric(&another.get("/metrics").body, "betaflow_trading"), Some(0.0));
    assert_eq!(events(&hook.delivered()), ["disk_full"], "while the disk is full");
    drop(another);
    disk.free();
    run.until("betaflow_trading", 1.0);
    assert_eq!(run.metric("betaflow_state_writable"), Some(1.0));
    let started = Instant::now();
    while events(&hook.delivered()) != ["disk_full", "disk_writable"] {
        assert!(started.elapsed() < Duration::from_secs(5), "{:#?}", hook.delivered());
        std::thread::sleep(Duration::from_millis(50));
    }
    well_formed(&hook.delivered(), "state");
}

#[test]
#[ignore = "mounts a small disk, which needs root"]
fn full_disk_and_silent_webhook_do_not_delay_the_end() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(89, 2_400, 8).write(path);
    let files = joined("serve", &data, &[]);
    let serving = Serving::start(path, &files[1..], &["--speed", "6000000"]);
    let mount = path.join("disk");
    let disk = SmallDisk::mount(&mount, 24);
    let hook = Webhook::start(0, &[Reply::Never; 8]);
    let webhook = address(hook.address.port());
    let mut run =
        Run::start(path, &[&arguments(&serving.url, "disk/state")[..], &["--set", &webhook]].concat());
    run.until("betaflow_trading", 1.0);
    disk.fill();
    run.until("betaflow_state_writable", 0.0);
    let started = Instant::now();
    let id = run.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let status = run.child.wait().unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(!status.success(), "the last inputs are not recorded");
    assert_eq!(hook.delivered().len(), 0);
}

#[test]
fn lost_feed_raises_alert_and_kill_is_not_a_normal_end() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(73, 700, 8).write(path);
    let files = joined("serve", &data, &[]);
    let port = free_port().to_string();
    let listen = format!("127.0.0.1:{port}");
    let serve = |speed: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_betaflow"))
            .args([&["serve", "--listen", &listen, "--speed", speed], &files[1..]].concat())
            .current_dir(path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        KilledOnDrop(child)
    };
    let url = format!("ws://{listen}");
    let hook = Webhook::start(0, &[]);
    let webhook = address(hook.address.port());
    let own = ["--set", &webhook];
    let serving = serve("1000000");
    let mut run = Run::start(path, &[&arguments(&url, "state")[..], &own].concat());
    run.until("betaflow_feed_connected", 1.0);
    assert_eq!(run.metric("betaflow_feed_outages_total"), Some(0.0));
    assert_eq!(run.metric("betaflow_feed_outage"), Some(0.0));
    drop(serving);
    run.until("betaflow_feed_outage", 1.0);
    assert_eq!(run.metric("betaflow_feed_connected"), Some(0.0));
    assert_eq!(run.metric("betaflow_feed_outages_total"), Some(1.0));
    let feed = &run.get("/api/state").json()["status"]["feed"];
    assert!(feed["since"].is_i64() && feed["outage_since"].is_i64(), "{feed}");
    let serving = serve("1000000");
    run.until("betaflow_feed_outage", 0.0);
    let started = Instant::now();
    while events(&hook.delivered()).last() != Some(&"feed_back") {
        assert!(started.elapsed() < Duration::from_secs(20), "{:#?}", hook.delivered());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(events(&hook.delivered()), ["feed_lost", "feed_back"]);
    well_formed(&hook.delivered(), "state");
    // All stages have the same bucket bounds.
    let bounds = bounds(&run.get("/metrics").body);
    assert_eq!(bounds.len(), 9, "{bounds:?}");
    // After a kill the status is stale, not `ended`.
    run.child.kill().unwrap();
    run.child.wait().unwrap();
    std::thread::sleep(Duration::from_millis(11_000));
    let shown = DashboardProcess::start(&path.join("state"), "127.0.0.1:0", &[]);
    let health = shown.get("/healthz");
    assert!(health.status == 503 && health.body.contains("was killed or hangs"), "{}", health.body);
    assert_eq!(metric(&shown.get("/metrics").body, "betaflow_trading"), Some(0.0));
    assert_eq!(metric(&shown.get("/metrics").body, "betaflow_feed_connected"), Some(0.0));
    drop(shown);
    drop(serving);
    // After a normal end the status stays `ended`.
    let serving = serve("max");
    let ended = call(path, &[&arguments(&url, "state")[..], &own].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let rows = ended.out.lines().skip_while(|line| !line.starts_with("Latency by stage")).skip(2);
    let rows: Vec<_> = rows.take_while(|line| !line.is_empty()).collect();
    assert!(
        !rows.is_empty() && rows.iter().all(|row| !row.contains(" 0 ")),
        "no stage without a measurement: {rows:?}"
    );
    let shown = DashboardProcess::start(&path.join("state"), "127.0.0.1:0", &[]);
    std::thread::sleep(Duration::from_millis(10_500));
    let health = shown.get("/healthz");
    assert!(health.status == 200 && health.body.starts_with("ended\n"), "{}", health.body);
    let metrics = shown.get("/metrics").body;
    for (name, value) in
        [("betaflow_ended", 1.0), ("betaflow_trading", 0.0), ("betaflow_feed_connected", 0.0)]
    {
        assert_eq!(metric(&metrics, name), Some(value), "{name}");
    }
    assert_eq!(bounds, self::bounds(&metrics), "same bounds after a restart");
    guide_matches_metrics_and_alerts(&metrics, &hook.delivered());
    assert_eq!(events(&hook.delivered()).last(), Some(&"run_ended"));
    assert_eq!(hook.delivered().last().unwrap()["severity"], "info");
    drop(serving);
}

/// Process that is killed at the end of its scope, even if the test fails.
struct KilledOnDrop(Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Checks that the guide names existing metrics, all fields of an alert, and its events.
fn guide_matches_metrics_and_alerts(metrics: &str, alerts: &[Value]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/paper.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut names = 0;
    for part in guide.split("betaflow_").skip(1) {
        let name = part.split(|c| !is_name(c)).next().unwrap();
        let named = [" ", "{"].iter().any(|end| metrics.contains(&format!("\nbetaflow_{name}{end}")));
        assert!(named, "betaflow_{name} of the guide is missing in /metrics");
        names += 1;
    }
    assert!(names > 10, "{names}");
    let example = guide.split_once("```json\n").unwrap().1.split_once("```").unwrap().0;
    let example: Value = serde_json::from_str(example).unwrap();
    let members = |alert: &Value| alert.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&example), members(&alerts[0]));
    for alert in alerts {
        let row =
            format!("| `{}` | {} |", alert["event"].as_str().unwrap(), alert["severity"].as_str().unwrap());
        assert!(guide.contains(&row), "{row}");
    }
}

/// Bucket bounds of each stage; checks that counts ascend and that the last is the total.
fn bounds(metrics: &str) -> std::collections::BTreeMap<String, Vec<String>> {
    let mut all = std::collections::BTreeMap::<String, (Vec<String>, f64)>::new();
    for line in metrics.lines() {
        let Some(rest) = line.strip_prefix("betaflow_latency_seconds_bucket{stage=\"") else { continue };
        let (stage, rest) = rest.split_once("\",le=\"").unwrap();
        let (bound, count) = rest.split_once("\"} ").unwrap();
        let (bounds, before) = all.entry(stage.to_owned()).or_default();
        let count: f64 = count.parse().unwrap();
        assert!(count >= *before, "{line}");
        bounds.push(bound.to_owned());
        *before = count;
    }
    for (stage, (bounds, last)) in &all {
        assert_eq!(bounds.last().map(String::as_str), Some("+Inf"), "{stage}");
        let count = metric(metrics, &format!("betaflow_latency_seconds_count{{stage=\"{stage}\"}}"));
        assert_eq!(count, Some(*last), "{stage}");
    }
    let bounds: std::collections::BTreeMap<_, _> =
        all.into_iter().map(|(stage, (bounds, _))| (stage, bounds)).collect();
    let first = bounds.values().next().unwrap();
    assert!(bounds.values().all(|bounds| bounds == first), "different bounds: {bounds:?}");
    bounds
}

#[test]
fn positions_add_up_to_nav_with_splits_and_lots() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(71, 220, 8).acting().write(path);
    let files = joined("serve", &data, &[]);
    let serving = Serving::start(path, &files[1..], &[]);
    let lots = ["--set", "execution.lot=1", "--set", "execution.nav=20000"];
    for (name, own) in [("fractions", &[][..]), ("lots", &lots), ("killed", &["--for", "300ms"])] {
        let mut ended = call(path, &[&arguments(&serving.url, name)[..], own].concat());
        if name == "killed" {
            // The second start resumes from a state with positions.
            ended = call(path, &arguments(&serving.url, name));
        }
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.err);
        let state = path.join(name);
        let shown = DashboardProcess::start(&state, "127.0.0.1:0", &[]).get("/api/state").json();
        let sum = |column: &str| number(&state, &format!("SELECT total({column}) FROM equity"));
        let pnl = |member: &str| shown["pnl"][member].as_f64().unwrap();
        let nav = number(&state, "SELECT nav FROM equity ORDER BY seq DESC LIMIT 1");
        let start = if name == "lots" { 20_000.0 } else { 1e6 };
        let carried = sum("interest") + sum("dividends") - sum("borrow") - sum("financing");
        let expected = nav - start - carried;
        let found = pnl("realised") + pnl("unrealised") - pnl("trading_costs");
        assert!((found - expected).abs() < 1e-6 * start, "{name}: {found}, expected {expected}");
        for position in shown["positions"].as_array().unwrap() {
            let held = position["held_weight"].as_f64().unwrap();
            let (quantity, price) = (position["quantity"].as_f64(), position["last_price"].as_f64());
            let value = quantity.unwrap_or(0.0) * price.unwrap_or(0.0);
            assert!((value - held * nav).abs() < 1e-6 * nav, "{name}: {position}");
        }
        if name == "lots" {
            let in_lieu = number(&state, "SELECT count(*) FROM fills WHERE reason = 'cash_in_lieu'");
            assert!(in_lieu > 0.0, "a split left a fraction");
            let whole = shown["positions"].as_array().unwrap().iter().all(|position| {
                position["quantity"]
                    .as_f64()
                    .is_none_or(|quantity| (quantity - quantity.round()).abs() < 1e-6)
            });
            assert!(whole, "{}", shown["positions"]);
        }
    }
}

//! Feeds of `betaflow serve`, followed over a real socket and traded, give the digest of a replay.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use betaflow_connectors::live::{
    Edge, EdgeCounts, EdgeEvent, EdgeInputs, EdgeReceiver, EdgeSettings, FeedSource, Hello, NoLog,
};
use betaflow_connectors::parquet::Settings;
use betaflow_engine::assembly::{FrameColumn, Universe};
use betaflow_engine::execution::ExecutionSettings;
use betaflow_engine::frame::Field;
use betaflow_engine::ledger::{Frames, RecordSettings, hex};
use betaflow_engine::model::EstimatorSettings;
use betaflow_engine::pipeline::{RunOptions, RunSettings, trading};
use betaflow_engine::portfolio::SizingSettings;
use betaflow_engine::settings::Calendar;

use crate::support::{Panel, call, folder, joined, run};

const LONG: Duration = Duration::from_secs(60);

/// Process `betaflow serve`.
struct ServeProcess {
    child: Child,
    out: BufReader<ChildStdout>,
    line: String,
}

impl ServeProcess {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_betaflow"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut out, mut line) = (BufReader::new(child.stdout.take().unwrap()), String::new());
        out.read_line(&mut line).unwrap();
        Self { child, out, line }
    }

    /// Address of the feed, as printed.
    fn url(&self) -> &str {
        self.line.trim_end().split(' ').next_back().unwrap()
    }

    fn edge(&self) -> Edge {
        let (retry_after, retry_max) = (Duration::from_millis(2), Duration::from_millis(50));
        let late = Duration::from_millis(20);
        Edge::start(EdgeSettings { retry_after, retry_max, late, ..EdgeSettings::new(self.url()) }).unwrap()
    }

    /// Stops the process with a signal; returns its exit code and its output after the first line.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        let mut output = String::new();
        self.out.read_to_string(&mut output).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut output).unwrap();
        (code, output)
    }
}

impl Drop for ServeProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the hello message of the feed.
fn hello(events: &EdgeReceiver) -> Hello {
    loop {
        if let EdgeEvent::Connected { hello, .. } = events.recv_timeout(LONG).unwrap() {
            return hello;
        }
    }
}

/// Trades the feed with the program's defaults and 60 days of warm-up; returns the digest.
fn traded(served: &ServeProcess, source: Settings) -> (String, EdgeCounts) {
    let edge = served.edge();
    let hello = hello(&edge.events());
    let inputs = Box::new(EdgeInputs::new(&hello.name, edge.events()));
    let source = FeedSource::open(&hello, inputs, Box::new(NoLog), source).unwrap();
    let settings = RunSettings {
        calendar: Calendar::default(),
        sessions: None,
        excess: true,
        estimator: EstimatorSettings { warmup: 60, ..EstimatorSettings::default() },
        groups: Vec::new(),
        membership: None,
        sizing: SizingSettings::default(),
        execution: ExecutionSettings::default(),
        record: RecordSettings { betas: Frames::None, weights: Frames::None, expected_returns: None },
        benchmark: betaflow_engine::execution::BenchmarkRule::default(),
        world: betaflow_engine::world::WorldSettings::default(),
        trade_from: None,
        on_out_of_range: betaflow_engine::range::OnOutOfRange::Stop,
        limits: betaflow_engine::portfolio::LossLimits::default(),
        shown_dates: None,
        frames_per_message: Some(1),
    };
    let strategy = betaflow_strategies::find("quarter_kelly").unwrap().build(toml::Table::new()).unwrap().1;
    let graph = trading(Box::new(source), strategy, &settings, Vec::new()).unwrap();
    let facts = graph.run(&RunOptions::default()).unwrap().facts;
    (hex(&facts.digest), edge.stop())
}

/// Source settings of daily data.
fn daily() -> Settings {
    let wanted = |checked| move |field| FrameColumn { field, checked };
    let due = [Field::Dividend, Field::Split].map(wanted(true));
    let bars = [Field::Open, Field::High, Field::Low, Field::Volume].map(wanted(false));
    Settings { optional: due.into_iter().chain(bars).collect(), ..Settings::default() }
}

#[test]
fn served_feed_trades_to_the_digest_of_a_replay() {
    let folder = folder();
    let folder = folder.path();
    let data = Panel::new(21, 300, 12).acting().write(folder);
    let expected = run(folder, "run", &joined("replay", &data, &["estimator.warmup=60"]));
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    let faults = "--drop 0.02 --duplicate 0.03 --reorder 0.03 --disconnect-every 150ms --stall 20ms --seed 5";
    let faults: Vec<&str> = faults.split(' ').collect();
    // Slow enough for faults that occur by time.
    let slower = [&faults[..], &["--speed", "60000000"]].concat();
    for arguments in [&[][..], &faults, &slower] {
        let served = ServeProcess::start(folder, &[&data[..], arguments].concat());
        let (digest, counts) = traded(&served, daily());
        assert_eq!(digest, expected.digest(), "{arguments:?}: {counts:?}");
        assert_eq!((counts.gaps, counts.delivered), (0, 300), "{counts:?}");
    }
}

#[test]
fn tutorial_is_the_default_and_the_client_builds_factors() {
    let folder = folder();
    let folder = folder.path();
    let settings = ["estimator.warmup=60", "data.to=2016-12-31"];
    let expected = run(folder, "run", &joined("replay", &[], &settings));
    let served = ServeProcess::start(folder, &["--to", "2016-12-31"]);
    assert!(
        served
            .line
            .starts_with("serving the embedded tutorial data (close) as fast as the client reads on ws://"),
        "{}",
        served.line
    );
    let factors = betaflow_connectors::tutorial::FACTORS.iter();
    let factors = factors.map(|(name, text)| ((*name).to_owned(), text.parse().unwrap())).collect();
    let (digest, _) = traded(&served, Settings { factors, universe: Universe::default(), ..daily() });
    assert_eq!(digest, expected.digest());
}

#[test]
fn one_line_names_data_and_address_and_a_signal_ends_it() {
    let folder = folder();
    let folder = folder.path();
    let data = Panel::new(22, 40, 3).write(folder);
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    for signal in ["-INT", "-TERM"] {
        let served = ServeProcess::start(folder, &[&data[..], &["--speed", "2.5"]].concat());
        let known = "serving prices.parquet (close, open, high, low, volume, bid, ask; factors mkt, mom) at 2.5 times the \
                     recorded speed on ws://127.0.0.1:";
        assert!(served.line.starts_with(known) && !served.line.ends_with(":0\n"), "{}", served.line);
        let edge = served.edge();
        hello(&edge.events());
        let (code, output) = served.end(signal);
        assert_eq!(code, Some(0), "{output}");
        assert!(
            output.starts_with("ended after 1 connections and") && output.lines().count() == 1,
            "{output}"
        );
    }
}

#[test]
fn invalid_arguments_are_refused_with_the_reason() {
    let folder = folder();
    let folder = folder.path();
    let data = Panel::new(22, 40, 3).write(folder);
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let cases: [(&[&str], &str); 9] = [
        (&["--prices", "absent.parquet"], "absent.parquet: no such file"),
        (&["--listen", "nowhere"], "invalid value 'nowhere'"),
        (&["--listen", &taken], "cannot listen"),
        (&["--speed", "0"], "expected a number from 1e-6"),
        (&["--drop", "1.5"], "expected a share from 0 to 0.9"),
        (&["--stall", "5"], "expected a duration such as 250ms"),
        (&["--tls-cert", "cert.pem"], "--tls-key"),
        (&["--tls-cert", "cert.pem", "--tls-key", "key.pem"], "cert.pem: found"),
        (&["--set", "data.price=none_such"], "none_such"),
    ];
    for (arguments, part) in cases {
        let named: &[&str] = if arguments[0] == "--prices" { &[] } else { &data };
        let listen: &[&str] = if arguments[0] == "--listen" { &[] } else { &["--listen", "127.0.0.1:0"] };
        let ended = call(folder, &[&["serve"][..], listen, named, arguments].concat());
        assert_ne!(ended.code, Some(0), "{arguments:?}");
        assert!(ended.err.contains(part), "{arguments:?}: {}", ended.err);
    }
}

//! Load test of a paper run: a venue sends 5,000 trades a second of 500 instruments, and the run trades on
//! one-second bars with a dashboard open. Measures lost trades, memory, and the latency from message to
//! decision.
//!
//! `cargo bench -p betaflow-benches --bench live` takes one minute; `-- 10` takes ten, and `-- PATH` measures another
//! build of the program.

#![allow(clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use betaflow_benches::Shock;
use betaflow_connectors::live::ServerMessage;
use betaflow_connectors::store::{InputKind, read_inputs};
use betaflow_engine::frame::Field;
use betaflow_engine::random::SplitMix;
use serde_json::Value;
use tokio_tungstenite::tungstenite::{self, Message};

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;

const INSTRUMENTS: usize = 503;
const MESSAGES_A_SECOND: u64 = 5_000;
/// Messages sent in one burst.
const TOGETHER: u64 = 5;
const BAR_NS: i64 = 1_000_000_000;
/// Time between memory measurements.
const LOOK: Duration = Duration::from_secs(5);

/// Messages that the venue has sent, and thousandths of a unit by the interval of the trades.
struct Sent {
    messages: u64,
    by_interval: BTreeMap<i64, u64>,
}

/// Sends trades to the first client, until stopped.
fn venue(listener: &TcpListener, stop: &AtomicBool, sent: &AtomicU64) -> Result<Sent> {
    let (stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let mut socket = tungstenite::accept(stream)?;
    let mut random = SplitMix::new(11);
    let mut price = vec![100.0; INSTRUMENTS];
    let mut by_interval = BTreeMap::new();
    let started = Instant::now();
    let mut messages = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = Duration::from_nanos(messages * 1_000_000_000 / MESSAGES_A_SECOND);
        std::thread::sleep(due.saturating_sub(started.elapsed()));
        for _ in 0..TOGETHER {
            // Each instrument trades once per INSTRUMENTS messages, so that its trade numbers are consecutive.
            let i = (messages as usize % INSTRUMENTS) * 7_919 % INSTRUMENTS;
            price[i] *= 1.0 + 2e-5 * random.shock();
            let thousandths = 1 + (random.uniform() * 5_000.0) as u64;
            let ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
            *by_interval.entry(ms * 1_000_000 / BAR_NS).or_insert(0) += thousandths;
            let quantity = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
            let id = messages / INSTRUMENTS as u64;
            socket.write(Message::text(format!(
                r#"{{"stream":"s{i:03}@aggTrade","data":{{"e":"aggTrade","E":{ms},"s":"S{i:03}","a":{id},"p":"{:.8}","q":"{quantity}","f":{id},"l":{id},"T":{ms},"m":false,"M":true}}}}"#,
                price[i]
            )))?;
            messages += 1;
        }
        socket.flush()?;
        sent.store(messages, Ordering::Relaxed);
    }
    // The clock of the run closes the last interval.
    std::thread::sleep(Duration::from_secs(3));
    Ok(Sent { messages, by_interval })
}

/// Builds the program for release and returns its path.
fn program() -> Result<PathBuf> {
    let built = Command::new(env!("CARGO")).args(["build", "--release", "-p", "betaflow-replay"]).status()?;
    if !built.success() {
        return Err("cargo build failed".into());
    }
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.extend(["..", "target", "release", "betaflow"]);
    Ok(path)
}

fn settings(port: u16) -> String {
    let symbols: Vec<String> = (0..INSTRUMENTS).map(|i| format!("\"S{i:03}\"")).collect();
    format!(
        "[feed]\nvenue = \"binance\"\nurl = \"ws://127.0.0.1:{port}\"\nsymbols = [{}]\nbar = \"1s\"\nlateness = \
         \"200ms\"\n[factors]\nmkt = \"S000\"\nsize = \"S001 - S000\"\nmom = \"S002 - S000\"\n[data]\n\
         frames_per_day = 20\n[estimator]\nwarmup = 1\n[sizing]\nweight_min = -0.05\n[execution]\ncommission_bps = 0\n\
         half_spread_bps = 0\n",
        symbols.join(", ")
    )
}

/// A paper run that ends with the benchmark.
struct Run {
    child: Child,
    dashboard: String,
}

impl Run {
    fn start(program: &Path, folder: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .args(["paper", "--config", "run.toml", "--state", "state", "--dashboard", "127.0.0.1:0"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().ok_or("no output")?);
        while !line.contains("dashboard at http://") {
            line.clear();
            if out.read_line(&mut line)? == 0 {
                return Err("the run ended early".into());
            }
        }
        child.stdout = Some(out.into_inner());
        let address = line.trim().trim_start_matches("dashboard at http://").trim_end_matches('/');
        Ok(Self { child, dashboard: address.to_owned() })
    }

    /// Resident memory in bytes, and seconds of processor time so far.
    fn use_of_the_machine(&self) -> Result<(u64, f64)> {
        let of = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", self.child.id()));
        let pages: u64 = of("statm")?.split(' ').nth(1).unwrap_or_default().parse()?;
        let stat = of("stat")?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok((pages * 4_096, ticks / 100.0))
    }

    fn ask(&self, path: &str) -> Result<Value> {
        let mut stream = TcpStream::connect(&self.dashboard)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.dashboard)?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let at = text.find('{').ok_or("no JSON")?;
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter();
        Ok(values.next().ok_or("no JSON")??)
    }

    /// Reads the dashboard's events like an open page, and returns the number of bytes.
    fn follow(&self) -> Result<JoinHandle<u64>> {
        let mut stream = TcpStream::connect(&self.dashboard)?;
        write!(stream, "GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", self.dashboard)?;
        Ok(std::thread::spawn(move || {
            let (mut bytes, mut block) = (0, vec![0; 1 << 16]);
            while let Ok(read @ 1..) = stream.read(&mut block) {
                bytes += read as u64;
            }
            bytes
        }))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the number of whole intervals whose bars have the volume sent, and a line for each of the others.
fn compare(folder: &Path, sent: &Sent) -> Result<(u64, Vec<String>)> {
    let mut found = BTreeMap::<i64, f64>::new();
    let mut seen = BTreeSet::new();
    read_inputs(&folder.join("state"), 0, &mut |input| {
        if input.kind == InputKind::Bars
            && let Ok(ServerMessage::Bars(bars)) = ServerMessage::parse(&input.body, input.seq)
        {
            seen.insert(bars.timestamp);
            let volume = bars.columns.iter().find(|(field, _)| *field == Field::Volume);
            let sum: f64 = volume.map_or(0.0, |(_, numbers)| numbers.iter().sum());
            *found.entry(bars.timestamp / BAR_NS - 1).or_insert(0.0) += sum;
        }
        true
    })?;
    let (mut good, mut wrong) = (0, Vec::new());
    // The connection starts inside the first interval.
    for (interval, thousandths) in sent.by_interval.iter().skip(1) {
        let (expected, found) = (*thousandths as f64 / 1e3, found.get(interval).copied().unwrap_or(0.0));
        if (expected - found).abs() < 1e-6 {
            good += 1;
        } else {
            wrong.push(format!("interval {interval}: found {found}, expected {expected}"));
        }
    }
    Ok((good, wrong))
}

fn histogram(stage: &Value) -> String {
    let buckets = stage["buckets"].as_array().cloned().unwrap_or_default();
    let count = |bucket: &Value| bucket[1].as_u64().unwrap_or(0);
    let most = buckets.iter().map(count).max().unwrap_or(1).max(1);
    let mut text = String::new();
    for bucket in buckets.iter().filter(|bucket| count(bucket) > 0) {
        let bar = "#".repeat((count(bucket) * 50).div_ceil(most) as usize);
        text += &format!("{:>12.1} µs {:>9} {bar}\n", bucket[0].as_f64().unwrap_or(0.0) / 1e3, count(bucket));
    }
    text
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let minutes = arguments.iter().find_map(|argument| argument.parse::<f64>().ok()).unwrap_or(1.0);
    let other = arguments[1..].iter().map(PathBuf::from).find(|path| path.is_file());
    let program = other.map_or_else(program, Ok)?.canonicalize()?;
    if arguments.iter().any(|argument| argument == "--test") {
        return Ok(());
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("live");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    fs::write(folder.join("run.toml"), settings(listener.local_addr()?.port()))?;
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let seller = std::thread::spawn({
        let (stop, sent) = (Arc::clone(&stop), Arc::clone(&sent));
        move || venue(&listener, &stop, &sent)
    });
    let run = Run::start(&program, &folder)?;
    let page = run.follow()?;
    let started = Instant::now();
    let mut memory = Vec::new();
    while started.elapsed() < Duration::from_secs_f64(60.0 * minutes) {
        std::thread::sleep(LOOK);
        memory.push((started.elapsed().as_secs_f64(), run.use_of_the_machine()?.0));
    }
    let processor = run.use_of_the_machine()?.1 / started.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    let sent = seller.join().map_err(|_| "the venue failed")??;
    std::thread::sleep(Duration::from_secs(2));
    let state = run.ask("/api/state")?;
    drop(run);
    let shown = page.join().unwrap_or(0);

    let feed = &state["status"]["feed"];
    let rate = sent.messages as f64 / (60.0 * minutes);
    println!("{INSTRUMENTS} instruments, {rate:.0} messages a second, {:.1} min", minutes);
    println!(
        "messages: {} sent, {} received, {} bars conflated",
        sent.messages, feed["messages"], feed["conflated"]
    );
    let (good, wrong) = compare(&folder, &sent)?;
    println!("intervals with the volume sent: {good}; with another volume: {}", wrong.len());
    for line in wrong.iter().take(5) {
        println!("  {line}");
    }
    println!("frames {}, fills {}, bytes to the dashboard {shown}", state["frames"], state["fill_count"]);
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let after = |seconds: f64| memory.iter().filter(move |(at, _)| *at >= seconds).map(|(_, bytes)| *bytes);
    let first = after(60.0_f64.min(30.0 * minutes)).next().unwrap_or(0);
    let most = after(0.0).max().unwrap_or(0);
    let last = memory.last().map_or(0, |(_, bytes)| *bytes);
    let minute = |(at, _): &(f64, u64)| at % 60.0 < LOOK.as_secs_f64();
    let by_minute = memory.iter().filter(|look| minute(look)).map(|(_, bytes)| format!("{:.1}", mb(*bytes)));
    println!("memory by minute, MB: {}", by_minute.collect::<Vec<_>>().join(" "));
    println!(
        "memory: {:.1} MB after the first minute, {:.1} MB at the end ({:.3} times), {:.1} MB at the peak; processor {:.0} %",
        mb(first),
        mb(last),
        last as f64 / first as f64,
        mb(most),
        100.0 * processor
    );
    for stage in state["status"]["latency"]["stages"].as_array().cloned().unwrap_or_default() {
        let us = |key: &str| stage[key].as_f64().unwrap_or(0.0) / 1e3;
        println!(
            "{:<24}{:>9} measured, p50 {:>9.1} µs, p99 {:>9.1} µs, longest {:>9.1} µs",
            stage["stage"].as_str().unwrap_or_default(),
            stage["count"],
            us("p50_ns"),
            us("p99_ns"),
            us("max_ns")
        );
        if stage["stage"] == "message to decision" {
            println!("{}", histogram(&stage));
        }
    }
    Ok(())
}

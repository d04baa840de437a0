//! Scenario of a simulation: market, settings and faults, drawn from a seed.

use betaflow_engine::random::Random;

/// Fault of the feed, or of the clock, when a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FeedFaultKind {
    /// The message is not sent.
    Drop,
    /// The message is sent twice.
    Repeat,
    /// The message is sent after this number of later ones.
    Late(u64),
    /// The text ends early.
    Cut,
    /// The time is that of this number of messages before.
    EarlyTime(usize),
    /// The time is this number of days later.
    LateTime(i64),
    /// The number is far ahead.
    FarNumber,
    /// One price is negative.
    NegativePrice,
    /// One symbol occurs twice.
    SymbolTwice,
    /// The connection is cut, and this number of attempts to connect fail.
    Disconnect(u64),
    /// The server is silent for this number of milliseconds.
    Stall(u64),
    /// A heartbeat announces this number of messages too many.
    Announce(u64),
    /// The next request to repeat messages is refused.
    Unavailable,
    /// The server sends an error.
    Error,
    /// The wall clock jumps by this number of seconds.
    ClockJump(i64),
}

/// Fault at a message. It acts `times` times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FeedFault {
    pub(super) seq: usize,
    pub(super) kind: FeedFaultKind,
    pub(super) times: u32,
}

/// Fault of the disk at a step, counted from the start of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DiskFaultKind {
    /// The process ends before the step has an effect.
    CrashBefore,
    /// The process ends after the effect of the step.
    CrashAfter,
    /// The step fails.
    Failure,
    /// This number of steps find a full disk.
    Full(u32),
}

/// Fault of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DiskFault {
    pub(super) step: u64,
    pub(super) kind: DiskFaultKind,
}

/// One process: its faults, and its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) disk: Vec<DiskFault>,
    /// The user stops the process after this number of events of the feed.
    pub(super) stop_after: Option<u64>,
}

/// Scenario: a value, which can be reduced and run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scenario {
    pub(super) seed: u64,
    pub(super) instruments: usize,
    pub(super) frames: usize,
    pub(super) settings: Vec<String>,
    pub(super) checkpoint_every: u64,
    pub(super) segment_inputs: u64,
    /// Largest number of writes in a transaction.
    pub(super) batch_max: usize,
    /// Capacity of the event channel with conflation; 0 for a feed that waits.
    pub(super) conflate: usize,
    pub(super) held_max: usize,
    /// Milliseconds between two messages.
    pub(super) interval_ms: u64,
    /// Milliseconds for which the pipeline is sometimes busy.
    pub(super) busy_ms: u64,
    pub(super) feed: Vec<FeedFault>,
    /// Messages before which a file of forecasts arrives; empty for a strategy without one.
    pub(super) files: Vec<usize>,
    /// True for a feed whose times are compared with the clock.
    pub(super) live: bool,
    /// Processes before the last one, which has no faults of its own.
    pub(super) processes: Vec<Process>,
}

/// One of `items`.
fn one<T: Clone>(random: &mut Random, items: &[T]) -> T {
    items[random.below(items.len())].clone()
}

impl Scenario {
    /// Draws the scenario of a seed.
    pub(super) fn of(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let random = &mut random;
        let frames = 30 + random.below(90);
        let conflate = if random.below(4) == 0 { 2 + random.below(6) } else { 0 };
        let feed_faults = random.below(14);
        let processes = random.below(7);
        let scenario = Self {
            seed,
            instruments: 3 + random.below(8),
            frames,
            settings: settings(random, conflate > 0),
            checkpoint_every: 1 + random.below(16) as u64,
            segment_inputs: 3 + random.below(24) as u64,
            batch_max: 1 + random.below(12),
            conflate,
            held_max: one(random, &[4_096, 20, 3, 1]),
            interval_ms: one(random, &[1, 20, 150]),
            busy_ms: one(random, &[0, 0, 100, 700]),
            live: random.below(2) == 0,
            feed: (0..feed_faults).map(|_| feed_fault(random, frames)).collect(),
            processes: (0..processes).map(|_| process(random, frames)).collect(),
            files: Vec::new(),
        };
        if random.below(3) > 0 {
            return scenario;
        }
        let mut files: Vec<usize> = (0..1 + random.below(8)).map(|_| random.below(frames)).collect();
        files.sort_unstable();
        scenario.with_files(files)
    }

    /// The scenario with files of forecasts in place of a strategy that needs none.
    fn with_files(mut self, files: Vec<usize>) -> Self {
        self.settings.retain(|setting| !setting.starts_with("strategy.kind"));
        self.settings.extend(["strategy.horizon=3", "strategy.valid_for=10"].map(str::to_owned));
        Self { files, ..self }
    }
}

impl Scenario {
    /// True if every message can arrive: each fault of the feed acts once, and a repetition mends it.
    pub(super) fn is_harmless(&self) -> bool {
        use FeedFaultKind as Kind;
        let back_fills = !self.settings.iter().any(|setting| setting == "feed.back_fill=false");
        let passes = |fault: &FeedFault| match fault.kind {
            Kind::Repeat | Kind::Disconnect(_) | Kind::Stall(_) | Kind::ClockJump(_) => true,
            Kind::Drop | Kind::Late(_) | Kind::Cut | Kind::NegativePrice | Kind::SymbolTwice => back_fills,
            Kind::Error => self.feed.iter().filter(|fault| fault.kind == Kind::Error).count() < 2,
            _ => false,
        };
        let once = |fault: &FeedFault| {
            fault.times == 1 && self.feed.iter().filter(|other| other.seq == fault.seq).count() == 1
        };
        self.feed.iter().all(|fault| passes(fault) && once(fault))
    }
}

fn settings(random: &mut Random, conflates: bool) -> Vec<String> {
    let mut all: Vec<String> = [
        "estimator.warmup=6",
        "sizing.weight_min=-0.5",
        "sizing.weight_max=0.5",
        "execution.borrow_bps_per_year=400",
        "execution.financing_bps_per_year=150",
        "execution.commission_min=1.5",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push(format!("estimator.kind={:?}", one(random, &["dlm", "mixture"])));
    all.push(format!("sizing.turnover_cap={}", one(random, &["0.1", "0.5", "1.0"])));
    all.push(format!("sizing.rebalance_every={}", 1 + random.below(4)));
    all.push(format!("execution.delay_bars={}", 1 + random.below(3)));
    let others = [
        "execution.unfilled=\"carry\"",
        "execution.participation_cap=0.02",
        "execution.fill_at=\"open\"",
        "execution.lot=1",
        "execution.impact_coefficient=0.1",
        "execution.delist_after=4",
        "strategy.kind=\"equal_weight\"",
        "limits.drawdown_max=0.05",
        "limits.stale_after=\"20s\"",
        "estimator.wind_up=\"plain\"",
    ];
    all.extend(others.iter().filter(|_| random.below(4) == 0).map(|text| (*text).to_owned()));
    if conflates {
        all.push("feed.overflow=\"conflate_latest\"".to_owned());
    }
    if random.below(6) == 0 {
        all.push("feed.back_fill=false".to_owned());
    }
    all
}

fn feed_fault(random: &mut Random, frames: usize) -> FeedFault {
    use FeedFaultKind as Kind;
    let seq = random.below(frames);
    let kind = match random.below(16) {
        0 | 1 => Kind::Drop,
        2 => Kind::Repeat,
        3 => Kind::Late(1 + random.below(6) as u64),
        4 => Kind::Cut,
        5 => Kind::EarlyTime(1 + random.below(4)),
        6 => Kind::LateTime(1 + random.below(400) as i64),
        7 => Kind::FarNumber,
        8 => Kind::NegativePrice,
        9 => Kind::SymbolTwice,
        10 => Kind::Disconnect(random.below(4) as u64),
        11 => Kind::Stall(one(random, &[300, 3_000, 30_000])),
        12 => Kind::Announce(1 + random.below(40) as u64),
        13 => Kind::Unavailable,
        14 => Kind::Error,
        _ => Kind::ClockJump(one(random, &[-7_200, -1, 60, 7_200])),
    };
    FeedFault { seq, kind, times: one(random, &[1, 1, 1, 2, 5]) }
}

fn process(random: &mut Random, frames: usize) -> Process {
    use DiskFaultKind as Kind;
    let mut disk = Vec::new();
    for _ in 0..1 + random.below(3) {
        let step = match random.below(3) {
            0 => 1 + random.below(12),
            _ => 1 + random.below(2 * frames),
        };
        let kind = match random.below(8) {
            0..=2 => Kind::CrashBefore,
            3..=5 => Kind::CrashAfter,
            6 => Kind::Failure,
            _ => Kind::Full(1 + random.below(6) as u32),
        };
        disk.push(DiskFault { step: step as u64, kind });
    }
    let stop_after = (random.below(4) == 0).then(|| 1 + random.below(frames) as u64);
    Process { disk, stop_after }
}

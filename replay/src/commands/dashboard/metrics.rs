//! Metrics of a state folder in the text format 0.0.4 of Prometheus.

use std::borrow::Cow;
use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::snapshot::Snapshot;
use super::status::{FeedStatus, LatencyStatus, QueueStatus, QueuesStatus, StageLatency};

/// Content type of `GET /metrics`.
pub(crate) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Formats all metrics as text, without those that the run has not reported yet.
pub(crate) fn text(snapshot: &Snapshot) -> String {
    let known = |value: f64| (!value.is_nan()).then_some(value);
    let mut out = Families::default();
    out.gauge("frames", "Frames recorded", Some(snapshot.frames as f64));
    out.gauge(
        "last_input",
        "Sequence number of the last logged input",
        snapshot.last_input.map(|seq| seq as f64),
    );
    if let Some(last) = &snapshot.last {
        out.gauge("seq", "Sequence number of the last recorded frame", Some(last.seq as f64));
        out.gauge(
            "frame_timestamp_seconds",
            "Close time of the last frame",
            Some(last.timestamp.0 as f64 / 1e9),
        );
        out.gauge("nav", "Net asset value", known(last.nav));
        out.gauge("nav_gross", "Net asset value with all costs added back", known(last.nav_gross));
        out.gauge("cash", "Cash", known(last.cash));
        out.gauge(
            "gross_exposure_ratio",
            "Gross exposure: (long + short) / net asset value",
            known(last.gross_exposure),
        );
        out.gauge(
            "net_exposure_ratio",
            "Net exposure: (long - short) / net asset value",
            known(last.net_exposure),
        );
    }
    out.gauge(
        "drawdown_ratio",
        "Net asset value relative to its running maximum, 0 or negative",
        snapshot.drawdown.map(|d| d.now),
    );
    out.gauge(
        "drawdown_max_ratio",
        "Maximum drawdown so far, 0 or negative",
        snapshot.drawdown.map(|d| d.deepest),
    );
    out.gauge("ruined", "1 after the account is ruined, else 0", Some(f64::from(snapshot.ruined)));
    out.gauge("day_pnl", "Profit or loss of the current day", snapshot.day.map(|day| day.pnl));
    out.gauge("day_turnover_ratio", "Turnover of the current day", snapshot.day.map(|day| day.turnover));
    out.gauge("turnover_cap_ratio", "Turnover cap per day", snapshot.turnover_cap);
    out.counter("fills", "Fills recorded", snapshot.fill_count);
    out.counter("orders_ended", "Orders that ended: filled, cancelled or expired", snapshot.order_count);
    out.gauge("positions", "Number of open positions", Some(snapshot.position_count as f64));
    let pnl = &snapshot.pnl;
    out.gauge("realised_pnl", "Realised profit or loss of closed units, before costs", Some(pnl.realised));
    out.gauge(
        "unrealised_pnl",
        "Unrealised profit or loss of open positions against their average cost",
        Some(pnl.unrealised),
    );
    let sums = &snapshot.sums;
    let items = sums.costs.items().into_iter();
    let items = items.map(|(item, value)| (item.to_owned(), value));
    out.labelled("cost", MetricType::Gauge, "Total costs of the run", "item", items.collect());
    out.gauge("interest", "Total interest earned", Some(sums.interest));
    out.gauge("dividends", "Total dividends received", Some(sums.dividends));
    if let Some(feed) = &snapshot.status.feed {
        out.feed(feed, snapshot.status.is_fresh(snapshot.time));
    }
    if let Some(trading) = &snapshot.status.trading {
        let now = f64::from(snapshot.status.is_trading(snapshot.time));
        out.gauge("trading", "1 while the run may send orders; 0 also when its status is stale", Some(now));
        let warming_up = f64::from(trading.state == "warming_up");
        out.gauge("warming_up", "1 during the warm-up, before the first rebalance", Some(warming_up));
        let writable = f64::from(trading.unwritable_since.is_none());
        out.gauge(
            "state_writable",
            "0 while the state folder cannot be written, for example when the disk is full",
            Some(writable),
        );
        out.gauge("ended", "1 after the run ended normally", Some(f64::from(trading.has_ended())));
    }
    if let Some(queues) = &snapshot.status.queues {
        out.queues(queues);
    }
    if let Some(latency) = &snapshot.status.latency {
        out.latency(latency);
    }
    let reported = snapshot.status.time().map(|time| time as f64 / 1e9);
    out.gauge("status_timestamp_seconds", "Time of the last status of the run", reported);
    out.text()
}

/// Label key and value of a sample.
type Label = Option<(&'static str, String)>;

/// Value of one metric.
#[derive(Debug)]
enum Sample {
    Value(f64),
    /// `buckets`: upper bound and count of each.
    Histogram {
        sum: f64,
        count: u64,
        buckets: Vec<(f64, u64)>,
    },
}

impl Sample {
    fn encode(&self, to: &mut MetricEncoder<'_>, kind: MetricType) -> Result<(), Error> {
        match self {
            Self::Histogram { sum, count, buckets } => {
                to.encode_histogram::<NoLabelSet>(*sum, *count, buckets, None)
            }
            Self::Value(value) if kind == MetricType::Counter => {
                match whole(*value).and_then(|whole| u64::try_from(whole).ok()) {
                    Some(whole) => to.encode_counter::<NoLabelSet, u64, f64>(&whole, None),
                    None => to.encode_counter::<NoLabelSet, f64, f64>(value, None),
                }
            }
            Self::Value(value) => match whole(*value) {
                Some(whole) => to.encode_gauge(&whole),
                None => to.encode_gauge(value),
            },
        }
    }
}

/// Converts a whole number to an integer, so that it is written without a fraction.
fn whole(value: f64) -> Option<i64> {
    // Doubles represent every integer below 2^53 exactly.
    let is_whole = value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation)]
    is_whole.then_some(value as i64)
}

/// Samples of one metric name.
#[derive(Debug)]
struct MetricFamily {
    name: Cow<'static, str>,
    kind: MetricType,
    help: &'static str,
    samples: Vec<(Label, Sample)>,
}

#[derive(Debug, Default)]
struct Families(Vec<MetricFamily>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        for MetricFamily { name, kind, help, samples } in &self.0 {
            let mut family = encoder.encode_descriptor(name, &format!("{help}."), None, *kind)?;
            for (label, sample) in samples {
                match label {
                    Some((key, value)) => {
                        let label = [(*key, value.as_str())];
                        sample.encode(&mut family.encode_family(&label)?, *kind)?;
                    }
                    None => sample.encode(&mut family, *kind)?,
                }
            }
        }
        Ok(())
    }
}

impl Families {
    fn text(self) -> String {
        let mut registry = Registry::with_prefix("betaflow");
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = prometheus_text::encode(&mut text, &registry);
        text
    }

    fn add(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        kind: MetricType,
        help: &'static str,
        samples: Vec<(Label, Sample)>,
    ) {
        self.0.push(MetricFamily { name: name.into(), kind, help, samples });
    }

    /// Adds a metric with one sample per label value.
    fn labelled(
        &mut self,
        name: &'static str,
        kind: MetricType,
        help: &'static str,
        label: &'static str,
        values: Vec<(String, f64)>,
    ) {
        let samples = values.into_iter().map(|(of, value)| (Some((label, of)), Sample::Value(value)));
        self.add(name, kind, help, samples.collect());
    }

    /// Adds a gauge, if it has a value.
    fn gauge(&mut self, name: &'static str, help: &'static str, value: Option<f64>) {
        if let Some(value) = value {
            self.add(name, MetricType::Gauge, help, vec![(None, Sample::Value(value))]);
        }
    }

    /// Adds a counter; the encoder appends `_total` to its name.
    fn counter(&mut self, name: impl Into<Cow<'static, str>>, help: &'static str, value: u64) {
        self.add(name, MetricType::Counter, help, vec![(None, Sample::Value(value as f64))]);
    }

    fn feed(&mut self, feed: &FeedStatus, is_fresh: bool) {
        let seconds = |time: Option<i64>| time.map(|time| time as f64 / 1e9);
        let connected = f64::from(feed.connected && is_fresh);
        let help = "1 while the feed is connected; 0 also when the status of the run is stale";
        self.gauge("feed_connected", help, Some(connected));
        self.gauge(
            "feed_since_timestamp_seconds",
            "Time of the last connect or disconnect",
            seconds(feed.since),
        );
        self.gauge(
            "feed_stale",
            "1 while the feed is silent for longer than its limit",
            Some(f64::from(feed.stale)),
        );
        let outage = f64::from(feed.outage_since.is_some());
        self.gauge("feed_outage", "1 during an outage: disconnected or silent", Some(outage));
        let last = seconds(feed.last_message);
        self.gauge("feed_last_message_timestamp_seconds", "Time of the last message", last);
        let counters = [
            ("outages", "Number of outages", feed.outages),
            ("data_outages", "Outages that may have lost data of the venue", feed.data_outages),
            ("messages", "Messages received", feed.messages),
            ("bytes", "Bytes received", feed.bytes),
            ("delivered", "Messages delivered to the pipeline", feed.delivered),
            ("gaps", "Gaps in the message sequence", feed.gaps),
            ("missing", "Missing messages that were not back-filled", feed.missing),
            ("back_filled", "Back-filled messages", feed.back_filled),
            ("requests", "Back-fill requests", feed.requests),
            ("reconnects", "Reconnections", feed.reconnects),
            ("failures", "Failed connection attempts", feed.failures),
            ("silences", "Number of times that the silence limit passed", feed.silences),
            ("repeats", "Duplicate messages", feed.repeats),
            ("reordered", "Messages received out of order", feed.reordered),
            (
                "overflowed",
                "Early messages dropped from a full reorder buffer and requested again",
                feed.overflowed,
            ),
            ("conflated", "Messages merged into later ones because the pipeline was busy", feed.conflated),
            ("refused", "Malformed messages", feed.refused),
            ("unknown", "Messages of unknown type", feed.unknown),
            ("late", "Trades and bars of the venue that arrived after their bar closed", feed.late),
            (
                "doubted",
                "Trades and bars of the venue with an implausible time, far ahead of the watermark",
                feed.doubted,
            ),
            ("before", "Trades and bars of the venue from before its first interval", feed.before),
            ("dropped", "Trades and bars of the venue dropped for other reasons", feed.dropped),
            ("partial", "Partial bars of the venue: the connection started within the bar", feed.partial),
            ("blocked", "Events delayed by a full channel", feed.blocked),
        ];
        for (name, help, count) in counters {
            self.counter(format!("feed_{name}"), help, count);
        }
        let faults = feed.venue.faults.iter().map(|(kind, count)| (kind.clone(), *count as f64));
        let help = "Data faults of the venue, by kind";
        self.labelled("feed_faults", MetricType::Counter, help, "kind", faults.collect());
        let venue = &feed.venue;
        let symbols =
            [("never_heard", &venue.never_heard), ("not_asked", &venue.not_asked), ("quiet", &venue.quiet)];
        let symbols = symbols.map(|(state, symbols)| (state.to_owned(), symbols.len() as f64));
        let help = "Symbols of the venue without data, not requested, or quiet";
        self.labelled("feed_symbols", MetricType::Gauge, help, "state", symbols.into());
        let help = "Time that events waited for a full channel";
        let samples = vec![(None, Sample::Value(feed.blocked_ns as f64 / 1e9))];
        self.add("feed_blocked_seconds", MetricType::Counter, help, samples);
    }

    fn queues(&mut self, queues: &QueuesStatus) {
        let each = |of: fn(&QueueStatus) -> u64| {
            queues.queues.iter().map(|queue| (queue.name.clone(), of(queue) as f64)).collect()
        };
        let (depth, capacity) = (each(|queue| queue.depth), each(|queue| queue.capacity));
        self.labelled("queue_depth", MetricType::Gauge, "Messages in the channel", "queue", depth);
        self.labelled("queue_capacity", MetricType::Gauge, "Capacity of the channel", "queue", capacity);
    }

    fn latency(&mut self, latency: &LatencyStatus) {
        let histogram = |stage: &StageLatency| Sample::Histogram {
            sum: stage.sum_ns as f64 / 1e9,
            count: stage.count,
            buckets: stage.buckets.iter().map(|(upper_ns, count)| (*upper_ns as f64 / 1e9, *count)).collect(),
        };
        let label = |stage: &StageLatency| Some(("stage", stage.stage.clone()));
        let histograms = latency.stages.iter().map(|stage| (label(stage), histogram(stage)));
        let help = "Latency of the stage";
        self.add("latency_seconds", MetricType::Histogram, help, histograms.collect());
        let longest = latency.stages.iter().map(|stage| (stage.stage.clone(), stage.max_ns as f64 / 1e9));
        let help = "Maximum latency of the stage";
        self.labelled("latency_max_seconds", MetricType::Gauge, help, "stage", longest.collect());
    }
}

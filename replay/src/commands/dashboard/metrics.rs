//! Metrics of a state folder for Prometheus, in its text format, version 0.0.4.

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

/// All metrics as text. What the run has not reported yet is left out.
pub(crate) fn text(snapshot: &Snapshot) -> String {
    let known = |value: f64| (!value.is_nan()).then_some(value);
    let mut out = Families::default();
    out.gauge("frames", "Frames recorded", Some(snapshot.frames as f64));
    out.gauge("last_input", "Number of the last input logged", snapshot.last_input.map(|seq| seq as f64));
    if let Some(last) = &snapshot.last {
        out.gauge("seq", "Number of the last frame recorded", Some(last.seq as f64));
        out.gauge("frame_timestamp_seconds", "When its bars closed", Some(last.timestamp.0 as f64 / 1e9));
        out.gauge("nav", "Net asset value", known(last.nav));
        out.gauge("nav_gross", "Net asset value with all costs added back", known(last.nav_gross));
        out.gauge("cash", "Cash", known(last.cash));
        out.gauge(
            "gross_exposure_ratio",
            "Longs and shorts over net asset value",
            known(last.gross_exposure),
        );
        out.gauge("net_exposure_ratio", "Longs less shorts over net asset value", known(last.net_exposure));
    }
    out.gauge(
        "drawdown_ratio",
        "Below the highest net asset value, 0 or negative",
        snapshot.drawdown.map(|d| d.now),
    );
    out.gauge("drawdown_max_ratio", "The deepest drawdown so far", snapshot.drawdown.map(|d| d.deepest));
    out.gauge("ruined", "1 once the account is ruined", Some(f64::from(snapshot.ruined)));
    out.gauge("day_pnl", "Profit or loss of the UTC date", snapshot.day.map(|day| day.pnl));
    out.gauge("day_turnover_ratio", "Turnover decided on the UTC date", snapshot.day.map(|day| day.turnover));
    out.gauge("turnover_cap_ratio", "Most turnover of a date", snapshot.turnover_cap);
    out.counter("fills", "Fills recorded", snapshot.fill_count);
    out.counter("orders_ended", "Orders that have ended", snapshot.order_count);
    out.gauge("positions", "Instruments held", Some(snapshot.position_count as f64));
    let pnl = &snapshot.pnl;
    out.gauge(
        "realised_pnl",
        "Gains and losses of units sold or bought back, before costs",
        Some(pnl.realised),
    );
    out.gauge("unrealised_pnl", "Of what is held, against its average cost", Some(pnl.unrealised));
    let sums = &snapshot.sums;
    let items = sums.costs.items().into_iter();
    let items = items.map(|(item, value)| (item.to_owned(), value));
    out.labelled("cost", MetricType::Gauge, "Costs since the start of the record", "item", items.collect());
    out.gauge("interest", "Interest earned since the start of the record", Some(sums.interest));
    out.gauge("dividends", "Dividends received since the start of the record", Some(sums.dividends));
    if let Some(feed) = &snapshot.status.feed {
        out.feed(feed);
    }
    if let Some(trading) = &snapshot.status.trading {
        let now = f64::from(snapshot.status.is_trading(snapshot.time));
        out.gauge("trading", "1 while orders may leave; 0 as well when the run is silent", Some(now));
        let warming_up = f64::from(trading.state == "warming_up");
        out.gauge("warming_up", "1 while no frame has decided yet", Some(warming_up));
        let writable = f64::from(trading.unwritable_since.is_none());
        out.gauge(
            "state_writable",
            "0 while the state cannot be written, as when the disk is full",
            Some(writable),
        );
        out.gauge("ended", "1 once the run has ended in order", Some(f64::from(trading.has_ended())));
    }
    if let Some(queues) = &snapshot.status.queues {
        out.queues(queues);
    }
    if let Some(latency) = &snapshot.status.latency {
        out.latency(latency);
    }
    let said = snapshot.status.time().map(|time| time as f64 / 1e9);
    out.gauge("status_timestamp_seconds", "When the run last said how it is", said);
    out.text()
}

/// Label of a sample and its value.
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

/// The value as an integer, if it is one: it is written without a fraction.
fn whole(value: f64) -> Option<i64> {
    // Below 2^53 every integer is exact.
    let is_whole = value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation)]
    is_whole.then_some(value as i64)
}

/// Metrics of one name.
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
        // Writing to a text cannot fail.
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

    /// Adds a sample for each value of a label.
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

    /// Adds a gauge; nothing without a value.
    fn gauge(&mut self, name: &'static str, help: &'static str, value: Option<f64>) {
        if let Some(value) = value {
            self.add(name, MetricType::Gauge, help, vec![(None, Sample::Value(value))]);
        }
    }

    /// Adds a counter; its name is written with `_total`.
    fn counter(&mut self, name: impl Into<Cow<'static, str>>, help: &'static str, value: u64) {
        self.add(name, MetricType::Counter, help, vec![(None, Sample::Value(value as f64))]);
    }

    fn feed(&mut self, feed: &FeedStatus) {
        let seconds = |time: Option<i64>| time.map(|time| time as f64 / 1e9);
        self.gauge("feed_connected", "1 while the feed is connected", Some(f64::from(feed.connected)));
        self.gauge("feed_since_timestamp_seconds", "Time of the last change of it", seconds(feed.since));
        self.gauge("feed_stale", "1 while the feed is silent for too long", Some(f64::from(feed.stale)));
        let outage = f64::from(feed.outage_since.is_some());
        self.gauge("feed_outage", "1 while the feed is lost: disconnected or silent", Some(outage));
        let last = seconds(feed.last_message);
        self.gauge("feed_last_message_timestamp_seconds", "Time of the last message", last);
        let counters = [
            ("outages", "Times that the feed was lost", feed.outages),
            ("data_outages", "Outages after which data of a venue may be missing", feed.data_outages),
            ("messages", "Messages received", feed.messages),
            ("bytes", "Bytes received", feed.bytes),
            ("delivered", "Messages handed to the pipeline", feed.delivered),
            ("gaps", "Gaps in the numbers of the messages", feed.gaps),
            ("missing", "Messages missing and not filled in", feed.missing),
            ("back_filled", "Messages filled in afterwards", feed.back_filled),
            ("requests", "Requests for missing messages", feed.requests),
            ("reconnects", "Connections after the first", feed.reconnects),
            ("failures", "Attempts to connect that failed", feed.failures),
            ("silences", "Times that the feed was silent for too long", feed.silences),
            ("repeats", "Messages that came again", feed.repeats),
            ("reordered", "Messages out of order", feed.reordered),
            ("overflowed", "Early messages without room, asked for again", feed.overflowed),
            ("conflated", "Messages merged into later ones because the pipeline was full", feed.conflated),
            ("refused", "Messages refused because they were malformed", feed.refused),
            ("unknown", "Messages of unknown type", feed.unknown),
            ("late", "Trades and bars of a venue after their bar was closed", feed.late),
            ("doubted", "Trades and bars of a venue far ahead of all others", feed.doubted),
            ("before", "Trades and bars of a venue from before its first interval", feed.before),
            ("dropped", "Trades and bars of a venue dropped for another reason", feed.dropped),
            ("partial", "Bars of a venue that the connection began inside of", feed.partial),
            ("blocked", "Events that found the channel full", feed.blocked),
        ];
        for (name, help, count) in counters {
            self.counter(format!("feed_{name}"), help, count);
        }
        let faults = feed.venue.faults.iter().map(|(kind, count)| (kind.clone(), *count as f64));
        let help = "Faults in the data of a venue, by kind";
        self.labelled("feed_faults", MetricType::Counter, help, "kind", faults.collect());
        let venue = &feed.venue;
        let symbols =
            [("never_heard", &venue.never_heard), ("not_asked", &venue.not_asked), ("quiet", &venue.quiet)];
        let symbols = symbols.map(|(state, symbols)| (state.to_owned(), symbols.len() as f64));
        let help = "Symbols of a venue that are not as asked for";
        self.labelled("feed_symbols", MetricType::Gauge, help, "state", symbols.into());
        let help = "Time that events waited for the channel";
        let samples = vec![(None, Sample::Value(feed.blocked_ns as f64 / 1e9))];
        self.add("feed_blocked_seconds", MetricType::Counter, help, samples);
    }

    fn queues(&mut self, queues: &QueuesStatus) {
        let each = |of: fn(&QueueStatus) -> u64| {
            queues.queues.iter().map(|queue| (queue.name.clone(), of(queue) as f64)).collect()
        };
        let (depth, capacity) = (each(|queue| queue.depth), each(|queue| queue.capacity));
        self.labelled("queue_depth", MetricType::Gauge, "Messages in the channel", "queue", depth);
        self.labelled("queue_capacity", MetricType::Gauge, "Most that the channel holds", "queue", capacity);
    }

    fn latency(&mut self, latency: &LatencyStatus) {
        let histogram = |stage: &StageLatency| Sample::Histogram {
            sum: stage.sum_ns as f64 / 1e9,
            count: stage.count,
            buckets: stage.buckets.iter().map(|(upper_ns, count)| (*upper_ns as f64 / 1e9, *count)).collect(),
        };
        let label = |stage: &StageLatency| Some(("stage", stage.stage.clone()));
        let histograms = latency.stages.iter().map(|stage| (label(stage), histogram(stage)));
        let help = "How long the stage took";
        self.add("latency_seconds", MetricType::Histogram, help, histograms.collect());
        let longest = latency.stages.iter().map(|stage| (stage.stage.clone(), stage.max_ns as f64 / 1e9));
        let help = "The longest that the stage took";
        self.labelled("latency_max_seconds", MetricType::Gauge, help, "stage", longest.collect());
    }
}

//! The state as Prometheus reads it: its text format, version 0.0.4.

use std::fmt::Write as _;

use super::snapshot::Snapshot;
use super::status::{FeedStatus, LatencyStatus, QueuesStatus};

/// What a `GET /metrics` says it is.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics. What the run has not said yet is left out.
pub(crate) fn text(snapshot: &Snapshot) -> String {
    let known = |value: f64| (!value.is_nan()).then_some(value);
    let mut out = Text::default();
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
    out.counter("fills_total", "Fills recorded", snapshot.fill_count);
    out.counter("orders_ended_total", "Orders that have ended", snapshot.order_count);
    out.gauge("positions", "Instruments held", Some(snapshot.position_count as f64));
    let pnl = &snapshot.pnl;
    out.gauge(
        "realised_pnl",
        "Gains and losses of units sold or bought back, before costs",
        Some(pnl.realised),
    );
    out.gauge("unrealised_pnl", "Of what is held, against its average cost", Some(pnl.unrealised));
    let sums = &snapshot.sums;
    out.family("cost", "gauge", "Costs since the start of the record");
    for (item, value) in sums.costs.items() {
        out.sample("cost", &[("item", item)], value);
    }
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
    out.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP betaflow_{name} {help}.\n# TYPE betaflow_{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escape(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let value = if value.is_infinite() {
            if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
        } else {
            value.to_string()
        };
        let _ = writeln!(self.0, "betaflow_{name}{labels} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.family(name, "gauge", help);
            self.sample(name, &[], value);
        }
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        self.sample(name, &[], value as f64);
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
            self.counter(&format!("feed_{name}_total"), help, count);
        }
        self.family("feed_faults_total", "counter", "Faults in the data of a venue, by kind");
        for (kind, count) in &feed.venue.faults {
            self.sample("feed_faults_total", &[("kind", kind)], *count as f64);
        }
        self.family("feed_symbols", "gauge", "Symbols of a venue that are not as asked for");
        let venue = &feed.venue;
        let symbols =
            [("never_heard", &venue.never_heard), ("not_asked", &venue.not_asked), ("quiet", &venue.quiet)];
        for (state, symbols) in symbols {
            self.sample("feed_symbols", &[("state", state)], symbols.len() as f64);
        }
        let blocked = "feed_blocked_seconds_total";
        self.family(blocked, "counter", "Time that events waited for the channel");
        self.sample(blocked, &[], feed.blocked_ns as f64 / 1e9);
    }

    fn queues(&mut self, queues: &QueuesStatus) {
        self.family("queue_depth", "gauge", "Messages in the channel");
        for queue in &queues.queues {
            self.sample("queue_depth", &[("queue", &queue.name)], queue.depth as f64);
        }
        self.family("queue_capacity", "gauge", "Most that the channel holds");
        for queue in &queues.queues {
            self.sample("queue_capacity", &[("queue", &queue.name)], queue.capacity as f64);
        }
    }

    fn latency(&mut self, latency: &LatencyStatus) {
        self.family("latency_seconds", "histogram", "How long the stage took");
        for stage in &latency.stages {
            let mut so_far = 0;
            for (upper_ns, count) in &stage.buckets {
                so_far += count;
                let upper = (*upper_ns as f64 / 1e9).to_string();
                let labels = [("stage", &stage.stage[..]), ("le", &upper)];
                self.sample("latency_seconds_bucket", &labels, so_far as f64);
            }
            let labels = [("stage", &stage.stage[..]), ("le", "+Inf")];
            self.sample("latency_seconds_bucket", &labels, stage.count as f64);
            self.sample("latency_seconds_sum", &labels[..1], stage.sum_ns as f64 / 1e9);
            self.sample("latency_seconds_count", &labels[..1], stage.count as f64);
        }
        self.family("latency_max_seconds", "gauge", "The longest that the stage took");
        for stage in &latency.stages {
            self.sample("latency_max_seconds", &[("stage", &stage.stage)], stage.max_ns as f64 / 1e9);
        }
    }
}

/// A label's value: the format escapes these three and allows the rest.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

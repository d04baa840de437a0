//! Bounded queue of alerts in the order of their events; merges the alerts of a flapping feed.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::{Alert, Topic};

/// Maximum queued alerts.
pub(crate) const CAPACITY: usize = 256;
/// Minimum time between two alerts of a topic; changes in between become one alert with their number.
pub(crate) const HOLD: Duration = Duration::from_secs(10);

/// Queue of alerts. The caller passes the time.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Alert>,
    /// Alerts held for a newer one of their topic to replace them, each with the end of its hold, in the order
    /// of their events.
    held: Vec<(Topic, Instant, Alert)>,
    /// Time at which the last alert of each topic was queued.
    queued: Vec<(Topic, Instant)>,
    /// Number of alerts that were merged because the queue was full.
    pub(crate) merged: u64,
}

impl Queue {
    /// Adds an alert.
    pub(crate) fn push(&mut self, topic: Option<Topic>, now: Instant, alert: Alert) {
        if let Some(topic) = topic {
            if let Some(at) = self.held.iter().position(|(held, ..)| *held == topic) {
                let (_, until, before) = self.held.remove(at);
                self.held.push((topic, until, newer(&before, alert)));
                return;
            }
            let last = self.queued.iter().find(|(queued, _)| *queued == topic).map(|(_, at)| *at);
            if let Some(last) = last.filter(|last| now < *last + HOLD) {
                self.held.push((topic, last + HOLD, alert));
                return;
            }
        }
        // The events of held alerts are earlier.
        self.release(now);
        self.enqueue(topic, now, alert);
    }

    /// Returns the next alert to deliver, or the time when one may be due.
    pub(crate) fn next(&mut self, now: Instant) -> Result<&Alert, Option<Instant>> {
        if self.held.iter().any(|(_, until, _)| *until <= now) {
            self.release(now);
        }
        match self.waiting.front() {
            Some(alert) => Ok(alert),
            None => Err(self.held.iter().map(|(_, until, _)| *until).min()),
        }
    }

    /// Removes the alert that [`Self::next`] returned.
    pub(crate) fn done(&mut self) {
        self.waiting.pop_front();
    }

    /// Queues all held alerts.
    pub(crate) fn release(&mut self, now: Instant) {
        for (topic, _, alert) in std::mem::take(&mut self.held) {
            self.enqueue(Some(topic), now, alert);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.held.is_empty()
    }

    /// Returns all undelivered alerts.
    pub(crate) fn left(&self) -> Vec<Alert> {
        self.waiting.iter().chain(self.held.iter().map(|(.., alert)| alert)).cloned().collect()
    }

    fn enqueue(&mut self, topic: Option<Topic>, now: Instant, alert: Alert) {
        if let Some(topic) = topic {
            self.queued.retain(|(queued, _)| *queued != topic);
            self.queued.push((topic, now));
        }
        if self.waiting.len() == CAPACITY {
            // The first may be in delivery; merge the two behind it.
            if let (Some(older), Some(newer)) = (self.waiting.remove(1), self.waiting.remove(1)) {
                self.merged += 1;
                self.waiting.insert(1, merged(older, &newer));
            }
        }
        self.waiting.push_back(alert);
    }
}

/// Number of events of an alert by kind.
fn events_of(alert: &Alert) -> BTreeMap<&'static str, u64> {
    match alert.events.is_empty() {
        true => BTreeMap::from([(alert.event, alert.count)]),
        false => alert.events.clone(),
    }
}

fn sum(older: &Alert, newer: &Alert) -> BTreeMap<&'static str, u64> {
    let mut events = events_of(older);
    for (event, count) in events_of(newer) {
        *events.entry(event).or_default() += count;
    }
    events
}

/// Higher severity of two alerts.
fn severity(older: &Alert, newer: &Alert) -> &'static str {
    if newer.severity == "alarm" { newer.severity } else { older.severity }
}

/// Newer alert of a topic, with the events of the older one added.
fn newer(older: &Alert, newer: Alert) -> Alert {
    let count = older.count + newer.count;
    let since = older.since.as_ref().unwrap_or(&older.time);
    let text = format!("{} ({count} changes since {since})", newer.text);
    let severity = severity(older, &newer);
    Alert { severity, count, events: sum(older, &newer), since: Some(since.clone()), text, ..newer }
}

/// Merges two alerts of a full queue.
fn merged(older: Alert, newer: &Alert) -> Alert {
    let events = sum(&older, newer);
    let count = older.count + newer.count;
    let list: Vec<_> = events.iter().map(|(event, count)| format!("{count} {event}")).collect();
    let severity = severity(&older, newer);
    let text = format!(
        "{count} alerts until {} exceeded the queue and were merged: {}",
        newer.time,
        list.join(", ")
    );
    Alert { event: "merged", severity, text, frame: None, count, events, ..older }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::commands::paper::alerts::Kind;

    fn alert(kind: Kind, number: u64) -> Alert {
        Alert {
            id: number.to_string(),
            event: kind.name(),
            severity: if kind.is_alarm() { "alarm" } else { "info" },
            time: format!("T{number}"),
            text: "text".to_owned(),
            run: None,
            state: "state".to_owned(),
            frame: None,
            version: "0",
            count: 1,
            since: None,
            events: BTreeMap::new(),
        }
    }

    fn drain(queue: &mut Queue, now: Instant) -> Vec<(&'static str, u64)> {
        let mut all = Vec::new();
        while let Ok(alert) = queue.next(now) {
            all.push((alert.event, alert.count));
            queue.done();
        }
        all
    }

    #[test]
    fn first_change_is_due_at_once_and_flapping_feed_gives_one_alert_per_ten_seconds() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut queue = Queue::default();
        let kinds = [Kind::FeedLost, Kind::FeedBack];
        // Sixty changes in half a minute.
        let mut sent = Vec::new();
        for number in 0..60 {
            let now = at(500 * number);
            let kind = kinds[(number % 2) as usize];
            queue.push(kind.topic(), now, alert(kind, number));
            sent.extend(drain(&mut queue, now));
        }
        sent.extend(drain(&mut queue, at(60_000)));
        assert_eq!(sent[0], ("feed_lost", 1));
        assert!(sent.len() <= 5, "{sent:?}");
        assert_eq!(sent.iter().map(|(_, count)| count).sum::<u64>(), 60, "every change is counted");
        assert_eq!(sent.last().unwrap().0, "feed_back", "the last alert has the current state");
        for number in [60, 61, 62, 63] {
            queue.push(Kind::FeedLost.topic(), at(65_000), alert(Kind::FeedLost, number));
        }
        queue.push(Kind::FeedBack.topic(), at(65_000), alert(Kind::FeedBack, 64));
        let last = &queue.left()[0];
        assert_eq!(last.text, "text (5 changes since T60)");
        assert_eq!((last.event, last.severity), ("feed_back", "alarm"), "the highest severity");
        drain(&mut queue, at(80_000));
        assert!(queue.is_empty());
    }

    #[test]
    fn order_of_events_is_kept_across_topics() {
        let now = Instant::now();
        let mut queue = Queue::default();
        let kinds = [
            Kind::FeedLost,
            Kind::FeedBack,
            Kind::LimitMet,
            Kind::DiskFull,
            Kind::TradingResumed,
            Kind::RunEnded,
        ];
        for (number, kind) in kinds.into_iter().enumerate() {
            queue.push(kind.topic(), now, alert(kind, number as u64));
        }
        let events: Vec<_> = drain(&mut queue, now).into_iter().map(|(event, _)| event).collect();
        assert_eq!(events, kinds.map(Kind::name));
    }

    #[test]
    fn full_queue_merges_its_oldest_and_counts_them() {
        let now = Instant::now();
        let mut queue = Queue::default();
        let total = CAPACITY as u64 + 100;
        for number in 0..total {
            let kind = if number % 3 == 0 { Kind::RunFailed } else { Kind::RunEnded };
            queue.push(None, now, alert(kind, number));
        }
        assert_eq!(queue.merged, 100);
        let first = queue.next(now).unwrap().clone();
        assert_eq!((&first.id[..], first.count), ("0", 1), "the first alert may be in delivery");
        queue.done();
        let merged = queue.next(now).unwrap().clone();
        assert_eq!((merged.event, merged.severity, merged.count), ("merged", "alarm", 101));
        assert_eq!(merged.events.values().sum::<u64>(), 101);
        queue.done();
        let rest: Vec<u64> = queue.left().iter().map(|alert| alert.id.parse().unwrap()).collect();
        assert_eq!(rest, (102..total).collect::<Vec<_>>());
    }
}

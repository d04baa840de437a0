//! State of the connection to the feed: updated by the inputs, read by the pulse.

use std::sync::{Arc, Mutex, PoisonError};

use betaflow_connectors::live::EdgeEvent;

/// Connection to the feed at one time. Times are nanoseconds since 1970 by the system clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LinkState {
    /// True if the feed is connected.
    pub(crate) connected: bool,
    /// Time of the last connect or disconnect.
    pub(crate) since: Option<i64>,
    /// True if the silence limit has passed since the last message.
    pub(crate) stale: bool,
    /// Start of the present outage; `None` while messages arrive.
    pub(crate) outage_since: Option<i64>,
    /// Number of outages since the start of the program.
    pub(crate) outages: u64,
}

/// Start or end of an outage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Start of an outage, with the reason.
    Lost(String),
    /// End of an outage.
    Back,
}

/// Connection state shared by the inputs and the pulse.
#[derive(Clone, Default)]
pub(crate) struct Link(Arc<Mutex<LinkState>>);

impl Link {
    /// Returns the present state.
    pub(crate) fn now(&self) -> LinkState {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Updates the state from an event of the feed client. Failed attempts to reconnect belong to the same
    /// outage.
    pub(crate) fn follow(&self, event: &EdgeEvent) -> Option<Change> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.outage_since;
        match event {
            EdgeEvent::Connected { at, .. } => {
                if !state.connected {
                    (state.connected, state.since) = (true, Some(at.0));
                }
                (state.stale, state.outage_since) = (false, None);
                before.map(|_| Change::Back)
            }
            EdgeEvent::Bars { .. } if state.stale => {
                (state.stale, state.outage_since) = (false, None);
                before.map(|_| Change::Back)
            }
            EdgeEvent::Disconnected { at, why, .. } => {
                if state.connected || state.since.is_none() {
                    (state.connected, state.since) = (false, Some(at.0));
                }
                state.lose(at.0).then(|| Change::Lost(why.clone()))
            }
            EdgeEvent::Stale { at, silent } => {
                state.stale = true;
                let silent_ns = i64::try_from(silent.as_nanos()).unwrap_or(i64::MAX);
                let lost = state.lose(at.0.saturating_sub(silent_ns));
                lost.then(|| Change::Lost(format!("silent for {:.1} s", silent.as_secs_f64())))
            }
            _ => None,
        }
    }
}

impl LinkState {
    /// Starts an outage; `false` if one is in progress.
    fn lose(&mut self, since: i64) -> bool {
        if self.outage_since.is_some() {
            return false;
        }
        self.outage_since = Some(since);
        self.outages += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use betaflow_connectors::live::Bars;
    use betaflow_engine::time::TimestampNs;

    use super::*;

    fn event(kind: &str, at: i64) -> EdgeEvent {
        let at = TimestampNs(at);
        match kind {
            "connected" => EdgeEvent::Connected {
                at,
                hello: serde_json::from_value(serde_json::json!({
                    "protocol": 1, "name": "feed", "columns": ["close"], "factors": [], "has_rf": false,
                    "values": "prices", "frames": null
                }))
                .expect("valid hello"),
            },
            "disconnected" => {
                EdgeEvent::Disconnected { at, why: "reset".to_owned(), retry_in: Duration::from_secs(1) }
            }
            "stale" => EdgeEvent::Stale { at, silent: Duration::from_nanos(5) },
            _ => EdgeEvent::Bars {
                at,
                bars: Bars {
                    seq: 0,
                    timestamp: 0,
                    symbols: Vec::new(),
                    columns: Vec::new(),
                    factors: None,
                    rf: None,
                    factor_rows: Vec::new(),
                },
                text: String::new(),
                received: Instant::now(),
            },
        }
    }

    #[test]
    fn outage_lasts_from_first_loss_to_next_message() {
        let lost = |why: &str| Some(Change::Lost(why.to_owned()));
        // Event, its time, the change, and: connected, since, stale, outage since, outages.
        let steps = [
            ("connected", 10, None, (true, Some(10), false, None, 0)),
            ("bars", 12, None, (true, Some(10), false, None, 0)),
            ("stale", 20, lost("silent for 0.0 s"), (true, Some(10), true, Some(15), 1)),
            ("disconnected", 21, None, (false, Some(21), true, Some(15), 1)),
            ("disconnected", 25, None, (false, Some(21), true, Some(15), 1)),
            ("connected", 30, Some(Change::Back), (true, Some(30), false, None, 1)),
            ("disconnected", 40, lost("reset"), (false, Some(40), false, Some(40), 2)),
            ("connected", 50, Some(Change::Back), (true, Some(50), false, None, 2)),
            ("stale", 60, lost("silent for 0.0 s"), (true, Some(50), true, Some(55), 3)),
            ("bars", 61, Some(Change::Back), (true, Some(50), false, None, 3)),
        ];
        let link = Link::default();
        for (kind, at, change, (connected, since, stale, outage_since, outages)) in steps {
            assert_eq!(link.follow(&event(kind, at)), change, "{kind} at {at}");
            let expected = LinkState { connected, since, stale, outage_since, outages };
            assert_eq!(link.now(), expected, "{kind} at {at}");
        }
    }

    #[test]
    fn unreachable_feed_at_start_is_one_outage() {
        let link = Link::default();
        assert!(matches!(link.follow(&event("disconnected", 1)), Some(Change::Lost(_))));
        assert_eq!(link.follow(&event("disconnected", 2)), None);
        assert_eq!(link.follow(&event("connected", 3)), Some(Change::Back));
        assert_eq!((link.now().outages, link.now().outage_since), (1, None));
    }
}

//! What a careful reader should know before believing the figures.

use super::{Summary, time_text};

impl Summary<'_> {
    /// What a careful reader should know before believing the figures.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.facts.data.warnings.clone();
        if self.config.is_tutorial() {
            warnings.push(
                "the tutorial's 20 names were picked as survivors: its equal-weight benchmark profits from that, \
                 and no strategy here can"
                    .to_owned(),
            );
        }
        let execution = self.facts.execution;
        if execution.cancelled > 0 {
            warnings.push(format!(
                "{} of {} orders found no price on their frame and were cancelled; what they would have traded \
                 counts against the turnover cap",
                execution.cancelled, execution.orders
            ));
        }
        if execution.delistings > 0 {
            warnings.push(format!(
                "{} position(s) closed at the last price, after {} days without one (execution.delist_after)",
                execution.delistings, self.config.execution.delist_after
            ));
        }
        let sizing = &self.config.sizing;
        if sizing.weight_min < 0.0 && self.config.execution.borrow_bps_per_year == 0.0 {
            warnings.push("shorts are free: execution.borrow_bps_per_year is 0".to_owned());
        }
        let facts = &self.facts.sizing;
        let limits = [
            (facts.net_out_of_reach, "the net target, or a bound on an exposure,"),
            (facts.gross_out_of_reach, "the gross limit"),
            (facts.repairing, "the box of weights, after drift or a halt,"),
        ];
        for (count, limit) in limits.into_iter().filter(|(count, _)| *count > 0) {
            warnings.push(format!(
                "{limit} was out of reach under the turnover cap and the limits before it in {count} of {} decisions, \
                 and was approached as near as they allow",
                facts.decisions
            ));
        }
        let idle = self.trading.is_some() && self.facts.performance.nav.is_none();
        if let (true, Some(at)) = (idle, &self.config.sizing.rebalance_at) {
            warnings.push(format!(
                "no frame decided: none after the warm-up closes at {at} UTC or later (sizing.rebalance_at), or the \
                 data ends before the warm-up of {} days is over",
                self.config.estimator.warmup
            ));
        } else if idle {
            warnings.push(format!(
                "no frame decided: the data ends before the warm-up of {} days is over; give more data or a \
                 smaller estimator.warmup",
                self.config.estimator.warmup
            ));
        }
        let ruined = self.trading.as_ref().and_then(|trading| time_text(trading.comparison.ruined));
        if let Some(time) = ruined {
            warnings.push(format!(
                "the value fell to zero or below at {time}: returns after that have no meaning, nor what is made of them"
            ));
        }
        warnings.extend(self.findings.notes());
        warnings
    }
}

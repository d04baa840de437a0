//! Figures of a hedge that leaves the instrument out of its own group.
//!
//! The factor of a group with n members that trade is g = r̄_G − r̄, and the instrument's own return r has the weight 1/n
//! in r̄_G: g = g' + r/n, where g' = Σ_{j ∈ G, j ≠ i} r_j/n − r̄ does not have it. (The weight of the instrument in the
//! mean r̄ of the whole panel is that of any index, and is kept.) With c, the part of alpha and the other factors, the
//! forecast is f = c + β g.
//!
//! ```text
//! e = r − c − β g = (1 − β/n) r − c − β g'
//! e/(1 − β/n) = r − (c + β g')/(1 − β/n)
//! ```
//!
//! The last line is the error of a hedge of r without r. Its standard deviation is that of e over 1 − β/n, and its
//! density that of e times 1 − β/n: a mean of r − e/(1 − β/n) and a scale over 1 − β/n give both. Several columns of
//! groups have the divisor 1 − Σ β_c/n_c.
//!
//! An instrument that moves its group alone has β near n, an e near 0, and a divisor near 0. The hedge then takes the
//! loadings of a share of at most [`SHARE_MAX`]: with s = Σ β_c/n_c above it, every β_c is multiplied by `SHARE_MAX`/s,
//! and e is the error with these loadings. The result is still the error of a hedge that can be held.

/// Largest share Σ β/n of an instrument's own return in its hedge.
const SHARE_MAX: f64 = 0.5;

/// Factor of a group in a frame.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct Term {
    /// Return of the factor.
    pub(in crate::model) g: f64,
    /// Number n of members that trade.
    pub(in crate::model) members: f64,
}

/// Hedge by loadings on the groups, without the instrument itself.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::model) struct Hedge {
    /// Share Σ β/n of the instrument's own return.
    share: f64,
    /// Return Σ β g of the groups.
    explained: f64,
}

impl Hedge {
    /// Adds the loading β on a group.
    pub(in crate::model) fn add(&mut self, beta: f64, term: Term) {
        self.share += beta / term.members;
        self.explained += beta * term.g;
    }

    /// Divisor 1 − Σ β/n of errors and deviations.
    pub(in crate::model) fn divisor(&self) -> f64 {
        1.0 - self.share.min(SHARE_MAX)
    }

    /// Error without the instrument, given the error e with it.
    pub(in crate::model) fn error(&self, e: f64) -> f64 {
        let bounded = if self.share > SHARE_MAX { SHARE_MAX / self.share } else { 1.0 };
        (e + (1.0 - bounded) * self.explained) / self.divisor()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_that_of_a_hedge_without_the_instrument() {
        let (returns, panel, beta, c) = ([0.03, -0.01, 0.002, 0.01, -0.02], 0.001, 1.3, 0.004);
        let n = returns.len() as f64;
        let g = returns.iter().sum::<f64>() / n - panel;
        let mut hedge = Hedge::default();
        hedge.add(beta, Term { g, members: n });
        let e = returns[0] - c - beta * g;
        let others = returns[1..].iter().sum::<f64>() / n - panel;
        let expected = returns[0] - (c + beta * others) / (1.0 - beta / n);
        assert!((hedge.error(e) - expected).abs() < 1e-15);
    }

    #[test]
    fn loading_is_bounded_near_the_number_of_members() {
        for (beta, bounded) in [(4.9, 2.5), (5.0, 2.5), (9.0, 2.5), (2.4, 2.4), (-3.0, -3.0)] {
            let (r, g, n) = (0.05, 0.011, 5.0);
            let mut hedge = Hedge::default();
            hedge.add(beta, Term { g, members: n });
            let expected = (r - bounded * g) / (1.0 - bounded / n);
            assert!((hedge.error(r - beta * g) - expected).abs() < 1e-15, "{beta}");
        }
    }
}

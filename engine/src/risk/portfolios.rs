//! Portfolios that risk models are compared on.

use super::covariances::Subset;
use crate::groups::NO_GROUP;
use crate::model::Estimates;
use crate::portfolio::{Point, frontier_point};
use crate::random::Random;

/// Random long-only and long-short portfolios of one draw.
const RANDOM: usize = 10;
/// Largest number of names of a random portfolio, and of each side of a long-short one.
const NAMES_MAX: usize = 30;
/// Largest number of instruments among which a minimum-variance portfolio is chosen.
const CHOICE_MAX: usize = 100;
/// Largest weight in it, if there are enough instruments.
const WEIGHT_MAX: f64 = 0.1;
/// Least number of members of a group.
const MEMBERS_MIN: usize = 5;
/// Groups by volatility, if the data names no groups.
const QUANTILES: usize = 5;

/// Kind of portfolio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortfolioKind {
    /// At most 30 names drawn at random, long, with weights that are uniform over all with sum 1.
    Random,
    /// Least variance of at most 100 names drawn at random, long, with weights up to 10 %: one portfolio by the
    /// covariance of each model, so that each is tested where it underestimates most.
    MinimumVariance,
    /// Equal weights of the members of a group (`universe.groups`), or of a fifth of the names by volatility.
    Group,
    /// Equal numbers of names long and short, drawn at random, with equal weights and gross exposure 2.
    LongShort,
}

impl PortfolioKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Random, Self::MinimumVariance, Self::Group, Self::LongShort];

    /// Name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::MinimumVariance => "minimum_variance",
            Self::Group => "group",
            Self::LongShort => "long_short",
        }
    }
}

/// Weights that stay constant until the next draw: position among the members of the window, and weight.
pub(super) type Weights = Vec<(usize, f64)>;

/// Draws `count` of `of` positions without replacement.
pub(super) fn sample(random: &mut Random, of: usize, count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..of).collect();
    for at in 0..count.min(of) {
        let other = at + random.below(of - at);
        places.swap(at, other);
    }
    places.truncate(count);
    places
}

/// Random long-only portfolios of `m` members.
pub(super) fn random(random: &mut Random, m: usize) -> Vec<Weights> {
    let draw = |_| {
        let names = sample(random, m, NAMES_MAX);
        // Exponential numbers over their sum are uniform on the simplex.
        let sizes: Vec<f64> = names.iter().map(|_| -libm::log1p(-random.uniform())).collect();
        let sum: f64 = sizes.iter().sum();
        names.into_iter().zip(sizes).map(|(i, size)| (i, size / sum)).collect()
    };
    (0..RANDOM).map(draw).collect()
}

/// Long-short portfolios of `m` members, at least two.
pub(super) fn long_short(random: &mut Random, m: usize) -> Vec<Weights> {
    let side = (m / 2).min(NAMES_MAX);
    let draw = |_| {
        let names = sample(random, m, 2 * side).into_iter().enumerate();
        let weight = |at: usize| if at < side { 1.0 } else { -1.0 } / side as f64;
        names.map(|(at, i)| (i, weight(at))).collect()
    };
    (0..RANDOM).map(draw).collect()
}

/// Members among which minimum-variance portfolios are chosen, in order.
pub(super) fn choice(random: &mut Random, m: usize) -> Vec<usize> {
    let mut names = sample(random, m, CHOICE_MAX);
    names.sort_unstable();
    names
}

/// Portfolio of least variance of the members `names`.
pub(super) fn minimum_variance(names: &[usize], covariance: &Subset) -> Option<Weights> {
    let upper = if names.len() as f64 * WEIGHT_MAX > 1.0 { WEIGHT_MAX } else { 1.0 };
    let upper = vec![upper; names.len()];
    let (weights, _) = frontier_point(&vec![0.0; names.len()], covariance, &upper, Point::MinVariance)?;
    Some(names.iter().copied().zip(weights).filter(|(_, weight)| *weight > 0.0).collect())
}

/// Equal-weight portfolios by group of the first column of groups, or by volatility. `members`: places in engine order;
/// `volatility` of each member.
pub(super) fn groups(estimates: &Estimates, members: &[usize], volatility: &[f64]) -> Vec<Weights> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    if let Some(column) = estimates.groups.first() {
        groups.resize(column.names.len(), Vec::new());
        for (at, i) in members.iter().enumerate() {
            let group = column.of.get(*i).copied().unwrap_or(NO_GROUP);
            if let Some(group) = groups.get_mut(group as usize) {
                group.push(at);
            }
        }
        groups.retain(|group| group.len() >= MEMBERS_MIN);
    } else {
        let mut order: Vec<usize> = (0..members.len()).collect();
        order.sort_by(|a, b| volatility[*a].total_cmp(&volatility[*b]));
        groups.extend(order.chunks(order.len().div_ceil(QUANTILES).max(1)).map(<[usize]>::to_vec));
    }
    let equal = |group: Vec<usize>| {
        let weight = 1.0 / group.len() as f64;
        group.into_iter().map(|at| (at, weight)).collect()
    };
    groups.into_iter().map(equal).collect()
}

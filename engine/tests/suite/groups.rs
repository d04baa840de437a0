//! Factors of groups: made of the panel without look-ahead, estimated as in the textbook, and judged by a hedge without
//! the instrument itself.

use std::sync::{Arc, Mutex};

use betaflow_engine::dated::{DatedValues, FROM_BEGINNING};
use betaflow_engine::groups::{GroupFactor, GroupFactors, GroupName, MEMBERS_MIN, NO_GROUP};
use betaflow_engine::ledger::{Frames, LedgerFrame, RecordError, RecordSettings, Recorder, RunFacts};
use betaflow_engine::model::{Dlm, Estimates, Estimator, EstimatorKind, EstimatorSettings, WindUp};
use betaflow_engine::pipeline::{Placement, RunOptions, RunSettings, estimating};
use betaflow_engine::settings::Calendar;
use betaflow_engine::source::MemorySource;
use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;

use crate::support::{Market, Random, settings};

const KINDS: [EstimatorKind; 2] = [EstimatorKind::Dlm, EstimatorKind::Mixture];

type Row<'a> = (&'a str, i64, Option<&'a str>);

fn table(rows: &[Row<'_>]) -> Arc<DatedValues<GroupName>> {
    let rows = rows.iter().map(|(symbol, date, group)| (*symbol, *date, GroupName(group.map(Arc::from))));
    Arc::new(DatedValues::new(rows).unwrap())
}

fn column(factor: &str, rows: &[Row<'_>]) -> GroupFactor {
    GroupFactor { factor: factor.into(), column: factor.into(), has_factors: true, table: table(rows) }
}

fn names(n: usize) -> Vec<Arc<str>> {
    (0..n).map(|i| Arc::from(format!("S{i:03}"))).collect()
}

fn stated() -> EstimatorSettings {
    EstimatorSettings {
        observation_variance: Some(2e-4),
        initial_alpha_variance: Some(1e-6),
        discount_factor: 0.99,
        variance_discount: 0.98,
        ..EstimatorSettings::default()
    }
}

fn estimator(settings: &EstimatorSettings, factors: usize, columns: usize) -> Box<dyn Estimator> {
    betaflow_engine::model::estimator_with_groups(settings, &Calendar::default(), factors, columns).unwrap()
}

/// Returns of a market with one given factor and a factor for each of the groups, which are numbered by instrument;
/// `NO_GROUP` for none.
struct Panel {
    names: Vec<Arc<str>>,
    frames: Vec<(f64, Vec<f64>)>,
}

impl Panel {
    fn new(seed: u64, groups: &[u32], count: usize, missing: f64) -> Self {
        let mut random = Random(seed);
        let own = groups.iter().map(|group| if *group == NO_GROUP { 0 } else { *group + 1 });
        let own: Vec<usize> = own.map(|group| group as usize).collect();
        let many = own.iter().max().unwrap() + 1;
        let frames = (0..count).map(|_| {
            let f = 0.01 * random.shock();
            let h: Vec<f64> = (0..many).map(|_| 0.008 * random.shock()).collect();
            let returns = own.iter().enumerate().map(|(i, own)| {
                let beta = 0.8 + 0.03 * i as f64;
                let r = 1e-4 + beta * f + (0.6 + 0.02 * i as f64) * h[*own] + 0.01 * random.shock();
                if random.uniform() < missing { f64::NAN } else { r }
            });
            (f, returns.collect())
        });
        let frames = frames.collect();
        Self { names: names(groups.len()), frames }
    }

    /// Steps a filter through the panel; `see` gets the number of each frame, its groups, and the estimates after it.
    fn run(
        &self,
        filter: &mut dyn Estimator,
        columns: &[GroupFactor],
        mut see: impl FnMut(usize, &GroupFactors, &Estimates),
    ) {
        let mut groups = GroupFactors::new(columns);
        let mut estimates = Estimates { decides: true, ..Estimates::default() };
        for (at, (f, returns)) in self.frames.iter().enumerate() {
            groups.observe(at as i64, &self.names, returns);
            filter.set_groups(groups.columns());
            filter.step(&[*f], returns, true);
            estimates.factors = vec![*f];
            estimates.groups = groups.columns().to_vec();
            filter.write(&mut estimates);
            see(at, &groups, &estimates);
        }
    }
}

/// Two groups of six, one of three, and an instrument without one.
const GROUPS: [u32; 16] = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 2, 2, 2, NO_GROUP];

fn group_name(group: u32) -> Option<&'static str> {
    ["Energy", "Utilities", "Materials"].get(group as usize).copied()
}

fn rows_of<'a>(names: &'a [Arc<str>], groups: &[u32]) -> Vec<Row<'a>> {
    names.iter().zip(groups).map(|(name, group)| (&**name, FROM_BEGINNING, group_name(*group))).collect()
}

/// Discount-factor DLM of one instrument (West & Harrison 1997, 10.8), with dense matrices.
struct Reference {
    m: DVector<f64>,
    c: DMatrix<f64>,
    s: f64,
    n: f64,
    started: bool,
}

impl Reference {
    fn new(settings: &EstimatorSettings) -> Self {
        let s = settings.observation_variance.unwrap();
        let variances = [settings.initial_alpha_variance.unwrap(), 0.5, 0.5 * 0.35 * 0.35];
        Self {
            m: DVector::from_vec(vec![0.0, settings.initial_market_beta, 0.5]),
            c: DMatrix::from_diagonal(&DVector::from_row_slice(&variances)),
            s,
            n: settings.observation_dof,
            started: false,
        }
    }

    /// Starts the loading on a group again, when the instrument moves to it. `usual`: mean S of all instruments.
    fn restart(&mut self, usual: f64) {
        self.m[2] = 0.5;
        self.c.row_mut(2).fill(0.0);
        self.c.column_mut(2).fill(0.0);
        self.c[(2, 2)] = 0.5 * 0.35 * 0.35 * self.s / usual;
    }

    /// Returns the forecast error, and the deviation of the forecast.
    fn step(&mut self, settings: &EstimatorSettings, x: &DVector<f64>, y: f64) -> (f64, f64) {
        if !self.started && y.is_nan() {
            return (f64::NAN, f64::NAN);
        }
        let mut r = self.c.clone();
        let mut n = self.n;
        if self.started {
            let mut block = r.view_mut((1, 1), (2, 2));
            block /= settings.discount_factor;
            n *= settings.variance_discount;
        }
        self.started = true;
        let e = y - x.dot(&self.m);
        let q = (x.transpose() * &r * x)[0] + self.s;
        let sd = (n / (n - 2.0) * q).sqrt();
        if y.is_nan() {
            (self.c, self.n) = (r, n);
            return (f64::NAN, sd);
        }
        let a = &r * x / q;
        let s = self.s * (n + e * e / q) / (n + 1.0);
        self.m += &a * e;
        self.c = (r - &a * a.transpose() * q) * (s / self.s);
        (self.s, self.n) = (s, n + 1.0);
        (e, sd)
    }

    /// Covariance of the coefficients, after the last frame and before the next one.
    fn covariances(&self, settings: &EstimatorSettings) -> [DMatrix<f64>; 2] {
        let posterior = &self.c * (self.n / (self.n - 2.0));
        let mut prior = posterior.clone();
        let mut block = prior.view_mut((1, 1), (2, 2));
        block /= settings.discount_factor;
        [posterior, prior]
    }
}

/// Move of an instrument to another group on a frame.
type Change = (usize, usize, u32);

/// Rows of the groups with changes.
fn changed_rows<'a>(names: &'a [Arc<str>], changes: &[Change]) -> Vec<Row<'a>> {
    let mut rows = rows_of(names, &GROUPS);
    rows.extend(changes.iter().map(|(at, i, group)| (&*names[*i], *at as i64, group_name(*group))));
    rows
}

/// Compares the DLM with the plain filter of each instrument; returns its number of histories at the end.
fn assert_equals_reference(missing: f64, changes: &[Change]) -> usize {
    let settings = EstimatorSettings { kind: EstimatorKind::Dlm, wind_up: WindUp::Plain, ..stated() };
    let panel = Panel::new(3, &GROUPS, 300, missing);
    let columns = [column("sector", &changed_rows(&panel.names, changes))];
    let mut references: Vec<Reference> = GROUPS.iter().map(|_| Reference::new(&settings)).collect();
    let (mut groups, mut members) = (GROUPS, [0.0; 3]);
    let mut filter = Dlm::with_groups(&settings, &Calendar::default(), 1, 1);
    panel.run(&mut filter, &columns, |at, _, estimates| {
        let (f, returns) = &panel.frames[at];
        let started = || references.iter().filter(|reference| reference.started);
        let usual = started().map(|reference| reference.s).sum::<f64>() / started().count() as f64;
        for (_, i, group) in changes.iter().filter(|(from, _, _)| *from == at) {
            groups[*i] = *group;
            references[*i].restart(usual);
        }
        let mean = |keep: &dyn Fn(usize) -> bool| {
            let kept = returns.iter().enumerate().filter(|(i, r)| !r.is_nan() && keep(*i));
            let (sum, count) = kept.fold((0.0, 0.0), |(sum, count), (_, r)| (sum + r, count + 1.0));
            (sum / count, count)
        };
        let all = mean(&|_| true).0;
        for (i, reference) in references.iter_mut().enumerate() {
            let own = groups[i];
            let (g, count) = mean(&|j| groups[j] == own);
            let has_factor = own != NO_GROUP && count >= MEMBERS_MIN as f64;
            let g = if has_factor { g - all } else { 0.0 };
            if has_factor {
                members[own as usize] = count;
            }
            let before = reference.m.clone();
            let (e, sd) = reference.step(&settings, &DVector::from_vec(vec![1.0, *f, g]), returns[i]);
            if !reference.started {
                assert!(!estimates.started(i));
                continue;
            }
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs().max(1e-3);
            assert!(close(estimates.alpha[i], reference.m[0]), "{at} {i}");
            assert!(close(estimates.betas_on(0)[i], reference.m[1]), "{at} {i}");
            let loads = own != NO_GROUP && members[own as usize] > 0.0;
            if loads {
                assert!(close(estimates.betas_on(1)[i], reference.m[2]), "{at} {i}");
            } else {
                assert!(estimates.betas_on(1)[i].is_nan() && estimates.sd_of(2)[i].is_nan());
            }
            let [posterior, prior] = reference.covariances(&settings);
            for j in 0..if loads { 3 } else { 2 } {
                let (found, expected) = (estimates.sd_of(j)[i], posterior[(j, j)].sqrt());
                assert!((found / expected - 1.0).abs() < 1e-9, "{at} {i} {j}: {found} {expected}");
            }
            for (a, b) in [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)] {
                let (found, size) = (estimates.coefficient_cov_of(i, a, b), prior[(a, a)] * prior[(b, b)]);
                let expected = if loads || b < 2 { prior[(a, b)] } else { 0.0 };
                assert!(
                    (found - expected).abs() <= 1e-9 * size.sqrt(),
                    "{at} {i} {a} {b}: {found} {expected}"
                );
            }
            let divisor = if loads { 1.0 - (reference.m[2] / members[own as usize]).min(0.5) } else { 1.0 };
            let variance = estimates.observation_var[i] * divisor * divisor;
            assert!((variance / reference.s - 1.0).abs() < 1e-9, "{at} {i}");
            let hedges = has_factor && !returns[i].is_nan();
            let divisor = if hedges { 1.0 - (before[2] / count).min(0.5) } else { 1.0 };
            assert!((estimates.forecast_sd[i] * divisor / sd - 1.0).abs() < 1e-9, "{at} {i}");
            if !returns[i].is_nan() && divisor > 0.5 {
                let error = estimates.forecast_error[i];
                assert!(close(error, e / divisor), "{at} {i}: {error} {e} {divisor}");
                assert!(close(estimates.forecast_mean[i] + error, returns[i]), "{at} {i}");
            }
        }
    });
    let mut covariances = Vec::new();
    filter.write_covariances(&mut covariances);
    for (found, reference) in covariances.chunks_exact(9).zip(&references) {
        let [expected, _] = reference.covariances(&settings);
        for (at, found) in found.iter().enumerate() {
            let (a, b) = (at / 3, at % 3);
            let size = (expected[(a, a)] * expected[(b, b)]).sqrt();
            assert!((found - expected[(a, b)]).abs() <= 1e-9 * size, "{a} {b}: {found}");
        }
    }
    filter.groups()
}

#[test]
fn filter_equals_a_plain_one_with_the_factor_of_the_own_group() {
    assert_eq!(assert_equals_reference(0.05, &[]), GROUPS.len());
    assert_eq!(assert_equals_reference(0.0, &[]), 4);
}

/// On frame 90 instruments move between both large groups, two of them from the same history to the same part. Later the
/// small group gets enough members for a factor, and some instruments leave all groups.
const CHANGES: [Change; 8] = [
    (90, 0, 1),
    (90, 1, 0),
    (90, 2, 1),
    (90, 15, 0),
    (150, 3, 2),
    (150, 5, 2),
    (210, 4, NO_GROUP),
    (210, 12, NO_GROUP),
];

#[test]
fn filter_with_moves_between_groups_equals_a_plain_one() {
    assert_eq!(assert_equals_reference(0.05, &CHANGES), GROUPS.len());
    // Those who stayed in each of four places, one who went one way, and two who went the other.
    assert_eq!(assert_equals_reference(0.0, &CHANGES[..3]), 4 + 2);
}

#[test]
fn instruments_that_move_together_share_a_history() {
    for kind in KINDS {
        let settings = EstimatorSettings { kind, ..EstimatorSettings::default() };
        let panel = Panel::new(15, &GROUPS, 130, 0.0);
        let columns = [column("sector", &changed_rows(&panel.names, &CHANGES[..3]))];
        let mut filter = estimator(&settings, 1, 1);
        let mut last = Estimates::default();
        panel.run(filter.as_mut(), &columns, |_, _, estimates| last = estimates.clone());
        assert!((0..GROUPS.len()).all(|i| last.started(i)), "{kind:?}");
        let facts = filter.facts();
        // Those who stayed in each of four places, one who went one way, and two who went the other.
        assert_eq!((facts.groups, facts.largest_group), (6, 5), "{kind:?}");
    }
}

/// Two models with the same discount factor and reversion share the weight of one. With more than eight models, the
/// covariances of a history are in several blocks.
#[test]
fn models_listed_several_times_change_no_estimate() {
    let panel = Panel::new(17, &GROUPS, 160, 0.05);
    let columns = [column("sector", &changed_rows(&panel.names, &CHANGES))];
    let run = |discounts: &[f64], times: usize| {
        let settings = EstimatorSettings {
            kind: EstimatorKind::Mixture,
            discount_grid: discounts.iter().flat_map(|discount| vec![*discount; times]).collect(),
            ..EstimatorSettings::default()
        };
        let mut all = Vec::new();
        panel.run(estimator(&settings, 1, 1).as_mut(), &columns, |_, _, estimates| {
            let of = estimates;
            let mut values = [&of.alpha[..], &of.betas, &of.coefficient_sd, &of.observation_var].concat();
            values.extend([&of.forecast_mean, &of.forecast_sd, &of.forecast_error].into_iter().flatten());
            for (a, b) in [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)] {
                let scaled = |i: usize| {
                    let size = estimates.sd_of(a)[i] * estimates.sd_of(b)[i];
                    estimates.coefficient_cov_of(i, a, b) / size
                };
                values.extend((0..GROUPS.len()).map(scaled));
            }
            all.push(values);
        });
        all
    };
    for (discounts, times) in [(&[0.97, 0.985, 0.993, 0.998][..], 2), (&[0.98, 0.995], 3), (&[0.98], 5)] {
        let (once, several) = (run(discounts, 1), run(discounts, times));
        for (at, (a, b)) in once.iter().zip(&several).enumerate() {
            let same = |(a, b): (&f64, &f64)| {
                (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= 1e-9 * a.abs().max(1e-4)
            };
            let differing = a.iter().zip(b).position(|pair| !same(pair));
            assert_eq!(differing, None, "frame {at}, {discounts:?} {times} times");
        }
    }
}

#[test]
fn loading_that_is_not_estimated_has_no_covariance() {
    for kind in KINDS {
        let settings = EstimatorSettings { kind, ..EstimatorSettings::default() };
        let panel = Panel::new(21, &GROUPS, 60, 0.05);
        let columns = [column("sector", &rows_of(&panel.names, &GROUPS))];
        panel.run(estimator(&settings, 1, 1).as_mut(), &columns, |at, _, estimates| {
            for i in (0..GROUPS.len()).filter(|i| estimates.started(*i) && at > 10) {
                let of_loading = [0, 1, 2].map(|a| estimates.coefficient_cov_of(i, a, 2));
                let estimated = GROUPS[i] < 2;
                assert_eq!(of_loading.map(|value| value != 0.0), [estimated; 3], "{kind:?} {at} {i}");
                assert!(estimates.coefficient_cov_of(i, 1, 1) > 0.0);
            }
        });
    }
}

/// Runs a panel to its end and returns the estimates of the last two frames, and the number of members of each group that
/// traded on the last one.
fn last_two(kind: EstimatorKind, panel: &Panel, changes: &[Change]) -> ([Estimates; 2], Vec<u32>) {
    let settings = EstimatorSettings { kind, ..EstimatorSettings::default() };
    let columns = [column("sector", &changed_rows(&panel.names, changes))];
    let (mut last, mut trading) = ([Estimates::default(), Estimates::default()], Vec::new());
    panel.run(estimator(&settings, 1, 1).as_mut(), &columns, |_, groups, estimates| {
        last.swap(0, 1);
        last[1] = estimates.clone();
        trading.clone_from(&groups.columns()[0].trading);
    });
    (last, trading)
}

/// Return of an instrument of one of the large groups with which the factor of its group is as without it.
fn neutral(returns: &[f64], i: usize) -> f64 {
    let others = || returns.iter().enumerate().filter(|(j, _)| *j != i);
    let own: f64 = others().filter(|(j, _)| GROUPS[*j] == GROUPS[i]).map(|(_, r)| r).sum();
    let all: f64 = others().map(|(_, r)| r).sum();
    // (own + r)/6 − (all + r)/16 = own/5 − all/15.
    (own / 30.0 - all / 240.0) / (1.0 / 6.0 - 1.0 / 16.0)
}

#[test]
fn deviations_are_those_of_a_hedge_without_the_instrument() {
    for kind in KINDS {
        for i in [0, 1, 7, 10, 13, 15] {
            let mut panel = Panel::new(23, &GROUPS, 70, 0.0);
            let returns = &mut panel.frames.last_mut().unwrap().1;
            returns[i] = neutral(returns, i);
            let ([before, with], trading) = last_two(kind, &panel, &[]);
            let mut without = Panel { names: panel.names.clone(), frames: panel.frames.clone() };
            without.frames.last_mut().unwrap().1[i] = f64::NAN;
            let ([_, unhedged], fewer) = last_two(kind, &without, &[]);
            let share = |beta: f64, members: &[u32]| match GROUPS[i] {
                group if group < 2 => (beta / f64::from(members[group as usize])).min(0.5),
                _ => 0.0,
            };
            // Without a return, the instrument is in no group's return: its forecast is that of the whole hedge.
            let divisor = 1.0 - share(before.betas_on(1)[i], &trading);
            let (found, expected) = (with.forecast_sd[i], unhedged.forecast_sd[i] / divisor);
            assert!((found / expected - 1.0).abs() < 1e-9, "{kind:?} {i}: {found} {expected}");
            // In no group, it has the residual variance of the whole hedge.
            let alone = [(panel.frames.len() - 1, i, NO_GROUP)];
            let ([_, alone], _) = last_two(kind, &without, &alone);
            let divisor = 1.0 - share(unhedged.betas_on(1)[i], &fewer);
            let (found, expected) =
                (unhedged.observation_var[i], alone.observation_var[i] / (divisor * divisor));
            assert!((found / expected - 1.0).abs() < 1e-9, "{kind:?} {i}: {found} {expected}");
        }
    }
}

#[test]
fn traces_take_the_rows_of_the_own_groups() {
    // Rows of alpha, the factor, three groups of the first column and two of the second.
    let square = |a: usize, b: usize| 1.0 / (1.0 + a as f64 + b as f64) + f64::from(u8::from(a == b));
    for kind in KINDS {
        let settings = EstimatorSettings { kind, ..EstimatorSettings::default() };
        let mut panel = Panel::new(25, &GROUPS, 40, 0.0);
        panel.frames.iter_mut().for_each(|(_, returns)| returns[3] = f64::NAN);
        let half = |(i, name)| (name, FROM_BEGINNING, Some(if i % 2 == 0 { "large" } else { "small" }));
        let second: Vec<Row<'_>> = panel.names.iter().map(|name| &**name).enumerate().map(half).collect();
        let columns = [column("sector", &rows_of(&panel.names, &GROUPS)), column("size", &second)];
        let mut last = Estimates::default();
        panel.run(estimator(&settings, 1, 2).as_mut(), &columns, |_, _, estimates| last = estimates.clone());
        let row = |i: usize, coefficient: usize| match coefficient {
            0 | 1 => Some(coefficient),
            2 => (GROUPS[i] < 2).then(|| 2 + GROUPS[i] as usize),
            _ => Some(5 + i % 2),
        };
        let design = |i: usize, coefficient: usize| {
            assert!(coefficient > 1, "alpha and the factor have the same rows for all");
            row(i, coefficient)
        };
        let mut traces = vec![1.0; GROUPS.len()];
        last.coefficient_cov.add_traces_of(square, 2, design, &mut traces);
        for (i, trace) in traces.into_iter().enumerate() {
            let mut expected = 0.0;
            for (a, b) in (0..16).map(|at| (at / 4, at % 4)).filter(|_| last.started(i)) {
                let (Some(from), Some(to)) = (row(i, a), row(i, b)) else { continue };
                expected += last.coefficient_cov_of(i, a, b) * square(from, to);
            }
            assert_eq!(expected > 0.0, i != 3);
            assert!((trace - 1.0 - expected).abs() < 1e-13, "{kind:?} {i}: {trace} {expected}");
        }
    }
}

#[test]
fn errors_are_those_of_a_hedge_without_the_instrument() {
    for kind in KINDS {
        let settings = EstimatorSettings { kind, ..EstimatorSettings::default() };
        let panel = Panel::new(5, &GROUPS, 200, 0.03);
        let columns = [column("sector", &rows_of(&panel.names, &GROUPS))];
        let mut before: Option<Estimates> = None;
        let mut compared = 0;
        panel.run(estimator(&settings, 1, 1).as_mut(), &columns, |at, groups, estimates| {
            let (f, returns) = &panel.frames[at];
            let column = &groups.columns()[0];
            let known: Vec<f64> = returns.iter().copied().filter(|r| !r.is_nan()).collect();
            let panel_mean = known.iter().sum::<f64>() / known.len() as f64;
            for i in (0..GROUPS.len()).filter(|i| !returns[*i].is_nan()) {
                let Some(before) = before.as_ref().filter(|before| before.started(i)) else { continue };
                let (alpha, beta, own) = (before.alpha[i], before.betas_on(0)[i], before.betas_on(1)[i]);
                let g = column.return_of(i);
                let explicit = if g.is_nan() || own.is_nan() {
                    returns[i] - alpha - beta * f
                } else {
                    // The others of the group, with the weights that they have in its mean.
                    let n = f64::from(column.trading[GROUPS[i] as usize]);
                    let others = (0..GROUPS.len()).filter(|j| *j != i && GROUPS[*j] == GROUPS[i]);
                    let others: f64 = others.map(|j| returns[j]).filter(|r| !r.is_nan()).sum();
                    let own = own.min(n / 2.0);
                    returns[i] - (alpha + beta * f + own * (others / n - panel_mean)) / (1.0 - own / n)
                };
                let error = estimates.forecast_error[i];
                assert!((error - explicit).abs() < 1e-12, "{kind:?} {at} {i}: {error} {explicit}");
                compared += 1;
            }
            before = Some(estimates.clone());
        });
        assert!(compared > 2_500);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// Other names and another order of instruments and groups give the same estimates.
    #[test]
    fn estimates_have_no_order(seed in 0..1_000_u64, turn in 1..16_usize) {
        let panel = Panel::new(seed, &GROUPS, 150, 0.05);
        let order: Vec<usize> = (0..GROUPS.len()).map(|i| (i * 5 + turn) % GROUPS.len()).collect();
        let pick = |values: &[f64]| order.iter().map(|i| values[*i]).collect::<Vec<_>>();
        let other = Panel {
            names: panel.names.clone(),
            frames: panel.frames.iter().map(|(f, returns)| (*f, pick(returns))).collect(),
        };
        let renamed = ["Z", "A", "M"];
        let rows: Vec<Row<'_>> = panel.names.iter().zip(&order).map(|(name, i)| {
            (&**name, FROM_BEGINNING, renamed.get(GROUPS[*i] as usize).copied())
        }).collect();
        for kind in KINDS {
            let settings = EstimatorSettings { kind, ..EstimatorSettings::default() };
            let mut last = [Estimates::default(), Estimates::default()];
            let columns = [column("sector", &rows_of(&panel.names, &GROUPS))];
            panel.run(estimator(&settings, 1, 1).as_mut(), &columns, |_, _, e| last[0] = e.clone());
            other.run(estimator(&settings, 1, 1).as_mut(), &[column("x", &rows)], |_, _, e| last[1] = e.clone());
            let pairs = |e: &Estimates| [e.alpha.clone(), e.betas_on(0).to_vec(), e.betas_on(1).to_vec(),
                e.forecast_sd.clone(), e.observation_var.clone()];
            for (a, b) in pairs(&last[0]).iter().zip(pairs(&last[1])) {
                for (at, i) in order.iter().enumerate() {
                    let (a, b) = (a[*i], b[at]);
                    prop_assert!(a.is_nan() == b.is_nan());
                    prop_assert!(a.is_nan() || (a - b).abs() <= 1e-9 * a.abs().max(1e-4), "{:?} {} {}", kind, a, b);
                }
            }
        }
    }
}

#[test]
fn change_of_group_restarts_only_its_loading() {
    for kind in KINDS {
        let settings = EstimatorSettings {
            kind,
            // One model, because the weights of several flatten in a frame without a return.
            discount_grid: vec![0.99],
            reversion_grid: vec![0.0],
            alpha_discount_factor: 1.0,
            ..EstimatorSettings::default()
        };
        let mut panel = Panel::new(9, &GROUPS, 120, 0.0);
        // Without a return on the date of the change, the frame updates nothing.
        panel.frames[100].1[2] = f64::NAN;
        let mut rows = rows_of(&panel.names, &GROUPS);
        rows.push(("S002", 100, Some("Utilities")));
        let columns = [column("sector", &rows)];
        let mut seen: Vec<Estimates> = Vec::new();
        panel.run(estimator(&settings, 1, 1).as_mut(), &columns, |_, _, e| seen.push(e.clone()));
        let (before, after) = (&seen[99], &seen[100]);
        let same = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert_eq!(after.groups[0].of[2], 1);
        assert!(same(before.alpha[2], after.alpha[2]), "{kind:?}");
        assert!(same(before.betas_on(0)[2], after.betas_on(0)[2]), "{kind:?}");
        assert!((before.betas_on(1)[2] - 0.5).abs() > 1e-3 && same(after.betas_on(1)[2], 0.5), "{kind:?}");
        assert!(after.sd_of(2)[2] > 1.2 * before.sd_of(2)[2], "{kind:?}");
        assert!(after.sd_of(1)[2] < 1.2 * before.sd_of(1)[2], "{kind:?}");
        assert!(after.coefficient_cov_of(2, 1, 2).abs() < 1e-3 * after.coefficient_cov_of(2, 2, 2));
        assert!(!same(seen[119].betas_on(1)[2], 0.5), "{kind:?}");
    }
}

#[test]
fn two_columns_of_groups_have_two_loadings() {
    for kind in KINDS {
        let settings = EstimatorSettings { kind, ..EstimatorSettings::default() };
        let panel = Panel::new(11, &GROUPS, 150, 0.02);
        let second: Vec<Row<'_>> = panel
            .names
            .iter()
            .enumerate()
            .map(|(i, name)| (&**name, FROM_BEGINNING, Some(if i % 3 == 0 { "large" } else { "small" })))
            .collect();
        let columns = [column("sector", &rows_of(&panel.names, &GROUPS)), column("size", &second)];
        panel.run(estimator(&settings, 1, 2).as_mut(), &columns, |_, _, e| {
            assert_eq!((e.loadings(), e.betas.len()), (3, 3 * GROUPS.len()));
            assert!(e.betas_on(1)[12].is_nan() && !e.betas_on(2)[12].is_nan());
            for i in (0..GROUPS.len()).filter(|i| !e.forecast_error[*i].is_nan()) {
                assert!(e.forecast_sd[i] > 0.0 && e.observation_var[i].is_finite());
            }
        });
    }
}

#[test]
fn resumed_filter_equals_an_uninterrupted_one() {
    for kind in KINDS {
        let settings = EstimatorSettings { kind, ..EstimatorSettings::default() };
        let panel = Panel::new(13, &GROUPS, 80, 0.1);
        let mut rows = rows_of(&panel.names, &GROUPS);
        rows.extend([("S004", 30, Some("Utilities")), ("S007", 50, None), ("S015", 55, Some("Energy"))]);
        let columns = [column("sector", &rows)];
        let mut seen = Vec::new();
        panel.run(estimator(&settings, 1, 1).as_mut(), &columns, |_, _, e| seen.push(e.clone()));
        let mut groups = GroupFactors::new(&columns);
        let mut filter = estimator(&settings, 1, 1);
        for (at, (f, returns)) in panel.frames.iter().enumerate() {
            let state = filter.save().unwrap();
            filter = estimator(&settings, 1, 1);
            filter.load(&state).unwrap();
            groups.observe(at as i64, &panel.names, returns);
            filter.set_groups(groups.columns());
            filter.step(&[*f], returns, true);
            let mut estimates = Estimates {
                factors: vec![*f],
                groups: groups.columns().to_vec(),
                decides: true,
                ..Estimates::default()
            };
            filter.write(&mut estimates);
            let bits = |e: &Estimates| {
                [&e.alpha, &e.betas, &e.forecast_error, &e.observation_var, &e.coefficient_sd]
                    .map(|column| column.iter().map(|v| v.to_bits()).collect::<Vec<_>>())
            };
            assert_eq!(bits(&estimates), bits(&seen[at]), "{kind:?} {at}");
        }
    }
}

/// Recorder that keeps the estimates.
#[derive(Default)]
struct KeepEstimates(Arc<Mutex<Vec<Estimates>>>);

impl Recorder for KeepEstimates {
    fn ledger(&mut self, _: &LedgerFrame) -> Result<(), RecordError> {
        Ok(())
    }

    fn estimates(&mut self, estimates: &Estimates) -> Result<(), RecordError> {
        self.0.lock().unwrap().push(estimates.clone());
        Ok(())
    }

    fn finish(&mut self, _: &RunFacts) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Bits of the estimates of each frame of a market through the pipeline.
fn estimated(rows: &[Row<'_>], placement: Placement) -> Vec<Vec<u64>> {
    let market = Market { instruments: 20, frames: 150, missing: 0.02, late: 0.2, ..Market::default() };
    let record = RecordSettings { betas: Frames::All, weights: Frames::None, expected_returns: None };
    let settings = RunSettings { groups: vec![column("sector", rows)], record, ..settings() };
    let keep = KeepEstimates::default();
    let kept = Arc::clone(&keep.0);
    let source = MemorySource::new(market.factor_names(), market.frames());
    let graph = estimating(Box::new(source), &settings, vec![Box::new(keep)]).unwrap();
    let facts = graph.run(&RunOptions { placement, ..RunOptions::default() }).unwrap().facts;
    assert_eq!((facts.groups[0].groups, facts.groups[0].with_factor), (2, 2));
    assert!(facts.groups[0].not_in_file.is_empty());
    let kept = std::mem::take(&mut *kept.lock().unwrap());
    let bits = |e: &Estimates| {
        let columns = [&e.alpha, &e.betas, &e.forecast_mean, &e.forecast_sd, &e.observation_var];
        columns.into_iter().flatten().map(|value| value.to_bits()).collect()
    };
    kept.iter().map(bits).collect()
}

#[test]
fn estimates_depend_on_no_later_row_and_on_no_placement() {
    let names = names(20);
    let groups: Vec<u32> = (0..20).map(|i| i % 2).collect();
    let rows = rows_of(&names, &groups);
    let inline = estimated(&rows, Placement::Inline);
    assert_eq!(inline, estimated(&rows, Placement::Threaded));
    let mut changed = rows.clone();
    changed.extend([("S003", 100, Some("Energy")), ("S008", 120, None)]);
    let later = estimated(&changed, Placement::Inline);
    assert_eq!(inline[..100], later[..100]);
    assert!(inline[100..].iter().zip(&later[100..]).all(|(a, b)| a != b));
}

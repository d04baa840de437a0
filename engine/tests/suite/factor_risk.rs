//! Products with the covariance of a factor risk model against the same with a full matrix.

use std::sync::Arc;

use betaflow_engine::groups::{GroupColumn, NO_GROUP};
use betaflow_engine::model::{Estimates, EstimatorKind, EstimatorSettings, estimator_with_groups};
use betaflow_engine::names::InstrumentNames;
use betaflow_engine::portfolio::{Covariance, FactorMoments, FactorRisk, GroupSlots, SizingSettings};
use betaflow_engine::settings::Calendar;
use nalgebra::{DMatrix, DVector};

use crate::support::Random;

fn near(found: f64, expected: f64, name: &str) {
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs().max(1e-6),
        "{name}: {found}, expected {expected}"
    );
}

#[test]
fn products_with_the_covariance_equal_those_of_the_full_matrix() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let (n, k) = (1 + (random.uniform() * 9.0) as usize, (random.uniform() * 4.0) as usize);
        let exposures: Vec<f64> = (0..n * k).map(|_| random.shock()).collect();
        let root = DMatrix::from_fn(k, k, |a, b| {
            if a < b { 0.0 } else { 0.01 * (random.shock() + if a == b { 3.0 } else { 0.0 }) }
        });
        let factors = &root * root.transpose();
        let own: Vec<f64> = (0..n).map(|_| 1e-4 * (0.2 + random.uniform())).collect();
        let weights: Vec<f64> = (0..n).map(|_| random.shock()).collect();
        let loadings = DMatrix::from_column_slice(n, k, &exposures);
        let full = &loadings * &factors * loadings.transpose()
            + DMatrix::from_diagonal(&DVector::from_column_slice(&own));
        let mut risk = FactorRisk::of_parts(exposures, factors.as_slice().to_vec(), own.clone());
        let case = |of: &str| format!("{of}, seed {seed}, {n} names, {k} factors");
        let (vector, mut out) = (DVector::from_column_slice(&weights), Vec::new());
        risk.times(&weights, &mut out);
        out.iter()
            .zip((&full * &vector).iter())
            .for_each(|(found, expected)| near(*found, *expected, &case("Σw")));
        risk.inverse_times(&weights, &mut out);
        let solved = full.clone().cholesky().unwrap().solve(&vector);
        out.iter().zip(solved.iter()).for_each(|(found, expected)| near(*found, *expected, &case("inverse")));
        near(risk.variance(&weights), (vector.transpose() * &full * &vector)[0], &case("variance"));
        let residual: f64 = own.iter().zip(&weights).map(|(d, w)| d * w * w).sum();
        near(risk.residual_variance(&weights), residual, &case("residual variance"));
        let mut row = vec![7.0; n];
        for i in 0..n {
            near(risk.variance_of(i), full[(i, i)], &case("variance of one"));
            risk.row(i, &mut row);
            row.iter().enumerate().for_each(|(j, found)| near(*found, full[(i, j)], &case("row")));
        }
    }
}

const INSTRUMENTS: usize = 10;
const GIVEN: usize = 2;

/// Estimates after some frames, with the moments of the factors that had returns.
struct Estimated {
    estimates: Estimates,
    slots: GroupSlots,
    moments: FactorMoments,
}

/// Divisions into groups of the given numbers. The last of three groups has no factor, the last instrument no return,
/// and two instruments have no group.
fn estimated(seed: u64, kind: EstimatorKind, counts: &[usize]) -> Estimated {
    let (mut random, calendar) = (Random(seed), Calendar::default());
    let division = |(at, count): (usize, &usize)| {
        let mut names = InstrumentNames::default();
        names.extend(&(0..*count).map(|group| Arc::from(format!("g{group}"))).collect::<Vec<_>>());
        let group = |i: usize| if i % 7 == 3 + at { NO_GROUP } else { ((i + at) % count) as u32 };
        GroupColumn {
            factor: format!("division{at}"),
            has_factors: true,
            names,
            of: (0..INSTRUMENTS).map(group).collect(),
            returns: vec![f64::NAN; *count],
            trading: vec![4; *count],
        }
    };
    let mut columns: Vec<GroupColumn> = counts.iter().enumerate().map(division).collect();
    let settings = EstimatorSettings { kind, ..EstimatorSettings::default() };
    let mut estimator = estimator_with_groups(&settings, &calendar, GIVEN, columns.len()).unwrap();
    let (mut slots, mut out) = (GroupSlots::new(GIVEN), Vec::new());
    let mut moments = FactorMoments::new(&SizingSettings::default(), &calendar, GIVEN);
    let mut estimates = Estimates { decides: true, ..Estimates::default() };
    for _ in 0..50 {
        let given: Vec<f64> = (0..GIVEN).map(|_| 3e-4 + 0.01 * random.shock()).collect();
        for column in &mut columns {
            let known = column.returns.len().min(2);
            column.returns[..known].iter_mut().for_each(|value| *value = 0.005 * random.shock());
        }
        let mut returns: Vec<f64> =
            (0..INSTRUMENTS).map(|i| given[0] + 0.3 * i as f64 * given[1] + 0.01 * random.shock()).collect();
        returns[INSTRUMENTS - 1] = f64::NAN;
        estimator.set_groups(&columns);
        estimator.step(&given, &returns, true);
        slots.write_returns(&given, &columns, &mut out);
        moments.extend(slots.factors());
        moments.observe(&out);
        (estimates.factors, estimates.groups) = (given, columns.clone());
        estimator.write(&mut estimates);
    }
    Estimated { estimates, slots, moments }
}

impl Estimated {
    /// Coefficients of an instrument behind alpha, in the order of its covariance: factor and loading, if it has one.
    fn coefficients(&self, i: usize) -> Vec<Option<(usize, f64)>> {
        let given = (0..GIVEN).map(|factor| Some((factor, self.estimates.betas_on(factor)[i])));
        let own = self.estimates.groups.iter().enumerate().map(|(at, column)| {
            let name = format!("{}:{}", column.factor, column.names[column.group_of(i)?]);
            let place = self.slots.names().iter().position(|of| **of == *name)?;
            Some((GIVEN + place, self.estimates.betas_on(GIVEN + at)[i]))
        });
        let known = |of: Option<(usize, f64)>| of.filter(|(_, beta)| !beta.is_nan());
        given.chain(own).map(known).collect()
    }

    /// B with a column for every factor.
    fn loadings(&self) -> DMatrix<f64> {
        let mut loadings = DMatrix::zeros(INSTRUMENTS, self.slots.factors());
        for i in 0..INSTRUMENTS {
            self.coefficients(i).iter().flatten().for_each(|(factor, beta)| loadings[(i, *factor)] = *beta);
        }
        loadings
    }

    /// Variance of the residual return in the next frame; infinite before the first return.
    fn residual(&self, i: usize) -> (f64, f64) {
        let dof = self.estimates.dof[i];
        let learned = if dof == f64::INFINITY { 1.0 } else { dof / (dof - 2.0) };
        let variance = self.estimates.observation_var[i];
        if self.estimates.started(i) { (variance, learned) } else { (f64::INFINITY, 1.0) }
    }

    /// Parameter uncertainty tr(V M) of an instrument, with M = E[x x'] of its design.
    fn trace(&self, i: usize, factors: &DMatrix<f64>, horizon: f64) -> f64 {
        let k = self.slots.factors();
        let premium = |at: usize| if at == 0 { 1.0 } else { self.moments.premia()[at - 1] };
        let square = DMatrix::from_fn(k + 1, k + 1, |a, b| {
            let covariance = if a == 0 || b == 0 { 0.0 } else { factors[(a - 1, b - 1)] };
            covariance + horizon * premium(a) * premium(b)
        });
        let mut rows = vec![Some(0)];
        rows.extend(self.coefficients(i).iter().map(|of| of.map(|(factor, _)| factor + 1)));
        let mut trace = 0.0;
        for (a, row) in rows.iter().enumerate() {
            for (b, column) in rows.iter().enumerate() {
                let (Some(row), Some(column)) = (row, column) else { continue };
                trace += self.estimates.coefficient_cov_of(i, a, b) * square[(*row, *column)];
            }
        }
        trace
    }
}

/// Assembles the model with and without groups, parameter uncertainty, a scale of the residuals and a vendor's factor
/// covariance, and compares it with full matrices.
#[test]
fn assembled_model_equals_its_definition_with_full_matrices() {
    let mut finite = 0;
    let kinds = [EstimatorKind::Dlm, EstimatorKind::Mixture];
    let counts: [&[usize]; 3] = [&[], &[2], &[2, 3]];
    for (at, (kind, counts)) in kinds.iter().flat_map(|kind| counts.map(|counts| (*kind, counts))).enumerate()
    {
        let mut made = estimated(at as u64, kind, counts);
        let k = made.slots.factors();
        assert_eq!(k, GIVEN + 2 * counts.len(), "two groups of each division have a factor");
        for (uncertain, scale, vendor) in [
            (false, None, false),
            (true, None, false),
            (true, Some(1.7), false),
            (false, Some(1.7), false),
            (true, Some(1.7), true),
        ] {
            let case = |of: &str| format!("{of}, {kind:?}, {counts:?}, {uncertain}, {scale:?}, {vendor}");
            let mut factors = DMatrix::zeros(0, 0);
            made.moments.covariance(&mut factors);
            made.estimates.factor_cov.clear();
            if vendor {
                factors = DMatrix::from_fn(k, k, |a, b| 1e-4 * if a == b { 1.0 + a as f64 } else { 0.5 });
                made.estimates.factor_cov.extend_from_slice(factors.as_slice());
            }
            let horizon = 21.0;
            let variance = |i: usize| {
                let (variance, learned) = made.residual(i);
                let scaled = variance * scale.filter(|_| !vendor).unwrap_or(1.0);
                match uncertain {
                    _ if variance.is_infinite() => variance,
                    true => scaled * learned + made.trace(i, &factors, horizon),
                    false => scaled,
                }
            };
            let own: Vec<f64> = (0..INSTRUMENTS).map(variance).collect();
            finite += own.iter().filter(|variance| variance.is_finite()).count();
            if uncertain {
                made.moments.add_premia_variance(horizon, &mut factors);
            }
            let mut risk = FactorRisk::default();
            if let Some(scale) = scale {
                risk.scale_residuals(scale);
            }
            risk.assemble(&made.estimates, &made.moments, &made.slots, uncertain, horizon);
            assert_eq!((risk.factors(), risk.factor_covariance()), (k, &factors), "{}", case("F"));
            for (i, (found, expected)) in risk.idiosyncratic().iter().zip(&own).enumerate() {
                assert!(
                    found == expected || (found / expected - 1.0).abs() < 1e-12,
                    "{}, {i}: {found:e}, expected {expected:e}",
                    case("D")
                );
            }
            // An instrument before its first return gets no weight.
            let known: Vec<f64> = own.iter().map(|d| if d.is_finite() { *d } else { 0.0 }).collect();
            let loadings = made.loadings();
            let common = &loadings * &factors * loadings.transpose();
            let full = &common + DMatrix::from_diagonal(&DVector::from_vec(known.clone()));
            let weights: Vec<f64> = (0..INSTRUMENTS).map(|i| 0.3 - 0.07 * i as f64).collect();
            let vector = DVector::from_column_slice(&weights);
            let (mut out, mut row) = (Vec::new(), vec![7.0; INSTRUMENTS]);
            risk.write_exposures(&weights, &mut out);
            let exposures = loadings.tr_mul(&vector);
            out.iter().zip(exposures.iter()).for_each(|(a, b)| near(*a, *b, &case("exposures")));
            risk.times(&weights, &mut out);
            out.iter().zip((&full * &vector).iter()).for_each(|(a, b)| near(*a, *b, &case("product")));
            near(risk.variance(&weights), (vector.transpose() * &full * &vector)[0], &case("variance"));
            let started = INSTRUMENTS - 1;
            let solved = full.view((0, 0), (started, started)).clone_owned().cholesky().unwrap();
            let solved = solved.solve(&vector.rows(0, started).clone_owned());
            risk.inverse_times(&weights, &mut out);
            out.iter().zip(solved.iter()).for_each(|(a, b)| near(*a, *b, &case("inverse")));
            assert_eq!(out[started], 0.0, "{}", case("inverse"));
            for i in 0..started {
                risk.row(i, &mut row);
                row.iter().enumerate().for_each(|(j, found)| near(*found, full[(i, j)], &case("row")));
                near(risk.variance_of(i), full[(i, i)], &case("variance of one"));
            }
            assert_eq!(risk.variance_of(started), f64::INFINITY);
            let next =
                (0..started).map(|i| made.residual(i).0 * made.residual(i).1 * weights[i] * weights[i]);
            near(risk.residual_variance(&weights), next.sum(), &case("residual variance"));
        }
    }
    assert!(finite > 200, "{finite} variances");
}

/// The errors of the expected returns add to the own variance of each instrument, over the horizon; residual returns stay.
#[test]
fn variance_of_expected_returns_adds_to_that_of_the_instrument() {
    let own = [1e-4, 2e-4, 3e-4, f64::INFINITY];
    let mut risk = FactorRisk::of_parts(vec![1.0, 0.5, 0.0, 1.0], vec![4e-4], own.to_vec());
    risk.add_expected_variance(&[0.01, f64::NAN, 0.02, 0.01], 21.0);
    let expected = [1e-4 + 21.0 * 1e-4, 2e-4, 3e-4 + 21.0 * 4e-4, f64::INFINITY];
    for (i, (found, expected)) in risk.idiosyncratic().iter().zip(expected).enumerate() {
        assert!(
            *found == expected || (found / expected - 1.0).abs() < 1e-12,
            "{i}: {found}, expected {expected}"
        );
    }
    near(risk.variance_of(0), 4e-4 + expected[0], "variance of one");
    near(risk.residual_variance(&[1.0, 1.0, 1.0, 0.0]), 6e-4, "residual variance");
}

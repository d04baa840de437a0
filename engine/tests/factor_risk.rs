//! Products with the covariance of a factor risk model against the same with a full matrix.
#![allow(clippy::unwrap_used)]

mod support;

use betaflow_engine::portfolio::{Covariance, FactorRisk};
use nalgebra::{DMatrix, DVector};
use support::Random;

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

//! k × k algebra by hand, row-major: products of nalgebra's dynamic matrices go to a kernel that fuses
//! multiply-add where the processor can, which would make results depend on the machine.

/// The identity.
pub(super) fn identity(k: usize) -> Vec<f64> {
    (0..k * k).map(|at| if at / k == at % k { 1.0 } else { 0.0 }).collect()
}

/// A b for k × k A.
pub(super) fn times_vector(a: &[f64], b: &[f64]) -> Vec<f64> {
    let k = b.len();
    a.chunks_exact(k).map(|row| dot(row, b)).collect()
}

/// A B.
pub(super) fn times(a: &[f64], b: &[f64], k: usize) -> Vec<f64> {
    let mut product = vec![0.0; k * k];
    for (row, to) in a.chunks_exact(k).zip(product.chunks_exact_mut(k)) {
        for (left, from) in row.iter().zip(b.chunks_exact(k)) {
            for (to, right) in to.iter_mut().zip(from) {
                *to += left * right;
            }
        }
    }
    product
}

/// A B'.
pub(super) fn times_transposed(a: &[f64], b: &[f64], k: usize) -> Vec<f64> {
    let rows = a.chunks_exact(k).flat_map(|row| b.chunks_exact(k).map(move |other| dot(row, other)));
    rows.collect()
}

/// A P A' of a symmetric P: the upper triangle, mirrored.
pub(super) fn congruence(a: &[f64], p: &[f64], k: usize) -> Vec<f64> {
    let mut product = times_transposed(&times(a, p, k), a, k);
    mirror(&mut product, k);
    product
}

/// Copies the upper triangle over the lower one.
pub(super) fn mirror(a: &mut [f64], k: usize) {
    for i in 0..k {
        for j in 0..i {
            a[i * k + j] = a[j * k + i];
        }
    }
}

/// A'.
pub(super) fn transposed(a: &[f64], k: usize) -> Vec<f64> {
    (0..k * k).map(|at| a[at % k * k + at / k]).collect()
}

/// x'y, from the first element to the last.
pub(super) fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// R⁻¹ B for a symmetric R; by the pseudo-inverse where R has directions without variance.
pub(super) fn solve(r: &[f64], b: &[f64], k: usize) -> Vec<f64> {
    let Some(l) = cholesky(r, k) else {
        return times(&pseudo_inverse(r, k), b, k);
    };
    let mut x = b.to_vec();
    for column in 0..k {
        for i in 0..k {
            let known: f64 = (0..i).map(|j| l[i * k + j] * x[j * k + column]).sum();
            x[i * k + column] = (x[i * k + column] - known) / l[i * k + i];
        }
        for i in (0..k).rev() {
            let known: f64 = (i + 1..k).map(|j| l[j * k + i] * x[j * k + column]).sum();
            x[i * k + column] = (x[i * k + column] - known) / l[i * k + i];
        }
    }
    x
}

/// L with L L' = R, or `None` where a pivot keeps nothing of its own diagonal beyond rounding.
pub(super) fn cholesky(r: &[f64], k: usize) -> Option<Vec<f64>> {
    let mut l = vec![0.0; k * k];
    for i in 0..k {
        for j in 0..=i {
            let rest = r[i * k + j] - dot(&l[i * k..i * k + j], &l[j * k..j * k + j]);
            if i > j {
                l[i * k + j] = rest / l[j * k + j];
            } else if rest > k as f64 * f64::EPSILON * r[i * k + i] {
                l[i * k + i] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    Some(l)
}

/// Moore–Penrose inverse of a symmetric matrix, eigenvalues below rounding of the largest taken as zero.
fn pseudo_inverse(r: &[f64], k: usize) -> Vec<f64> {
    let (values, vectors) = eigen(r, k);
    let largest = largest(&values);
    let mut result = vec![0.0; k * k];
    for (at, value) in values.iter().enumerate() {
        if value.abs() > k as f64 * f64::EPSILON * largest {
            for i in 0..k {
                for j in 0..k {
                    result[i * k + j] += vectors[i * k + at] * vectors[j * k + at] / value;
                }
            }
        }
    }
    result
}

/// Least eigenvalue as a share of the largest in absolute value; 0 of a zero matrix.
pub(super) fn least_relative_eigenvalue(p: &[f64], k: usize) -> f64 {
    let (values, _) = eigen(p, k);
    let largest = largest(&values);
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    if largest == 0.0 { 0.0 } else { least / largest }
}

/// Eigenvalues of a symmetric matrix, and its eigenvectors as columns, by Jacobi's rotations (Golub & Van Loan
/// 8.5).
fn eigen(p: &[f64], k: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut a, mut vectors) = (p.to_vec(), identity(k));
    let rounding = f64::EPSILON * largest(p);
    // Convergence is quadratic: a handful of sweeps does.
    for _ in 0..30 {
        let mut rotated = false;
        for i in 0..k {
            for j in i + 1..k {
                let off = a[i * k + j];
                if off.abs() <= rounding {
                    continue;
                }
                rotated = true;
                let tau = (a[j * k + j] - a[i * k + i]) / (2.0 * off);
                let t = tau.signum() / (tau.abs() + (1.0 + tau * tau).sqrt());
                let c = 1.0 / (1.0 + t * t).sqrt();
                let s = t * c;
                for l in 0..k {
                    let (x, y) = (a[l * k + i], a[l * k + j]);
                    (a[l * k + i], a[l * k + j]) = (c * x - s * y, s * x + c * y);
                    let (x, y) = (vectors[l * k + i], vectors[l * k + j]);
                    (vectors[l * k + i], vectors[l * k + j]) = (c * x - s * y, s * x + c * y);
                }
                for l in 0..k {
                    let (x, y) = (a[i * k + l], a[j * k + l]);
                    (a[i * k + l], a[j * k + l]) = (c * x - s * y, s * x + c * y);
                }
            }
        }
        if !rotated {
            break;
        }
    }
    ((0..k).map(|i| a[i * k + i]).collect(), vectors)
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()))
}

/// Largest difference between the two halves as a share of the largest element.
pub(super) fn asymmetry(p: &[f64], k: usize) -> f64 {
    let largest = largest(p);
    let mut worst = 0.0_f64;
    for i in 0..k {
        for j in 0..i {
            worst = worst.max((p[i * k + j] - p[j * k + i]).abs());
        }
    }
    if largest == 0.0 { 0.0 } else { worst / largest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_where_a_direction_has_no_variance() {
        // Rank 2 of 3: the third is the sum of the others.
        let r = [2.0, 0.5, 2.5, 0.5, 1.0, 1.5, 2.5, 1.5, 4.0];
        assert!(cholesky(&r, 3).is_none());
        let inverse = solve(&r, &identity(3), 3);
        let back = times(&times(&r, &inverse, 3), &r, 3);
        for (found, expected) in back.iter().zip(&r) {
            assert!((found - expected).abs() < 1e-13, "R R⁺ R = {back:?}");
        }
        assert!(least_relative_eigenvalue(&r, 3).abs() < 1e-15);
        let full = solve(&[2.0, 0.5, 0.5, 1.0], &identity(2), 2);
        for (found, expected) in full.iter().zip([4.0 / 7.0, -2.0 / 7.0, -2.0 / 7.0, 8.0 / 7.0]) {
            assert!((found - expected).abs() < 1e-15);
        }
    }
}

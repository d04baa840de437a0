//! Linear algebra of small matrices on nalgebra's storage: semi-definite matrices, and buffers that keep
//! their memory.
//! The crate nalgebra is compiled without `std`: its products then run the same operations in the same order
//! on every processor, without fused multiply-add.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// Sets the shape of a buffer. Its values are 0 after a change of shape, and unchanged otherwise.
pub(crate) fn reshape(buffer: &mut DMatrix<f64>, rows: usize, columns: usize) {
    if buffer.shape() != (rows, columns) {
        *buffer = DMatrix::zeros(rows, columns);
    }
}

/// Sets the length of a buffer. Its values are 0 after a change of length, and unchanged otherwise.
pub(crate) fn resize(buffer: &mut DVector<f64>, length: usize) {
    if buffer.len() != length {
        *buffer = DVector::zeros(length);
    }
}

/// Replaces a symmetric positive semi-definite k × k matrix by its lower factor L with L L' = A; reads only
/// the lower half of A. Column-major. Returns true if A has full rank.
///
/// A pivot within rounding of its diagonal element belongs to a direction that earlier columns already span
/// (two equal factors, a factor of zeros). Its column becomes zero, which keeps L L' = A.
pub(crate) fn cholesky_semidefinite(a: &mut [f64], k: usize) -> bool {
    let mut full = true;
    for j in 0..k {
        let (left, right) = a.split_at_mut(j * k);
        let (above, column) = right[..k].split_at_mut(j);
        let diagonal = column[0];
        for l in left.chunks_exact(k) {
            column.iter_mut().zip(&l[j..]).for_each(|(value, other)| *value -= other * l[j]);
        }
        above.fill(0.0);
        if column[0] <= diagonal * 1e-14 {
            full = false;
            column.fill(0.0);
        } else {
            column[0] = column[0].sqrt();
            let root = column[0];
            column[1..].iter_mut().for_each(|value| *value /= root);
        }
    }
    full
}

/// Solves L L' x = b in place of `b`, for a lower k × k L with a positive diagonal, column-major.
pub(crate) fn solve_cholesky(l: &[f64], k: usize, b: &mut [f64]) {
    for j in 0..k {
        b[j] /= l[j * k + j];
        for i in j + 1..k {
            b[i] -= l[j * k + i] * b[j];
        }
    }
    for j in (0..k).rev() {
        for i in j + 1..k {
            b[j] -= l[j * k + i] * b[i];
        }
        b[j] /= l[j * k + j];
    }
}

/// Returns R⁻¹ B for a symmetric R, with the pseudo-inverse if R has directions without variance.
pub(crate) fn solve_symmetric(r: &DMatrix<f64>, b: DMatrix<f64>) -> DMatrix<f64> {
    let (k, mut l, mut x) = (r.nrows(), r.clone(), b);
    if !cholesky_semidefinite(l.as_mut_slice(), k) {
        return pseudo_inverse(r) * x;
    }
    x.as_mut_slice().chunks_exact_mut(k).for_each(|column| solve_cholesky(l.as_slice(), k, column));
    x
}

/// Moore–Penrose inverse of a symmetric matrix; eigenvalues within rounding of the largest count as zero.
fn pseudo_inverse(r: &DMatrix<f64>) -> DMatrix<f64> {
    let SymmetricEigen { eigenvectors, eigenvalues } = SymmetricEigen::new(r.clone());
    let rounding = r.nrows() as f64 * f64::EPSILON * eigenvalues.amax();
    let inverse = |value: f64| if value.abs() > rounding { 1.0 / value } else { 0.0 };
    &eigenvectors * DMatrix::from_diagonal(&eigenvalues.map(inverse)) * eigenvectors.transpose()
}

/// Smallest eigenvalue of a symmetric matrix as a share of the largest in absolute value; 0 for a zero
/// matrix.
pub(crate) fn least_relative_eigenvalue(p: &DMatrix<f64>) -> f64 {
    let values = p.symmetric_eigenvalues();
    let largest = values.amax();
    if largest == 0.0 { 0.0 } else { values.min() / largest }
}

/// Largest difference between the lower and the upper half, as a share of the largest element.
pub(crate) fn asymmetry(p: &DMatrix<f64>) -> f64 {
    let largest = p.amax();
    if largest == 0.0 { 0.0 } else { (p - p.transpose()).amax() / largest }
}

/// Serialized form of a vector: its values.
pub(crate) mod vector_state {
    use nalgebra::DVector;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(vector: &DVector<f64>, to: S) -> Result<S::Ok, S::Error> {
        vector.as_slice().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DVector<f64>, D::Error> {
        Vec::deserialize(from).map(DVector::from_vec)
    }
}

/// Serialized form of a square matrix: its values, column by column.
pub(crate) mod square_state {
    use nalgebra::DMatrix;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(matrix: &DMatrix<f64>, to: S) -> Result<S::Ok, S::Error> {
        matrix.as_slice().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DMatrix<f64>, D::Error> {
        let values: Vec<f64> = Vec::deserialize(from)?;
        let k = values.len().isqrt();
        if k * k != values.len() {
            return Err(D::Error::invalid_length(values.len(), &"the values of a square matrix"));
        }
        Ok(DMatrix::from_vec(k, k, values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn close(a: &DMatrix<f64>, b: &DMatrix<f64>, bound: f64) {
        assert!((a - b).amax() <= bound * b.amax(), "{a} {b}");
    }

    #[test]
    fn solve_handles_a_direction_without_variance() {
        // Rank 2 of 3: the third is the sum of the others.
        let r = DMatrix::from_row_slice(3, 3, &[2.0, 0.5, 2.5, 0.5, 1.0, 1.5, 2.5, 1.5, 4.0]);
        assert!(!cholesky_semidefinite(r.clone().as_mut_slice(), 3));
        let inverse = solve_symmetric(&r, DMatrix::identity(3, 3));
        close(&(&r * inverse * &r), &r, 1e-13);
        assert!(least_relative_eigenvalue(&r).abs() < 1e-15);
        let full = DMatrix::from_row_slice(2, 2, &[2.0, 0.5, 0.5, 1.0]);
        let expected = DMatrix::from_row_slice(2, 2, &[4.0, -2.0, -2.0, 8.0]) / 7.0;
        close(&solve_symmetric(&full, DMatrix::identity(2, 2)), &expected, 1e-15);
    }

    #[test]
    fn cholesky_factor_and_pseudo_inverse_are_exact_at_every_rank() {
        let mut random = Random::new(1);
        for case in 0..2_000 {
            let k = 1 + random.below(10);
            let rank = 1 + random.below(k);
            let half = DMatrix::from_fn(k, rank, |_, _| random.uniform() - 0.5);
            let a = &half * half.transpose();
            let mut l = a.clone();
            cholesky_semidefinite(l.as_mut_slice(), k);
            // The factor drops the column of a pivot within rounding of its diagonal element: error up to
            // 4e-8 of the largest element in 20,000 matrices of lower rank.
            close(&(&l * l.transpose()), &a, if rank == k { 1e-12 } else { 1e-6 });
            let inverse = pseudo_inverse(&a);
            close(&(&a * inverse * &a), &a, 1e-8);
            assert!(least_relative_eigenvalue(&a) > -1e-14, "case {case}");
            let eigen = SymmetricEigen::new(a.clone());
            close(&eigen.recompose(), &a, 1e-12);
        }
    }
}

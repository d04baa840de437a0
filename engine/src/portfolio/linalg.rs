//! k × k algebra by hand: products of a library may choose a fused kernel at run time, which would change
//! bits from one processor to the next. Row-major; k is the number of factors.

/// Lower L with L L' = `a`, for a symmetric positive semi-definite `a`, in place of its lower half.
///
/// A pivot that is nothing beside its diagonal element belongs to a direction that others already span
/// (two equal factors, a factor of zeros): its column becomes zero, which keeps L L' = a.
pub(super) fn cholesky_semidefinite(a: &mut [f64], k: usize) {
    for j in 0..k {
        let diagonal = a[j * k + j];
        let mut pivot = diagonal;
        for p in 0..j {
            pivot -= a[j * k + p] * a[j * k + p];
        }
        let spanned = pivot <= diagonal * 1e-14;
        let root = if spanned { 0.0 } else { pivot.sqrt() };
        a[j * k + j] = root;
        for i in j + 1..k {
            let mut value = a[i * k + j];
            for p in 0..j {
                value -= a[i * k + p] * a[j * k + p];
            }
            a[i * k + j] = if spanned { 0.0 } else { value / root };
        }
    }
}

/// Solves L L' x = b in place of `b`, for L with a positive diagonal.
pub(super) fn solve_cholesky(l: &[f64], k: usize, b: &mut [f64]) {
    for i in 0..k {
        let mut value = b[i];
        for p in 0..i {
            value -= l[i * k + p] * b[p];
        }
        b[i] = value / l[i * k + i];
    }
    for i in (0..k).rev() {
        let mut value = b[i];
        for p in i + 1..k {
            value -= l[p * k + i] * b[p];
        }
        b[i] = value / l[i * k + i];
    }
}

/// L' v into `out`, for lower L.
pub(super) fn lower_transposed_times(l: &[f64], k: usize, v: &[f64], out: &mut [f64]) {
    for (a, out) in out.iter_mut().enumerate() {
        *out = (a..k).map(|p| l[p * k + a] * v[p]).sum();
    }
}

/// L v into `out`, for lower L.
pub(super) fn lower_times(l: &[f64], k: usize, v: &[f64], out: &mut [f64]) {
    for (a, out) in out.iter_mut().enumerate() {
        *out = (0..=a).map(|p| l[a * k + p] * v[p]).sum();
    }
}

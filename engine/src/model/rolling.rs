//! Rolling least squares, the benchmark of the filters.

use std::collections::VecDeque;

use crate::settings::{Invalid, require};

/// Ordinary least squares of each instrument's returns on (1, f) over the last `window` frames.
///
/// The forecast of a frame uses its factors and the regression on the previous `window` frames; it is NaN
/// until those exist. Missing returns are skipped: an instrument with fewer returns is regressed on the
/// returns that it has, and a design without full rank gets the solution of least norm. No matrix is
/// regularised.
///
/// A frame costs O(k²) per row of the window, once for all instruments with complete returns and once for
/// each other one. For offline comparison.
#[derive(Clone, Debug)]
pub struct RollingRegression {
    window: usize,
    k: usize,
    /// Designs x of the frames in the window, oldest first.
    designs: VecDeque<Vec<f64>>,
    /// Returns of those frames, in engine order; instruments not listed yet are absent at the end.
    returns: VecDeque<Vec<f64>>,
    /// Coefficients, k values per instrument.
    coefficients: Vec<f64>,
    forecasts: Vec<f64>,
}

impl RollingRegression {
    /// Regression over `window` frames, at least one, and `factors` factors; k = `factors` + 1.
    ///
    /// # Errors
    /// Fails if the window is empty.
    pub fn new(window: usize, factors: usize) -> Result<Self, Invalid> {
        require(window > 0, "window", window, "at least 1 frame")?;
        Ok(Self {
            window,
            k: factors + 1,
            designs: VecDeque::new(),
            returns: VecDeque::new(),
            coefficients: Vec::new(),
            forecasts: Vec::new(),
        })
    }

    /// Processes one frame; returns the forecasts of its returns from the frames before it, decimal, one per
    /// instrument. NaN before the first full window, or without a return of the instrument in the window.
    ///
    /// `factors` are finite, length k − 1; `returns` are in engine order, NaN where missing, never fewer than
    /// in the previous frame.
    ///
    /// # Panics
    /// `factors` has another length.
    pub fn step(&mut self, factors: &[f64], returns: &[f64]) -> &[f64] {
        let k = self.k;
        assert_eq!(factors.len(), k - 1, "one return per factor");
        let design: Vec<f64> = std::iter::once(1.0).chain(factors.iter().copied()).collect();
        self.coefficients.clear();
        self.coefficients.resize(returns.len() * k, f64::NAN);
        if self.designs.len() == self.window {
            self.regress();
            self.designs.pop_front();
            self.returns.pop_front();
        }
        self.forecasts.clear();
        let forecast = |b: &[f64]| dot(b, &design);
        self.forecasts.extend(self.coefficients.chunks_exact(k).map(forecast));
        self.designs.push_back(design);
        self.returns.push_back(returns.to_vec());
        &self.forecasts
    }

    /// Forecasts of the last frame, as [`Self::step`] returned them.
    #[must_use]
    pub fn forecasts(&self) -> &[f64] {
        &self.forecasts
    }

    /// Coefficients of an instrument's last forecast, alpha and the betas; NaN if it had none.
    ///
    /// # Panics
    /// Unknown instrument.
    #[must_use]
    pub fn coefficients(&self, instrument: usize) -> &[f64] {
        &self.coefficients[instrument * self.k..(instrument + 1) * self.k]
    }

    fn regress(&mut self) {
        let k = self.k;
        let mut complete: Option<Design> = None;
        for (instrument, b) in self.coefficients.chunks_exact_mut(k).enumerate() {
            let y = self.returns.iter().map(|row| row.get(instrument).copied().unwrap_or(f64::NAN));
            let seen: Vec<f64> = y.clone().filter(|y| !y.is_nan()).collect();
            if seen.len() == self.window {
                complete.get_or_insert_with(|| Design::new(self.designs.iter(), k)).solve(&seen, b);
            } else if !seen.is_empty() {
                let rows = self.designs.iter().zip(y).filter(|(_, y)| !y.is_nan()).map(|(x, _)| x);
                Design::new(rows, k).solve(&seen, b);
            }
        }
    }
}

/// Design of a regression as X = Q L W: Q with orthonormal columns, L lower triangular, W with orthonormal
/// rows, all of the rank of X.
///
/// Computed by Gram–Schmidt on the columns and then on the coefficients of Q, which is backward stable and
/// gives the solution of least norm. (The singular value decomposition of nalgebra 0.35 is off by one part in
/// 10⁵ on some windows of ordinary returns.)
struct Design {
    q: Vec<Vec<f64>>,
    l: Vec<Vec<f64>>,
    w: Vec<Vec<f64>>,
}

impl Design {
    fn new<'a>(designs: impl Iterator<Item = &'a Vec<f64>> + Clone, k: usize) -> Self {
        let columns = (0..k).map(|j| designs.clone().map(|x| x[j]).collect());
        let (q, along) = orthogonalise(columns);
        let row = |i: usize| along.iter().map(|column| column.get(i).copied().unwrap_or(0.0)).collect();
        let (w, l) = orthogonalise((0..q.len()).map(row));
        Self { q, l, w }
    }

    /// Least-squares coefficients of y with the least norm: W' L⁻¹ Q'y.
    fn solve(&self, y: &[f64], b: &mut [f64]) {
        b.fill(0.0);
        let mut c: Vec<f64> = Vec::with_capacity(self.q.len());
        for ((q, l), w) in self.q.iter().zip(&self.l).zip(&self.w) {
            let at = c.len();
            c.push((dot(q, y) - dot(&l[..at], &c)) / l[at]);
            for (b, w) in b.iter_mut().zip(w) {
                *b += c[at] * w;
            }
        }
    }
}

/// Orthonormal basis of the span of the vectors, and the coordinates of each vector in it.
///
/// Each vector is orthogonalised twice, which is orthogonal to rounding (Giraud, Langou & Rozložník 2005). A
/// vector with a remainder of rounding size is a combination of those before it.
fn orthogonalise(vectors: impl Iterator<Item = Vec<f64>>) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let mut coordinates = Vec::new();
    for mut rest in vectors {
        let size = dot(&rest, &rest).sqrt();
        let mut along = vec![0.0; basis.len()];
        for _ in 0..2 {
            for (q, along) in basis.iter().zip(&mut along) {
                let more = dot(q, &rest);
                *along += more;
                for (rest, q) in rest.iter_mut().zip(q) {
                    *rest -= more * q;
                }
            }
        }
        let left = dot(&rest, &rest).sqrt();
        if basis.len() < rest.len() && left > rest.len() as f64 * f64::EPSILON * size {
            along.push(left);
            basis.push(rest.iter().map(|value| value / left).collect());
        }
        coordinates.push(along);
    }
    (basis, coordinates)
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>()
}

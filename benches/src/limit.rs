//! Limit of a processor for the filters: loops with their arithmetic and the same order of bars and instruments, and
//! nothing around them: no forecasts, no missing returns, no last block that is not full.
//!
//! The loops use instructions of x86-64-v4 or x86-64-v3 directly. There is no limit on other processors.

/// Factors and alpha of the loops.
pub const K: usize = 7;
const TRIANGLE: usize = K * (K + 1) / 2;

/// Loop whose limit is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// A covariance for each instrument, Q = q I.
    Full,
    /// One gain for all instruments.
    Shared,
    /// One gain, and an observation variance learned for each instrument.
    Learned,
}

/// Eight values, one line of the caches.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f64; 8]);

/// State of the loops before the first bar, and whether they write their means.
pub struct Limit {
    which: Loop,
    state: Vec<Line>,
}

/// Runs a limit's loop over all bars.
type Pass = unsafe fn(Loop, &[f64], &[f64], usize, &mut [Line], Option<&mut [f64]>);

const fn packed(a: usize, b: usize) -> usize {
    let (a, b) = if a <= b { (a, b) } else { (b, a) };
    a * K - a * (a + 1) / 2 + b
}

impl Limit {
    /// State of `instruments` instruments.
    #[must_use]
    pub fn new(which: Loop, instruments: usize) -> Self {
        let size = if which == Loop::Full { K + TRIANGLE } else { K + 1 };
        let mut state = vec![Line([0.0; 8]); instruments / 8 * size];
        for state in state.chunks_exact_mut(size) {
            if which == Loop::Full {
                (0..K).for_each(|j| state[K + packed(j, j)] = Line([1.0; 8]));
            } else {
                state[K] = Line([1.0; 8]);
            }
        }
        Self { which, state }
    }

    /// Processes all bars of whole blocks of eight instruments; writes means block by block, if given. Returns false
    /// without a loop for this processor up to `most_bits` bits a register.
    pub fn run(
        &mut self,
        most_bits: usize,
        design: &[f64],
        returns: &[f64],
        instruments: usize,
        means: Option<&mut [f64]>,
    ) -> bool {
        let Some(pass) = pass(most_bits) else { return false };
        // SAFETY: `pass` has found the instructions on this processor.
        #[allow(unsafe_code, reason = "calls a function with more instructions than the caller's")]
        unsafe {
            pass(self.which, design, returns, instruments, &mut self.state, means);
        }
        true
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn pass(_: usize) -> Option<Pass> {
    None
}

#[cfg(target_arch = "x86_64")]
fn pass(most_bits: usize) -> Option<Pass> {
    if most_bits >= 512 && is_x86_feature_detected!("avx512f") {
        return Some(v4::run);
    }
    let v3 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    (most_bits >= 256 && v3).then_some(v3::run as Pass)
}

#[cfg(target_arch = "x86_64")]
macro_rules! loops {
    (
        $name:ident, $features:literal, $register:ty, $width:literal, $load:ident, $store:ident, $stream:ident,
        $splat:ident, $add:ident, $multiply:ident, $divide:ident, $fma:ident, $fnma:ident
    ) => {
        #[allow(unsafe_code, clippy::wildcard_imports, reason = "instructions of the processor")]
        mod $name {
            use std::arch::x86_64::*;

            use super::{K, Line, Loop, TRIANGLE, packed};

            #[target_feature(enable = $features)]
            #[inline]
            fn load(from: &[f64], part: usize) -> $register {
                // SAFETY: the numbers are a checked slice.
                unsafe { $load(from[part * $width..][..$width].as_ptr()) }
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn store(value: $register, to: &mut Line, part: usize) {
                // SAFETY: as above.
                unsafe { $store(to.0[part * $width..][..$width].as_mut_ptr(), value) }
            }

            /// Copies the means of a block past the caches.
            #[target_feature(enable = $features)]
            #[inline]
            fn write(state: &[Line], to: &mut [Line]) {
                for (from, to) in state[..K].iter().zip(to) {
                    for part in 0..8 / $width {
                        let to = to.0[part * $width..][..$width].as_mut_ptr();
                        // SAFETY: a line is aligned to its 64 bytes, so its parts are to theirs.
                        unsafe { $stream(to, load(&from.0, part)) }
                    }
                }
            }

            #[target_feature(enable = $features)]
            pub(super) fn run(
                which: Loop,
                design: &[f64],
                returns: &[f64],
                instruments: usize,
                state: &mut [Line],
                means: Option<&mut [f64]>,
            ) {
                let blocks = instruments / 8;
                // SAFETY: a line is eight f64, and every bit pattern of both is valid.
                let mut means = means.map(|means| unsafe { means.align_to_mut::<Line>().1 });
                let mut scaled = [1.0; TRIANGLE];
                for (bar, (x, y)) in design.chunks_exact(K).zip(returns.chunks_exact(instruments)).enumerate()
                {
                    let mut design = [$splat(0.0); K];
                    (0..K).for_each(|j| design[j] = $splat(x[j]));
                    let written = means
                        .as_deref_mut()
                        .and_then(|means| means.get_mut(bar * blocks * K..(bar + 1) * blocks * K));
                    match which {
                        Loop::Full => full(&design, y, state, written),
                        Loop::Shared | Loop::Learned => {
                            let gain = gain(x, &mut scaled);
                            shared(&design, gain, y, state, which == Loop::Learned, written);
                        }
                    }
                }
                _mm_sfence();
            }

            /// Gain of one scaled covariance.
            fn gain(x: &[f64], p: &mut [f64; TRIANGLE]) -> [f64; K] {
                let mut px = [0.0; K];
                let mut q = 1.0;
                for a in 0..K {
                    px[a] = (0..K).map(|b| p[packed(a, b)] * x[b]).sum();
                    q += px[a] * x[a];
                }
                for a in 0..K {
                    for b in a..K {
                        p[packed(a, b)] -= px[a] * px[b] / q;
                    }
                    p[packed(a, a)] += 1e-4;
                }
                px.map(|px| px / q)
            }

            #[target_feature(enable = $features)]
            fn full(x: &[$register; K], y: &[f64], state: &mut [Line], mut means: Option<&mut [Line]>) {
                let (one, noise) = ($splat(1.0), $splat(1e-4));
                let (state, _) = state.as_chunks_mut::<{ K + TRIANGLE }>();
                for (block, (state, y)) in state.iter_mut().zip(y.as_chunks::<8>().0).enumerate() {
                    for part in 0..8 / $width {
                        let mut p = [one; TRIANGLE];
                        (0..TRIANGLE).for_each(|at| p[at] = load(&state[K + at].0, part));
                        (0..K).for_each(|a| p[packed(a, a)] = $add(p[packed(a, a)], noise));
                        let (mut px, mut q, mut e) = ([one; K], one, load(y, part));
                        for a in 0..K {
                            px[a] = $multiply(p[packed(a, 0)], x[0]);
                            for b in 1..K {
                                px[a] = $fma(p[packed(a, b)], x[b], px[a]);
                            }
                            e = $fnma(load(&state[a].0, part), x[a], e);
                        }
                        for a in 0..K {
                            q = $fma(px[a], x[a], q);
                        }
                        let inverse = $divide(one, q);
                        for a in 0..K {
                            let gain = $multiply(px[a], inverse);
                            store($fma(gain, e, load(&state[a].0, part)), &mut state[a], part);
                            for b in a..K {
                                let at = packed(a, b);
                                store($fnma(gain, px[b], p[at]), &mut state[K + at], part);
                            }
                        }
                    }
                    if let Some(means) = &mut means {
                        write(&*state, &mut means[block * K..]);
                    }
                }
            }

            #[target_feature(enable = $features)]
            fn shared(
                x: &[$register; K],
                gain: [f64; K],
                y: &[f64],
                state: &mut [Line],
                learns: bool,
                mut means: Option<&mut [Line]>,
            ) {
                let (kept, learned) = ($splat(0.97), $splat(0.02));
                let mut gains = [kept; K];
                (0..K).for_each(|j| gains[j] = $splat(gain[j]));
                let (state, _) = state.as_chunks_mut::<{ K + 1 }>();
                for (block, (state, y)) in state.iter_mut().zip(y.as_chunks::<8>().0).enumerate() {
                    for part in 0..8 / $width {
                        let mut m = [kept; K];
                        (0..K).for_each(|j| m[j] = load(&state[j].0, part));
                        let (mut even, mut odd) = (load(y, part), $multiply(m[1], x[1]));
                        for j in 0..K {
                            if j % 2 == 0 {
                                even = $fnma(m[j], x[j], even);
                            } else if j > 1 {
                                odd = $fma(m[j], x[j], odd);
                            }
                        }
                        let e = $fnma(odd, $splat(1.0), even);
                        for j in 0..K {
                            store($fma(gains[j], e, m[j]), &mut state[j], part);
                        }
                        if learns {
                            let s = $multiply(kept, load(&state[K].0, part));
                            store($fma(learned, $multiply(e, e), s), &mut state[K], part);
                        }
                    }
                    if let Some(means) = &mut means {
                        write(&*state, &mut means[block * K..]);
                    }
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
loops!(
    v4,
    "avx512f",
    __m512d,
    8,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_stream_pd,
    _mm512_set1_pd,
    _mm512_add_pd,
    _mm512_mul_pd,
    _mm512_div_pd,
    _mm512_fmadd_pd,
    _mm512_fnmadd_pd
);
#[cfg(target_arch = "x86_64")]
loops!(
    v3,
    "avx2,fma",
    __m256d,
    4,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_stream_pd,
    _mm256_set1_pd,
    _mm256_add_pd,
    _mm256_mul_pd,
    _mm256_div_pd,
    _mm256_fmadd_pd,
    _mm256_fnmadd_pd
);

//! Vectors of numbers as the instruction set of a kernel has them.
//!
//! Compilers turn simple loops over eight lanes into vector code, but not reliably those with long chains of
//! operations, and they keep more values than there are registers. The filters are therefore written in terms of
//! [`Vector`]. All its operations work lane by lane and are exactly defined by IEEE 754, so every width gives the same
//! bits.

use super::MulAdd;

/// Number of values in a block of lanes; a multiple of every [`Vector::WIDTH`].
pub(crate) const LANES: usize = 8;

/// Vectors of [`Self::WIDTH`] numbers. Only bodies of kernels use it, with the type that [`kernel!`](super::kernel)
/// gives them.
pub(crate) trait Vector: MulAdd {
    /// One register.
    type V: Copy;
    /// Numbers in a register.
    const WIDTH: usize;

    /// Reads numbers `part * WIDTH` and following of a block.
    fn load(from: &[f64; LANES], part: usize) -> Self::V;
    /// Writes numbers `part * WIDTH` and following of a block.
    fn store(value: Self::V, to: &mut [f64; LANES], part: usize);
    /// Repeats a number.
    fn splat(value: f64) -> Self::V;
    /// Returns a + b.
    fn add(a: Self::V, b: Self::V) -> Self::V;
    /// Returns a − b.
    fn subtract(a: Self::V, b: Self::V) -> Self::V;
    /// Returns a·b.
    fn multiply(a: Self::V, b: Self::V) -> Self::V;
    /// Returns a/b.
    fn divide(a: Self::V, b: Self::V) -> Self::V;
    /// Returns a·b + c, rounded once.
    fn add_product(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// Returns c − a·b, rounded once.
    fn subtract_product(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// Returns a where a > b, and b elsewhere.
    fn larger(a: Self::V, b: Self::V) -> Self::V;
    /// Returns `value` where `test` is a number, and `missing` where it is NaN.
    fn unless_missing(test: Self::V, value: Self::V, missing: Self::V) -> Self::V;
    /// Returns true if any number is NaN.
    fn any_missing(test: Self::V) -> bool;

    /// True if the kernels write numbers that are not read soon past the caches. `cargo bench --bench estimators`
    /// ("means written") shows a gain with registers of a whole line, and a loss with smaller ones.
    const STREAMS: bool = false;
    /// Parts of a slice before, at and after the places of whole registers with their alignment.
    #[inline(always)]
    fn aligned(numbers: &mut [f64]) -> (&mut [f64], &mut [Self::V], &mut [f64]) {
        (numbers, &mut [], &mut [])
    }
    /// Writes a register, past the caches if [`Self::STREAMS`]. Call [`Self::order_streams`] before anything else can
    /// read it.
    #[inline(always)]
    fn stream(value: Self::V, to: &mut Self::V) {
        *to = value;
    }
    /// Orders writes past the caches before all later ones of the thread, as other writes are.
    #[inline(always)]
    fn order_streams() {}
    /// Returns numbers `from` and following of those of `left` and then `right`, 0 < `from` < [`Self::WIDTH`].
    #[inline(always)]
    fn between(left: Self::V, right: Self::V, from: usize) -> Self::V {
        debug_assert!(!Self::STREAMS, "one of {from} for each instruction set that streams");
        let _ = right;
        left
    }
}

/// Implements [`Vector`] with one number per register.
#[cfg_attr(target_arch = "aarch64", allow(unused_macros))]
macro_rules! scalar {
    ($name:ty) => {
        impl Vector for $name {
            type V = f64;
            const WIDTH: usize = 1;

            #[inline(always)]
            fn load(from: &[f64; LANES], part: usize) -> f64 {
                from[part]
            }
            #[inline(always)]
            fn store(value: f64, to: &mut [f64; LANES], part: usize) {
                to[part] = value;
            }
            #[inline(always)]
            fn splat(value: f64) -> f64 {
                value
            }
            #[inline(always)]
            fn add(a: f64, b: f64) -> f64 {
                a + b
            }
            #[inline(always)]
            fn subtract(a: f64, b: f64) -> f64 {
                a - b
            }
            #[inline(always)]
            fn multiply(a: f64, b: f64) -> f64 {
                a * b
            }
            #[inline(always)]
            fn divide(a: f64, b: f64) -> f64 {
                a / b
            }
            #[inline(always)]
            fn add_product(a: f64, b: f64, c: f64) -> f64 {
                Self::mul_add(a, b, c)
            }
            #[inline(always)]
            fn subtract_product(a: f64, b: f64, c: f64) -> f64 {
                Self::mul_add(-a, b, c)
            }
            #[inline(always)]
            fn larger(a: f64, b: f64) -> f64 {
                if a > b { a } else { b }
            }
            #[inline(always)]
            fn unless_missing(test: f64, value: f64, missing: f64) -> f64 {
                if test.is_nan() { missing } else { value }
            }
            #[inline(always)]
            fn any_missing(test: f64) -> bool {
                test.is_nan()
            }
        }
    };
}

/// Implements [`Vector`] with intrinsics.
macro_rules! intrinsics {
    (
        $name:ty, $register:ty, $width:literal, $load:ident, $store:ident, $splat:ident, $add:ident, $subtract:ident,
        $multiply:ident, $divide:ident, $add_product:ident, $subtract_product:ident, $larger:ident, $unless_missing:ident,
        $any_missing:ident, $($more:item)*
    ) => {
        // SAFETY: the instructions exist. On x86-64 only the functions of `kernel!` that enable them use this type,
        // and those run only after `InstructionSet::is_available` has found them; on AArch64 every processor has them.
        // Loads and stores need no alignment beyond that of f64, and their `WIDTH` numbers are a checked slice.
        #[allow(unsafe_code, reason = "instructions of the processor")]
        impl Vector for $name {
            type V = $register;
            const WIDTH: usize = $width;

            #[inline(always)]
            fn load(from: &[f64; LANES], part: usize) -> Self::V {
                let from = &from[part * $width..][..$width];
                unsafe { $load(from.as_ptr()) }
            }
            #[inline(always)]
            fn store(value: Self::V, to: &mut [f64; LANES], part: usize) {
                let to = &mut to[part * $width..][..$width];
                unsafe { $store(to.as_mut_ptr(), value) }
            }
            #[inline(always)]
            fn splat(value: f64) -> Self::V {
                unsafe { $splat(value) }
            }
            #[inline(always)]
            fn add(a: Self::V, b: Self::V) -> Self::V {
                unsafe { $add(a, b) }
            }
            #[inline(always)]
            fn subtract(a: Self::V, b: Self::V) -> Self::V {
                unsafe { $subtract(a, b) }
            }
            #[inline(always)]
            fn multiply(a: Self::V, b: Self::V) -> Self::V {
                unsafe { $multiply(a, b) }
            }
            #[inline(always)]
            fn divide(a: Self::V, b: Self::V) -> Self::V {
                unsafe { $divide(a, b) }
            }
            #[inline(always)]
            fn add_product(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
                unsafe { $add_product(a, b, c) }
            }
            #[inline(always)]
            fn subtract_product(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
                unsafe { $subtract_product(a, b, c) }
            }
            #[inline(always)]
            fn larger(a: Self::V, b: Self::V) -> Self::V {
                unsafe { $larger(a, b) }
            }
            #[inline(always)]
            fn unless_missing(test: Self::V, value: Self::V, missing: Self::V) -> Self::V {
                unsafe { $unless_missing(test, value, missing) }
            }
            #[inline(always)]
            fn any_missing(test: Self::V) -> bool {
                unsafe { $any_missing(test) }
            }
            $($more)*
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::super::{Software, X86V3, X86V4};
    use super::{LANES, MulAdd, Vector};

    scalar!(Software);
    #[cfg(target_feature = "fma")]
    scalar!(super::super::Instruction);

    intrinsics!(
        X86V3,
        __m256d,
        4,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_set1_pd,
        _mm256_add_pd,
        _mm256_sub_pd,
        _mm256_mul_pd,
        _mm256_div_pd,
        _mm256_fmadd_pd,
        _mm256_fnmadd_pd,
        _mm256_max_pd,
        unless_missing_v3,
        any_missing_v3,
    );

    // Functions instead of closures: a closure has none of the instructions.
    #[inline]
    #[target_feature(enable = "avx")]
    fn unless_missing_v3(test: __m256d, value: __m256d, missing: __m256d) -> __m256d {
        _mm256_blendv_pd(value, missing, _mm256_cmp_pd::<_CMP_UNORD_Q>(test, test))
    }

    #[inline]
    #[target_feature(enable = "avx")]
    fn any_missing_v3(test: __m256d) -> bool {
        _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_UNORD_Q>(test, test)) != 0
    }

    intrinsics! {
        X86V4,
        __m512d,
        8,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_set1_pd,
        _mm512_add_pd,
        _mm512_sub_pd,
        _mm512_mul_pd,
        _mm512_div_pd,
        _mm512_fmadd_pd,
        _mm512_fnmadd_pd,
        _mm512_max_pd,
        unless_missing_v4,
        any_missing_v4,
        const STREAMS: bool = true;
        #[inline(always)]
        fn aligned(numbers: &mut [f64]) -> (&mut [f64], &mut [__m512d], &mut [f64]) {
            // A register is eight f64, and every bit pattern of both is valid.
            unsafe { numbers.align_to_mut() }
        }
        #[inline(always)]
        fn stream(value: __m512d, to: &mut __m512d) {
            // The reference has the alignment of the register, and nothing else refers to the place.
            unsafe { _mm512_stream_pd(std::ptr::from_mut(to).cast(), value) }
        }
        #[inline(always)]
        fn order_streams() {
            unsafe { _mm_sfence() }
        }
        #[inline(always)]
        fn between(left: __m512d, right: __m512d, from: usize) -> __m512d {
            unsafe { between_v4(left, right, from as i64) }
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn unless_missing_v4(test: __m512d, value: __m512d, missing: __m512d) -> __m512d {
        _mm512_mask_mov_pd(value, _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(test, test), missing)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn any_missing_v4(test: __m512d) -> bool {
        _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(test, test) != 0
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn between_v4(left: __m512d, right: __m512d, from: i64) -> __m512d {
        let numbers = _mm512_add_epi64(_mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0), _mm512_set1_epi64(from));
        _mm512_permutex2var_pd(left, numbers, right)
    }
}

#[cfg(target_arch = "aarch64")]
mod aarch64 {
    use std::arch::aarch64::*;

    use super::super::Instruction;
    use super::{LANES, Vector};

    intrinsics!(
        Instruction,
        float64x2_t,
        2,
        vld1q_f64,
        vst1q_f64,
        vdupq_n_f64,
        vaddq_f64,
        vsubq_f64,
        vmulq_f64,
        vdivq_f64,
        add_product,
        subtract_product,
        larger,
        unless_missing,
        any_missing,
    );

    #[inline]
    #[target_feature(enable = "neon")]
    fn add_product(a: float64x2_t, b: float64x2_t, c: float64x2_t) -> float64x2_t {
        vfmaq_f64(c, a, b)
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn subtract_product(a: float64x2_t, b: float64x2_t, c: float64x2_t) -> float64x2_t {
        vfmsq_f64(c, a, b)
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn larger(a: float64x2_t, b: float64x2_t) -> float64x2_t {
        vbslq_f64(vcgtq_f64(a, b), a, b)
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn unless_missing(test: float64x2_t, value: float64x2_t, missing: float64x2_t) -> float64x2_t {
        vbslq_f64(vceqq_f64(test, test), value, missing)
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn any_missing(test: float64x2_t) -> bool {
        let numbers = vceqq_f64(test, test);
        vgetq_lane_u64::<0>(numbers) & vgetq_lane_u64::<1>(numbers) == 0
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
scalar!(super::Baseline);

//! Instruction sets of processors: one build has kernels for several, and the processor at hand selects.
//!
//! A kernel is a function that `kernel!` compiles once for each [`InstructionSet`]. Its body is generic over
//! `MulAdd`, the fused multiply-add a·b + c with one rounding. IEEE 754 defines that result exactly, so an
//! instruction and a library function give the same bits. A body also keeps the order of operations of each
//! lane and adds nothing across lanes. Every instruction set therefore gives the same bits.
//!
//! Compilers fuse a product and a sum only where the source asks for it by `MulAdd` or `Vector`.

mod vector;

use std::sync::atomic::{AtomicU8, Ordering};

pub(crate) use vector::{LANES, Vector};

/// Instruction set for which kernels are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum InstructionSet {
    /// Instructions that every processor of the target has. On x86-64 it has no fused multiply-add:
    /// `libm::fma` computes it in software, with the same result: a full covariance takes 90 times as long as with
    /// x86-64-v4.
    Baseline = 1,
    /// Level x86-64-v3: AVX2 and fused multiply-add (Haswell, Zen, and later).
    X86V3 = 2,
    /// Level x86-64-v4: AVX-512 F, BW, CD, DQ and VL (Skylake servers, Zen 4, and later).
    X86V4 = 3,
}

/// Instruction set in use; 0 before the first kernel.
static IN_USE: AtomicU8 = AtomicU8::new(0);

impl InstructionSet {
    /// All instruction sets of this build, the slowest first.
    #[must_use]
    pub const fn compiled() -> &'static [Self] {
        if cfg!(target_arch = "x86_64") {
            &[Self::Baseline, Self::X86V3, Self::X86V4]
        } else {
            &[Self::Baseline]
        }
    }

    /// Returns true if this processor has the instructions.
    #[must_use]
    pub fn is_available(self) -> bool {
        cfg!(target_arch = "x86_64") && self.missing().is_empty() || self == Self::Baseline
    }

    /// Instructions of the set that this processor lacks.
    #[must_use]
    pub fn missing(self) -> Vec<&'static str> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::X86V3 => v3_missing(),
            #[cfg(target_arch = "x86_64")]
            Self::X86V4 => [v3_missing(), v4_missing()].concat(),
            _ => Vec::new(),
        }
    }

    /// Name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::X86V3 => "x86-64-v3",
            Self::X86V4 => "x86-64-v4",
        }
    }

    /// Returns true if its kernels multiply and add in one instruction.
    #[must_use]
    pub const fn fuses(self) -> bool {
        match self {
            Self::Baseline => BASELINE_FUSES,
            Self::X86V3 | Self::X86V4 => true,
        }
    }

    /// Instruction set whose kernels run: the fastest that this processor has, unless limited.
    #[inline]
    #[must_use]
    pub fn in_use() -> Self {
        match IN_USE.load(Ordering::Relaxed) {
            1 => Self::Baseline,
            2 => Self::X86V3,
            3 => Self::X86V4,
            _ => Self::limit(Self::X86V4),
        }
    }

    /// Uses the fastest instruction set that this processor has, up to `most`, for all kernels of the process;
    /// returns it. Tests and benchmarks compare instruction sets this way.
    #[cold]
    pub fn limit(most: Self) -> Self {
        let available = Self::compiled().iter().rev().find(|set| **set <= most && set.is_available());
        let selected = available.copied().unwrap_or(Self::Baseline);
        // Only available instruction sets are ever stored: the proof of `kernel!` rests on it.
        IN_USE.store(selected as u8, Ordering::Relaxed);
        selected
    }
}

/// Runs a test on each instruction set of this build, one test at a time; prints those that this processor lacks.
#[cfg(test)]
#[allow(clippy::print_stderr)]
pub(crate) fn on_each_set(mut test: impl FnMut(InstructionSet)) {
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    // A failed test poisons the lock, which guards no data.
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for set in InstructionSet::compiled() {
        if set.is_available() {
            assert_eq!(InstructionSet::limit(*set), *set);
            test(*set);
        } else {
            eprintln!("not run on this processor: {}", set.name());
        }
    }
    InstructionSet::limit(InstructionSet::X86V4);
}

/// Names of the features that this processor lacks.
#[cfg(target_arch = "x86_64")]
macro_rules! missing {
    ($($feature:tt)*) => {
        [$(($feature, is_x86_feature_detected!($feature))),*]
            .into_iter()
            .filter_map(|(feature, has)| (!has).then_some(feature))
            .collect()
    };
}

#[cfg(target_arch = "x86_64")]
fn v3_missing() -> Vec<&'static str> {
    missing!("avx" "avx2" "bmi1" "bmi2" "f16c" "fma" "lzcnt" "movbe" "popcnt" "sse3" "sse4.1" "sse4.2" "ssse3")
}

#[cfg(target_arch = "x86_64")]
fn v4_missing() -> Vec<&'static str> {
    missing!("avx512f" "avx512bw" "avx512cd" "avx512dq" "avx512vl")
}

/// Requests numbers that are read soon, so that other work overlaps with their way from memory.
#[inline]
#[allow(unsafe_code, reason = "an instruction of the processor")]
pub(crate) fn prefetch(numbers: &[f64]) {
    #[cfg(target_arch = "x86_64")]
    for line in numbers.chunks(LANES) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86-64 processor has the instruction, and it reads nothing that a program can see.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = numbers;
}

/// Fused multiply-add of the instruction set of a kernel.
pub(crate) trait MulAdd {
    /// Returns a·b + c, rounded once.
    fn mul_add(a: f64, b: f64, c: f64) -> f64;
}

/// Implements [`MulAdd`] by an instruction of the processor.
macro_rules! instruction {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        pub(crate) struct $name;

        impl MulAdd for $name {
            #[inline(always)]
            #[allow(clippy::disallowed_methods, reason = "one instruction in every kernel that uses this type")]
            fn mul_add(a: f64, b: f64, c: f64) -> f64 {
                a.mul_add(b, c)
            }
        }
    };
}

#[cfg(any(target_arch = "aarch64", target_feature = "fma"))]
instruction!(
    /// Arithmetic of [`InstructionSet::Baseline`] where every processor of the target multiplies and adds in one
    /// instruction.
    Instruction
);
#[cfg(target_arch = "x86_64")]
instruction!(
    /// Arithmetic of [`InstructionSet::X86V3`].
    X86V3
);
#[cfg(target_arch = "x86_64")]
instruction!(
    /// Arithmetic of [`InstructionSet::X86V4`].
    X86V4
);

/// Fused multiply-add in software, for processors without the instruction.
#[cfg_attr(any(target_arch = "aarch64", target_feature = "fma"), allow(dead_code))]
pub(crate) struct Software;

impl MulAdd for Software {
    #[inline(always)]
    fn mul_add(a: f64, b: f64, c: f64) -> f64 {
        libm::fma(a, b, c)
    }
}

/// True if every processor of the target has the instruction.
const BASELINE_FUSES: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

/// [`MulAdd`] of [`InstructionSet::Baseline`].
#[cfg(any(target_arch = "aarch64", target_feature = "fma"))]
pub(crate) type Baseline = Instruction;
/// [`MulAdd`] of [`InstructionSet::Baseline`].
#[cfg(not(any(target_arch = "aarch64", target_feature = "fma")))]
pub(crate) type Baseline = Software;

/// Declares a kernel: a function that runs `body::<M>` with the same arguments, compiled for each
/// [`InstructionSet`]. The body is `#[inline(always)]` and generic over `M: MulAdd`.
///
/// ```ignore
/// kernel!(pub(super) fn axpy(a: f64, x: &[f64], y: &mut [f64]) = axpy_body);
/// ```
macro_rules! kernel {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? = $body:ident) => {
        $(#[$meta])*
        #[allow(unsafe_code, reason = "calls functions with more instructions than the caller's")]
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            use $crate::processor::Baseline;

            #[cfg(target_arch = "x86_64")]
            {
                use $crate::processor::{InstructionSet, X86V3, X86V4};

                #[target_feature(enable = "avx,avx2,bmi1,bmi2,f16c,fma,lzcnt,movbe,popcnt")]
                fn v3($($arg: $ty),*) $(-> $ret)? {
                    $body::<X86V3>($($arg),*)
                }
                #[target_feature(enable = "avx,avx2,bmi1,bmi2,f16c,fma,lzcnt,movbe,popcnt")]
                #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl")]
                fn v4($($arg: $ty),*) $(-> $ret)? {
                    $body::<X86V4>($($arg),*)
                }
                match InstructionSet::in_use() {
                    // SAFETY: `in_use` returns an instruction set only after `is_available` has found each
                    // enabled feature on this processor. That is all that these calls require.
                    InstructionSet::X86V4 => return unsafe { v4($($arg),*) },
                    // SAFETY: as above.
                    InstructionSet::X86V3 => return unsafe { v3($($arg),*) },
                    InstructionSet::Baseline => {}
                }
            }
            $body::<Baseline>($($arg),*)
        }
    };
}
pub(crate) use kernel;

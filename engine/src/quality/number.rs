//! Number formats of findings.

use std::fmt;

/// Number in short form: with an exponent if it is very small or very large.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub(super) f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number) = *self;
        match number.abs() {
            size if size == 0.0 || (1e-7..1e15).contains(&size) => write!(f, "{number}"),
            f64::INFINITY => f.write_str(if number > 0.0 { "infinity" } else { "minus infinity" }),
            _ => write!(f, "{number:e}"),
        }
    }
}

/// Move between two prices in percent, or as a power of ten beyond 1e7 %.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move(pub(super) f64, pub(super) f64);

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(before, after) = *self;
        let percent = 100.0 * (after / before - 1.0);
        match percent < 1e7 {
            true => write!(f, "{percent:+.1} %"),
            false => write!(f, "times 1e{:.0}", libm::log10(after) - libm::log10(before)),
        }
    }
}

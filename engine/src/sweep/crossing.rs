//! Where a line falls through zero: the cost at which a strategy dies.

/// What becomes of a figure as costs rise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Crossing {
    /// It is 0 here, on the straight line between two levels.
    At(f64),
    /// It is exactly 0 at the level `at`, where nothing happens any more, and above 0 at `above` before that: where
    /// in between it ends is not on a straight line.
    Idle {
        /// The last level with a value above 0.
        above: f64,
        /// The first level at which it is 0.
        at: f64,
    },
    /// It is above 0 at every level where it is defined; the last of these.
    Beyond(f64),
    /// It is not above 0 at the lowest level.
    Before,
    /// It is defined nowhere.
    Undefined,
}

impl Crossing {
    /// Where the values first fall to zero. The levels ascend; those without a value are passed over.
    #[must_use]
    pub fn of(levels: &[f64], values: &[f64]) -> Self {
        let mut last: Option<(f64, f64)> = None;
        for (level, value) in levels.iter().zip(values).filter(|(_, value)| !value.is_nan()) {
            if *value <= 0.0 {
                return match last {
                    Some((above, _)) if *value == 0.0 => Self::Idle { above, at: *level },
                    Some((before, above)) => Self::At(before + (level - before) * above / (above - value)),
                    None => Self::Before,
                };
            }
            last = Some((*level, *value));
        }
        last.map_or(Self::Undefined, |(level, _)| Self::Beyond(level))
    }

    /// The place, where there is one.
    #[must_use]
    pub fn place(self) -> Option<f64> {
        match self {
            Self::At(place) => Some(place),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_on_the_line_between_two_levels() {
        let levels = [0.0, 10.0, 20.0, 40.0];
        let of = |values: [f64; 4]| Crossing::of(&levels, &values);
        assert_eq!(of([3.0, 2.0, 1.0, -3.0]), Crossing::At(25.0));
        assert_eq!(
            of([3.0, 0.0, 1.0, -3.0]),
            Crossing::Idle { above: 0.0, at: 10.0 },
            "the first of several"
        );
        assert_eq!(of([3.0, f64::NAN, -1.0, -3.0]), Crossing::At(15.0));
        assert_eq!(of([3.0, 2.0, 1.0, f64::NAN]), Crossing::Beyond(20.0));
        assert_eq!(of([3.0, -1.0, 1.0, -3.0]), Crossing::At(7.5), "the first of several");
        assert_eq!(of([0.0, 2.0, 1.0, 1.0]), Crossing::Before);
        assert_eq!(of([f64::NAN; 4]), Crossing::Undefined);
        assert_eq!(Crossing::At(3.0).place(), Some(3.0));
        assert_eq!(Crossing::Beyond(1.0).place(), None);
    }
}

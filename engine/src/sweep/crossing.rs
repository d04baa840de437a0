//! Zero crossing of a figure along an axis, such as the break-even cost of a strategy.

/// First level at which a figure falls to zero, for example as costs rise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Crossing {
    /// The figure is 0 at this value, by linear interpolation between two levels.
    At(f64),
    /// The figure is above 0 at the level `above` and exactly 0 at the next, `at`, because the strategy no
    /// longer trades. The value in between at which trading ends cannot be interpolated.
    Idle {
        /// Last level with a value above 0.
        above: f64,
        /// First level with the value 0.
        at: f64,
    },
    /// The figure is above 0 at every level where it is defined; this is the last of them.
    Beyond(f64),
    /// The figure is not above 0 at the lowest level.
    Before,
    /// The figure is undefined at every level.
    Undefined,
}

impl Crossing {
    /// Finds the first crossing. The levels ascend; levels with a NaN are skipped.
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

    /// Interpolated value of a crossing; `None` for every other result.
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
    fn crossing_is_interpolated_between_two_levels() {
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

//! The values that a setting takes.

/// A setting's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// Anything else, as text.
    Name(String),
}

/// All values that a setting takes in a sweep, each once: its levels.
#[derive(Clone, Debug, PartialEq)]
pub enum Axis {
    /// Numbers, ascending: one level is next to another.
    Numbers(Vec<f64>),
    /// Names, in the order in which they first come: none is next to another.
    Names(Vec<String>),
}

impl Axis {
    /// The levels of numbers, and the level of each; the numbers are not NaN.
    #[must_use]
    pub fn of_numbers(values: &[f64]) -> (Self, Vec<usize>) {
        let mut levels = values.to_vec();
        levels.sort_by(f64::total_cmp);
        levels.dedup_by(|a, b| a == b);
        let level = |value: &f64| levels.partition_point(|level| level < value);
        let places = values.iter().map(level).collect();
        (Self::Numbers(levels), places)
    }

    /// The levels of names, and the level of each.
    #[must_use]
    pub fn of_names(values: &[String]) -> (Self, Vec<usize>) {
        let mut levels: Vec<String> = Vec::new();
        let places = values
            .iter()
            .map(|value| {
                levels.iter().position(|level| level == value).unwrap_or_else(|| {
                    levels.push(value.clone());
                    levels.len() - 1
                })
            })
            .collect();
        (Self::Names(levels), places)
    }

    /// Count of levels.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(levels) => levels.len(),
            Self::Names(levels) => levels.len(),
        }
    }

    /// Whether there is no level.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether two levels are the same or next to each other.
    #[must_use]
    pub fn near(&self, a: usize, b: usize) -> bool {
        match self {
            Self::Numbers(_) => a.abs_diff(b) <= 1,
            Self::Names(_) => a == b,
        }
    }

    /// The level nearest to a value, the lower one of two as near, and whether it is that value. A name that is none
    /// of the levels has none that is nearer than the others: then it is the first.
    #[must_use]
    pub fn nearest(&self, value: &Value) -> (usize, bool) {
        match (self, value) {
            (Self::Numbers(levels), Value::Number(value)) => {
                let distance = |level: &f64| (level - value).abs();
                let nearest = (0..levels.len())
                    .min_by(|a, b| distance(&levels[*a]).total_cmp(&distance(&levels[*b])))
                    .unwrap_or_default();
                let same = levels.get(nearest).is_some_and(|level| distance(level) <= 1e-12 * value.abs());
                (nearest, same)
            }
            (Self::Names(levels), Value::Name(value)) => match levels.iter().position(|level| level == value)
            {
                Some(level) => (level, true),
                None => (0, false),
            },
            _ => (0, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_numbers_ascend_and_those_of_names_keep_their_order() {
        let (axis, places) = Axis::of_numbers(&[4.0, 0.0, 4.0, -1.0, 0.0]);
        assert_eq!(axis, Axis::Numbers(vec![-1.0, 0.0, 4.0]));
        assert_eq!(places, [2, 1, 2, 0, 1]);
        let (axis, places) = Axis::of_names(&["scale".into(), "exact".into(), "scale".into()]);
        assert_eq!(axis.len(), 2);
        assert_eq!(places, [0, 1, 0]);
        assert!(axis.near(1, 1) && !axis.near(0, 1));
    }

    #[test]
    fn the_nearest_level_says_whether_it_is_the_value() {
        let axis = Axis::Numbers(vec![1.0, 2.0, 4.0]);
        assert_eq!(axis.nearest(&Value::Number(2.0)), (1, true));
        assert_eq!(axis.nearest(&Value::Number(3.0)), (1, false), "the lower of two");
        assert_eq!(axis.nearest(&Value::Number(99.0)), (2, false));
        assert_eq!(axis.nearest(&Value::Name("two".into())), (0, false));
        let axis = Axis::Names(vec!["a".into(), "b".into()]);
        assert_eq!(axis.nearest(&Value::Name("b".into())), (1, true));
        assert_eq!(axis.nearest(&Value::Name("c".into())), (0, false));
    }
}

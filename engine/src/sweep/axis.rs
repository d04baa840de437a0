//! Axis of a sweep: the values of one setting.

/// Value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// Any other value, as text.
    Name(String),
}

/// Distinct values of a setting in a sweep: its levels.
#[derive(Clone, Debug, PartialEq)]
pub enum Axis {
    /// Numbers, ascending; consecutive levels are neighbours.
    Numbers(Vec<f64>),
    /// Names, in the order of first appearance; no two are neighbours.
    Names(Vec<String>),
}

impl Axis {
    /// Returns the axis of numbers (not NaN), and the level of each.
    #[must_use]
    pub fn of_numbers(values: &[f64]) -> (Self, Vec<usize>) {
        let mut levels = values.to_vec();
        levels.sort_by(f64::total_cmp);
        levels.dedup_by(|a, b| a == b);
        let level = |value: &f64| levels.partition_point(|level| level < value);
        let places = values.iter().map(level).collect();
        (Self::Numbers(levels), places)
    }

    /// Returns the axis of names, and the level of each.
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

    /// Number of levels.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(levels) => levels.len(),
            Self::Names(levels) => levels.len(),
        }
    }

    /// Returns true if there is no level.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns true if two levels are equal or neighbours.
    #[must_use]
    pub fn near(&self, a: usize, b: usize) -> bool {
        match self {
            Self::Numbers(_) => a.abs_diff(b) <= 1,
            Self::Names(_) => a == b,
        }
    }

    /// Returns the level nearest to a value (the lower of two equally near), and true if it equals the value.
    /// For a name that is not a level it returns the first level.
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
    fn levels_of_numbers_ascend_and_levels_of_names_keep_their_order() {
        let (axis, places) = Axis::of_numbers(&[4.0, 0.0, 4.0, -1.0, 0.0]);
        assert_eq!(axis, Axis::Numbers(vec![-1.0, 0.0, 4.0]));
        assert_eq!(places, [2, 1, 2, 0, 1]);
        let (axis, places) = Axis::of_names(&["scale".into(), "exact".into(), "scale".into()]);
        assert_eq!(axis.len(), 2);
        assert_eq!(places, [0, 1, 0]);
        assert!(axis.near(1, 1) && !axis.near(0, 1));
    }

    #[test]
    fn nearest_level_is_exact_only_if_it_equals_the_value() {
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

//! Scenarios that share source and estimator: their passes over the data, and their division into shards.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::config::Config;

/// A cut between two shards moves to the nearest end of a group within this part of a shard.
const MOVED_PART: usize = 8;

/// All scenarios of a study in groups that share source and estimator.
pub(crate) struct Sharing {
    /// Scenarios of each group in ascending order; groups in the order of their first scenario.
    groups: Vec<Vec<usize>>,
    /// Group of each scenario.
    group_of: Vec<usize>,
}

impl Sharing {
    /// Groups the scenarios of a study.
    ///
    /// # Errors
    /// A setting cannot be written as TOML.
    pub(crate) fn of(configs: &[Config]) -> Result<Self> {
        let shared: Vec<String> = configs.iter().map(Config::shared_by_scenarios).collect::<Result<_>>()?;
        Ok(Self::new(&shared))
    }

    /// Groups scenarios by equal texts.
    fn new(shared: &[String]) -> Self {
        let mut numbers = BTreeMap::new();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut group_of = Vec::new();
        for (scenario, shared) in shared.iter().enumerate() {
            let group = *numbers.entry(shared.as_str()).or_insert(groups.len());
            if group == groups.len() {
                groups.push(Vec::new());
            }
            groups[group].push(scenario);
            group_of.push(group);
        }
        Self { groups, group_of }
    }

    /// Scenarios that share source and estimator with one, itself included.
    pub(crate) fn group_of(&self, scenario: usize) -> &[usize] {
        &self.groups[self.group_of[scenario]]
    }

    /// Passes over the data for the scenarios that remain, at most `together` scenarios each.
    pub(crate) fn passes(&self, together: usize, remains: &[bool]) -> Vec<Vec<usize>> {
        let rest = |group: &Vec<usize>| -> Vec<usize> {
            group.iter().copied().filter(|scenario| remains[*scenario]).collect()
        };
        let chunks = |group: Vec<usize>| group.chunks(together).map(<[usize]>::to_vec).collect::<Vec<_>>();
        let mut passes: Vec<Vec<usize>> = self.groups.iter().map(rest).flat_map(chunks).collect();
        passes.sort();
        passes
    }

    /// Number of scenarios.
    pub(crate) fn count(&self) -> usize {
        self.group_of.len()
    }

    /// Returns the scenarios of shard `number` of `of`, in ascending order.
    ///
    /// The scenarios of all groups in a row are cut into equal parts. A cut inside a group moves to its end if that
    /// changes a shard by at most an eighth, so that most groups need one pass. With more shards than
    /// scenarios, some are empty.
    pub(crate) fn shard(&self, number: usize, of: usize) -> Vec<usize> {
        let ends: Vec<usize> = self
            .groups
            .iter()
            .scan(0, |end, group| {
                *end += group.len();
                Some(*end)
            })
            .collect();
        let nearest = self.count() / of / MOVED_PART;
        let cut = |shard: usize| {
            let even = shard * self.count() / of;
            let end = ends.iter().copied().min_by_key(|end| end.abs_diff(even));
            end.filter(|end| end.abs_diff(even) <= nearest && *end > 0).unwrap_or(even)
        };
        let (first, last) = (if number == 1 { 0 } else { cut(number - 1) }, cut(number));
        let mut scenarios: Vec<usize> =
            self.groups.iter().flatten().copied().collect::<Vec<_>>()[first..last].to_vec();
        scenarios.sort_unstable();
        scenarios
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups of the given sizes, one after the other.
    fn sharing(sizes: &[usize]) -> Sharing {
        let shared = sizes.iter().enumerate().flat_map(|(group, size)| vec![group.to_string(); *size]);
        Sharing::new(&shared.collect::<Vec<_>>())
    }

    #[test]
    fn shards_divide_all_scenarios_evenly() {
        let grids: [&[usize]; 5] = [&[1], &[7], &[3, 3, 3, 3], &[1, 40, 2, 9], &[16, 17, 15, 16]];
        for sizes in grids {
            let sharing = sharing(sizes);
            for of in 1..=sharing.count() + 3 {
                let shards: Vec<_> = (1..=of).map(|number| sharing.shard(number, of)).collect();
                let mut all = shards.concat();
                all.sort_unstable();
                assert_eq!(all, (0..sharing.count()).collect::<Vec<_>>(), "{sizes:?} in {of}");
                let even = sharing.count() as f64 / of as f64;
                let fits = |shard: &Vec<usize>| (shard.len() as f64 - even).abs() < 1.0 + even / 4.0;
                assert!(shards.iter().all(fits), "{sizes:?} in {of}: {shards:?}");
            }
        }
    }

    #[test]
    fn groups_of_nearly_equal_size_are_not_cut() {
        let sharing = sharing(&[16, 17, 15, 16]);
        let sizes: Vec<usize> = (1..=4).map(|number| sharing.shard(number, 4).len()).collect();
        assert_eq!(sizes, [16, 17, 15, 16]);
    }

    #[test]
    fn scenarios_of_a_group_stay_together_across_the_grid() {
        // The setting that varies fastest needs passes of its own.
        let shared: Vec<String> = (0..8).map(|scenario| (scenario % 2).to_string()).collect();
        let sharing = Sharing::new(&shared);
        assert_eq!((sharing.shard(1, 2), sharing.shard(2, 2)), (vec![0, 2, 4, 6], vec![1, 3, 5, 7]));
        assert_eq!(sharing.passes(3, &[true; 8]), [vec![0, 2, 4], vec![1, 3, 5], vec![6], vec![7]]);
    }
}

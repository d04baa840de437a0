//! How often each problem was found, and where it is worst.

use super::{Finding, Problem};

/// Worst findings that are kept of each kind.
const EXAMPLES: usize = 3;

/// What was found of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Count {
    /// Findings.
    pub findings: u64,
    /// The worst of them, the worst first.
    pub worst: Vec<Finding>,
}

/// Counts by kind. Its memory does not grow with the findings.
#[derive(Clone, Debug)]
pub struct Tally {
    counts: [Count; Problem::ALL.len()],
}

impl Default for Tally {
    fn default() -> Self {
        Self { counts: std::array::from_fn(|_| Count::default()) }
    }
}

impl Tally {
    /// Counts a finding.
    pub fn add(&mut self, finding: &Finding) {
        let count = &mut self.counts[finding.problem as usize];
        count.findings += 1;
        // Behind those that are as bad: the first found is shown.
        let at = count.worst.partition_point(|other| other.severity >= finding.severity);
        if at < EXAMPLES {
            count.worst.insert(at, finding.clone());
            count.worst.truncate(EXAMPLES);
        }
    }

    /// What was found of a kind.
    #[must_use]
    pub fn of(&self, problem: Problem) -> &Count {
        &self.counts[problem as usize]
    }

    /// The kinds that were found, the gravest first.
    pub fn found(&self) -> impl Iterator<Item = (Problem, &Count)> {
        Problem::ALL
            .into_iter()
            .map(|problem| (problem, self.of(problem)))
            .filter(|(_, count)| count.findings > 0)
    }

    /// All findings.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|count| count.findings).sum()
    }
}

//! Counts of findings by problem, with the worst of each.

use super::{Finding, Problem};

/// Number of worst findings kept of each problem.
const EXAMPLES: usize = 3;

/// Findings of one problem.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Count {
    /// Number of findings.
    pub findings: u64,
    /// Worst findings, the worst first.
    pub worst: Vec<Finding>,
}

/// Counts by problem. Memory does not grow with the number of findings.
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
        // Insert behind findings of equal severity, so that the first found is shown.
        let at = count.worst.partition_point(|other| other.severity >= finding.severity);
        if at < EXAMPLES {
            count.worst.insert(at, finding.clone());
            count.worst.truncate(EXAMPLES);
        }
    }

    /// Findings of a problem.
    #[must_use]
    pub fn of(&self, problem: Problem) -> &Count {
        &self.counts[problem as usize]
    }

    /// Problems found, the gravest first.
    pub fn found(&self) -> impl Iterator<Item = (Problem, &Count)> {
        Problem::ALL
            .into_iter()
            .map(|problem| (problem, self.of(problem)))
            .filter(|(_, count)| count.findings > 0)
    }

    /// Total number of findings.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|count| count.findings).sum()
    }
}

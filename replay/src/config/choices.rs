//! Choices among the settings; all others belong to the environment.

/// Tables of choices.
const CHOICES: [&str; 5] = ["sizing.", "strategy.", "estimator.", "universe.", "factors."];
/// Choices in `[execution]`.
const EXECUTION: [&str; 3] = ["execution.fill_at", "execution.participation_cap", "execution.unfilled"];

/// Returns true if a setting, by its dotted name, is a choice: a user picks it. All others are the environment: costs,
/// delays, data. Only choices compared in one environment are trials; counting environments as trials would deflate a
/// strategy for being tested in many.
pub(crate) fn is_choice(name: &str) -> bool {
    CHOICES.iter().any(|table| name.starts_with(table)) || EXECUTION.contains(&name)
}

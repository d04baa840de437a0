//! Choices among the settings; all others belong to the environment.

/// Tables of choices.
const CHOICES: [&str; 6] = ["sizing.", "strategy.", "estimator.", "universe.", "factors.", "benchmark."];
/// Choices in `[execution]`.
const EXECUTION: [&str; 3] = ["execution.fill_at", "execution.participation_cap", "execution.unfilled"];

/// Returns true if the setting with this dotted name is a choice, which a user picks. All other settings are the
/// environment: costs, delays, data. Only choices compared in one environment are trials: tests in more environments
/// must not lower the deflated Sharpe ratio.
pub(crate) fn is_choice(name: &str) -> bool {
    CHOICES.iter().any(|table| name.starts_with(table)) || EXECUTION.contains(&name)
}

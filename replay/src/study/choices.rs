//! Which settings are a choice, and which are the world's.

/// Tables of choices: what a user would pick.
const CHOICES: [&str; 5] = ["sizing.", "strategy.", "estimator.", "universe.", "factors."];
/// Choices about execution.
const EXECUTION: [&str; 3] = ["execution.fill_at", "execution.participation_cap", "execution.unfilled"];

/// Whether a setting, by its dotted name, is what a user would pick. All others are what happens to them: costs, delays,
/// data, worlds. Only choices that are compared in one world are trials: to count worlds as well would call a good
/// strategy lucky because it was looked at in many.
pub(crate) fn is_choice(name: &str) -> bool {
    CHOICES.iter().any(|table| name.starts_with(table)) || EXECUTION.contains(&name)
}

//! `betaflow state`: what a state folder holds.

mod held;
mod text;

use anyhow::Result;
use betaflow_connectors::store::StateView;

use crate::args::StateArgs;
use crate::commands::say;
use held::Held;

/// Says what is in a state folder, and disturbs nothing.
///
/// # Errors
/// It is no state folder, or of a newer version.
pub(crate) fn state(args: &StateArgs) -> Result<()> {
    let held = Held::read(&StateView::open(&args.folder)?)?;
    let text = if args.json { serde_json::to_string_pretty(&held)? + "\n" } else { text::of(&held) };
    say(&text);
    Ok(())
}

//! Command `betaflow dashboard`.

use std::path::Path;
use std::sync::mpsc;

use anyhow::{Context as _, Result, bail};

use super::Dashboard;
use super::DashboardArgs;
use crate::commands::private_file::warn_if_public;
use crate::terminal::say;

/// Minimum characters of a token: 16 of 64 kinds are 96 bits.
const TOKEN_MIN: usize = 16;
/// Maximum characters of a token; a longer text is another kind of file.
const TOKEN_MAX: usize = 512;

/// Serves a state folder until interrupted.
///
/// # Errors
/// The state folder, the token or the address is invalid.
pub(crate) fn dashboard(args: &DashboardArgs) -> Result<()> {
    let token = args.token_file.as_deref().map(read_token).transpose()?;
    let (interrupted, wait) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = interrupted.send(());
    })?;
    let running = Dashboard::start(args.listen, token, args.state.join("state.db"), None)?;
    say(&format!("{} at http://{}/\n", args.state.display(), running.address()));
    let _ = wait.recv();
    running.stop();
    Ok(())
}

/// Reads a token from a file, without surrounding white space.
///
/// # Errors
/// The file cannot be read, or its content is not a token.
pub(crate) fn read_token(path: &Path) -> Result<String> {
    let place = path.display();
    let text =
        betaflow_connectors::read_text(path).with_context(|| format!("{place}: cannot read the token"))?;
    let token = text.trim();
    let fits = |character: char| character.is_ascii_alphanumeric() || "-._~".contains(character);
    if !(TOKEN_MIN..=TOKEN_MAX).contains(&token.len()) || !token.chars().all(fits) {
        bail!(
            "{place}: found {} characters, expected a token of {TOKEN_MIN} to {TOKEN_MAX} letters, digits, `-`, `.`, \
             `_` and `~`, for example from `head -c 24 /dev/urandom | base64 | tr '+/' '-_'`",
            token.chars().count()
        );
    }
    warn_if_public(path, "the token");
    Ok(token.to_owned())
}

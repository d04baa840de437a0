//! Warning about a file with a secret that every user of the machine can read.

use std::path::Path;

use crate::terminal::tell;

/// Warns if users other than the owner and its group can read a file; `content` names the secret in it.
#[cfg(unix)]
pub(in crate::commands) fn warn_if_public(path: &Path, content: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let is_public = std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o004 != 0);
    if is_public {
        let path = path.display();
        tell(&format!(
            "warning: {path}: every user of this machine can read {content}; run `chmod 600 {path}`"
        ));
    }
}

/// Has no effect: only Unix has permissions of this form.
#[cfg(not(unix))]
pub(in crate::commands) fn warn_if_public(_: &Path, _: &str) {}

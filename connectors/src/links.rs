//! Output paths that are symbolic links.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Maximum number of links followed, as in Linux.
const LINKS_MAX: usize = 40;

/// Returns the absolute path of an output. If the last component is a symbolic link, returns its target,
/// which need not exist, so that a rename onto the path keeps the link.
///
/// # Errors
/// The links form a loop, or the current folder is unknown.
pub(crate) fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path: PathBuf = std::path::absolute(path)?.components().collect();
    for _ in 0..LINKS_MAX {
        // A path that ends in `..` has no name that a rename could replace.
        if path.file_name().is_none() && path.parent().is_some() {
            path = fs::canonicalize(&path)?;
        }
        let Ok(link) = fs::read_link(&path) else { return Ok(path) };
        let joined = path.parent().unwrap_or(Path::new("/")).join(link);
        path = joined.components().collect();
    }
    Err(io::Error::other(format!(
        "found more than {LINKS_MAX} symbolic links in a row, expected a path without a loop"
    )))
}

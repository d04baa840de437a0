//! Symbolic links in the place of an output.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Links that are followed, as many as Linux follows.
const LINKS_MAX: usize = 40;

/// Absolute path of an output: where the last component is a symbolic link, the path that the link names, which need
/// not exist. A file or folder that is renamed onto this path keeps the link.
///
/// # Errors
/// The links form a loop, or the current folder is unknown.
pub(crate) fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path: PathBuf = std::path::absolute(path)?.components().collect();
    for _ in 0..LINKS_MAX {
        // A path that ends in `..` has no name that a rename could act on.
        if path.file_name().is_none() && path.parent().is_some() {
            path = fs::canonicalize(&path)?;
        }
        let Ok(link) = fs::read_link(&path) else { return Ok(path) };
        let joined = path.parent().unwrap_or(Path::new("/")).join(link);
        path = joined.components().collect();
    }
    Err(io::Error::other(format!("found more than {LINKS_MAX} symbolic links in a row")))
}

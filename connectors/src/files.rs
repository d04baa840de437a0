//! Files named by a user: maximum size of texts, and refusal of paths that are not files.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// Maximum size of a text file, in bytes: settings, certificates, tokens.
const TEXT_MAX: u64 = 16 << 20;

/// Opens a file for random access. Refuses named pipes, devices and sockets: opening one may block forever,
/// and seeking is impossible.
///
/// # Errors
/// A system error, or the path is not a file.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let kind = fs::metadata(path)?.file_type();
    if !kind.is_file() {
        return Err(io::Error::other(format!("found {}, expected a file", named(kind))));
    }
    File::open(path)
}

/// Reads a whole text file, or a pipe that a shell has opened.
///
/// # Errors
/// A system error, more than 16 MiB, or invalid UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let kind = fs::metadata(path).map_err(|error| located(path, error))?.file_type();
    let is_given = ["/dev/fd", "/dev/stdin", "/proc"].iter().any(|place| path.starts_with(place));
    if kind.is_dir() || (named(kind) == PIPE && !is_given) {
        return Err(io::Error::other(format!("found {}, expected a file", named(kind))));
    }
    let mut text = String::new();
    File::open(path)?.take(TEXT_MAX + 1).read_to_string(&mut text)?;
    match text.len() as u64 > TEXT_MAX {
        true => Err(io::Error::other(format!(
            "found more than {TEXT_MAX} bytes, expected a text file of at most that size"
        ))),
        false => Ok(text),
    }
}

/// Names the current folder in the error of a relative path that does not exist.
fn located(path: &Path, error: io::Error) -> io::Error {
    match std::env::current_dir() {
        Ok(folder) if error.kind() == io::ErrorKind::NotFound && path.is_relative() => {
            let text = format!("no such file, relative to the current folder {}", folder.display());
            io::Error::new(io::ErrorKind::NotFound, text)
        }
        _ => error,
    }
}

const PIPE: &str = "a named pipe (FIFO)";

fn named(kind: fs::FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return PIPE;
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if kind.is_dir() { "a folder" } else { "another kind of path" }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[cfg(unix)]
    #[test]
    fn pipes_devices_and_endless_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for (path, word) in
            [(&*pipe, "named pipe"), (Path::new("/dev/zero"), "device"), (folder.path(), "folder")]
        {
            assert!(open(path).unwrap_err().to_string().contains(word), "{}", path.display());
        }
        assert!(read_text(Path::new("/dev/zero")).unwrap_err().to_string().contains("more than"));
        assert!(read_text(folder.path()).is_err() && read_text(&pipe).is_err());
        fs::write(folder.path().join("text"), "a = 1\n").unwrap();
        assert_eq!(read_text(&folder.path().join("text")).unwrap(), "a = 1\n");
    }
}

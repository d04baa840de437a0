//! Run folder that appears only when it is complete.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::syncing::Syncing;
use super::table::TableError;
use crate::links::follow;

/// Reason why a run folder could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder is not empty.
    #[error("{}: found a folder that is not empty, expected a new or empty folder", .0.display())]
    NotEmpty(PathBuf),
    /// The path is a file.
    #[error("{}: found a file, expected a folder or a new path", .0.display())]
    NotAFolder(PathBuf),
    /// The folder is a mount point, which cannot be replaced by another one.
    #[error(
        "{}: found a mount point, expected a folder that can be replaced when the run is complete, such as one inside it",
        .0.display()
    )]
    MountPoint(PathBuf),
    /// Error of the operating system.
    #[error("{}: could not {doing}: {source}; the incomplete run was removed", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// Failed operation.
        doing: &'static str,
        /// Error of the system.
        source: io::Error,
    },
    /// A table that did not reach the disk.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl FolderError {
    fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, doing, source }
    }
}

/// Files of a run folder.
const RUN_FILES: [&str; 27] = [
    "summary.json",
    "run.toml",
    "report.html",
    "equity.parquet",
    "fills.parquet",
    "orders.parquet",
    "weights.parquet",
    "betas.parquet",
    "attribution.parquet",
    "contributions.parquet",
    "instruments.parquet",
    "smoothed.parquet",
    "parameters.parquet",
    "rolling.parquet",
    "premia.parquet",
    "groups.parquet",
    "risk.parquet",
    "membership.parquet",
    "signal.parquet",
    "scenarios.parquet",
    "scenario_returns.parquet",
    "grid.toml",
    "folds.parquet",
    "out_of_sample.parquet",
    "best.toml",
    "shard.json",
    "settings.toml",
];

/// Incomplete run folder, beside its final path. It is removed if it is dropped before [`Self::complete`].
#[derive(Debug)]
pub struct RunFolder {
    target: PathBuf,
    aside: PathBuf,
    /// Tables for which [`Self::complete`] waits.
    syncing: Syncing,
    completed: bool,
}

/// Returns true if the folder is a mount point.
#[cfg(unix)]
fn is_mount_point(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    let parent =
        folder.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    device(folder).zip(parent.and_then(device)).is_some_and(|(own, parent)| own != parent)
}

/// Returns true if the folder is a mount point.
#[cfg(not(unix))]
fn is_mount_point(_: &Path) -> bool {
    false
}

impl RunFolder {
    /// Creates a run folder for `target`, or for the target of a symbolic link. An earlier run there is replaced only with
    /// `force`, and only at the end; other files stay.
    ///
    /// # Errors
    /// `target` is not empty and `force` is false, or the file system fails.
    pub fn create(target: &Path, force: bool) -> Result<Self, FolderError> {
        let target = &follow(target).map_err(FolderError::io(target, "find the folder"))?;
        if target.exists() && !target.is_dir() {
            return Err(FolderError::NotAFolder(target.to_owned()));
        }
        if !force && target.is_dir() && !names_in(target)?.is_empty() {
            return Err(FolderError::NotEmpty(target.to_owned()));
        }
        if is_mount_point(target) {
            return Err(FolderError::MountPoint(target.to_owned()));
        }
        let name = target.file_name().ok_or_else(|| FolderError::NotAFolder(target.to_owned()))?;
        let aside = target.with_file_name(format!("{}{}", prefix(name), std::process::id()));
        remove_abandoned(target);
        if aside.exists() {
            fs::remove_dir_all(&aside).map_err(FolderError::io(&aside, "remove what an earlier run left"))?;
        }
        if let Some(parent) = aside.parent() {
            fs::create_dir_all(parent).map_err(FolderError::io(parent, "create the folder"))?;
        }
        // Not `create_dir_all`: in a folder of all users, another one may have put a link there.
        fs::create_dir(&aside).map_err(FolderError::io(&aside, "create the folder"))?;
        Ok(Self { target: target.to_owned(), aside, syncing: Syncing::default(), completed: false })
    }

    /// Folder of the files until the run is complete.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.aside
    }

    /// Writes a small file.
    ///
    /// # Errors
    /// The file system fails.
    pub fn write(&self, name: &str, content: &str) -> Result<(), FolderError> {
        let path = self.aside.join(name);
        fs::write(&path, content).map_err(FolderError::io(&path, "write the file"))
    }

    /// Sets the tables that must be on the disk before the folder is complete.
    #[must_use]
    pub fn with_syncing(mut self, syncing: Syncing) -> Self {
        self.syncing = syncing;
        self
    }

    /// Moves the folder to its final path.
    ///
    /// # Errors
    /// The file system fails; the earlier run is then still there.
    pub fn complete(mut self) -> Result<(), FolderError> {
        self.syncing.wait()?;
        let target = self.target.clone();
        let old = self.aside.with_extension("replaced");
        let replaces = target.exists();
        if replaces {
            let permissions = fs::metadata(&target).map(|folder| folder.permissions());
            permissions
                .and_then(|permissions| fs::set_permissions(&self.aside, permissions))
                .map_err(FolderError::io(&target, "keep the permissions of the folder"))?;
            // Keep files of others: they may be the data of this run.
            // A file that this run wrote replaces that of the earlier one.
            let is_kept = |name: &&String| {
                !RUN_FILES.contains(&name.as_str()) && !self.aside.join(name.as_str()).exists()
            };
            for name in names_in(&target)?.iter().filter(is_kept) {
                let from = target.join(name);
                fs::rename(&from, self.aside.join(name)).map_err(FolderError::io(&from, "keep the file"))?;
            }
            fs::rename(&target, &old).map_err(FolderError::io(&target, "move the earlier run aside"))?;
        }
        if let Err(source) = fs::rename(&self.aside, &target) {
            if replaces {
                fs::rename(&old, &target).map_err(FolderError::io(&target, "put the earlier run back"))?;
            }
            return Err(FolderError::Io { path: target, doing: "put the run in its place", source });
        }
        self.completed = true;
        if replaces {
            fs::remove_dir_all(&old).map_err(FolderError::io(&old, "remove the earlier run"))?;
        }
        // Again, because a run that was killed just before this one may still have been ending.
        remove_abandoned(&target);
        Ok(())
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if !self.completed {
            // Some systems do not remove open files.
            let _ = self.syncing.wait();
            // If this fails, the partial folder stays.
            let _ = fs::remove_dir_all(&self.aside);
        }
    }
}

/// Replaces a file of a finished run atomically, and returns its path.
///
/// # Errors
/// The file system fails; the earlier file is then still there.
pub fn replace_file(folder: &Path, name: &str, content: &str) -> Result<PathBuf, FolderError> {
    let path = folder.join(name);
    let target = follow(&path).map_err(FolderError::io(&path, "find the file"))?;
    let aside = target.with_file_name(format!(".{name}.partial-{}", std::process::id()));
    let written = fs::write(&aside, content).and_then(|()| fs::rename(&aside, &target));
    if written.is_err() {
        // A partial file that cannot be removed does no harm.
        let _ = fs::remove_file(&aside);
    }
    written.map_err(FolderError::io(&path, "write the file"))?;
    Ok(path)
}

fn names_in(folder: &Path) -> Result<Vec<String>, FolderError> {
    let failed = || FolderError::io(folder, "look into the folder");
    let entries = fs::read_dir(folder).map_err(failed())?;
    entries.map(|entry| Ok(entry.map_err(failed())?.file_name().to_string_lossy().into_owned())).collect()
}

/// First part of the name of a partial folder, before the id of its process.
fn prefix(name: &OsStr) -> String {
    format!(".{}.partial-", name.to_string_lossy())
}

/// Removes partial folders of killed runs: same name, and the process has ended.
fn remove_abandoned(target: &Path) {
    let processes = Path::new("/proc");
    let parent = target.parent().filter(|_| processes.join("self").exists());
    let (Some(parent), Some(name)) = (parent, target.file_name()) else { return };
    let prefix = prefix(name);
    for name in names_in(parent).unwrap_or_default() {
        let process = name.strip_prefix(&prefix).filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
        if process.is_some_and(|id| !is_running(&processes.join(id))) {
            // A partial folder that cannot be removed does no harm.
            let _ = fs::remove_dir_all(parent.join(name));
        }
    }
}

/// Returns true for the folder in `/proc` of a process that has not ended. One that has ended stays there as a zombie until
/// its parent has read the exit code.
fn is_running(process: &Path) -> bool {
    let facts = fs::read_to_string(process.join("stat")).unwrap_or_default();
    // The state follows the name of the program, which is in parentheses and may contain some.
    let state = facts.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    process.exists() && !matches!(state, Some('Z' | 'X'))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::process::{Command, id};

    use super::*;

    #[test]
    fn partial_folders_of_processes_that_have_ended_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        let mut zombie = Command::new("true").spawn().unwrap();
        while is_running(&Path::new("/proc").join(zombie.id().to_string())) {
            std::thread::yield_now();
        }
        let (ended, own) =
            (prefix(OsStr::new("out")) + &zombie.id().to_string(), format!(".other.partial-{}", id()));
        for name in [&ended, &own] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let run = RunFolder::create(&target, false).unwrap();
        assert!(!folder.path().join(&ended).exists() && folder.path().join(&own).exists());
        // Another run of this name was still ending when this one began.
        fs::create_dir(folder.path().join(&ended)).unwrap();
        run.complete().unwrap();
        assert!(!folder.path().join(&ended).exists() && target.exists());
        zombie.wait().unwrap();
    }
}

//! A run folder that appears only when it is whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::links::follow;

/// Reason why a run folder could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Something is there already.
    #[error("{}: found a folder that is not empty; expected a new or empty one", .0.display())]
    NotEmpty(PathBuf),
    /// A file is where the folder should be.
    #[error("{}: found a file; expected a folder, or none yet", .0.display())]
    NotAFolder(PathBuf),
    /// The folder is a mount point, which cannot be replaced by another one.
    #[error(
        "{}: found a mount point; expected a folder that can be replaced when the run is complete, such as one inside it",
        .0.display()
    )]
    MountPoint(PathBuf),
    /// The operating system refused.
    #[error("{}: could not {doing}: {source}; nothing is left of this run", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl FolderError {
    fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, doing, source }
    }
}

/// Everything that a run folder holds.
const RUN_FILES: [&str; 20] = [
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
    "scenarios.parquet",
    "scenario_returns.parquet",
    "grid.toml",
    "folds.parquet",
    "out_of_sample.parquet",
    "best.toml",
];

/// A run folder in the making, beside the place where it will stand. Dropped before [`Self::complete`],
/// it removes itself.
#[derive(Debug)]
pub struct RunFolder {
    target: PathBuf,
    aside: PathBuf,
    completed: bool,
}

/// Whether a file system begins at the folder.
#[cfg(unix)]
fn is_mount_point(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    let parent =
        folder.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    device(folder).zip(parent.and_then(device)).is_some_and(|(own, parent)| own != parent)
}

/// Whether a file system begins at the folder.
#[cfg(not(unix))]
fn is_mount_point(_: &Path) -> bool {
    false
}

impl RunFolder {
    /// Starts a run folder for `target`; of a symbolic link, for the folder that it names. A run that stands there is
    /// replaced only with `force`, and only at the end; files that are not of a run stay.
    ///
    /// # Errors
    /// `target` is not empty and `force` is not given, or the file system refuses.
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
        let prefix = format!(".{}.partial-", name.to_string_lossy());
        remove_abandoned(target, &prefix);
        let aside = target.with_file_name(format!("{prefix}{}", std::process::id()));
        if aside.exists() {
            fs::remove_dir_all(&aside).map_err(FolderError::io(&aside, "remove what an earlier run left"))?;
        }
        fs::create_dir_all(&aside).map_err(FolderError::io(&aside, "create the folder"))?;
        Ok(Self { target: target.to_owned(), aside, completed: false })
    }

    /// Where the files are written until the run is complete.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.aside
    }

    /// Writes a small file whole.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn write(&self, name: &str, content: &str) -> Result<(), FolderError> {
        let path = self.aside.join(name);
        fs::write(&path, content).map_err(FolderError::io(&path, "write the file"))
    }

    /// Puts the folder in its place.
    ///
    /// # Errors
    /// The file system refuses; what stood there before is then still there.
    pub fn complete(mut self) -> Result<(), FolderError> {
        let target = self.target.clone();
        let old = self.aside.with_extension("replaced");
        let replaces = target.exists();
        if replaces {
            let permissions = fs::metadata(&target).map(|folder| folder.permissions());
            permissions
                .and_then(|permissions| fs::set_permissions(&self.aside, permissions))
                .map_err(FolderError::io(&target, "keep the permissions of the folder"))?;
            // What betaflow did not write stays: it may be the very data that was read.
            for name in names_in(&target)?.iter().filter(|name| !RUN_FILES.contains(&name.as_str())) {
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
        Ok(())
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if !self.completed {
            // Nothing better can be done about a failure here than to leave the partial folder.
            let _ = fs::remove_dir_all(&self.aside);
        }
    }
}

/// Writes a file of a finished run whole, in the place of what stood there, and returns its path.
///
/// # Errors
/// The file system refuses; what stood there before is then still there.
pub fn replace_file(folder: &Path, name: &str, content: &str) -> Result<PathBuf, FolderError> {
    let path = folder.join(name);
    let target = follow(&path).map_err(FolderError::io(&path, "find the file"))?;
    let aside = target.with_file_name(format!(".{name}.partial-{}", std::process::id()));
    let written = fs::write(&aside, content).and_then(|()| fs::rename(&aside, &target));
    if written.is_err() {
        // What cannot be removed is in nobody's way.
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

/// Removes what runs left that were killed: partial folders of the same name whose process is gone.
fn remove_abandoned(target: &Path, prefix: &str) {
    let processes = Path::new("/proc");
    let Some(parent) = target.parent().filter(|_| processes.join("self").exists()) else { return };
    for name in names_in(parent).unwrap_or_default() {
        let process = name.strip_prefix(prefix).filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
        if process.is_some_and(|id| !processes.join(id).exists()) {
            // If it cannot be removed it is in nobody's way.
            let _ = fs::remove_dir_all(parent.join(name));
        }
    }
}

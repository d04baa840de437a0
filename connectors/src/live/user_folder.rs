//! Folder of files of the user, watched for new and changed files.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use betaflow_engine::time::TimestampNs;
use serde_json::json;

use super::client::Control;
use super::inputs::Input;
use super::user_file::UserFile;
use crate::clock::{elapsed, now};
use crate::parquet::{GivenKind, all_files};

/// Kind of the control about a file or folder that cannot be read.
const REFUSED: &str = "user_file_refused";
/// Minimum time between two looks.
const LOOK_MIN: Duration = Duration::from_millis(5);
/// Maximum share of the time that looks take is one to this number.
const LOOK_SHARE: u32 = 20;
/// Time after which an unreadable file is reported: before, its writer may be at work.
const REPORT_AFTER: Duration = Duration::from_secs(2);
/// Shortest and longest wait before an unreadable file is read again.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));
/// Age of the last write from which a file without a mark of its end is read.
const SETTLED: Duration = Duration::from_secs(1);

/// Folder, or single file, of one content. Files are told apart by name, and their versions by length and times.
pub struct UserFolder {
    path: PathBuf,
    kind: GivenKind,
    sealed_from: Option<TimestampNs>,
    files: BTreeMap<PathBuf, Version>,
    /// Inputs of files that were read.
    ready: VecDeque<Input>,
    /// Time of the next look, as [`elapsed`] counts it.
    next_look: Option<Duration>,
    /// True while the folder cannot be listed and this was reported.
    is_lost: bool,
}

/// Last version seen of a file.
struct Version {
    mark: Mark,
    /// `None` once it was read.
    failing: Option<Failing>,
}

/// Length, time of the last write, and number in the file system.
type Mark = (u64, Option<SystemTime>, u64);

struct Failing {
    since: Duration,
    retry_at: Duration,
    wait: Duration,
    is_reported: bool,
}

impl UserFolder {
    /// Watches `path`. Rows from `sealed_from` on are not read.
    #[must_use]
    pub fn new(path: &Path, kind: GivenKind, sealed_from: Option<TimestampNs>) -> Self {
        Self {
            path: path.to_owned(),
            kind,
            sealed_from,
            files: BTreeMap::new(),
            ready: VecDeque::new(),
            next_look: None,
            is_lost: false,
        }
    }

    /// Returns the next input: a part of a new or changed file, or a report of a file that cannot be read. Looks at
    /// the folder if the last look was long enough ago.
    pub fn next_input(&mut self) -> Option<Input> {
        let start = elapsed();
        if self.ready.is_empty() && self.next_look.is_none_or(|at| at <= start) {
            self.look(start);
            let end = elapsed();
            self.next_look = Some(end + LOOK_MIN.max((end - start) * LOOK_SHARE));
        }
        self.ready.pop_front()
    }

    fn look(&mut self, now: Duration) {
        // Files arrive one by one, so that no file tells which form the others have.
        let paths = match all_files(&self.path) {
            Ok(paths) => paths,
            Err(error) => {
                if !std::mem::replace(&mut self.is_lost, true) {
                    self.report(&error.to_string());
                }
                return;
            }
        };
        self.is_lost = false;
        for path in paths {
            // A file that was removed in between is not there.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            let mark = mark(&metadata);
            match self.files.get(&path) {
                Some(version) if version.mark == mark => match &version.failing {
                    Some(failing) if failing.retry_at <= now => {}
                    _ => continue,
                },
                _ if !is_settled(&path, &metadata) => continue,
                _ => {}
            }
            let read = self.read(&path, mark.0);
            let failing = match read {
                Ok(parts) => {
                    self.ready.extend(parts.into_iter().map(Input::File));
                    None
                }
                Err(error) => {
                    let before = self.files.remove(&path).filter(|version| version.mark == mark);
                    let mut failing = Failing::after(before.and_then(|version| version.failing), now);
                    if !failing.is_reported && now.saturating_sub(failing.since) >= REPORT_AFTER {
                        failing.is_reported = true;
                        self.report(&error);
                    }
                    Some(failing)
                }
            };
            self.files.insert(path, Version { mark, failing });
        }
    }

    /// Reads a file of `length` bytes.
    fn read(&self, path: &Path, length: u64) -> Result<Vec<UserFile>, String> {
        let name = self.name(path);
        let bytes = fs::read(path).map_err(|error| format!("{name}: {error}"))?;
        if bytes.len() as u64 != length {
            return Err(format!("{name}: found {} bytes, expected {length}", bytes.len()));
        }
        UserFile::read(&self.kind, &name, bytes.into(), self.sealed_from).map_err(|error| error.to_string())
    }

    /// Name in the record: the path from the folder.
    fn name(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.path).ok().filter(|inside| !inside.as_os_str().is_empty());
        inside.or(path.file_name().map(Path::new)).unwrap_or(path).display().to_string()
    }

    fn report(&mut self, error: &str) {
        let text = format!("{} not used: {error}", self.kind.name());
        let body = json!({ "kind": REFUSED, "text": text }).to_string();
        self.ready.push_back(Input::Control(Control { kind: REFUSED, timestamp: now().0, body }));
    }
}

impl Failing {
    /// Failure after an earlier one of the same version.
    fn after(before: Option<Self>, now: Duration) -> Self {
        let before =
            before.unwrap_or(Self { since: now, retry_at: now, wait: RETRY.0 / 2, is_reported: false });
        let wait = (before.wait * 2).min(RETRY.1);
        Self { retry_at: now + wait, wait, ..before }
    }
}

fn mark(metadata: &Metadata) -> Mark {
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(metadata);
    #[cfg(not(unix))]
    let number = 0;
    (metadata.len(), metadata.modified().ok(), number)
}

/// Returns whether a file may be read. A Parquet file ends with a footer, so a part of it is an error; a part of
/// another file may look complete.
fn is_settled(path: &Path, metadata: &Metadata) -> bool {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    let has_footer = extension.is_some_and(|extension| extension == "parquet" || extension == "parq");
    // A time in the future is that of another clock.
    let age = metadata.modified().ok().and_then(|time| time.elapsed().ok());
    has_footer || age.is_none_or(|age| age >= SETTLED)
}

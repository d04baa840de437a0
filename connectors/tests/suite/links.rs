//! Outputs whose path is a symbolic link: the target is written, and the link stays.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use betaflow_connectors::record::{FolderError, RunFolder, replace_file, write_findings};
use betaflow_connectors::store::{StateFolder, Sync};

/// Folder with `disk/` for targets and `links/`.
struct Places(tempfile::TempDir);

impl Places {
    fn new() -> Self {
        let places = Self(tempfile::tempdir().unwrap());
        ["disk", "links"].iter().for_each(|name| fs::create_dir(places.path(name)).unwrap());
        places
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Creates `links/NAME` → `target`, as typed.
    fn link(&self, name: &str, target: &str) -> PathBuf {
        let link = self.path("links").join(name);
        symlink(target, &link).unwrap();
        link
    }

    /// Returns the sorted names in a folder.
    fn names(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(name)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

fn write(target: &Path, force: bool) -> Result<(), FolderError> {
    let folder = RunFolder::create(target, force)?;
    folder.write("summary.json", "{}")?;
    folder.complete()
}

#[test]
fn run_folder_behind_a_link_is_written_and_the_link_stays() {
    for (case, typed, make) in [
        ("an empty folder", "../disk/run", true),
        ("no folder yet", "../disk/run", false),
        ("a link to a link", "second", true),
    ] {
        let places = Places::new();
        if make {
            fs::create_dir(places.path("disk/run")).unwrap();
        }
        places.link("second", "../disk/run");
        let link = places.link("out", typed);
        write(&link, false).unwrap();
        assert!(link.is_symlink(), "{case}");
        assert_eq!(places.names("disk/run"), ["summary.json"], "{case}");
        assert_eq!(places.names("disk"), ["run"], "{case}: no temporary folder is left");
        assert_eq!(places.names("links"), ["out", "second"], "{case}: no file is left beside the link");
    }
}

#[test]
fn run_behind_a_link_is_replaced_with_force_only_and_other_files_stay() {
    let places = Places::new();
    fs::create_dir(places.path("disk/run")).unwrap();
    for name in ["equity.parquet", "prices.parquet"] {
        fs::write(places.path("disk/run").join(name), name).unwrap();
    }
    let link = places.link("out", "../disk/run");
    assert!(matches!(write(&link, false), Err(FolderError::NotEmpty(path)) if path.ends_with("disk/run")));
    write(&link, true).unwrap();
    assert!(link.is_symlink());
    assert_eq!(places.names("disk/run"), ["prices.parquet", "summary.json"]);
    assert_eq!(places.names("disk"), ["run"]);
}

#[test]
fn link_inside_the_path_and_a_trailing_slash_are_followed() {
    let places = Places::new();
    let link = places.link("inner", "../disk");
    write(&link.join("run"), false).unwrap();
    assert_eq!(places.names("disk/run"), ["summary.json"]);
    write(&link.join("run/../other/"), false).unwrap();
    assert_eq!(places.names("disk"), ["other", "run"]);
    fs::create_dir(places.path("disk/third")).unwrap();
    let slash = format!("{}/", places.link("slash", "../disk/third").display());
    write(Path::new(&slash), false).unwrap();
    assert!(places.path("links/slash").is_symlink());
    assert_eq!(places.names("disk/third"), ["summary.json"]);
}

#[test]
fn link_to_a_file_and_a_loop_are_refused() {
    let places = Places::new();
    fs::write(places.path("disk/file"), "").unwrap();
    let file = places.link("file", "../disk/file");
    assert!(matches!(RunFolder::create(&file, true), Err(FolderError::NotAFolder(_))));
    let (a, _) = (places.link("a", "b"), places.link("b", "a"));
    assert!(matches!(RunFolder::create(&a, true), Err(FolderError::Io { .. })));
    assert_eq!(places.names("links"), ["a", "b", "file"]);
}

#[test]
fn abandoned_run_behind_a_link_leaves_nothing() {
    let places = Places::new();
    let link = places.link("out", "../disk/run");
    let folder = RunFolder::create(&link, false).unwrap();
    let parent = fs::canonicalize(folder.path().parent().unwrap()).unwrap();
    assert_eq!(
        parent,
        fs::canonicalize(places.path("disk")).unwrap(),
        "the rename must stay within one file system"
    );
    drop(folder);
    assert!(places.names("disk").is_empty());
    assert!(link.is_symlink());
}

#[test]
fn file_behind_a_link_is_written_and_the_link_stays() {
    let places = Places::new();
    let table = places.link("findings.parquet", "../disk/table.parquet");
    for _ in 0..2 {
        write_findings(&table, &[]).unwrap();
        assert!(table.is_symlink());
        assert_eq!(places.names("disk"), ["table.parquet"]);
    }
    let report = places.link("report.html", "../disk/page.html");
    replace_file(&places.path("links"), "report.html", "page").unwrap();
    assert!(report.is_symlink());
    assert_eq!(fs::read_to_string(places.path("disk/page.html")).unwrap(), "page");
    assert_eq!(places.names("disk"), ["page.html", "table.parquet"]);
}

#[test]
fn state_folder_behind_a_link_is_made_where_the_link_points() {
    let places = Places::new();
    let link = places.link("state", "../disk/state");
    drop(StateFolder::open(&link, Sync::Full).unwrap());
    assert!(link.is_symlink() && places.names("disk/state").contains(&"state.db".to_owned()));
}

//! Small file system in memory that a test can fill.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

pub(crate) struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// Mounts a file system of `mb` MiB, which needs root.
    pub(crate) fn mount(path: &'a Path, mb: u32) -> Self {
        std::fs::create_dir(path).unwrap();
        let size = format!("size={mb}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).output();
        assert!(
            mounted.is_ok_and(|mounted| mounted.status.success()),
            "mounting a small disk is not permitted"
        );
        Self(path)
    }

    pub(crate) fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    pub(crate) fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

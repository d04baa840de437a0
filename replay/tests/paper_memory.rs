//! The memory of a paper run stays flat when its first inputs move into a segment.
#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use support::paper::{Serving, arguments};
use support::{Panel, folder, joined};

/// Inputs of a segment, and frames until the second checkpoint after them.
const FRAMES: usize = 1_024 + 3 * 256;
/// Largest increase, in KiB: one row group of 256 KiB with its copies, the state of the compressor and small caches.
const RISE_MAX: i64 = 3_072;

/// Anonymous resident memory of a process in KiB; `None` after its end.
fn anonymous(process: u32) -> Option<i64> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Anonymous:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[test]
fn first_segment_raises_memory_by_little() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(91, FRAMES, 40).write(path);
    let serving = Serving::start(path, &joined("serve", &data, &[])[1..], &["--speed", "40000000"]);
    let mut program = Command::new(env!("CARGO_BIN_EXE_betaflow"))
        .args(arguments(&serving.url, "state"))
        .current_dir(path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut before, mut highest) = (0, 0);
    while program.try_wait().unwrap().is_none() {
        if let Some(now) = anonymous(program.id()) {
            // The folder appears with the first row group.
            if path.join("state/session").exists() {
                highest = highest.max(now);
            } else {
                before = now;
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let segments = fs::read_dir(path.join("state/session")).unwrap().count();
    assert_eq!(segments, 1, "the run ended before its first segment");
    assert!(before > 0 && highest > 0, "no memory was read");
    assert!(highest - before <= RISE_MAX, "memory rose from {before} KiB to {highest} KiB");
}

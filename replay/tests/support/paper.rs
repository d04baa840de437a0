//! A feed served by the program, and the arguments of a paper run on it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Settings with which a small panel trades soon.
pub(crate) const SETTINGS: [&str; 3] =
    ["estimator.warmup=40", "execution.delay_bars=2", "sizing.weight_min=-0.05"];

/// Server process that ends with its test.
pub(crate) struct Serving {
    child: Child,
    pub(crate) url: String,
}

impl Serving {
    pub(crate) fn start(path: &Path, data: &[&str], faults: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_betaflow"))
            .args([&["serve", "--listen", "127.0.0.1:0"], data, faults].concat())
            .current_dir(path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().last().unwrap().to_owned();
        assert!(url.starts_with("ws://"), "{line}");
        Self { child, url }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn arguments<'a>(url: &'a str, state: &'a str) -> Vec<&'a str> {
    [vec!["paper", "--url", url, "--state", state], super::sets(&SETTINGS)].concat()
}

/// Digest printed at the end of a run.
pub(crate) fn digest(out: &str) -> String {
    let digest = out.lines().find_map(|line| line.trim_start().strip_prefix("Digest "));
    digest.unwrap_or_default().split_whitespace().next().unwrap_or_default().to_owned()
}

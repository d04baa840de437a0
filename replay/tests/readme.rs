//! Every command of the README and of the guide to paper trading runs as it is pasted.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Held while commands run: those of both texts listen on the same ports.
static PORTS: Mutex<()> = Mutex::new(());

/// Lines inside ```sh fences of a text beside the program.
fn commands(path: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let mut inside = false;
    let mut commands = Vec::new();
    for line in text.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            command if inside && !command.is_empty() => commands.push(command.to_owned()),
            _ => {}
        }
    }
    commands
}

/// The grid files that commands name: each with its name, which is the next one to be said after it.
fn grids() -> Vec<(String, String)> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = std::fs::read_to_string(readme).unwrap();
    let grid = |after: &str| {
        let (grid, rest) = after.split_once("```").expect("its end");
        let (before, _) = rest.split_once(".toml`").expect("its name");
        let (_, name) = before.rsplit_once('`').expect("in quotes");
        (format!("{name}.toml"), format!("[grid]{grid}"))
    };
    text.split("```toml\n[grid]").skip(1).map(grid).collect()
}

/// A command that goes on until the test has ended.
struct Serving(Child);

impl Serving {
    fn start(arguments: &str, folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_betaflow"))
            .args(arguments.split_whitespace())
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // It says where it listens once it does.
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("://127.0.0.1:"), "{arguments}: {line}");
        Self(child)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn every_command_of_the_readme_runs() {
    let folder = tempfile::tempdir().unwrap();
    support::Panel::new(1, 400, 12).write(folder.path());
    for (name, grid) in grids() {
        std::fs::write(folder.path().join(name), grid).unwrap();
    }
    run_all("../README.md", folder.path());
}

#[test]
fn every_command_of_the_guide_to_paper_runs() {
    run_all("docs/paper.md", tempfile::tempdir().unwrap().path());
}

fn run_all(text: &str, folder: &Path) {
    let _ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut serving = Vec::new();
    let mut ran = 0;
    for command in commands(text) {
        // The two cargo commands are what runs this test and what `.ci/run` ends with.
        let Some(arguments) = command.strip_prefix("betaflow ") else {
            assert!(
                ["cargo run --release -- replay", "cargo test --workspace"].contains(&command.as_str()),
                "{command}"
            );
            continue;
        };
        // What serves until it is stopped is another terminal's.
        if ["serve ", "dashboard "].iter().any(|serves| arguments.starts_with(serves)) {
            serving.push(Serving::start(arguments, folder));
            ran += 1;
            continue;
        }
        // As a shell takes it, quotes and all.
        let output = Command::new("sh")
            .args(["-c", &format!("'{}' {arguments}", env!("CARGO_BIN_EXE_betaflow"))])
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        ran += 1;
    }
    assert!(ran >= 4, "only {ran} commands were found");
}

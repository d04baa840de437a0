//! Every command of the README runs as it is pasted.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::Command;

/// Lines inside ```sh fences.
fn commands() -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = std::fs::read_to_string(readme).unwrap();
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

/// The grid file that a command names.
fn grid() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = std::fs::read_to_string(readme).unwrap();
    let (_, after) = text.split_once("```toml\n[grid]").expect("a grid file");
    format!("[grid]{}", after.split_once("```").expect("its end").0)
}

#[test]
fn every_command_of_the_readme_runs() {
    let folder = tempfile::tempdir().unwrap();
    support::Panel::new(1, 400, 12).write(folder.path());
    std::fs::write(folder.path().join("grid.toml"), grid()).unwrap();
    let mut ran = 0;
    for command in commands() {
        // The two cargo commands are what runs this test and what `.ci/run` ends with.
        let Some(arguments) = command.strip_prefix("betaflow ") else {
            assert!(
                ["cargo run --release -- replay", "cargo test --workspace"].contains(&command.as_str()),
                "{command}"
            );
            continue;
        };
        // As a shell takes it, quotes and all.
        let output = Command::new("sh")
            .args(["-c", &format!("'{}' {arguments}", env!("CARGO_BIN_EXE_betaflow"))])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        ran += 1;
    }
    assert!(ran >= 4, "only {ran} commands were found");
}

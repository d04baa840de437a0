//! Runs every command and Python block of README.md and `replay/docs`, and compares the output with the page.
//! `UPDATE_DOCS=1` writes the present output into the pages; `DOCS=NAME` selects pages by name.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

#[path = "documentation/output.rs"]
mod output;
#[path = "documentation/page.rs"]
mod page;
#[path = "documentation/session.rs"]
mod session;
mod support;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use page::{Block, Expected, Page, Step};
use session::{Python, Session};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// README.md and every page of the guide.
fn pages() -> Vec<Page> {
    let guide = std::fs::read_dir(root().join("replay/docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        guide.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect();
    paths.push(root().join("README.md"));
    paths.sort();
    paths.into_iter().map(Page::read).collect()
}

#[test]
fn every_command_and_script_runs_with_the_output_on_its_page() {
    let python = Python::find();
    let selected = std::env::var("DOCS").unwrap_or_default();
    let pages: Vec<Page> = pages().into_iter().filter(|page| page.name().contains(&selected)).collect();
    // Two workers: a page waits for its feed most of the time.
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(page) = pages.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let failed = run(page, &python);
                    failures.lock().unwrap().extend(failed);
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Runs a page and returns its failures. It ends early at a command that fails, and at a script without Python.
fn run(page: &Page, python: &Python) -> Vec<String> {
    let start = std::time::Instant::now();
    let mut session = Session::new();
    let mut failures = Vec::new();
    let mut replacements = Vec::new();
    for block in page.blocks() {
        let at = format!("{}:{}", page.path.display(), block.line);
        if let Step::Python(code) = &block.step
            && let Err(reason) = python.of(code)
        {
            // Written to the handle itself: the harness hides what a passing test prints.
            let _ =
                writeln!(std::io::stderr(), "{}: skipped from line {} on: {reason}", page.name(), block.line);
            break;
        }
        let output = match execute(&block, &mut session, python) {
            Ok(Some(output)) => output::lines_of(&output),
            Ok(None) => continue,
            Err(failure) => {
                failures.push(format!("{at}: {failure}"));
                break;
            }
        };
        let Some(expected) = block.expected else { continue };
        match shown(&expected, &output) {
            Ok(None) => {}
            Ok(Some(lines)) if std::env::var_os("UPDATE_DOCS").is_some() => {
                replacements.push((expected.first, expected.lines.len(), lines));
            }
            Ok(Some(lines)) => failures.push(format!(
                "{at}: the output is not the one on the page (UPDATE_DOCS=1 writes it):\n{}",
                lines.join("\n")
            )),
            Err(failure) => failures.push(format!("{at}: {failure}")),
        }
    }
    if !replacements.is_empty() {
        let mut lines: Vec<String> = page.text.lines().map(str::to_owned).collect();
        for (first, length, replacement) in replacements.into_iter().rev() {
            lines.splice(first..first + length, replacement);
        }
        std::fs::write(&page.path, lines.join("\n") + "\n").unwrap();
    }
    println!("{}: {:.1} s", page.name(), start.elapsed().as_secs_f64());
    failures
}

/// Runs a block and returns its output, or `None` for a block that is a file or is skipped.
fn execute(block: &Block, session: &mut Session, python: &Python) -> Result<Option<String>, String> {
    match &block.step {
        Step::Toml { name, text } => {
            let table: Result<toml::Table, _> = text.parse();
            table.map_err(|error| error.to_string())?;
            if let Some(name) = name {
                session.write(name, text);
            }
            Ok(None)
        }
        Step::Python(code) => session.python(python.of(code)?, code).map(Some),
        Step::Shell { commands, exit } => {
            let mut output = String::new();
            for (at, command) in commands.iter().enumerate() {
                if is_run_elsewhere(command) {
                    continue;
                }
                let exit = if at + 1 == commands.len() { *exit } else { 0 };
                let result = session.shell(command, exit);
                output += &result.map_err(|failure| format!("{command}: {failure}"))?;
            }
            Ok(Some(output))
        }
    }
}

/// True for commands that build: `.ci/run` contains them, or they are too slow for it.
fn is_run_elsewhere(command: &str) -> bool {
    const COMMANDS: [&str; 5] =
        ["cargo test ", "cargo install ", "cargo bench ", "pip install ", "replay/assets/report.sh"];
    COMMANDS.iter().any(|start| command.starts_with(start))
}

/// New lines of a block; `None` if it already shows this output.
fn shown(expected: &Expected, output: &[String]) -> Result<Option<Vec<String>>, String> {
    if matches!(expected.excerpt, output::Excerpt::Whole)
        && expected.lines.iter().any(|line| line == output::ELLIPSIS)
    {
        return if output::agree(&expected.lines, output) {
            Ok(None)
        } else {
            Err(format!("the output has other lines than the block: {}", output.join("\n")))
        };
    }
    let lines = expected.excerpt.apply(output)?;
    let same = output::same(&expected.lines, &lines);
    Ok((!same).then_some(lines))
}

#[test]
fn every_link_resolves() {
    let more = [
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "connectors/data/README.md",
        "benches/peers/README.md",
        "replay/docs/llms.txt",
    ];
    let more = more.iter().map(|name| Page::read(root().join(name)));
    let mut broken = Vec::new();
    for page in pages().into_iter().chain(more) {
        for link in page.links() {
            let (path, anchor) =
                link.split_once('#').map_or((&link[..], None), |(path, anchor)| (path, Some(anchor)));
            let target =
                if path.is_empty() { page.path.clone() } else { page.path.parent().unwrap().join(path) };
            let resolves = target.exists()
                && anchor.is_none_or(|anchor| {
                    Page::read(target).anchors().iter().any(|heading| heading == anchor)
                });
            if !resolves {
                broken.push(format!("{}: {link}", page.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links without a target:\n{}", broken.join("\n"));
}

#[test]
fn every_page_of_the_guide_is_linked_and_on_the_map() {
    let pages = pages();
    let map = Page::read(root().join("replay/docs/llms.txt")).links();
    for page in pages.iter().filter(|page| page.name() != "README.md") {
        let name = page.name();
        let others = pages.iter().filter(|other| other.path != page.path);
        let mut links = others.flat_map(Page::links);
        assert!(links.any(|link| is_link_to(&link, &name)), "{name}: no page links to it");
        assert!(map.iter().any(|link| is_link_to(link, &name)), "{name}: llms.txt does not list it");
    }
}

fn is_link_to(link: &str, name: &str) -> bool {
    let path = link.split('#').next().unwrap_or_default();
    path.rsplit('/').next() == Some(name)
}

#[test]
fn a_page_of_the_guide_begins_with_its_title_and_a_sentence() {
    for page in pages() {
        let lines: Vec<&str> = page.text.lines().collect();
        assert!(lines[0].starts_with("# ") && lines[1].is_empty(), "{}: a title", page.name());
        assert!(lines[2].starts_with(char::is_alphabetic), "{}: {}", page.name(), lines[2]);
    }
}

#[test]
fn readme_and_architecture_stay_short() {
    for (name, most) in [("README.md", 250), ("ARCHITECTURE.md", 200)] {
        let length = Page::read(root().join(name)).length();
        assert!(length <= most, "{name} has {length} lines, and at most {most} are wanted");
    }
}

#[test]
fn excerpts_select_lines_and_masks_hide_durations() {
    let output = output::lines_of("\nA 1\nB 2 s\n\nC 3\nD 4\n");
    let apply = |comment: &str| output::Excerpt::parse(comment).apply(&output).map(|lines| lines.join("/"));
    let cases = [
        ("", "A 1/B 2 s//C 3/D 4"),
        ("head 1", "A 1/..."),
        ("tail 1", ".../D 4"),
        ("head 1 tail 1", "A 1/.../D 4"),
        ("lines b 2 | C", ".../B 2 s//C 3/..."),
        ("parts d", ".../C 3/D 4"),
    ];
    for (comment, expected) in cases {
        assert_eq!(apply(comment).as_deref(), Ok(expected), "{comment}");
    }
    assert!(apply("lines e").is_err());
    let agree = |block: &str, output: &str| {
        let lines = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
        output::agree(&lines(block), &lines(output))
    };
    for (block, output) in [
        ("rows in 0.16 s", "rows in 12.5  s"),
        ("took 3ms, 4", "took 7.25ms, 4"),
        ("at 2026-11-29T02:15:20Z", "at 2027-01-01T00:00:00Z"),
        ("a/.../c", "a/b/b/c"),
        ("a/.../c/...", "a/c"),
    ] {
        assert!(agree(block, output), "{block}: {output}");
    }
    for (block, output) in
        [("a 1", "a 2"), ("a/.../c", "a/b"), ("a/...", "b/a"), ("from 2014-01-02", "from 2014-01-03")]
    {
        assert!(!agree(block, output), "{block}: {output}");
    }
}

//! Markdown pages: fenced blocks that run, their expected output, links and headings.

use std::path::{Path, PathBuf};

use super::output::Excerpt;

/// A page of the documentation.
pub(crate) struct Page {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A fenced block.
pub(crate) enum Step {
    /// Commands of an ```sh block, and the exit code of the last one.
    Shell { commands: Vec<String>, exit: i32 },
    /// A ```python block: a script of its own.
    Python(String),
    /// A ```toml block; with a name, a file that the commands read.
    Toml { name: Option<String>, text: String },
}

/// A step, its line, and the ```text block that follows it.
pub(crate) struct Block {
    pub(crate) step: Step,
    /// Line number of the opening fence, from 1.
    pub(crate) line: usize,
    pub(crate) expected: Option<Expected>,
}

/// A ```text block that directly follows a block that runs.
pub(crate) struct Expected {
    /// Index of its first line in the page, from 0.
    pub(crate) first: usize,
    pub(crate) lines: Vec<String>,
    pub(crate) excerpt: Excerpt,
}

impl Page {
    pub(crate) fn read(path: PathBuf) -> Self {
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path, text }
    }

    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// Number of the page's lines.
    pub(crate) fn length(&self) -> usize {
        self.text.lines().count()
    }

    /// Blocks of `sh`, `python` and `toml`, in order.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut blocks: Vec<Block> = Vec::new();
        // Text between two fences. After only blank lines and comments, a ```text block is the output of a block.
        let (mut prose, mut comment) = (String::new(), String::new());
        let mut adjacent = false;
        let mut at = 0;
        while at < lines.len() {
            let line = lines[at];
            let Some(language) = line.strip_prefix("```") else {
                if let Some(inside) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) {
                    inside.clone_into(&mut comment);
                } else if !line.trim().is_empty() {
                    line.clone_into(&mut prose);
                    comment.clear();
                    adjacent = false;
                }
                at += 1;
                continue;
            };
            let first = at + 1;
            let end = (first..lines.len()).find(|end| lines[*end] == "```");
            let end = end.unwrap_or_else(|| panic!("{}:{first}: fence without an end", self.path.display()));
            let body = &lines[first..end];
            let step = match language {
                "sh" => Some(Step::Shell {
                    commands: commands(body),
                    exit: comment.strip_prefix("exit ").map_or(0, |code| code.parse().unwrap()),
                }),
                "python" => Some(Step::Python(body.join("\n"))),
                "toml" => Some(Step::Toml { name: file_name(&prose), text: body.join("\n") + "\n" }),
                _ => None,
            };
            if let Some(step) = step {
                adjacent = !matches!(step, Step::Toml { .. });
                blocks.push(Block { step, line: first, expected: None });
            } else {
                if language == "text" && adjacent {
                    let lines = body.iter().map(|line| (*line).to_owned()).collect();
                    let excerpt = Excerpt::parse(&comment);
                    blocks.last_mut().unwrap().expected = Some(Expected { first, lines, excerpt });
                }
                adjacent = false;
            }
            prose.clear();
            comment.clear();
            at = end + 1;
        }
        blocks
    }

    /// Targets of the links in the text outside of fences: `path`, `path#anchor` or `#anchor`.
    pub(crate) fn links(&self) -> Vec<String> {
        let prose = self.prose().join("\n");
        let target = |after: &str| after.split_once(')').map(|(target, _)| target.to_owned());
        let links = prose.split("](").skip(1).filter_map(target);
        links.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
    }

    /// Anchors of the headings, as GitHub makes them.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let headings = self.prose().into_iter().filter(|line| line.starts_with('#'));
        let slug = |line: &str| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        };
        headings.map(slug).collect()
    }

    /// Lines outside of fences.
    pub(crate) fn prose(&self) -> Vec<&str> {
        let mut inside = false;
        let mut lines = Vec::new();
        for line in self.text.lines() {
            if line.starts_with("```") {
                inside = !inside;
            } else if !inside {
                lines.push(line);
            }
        }
        lines
    }
}

/// Commands of a block: one a line; a backslash at the end of a line joins the next one to it.
fn commands(lines: &[&str]) -> Vec<String> {
    let text = lines.join("\n").replace("\\\n", " ");
    let command = |line: &str| line.trim().to_owned();
    text.lines().map(command).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// Name of a TOML file in backticks.
fn file_name(prose: &str) -> Option<String> {
    let code = prose.split('`').skip(1).step_by(2);
    let mut names = code.filter(|code| Path::new(code).extension().is_some_and(|ending| ending == "toml"));
    names.next().map(str::to_owned)
}

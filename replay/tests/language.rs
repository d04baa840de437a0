//! Plain English: first words, capitals and full stops of doc paragraphs, words that this project avoids, names
//! without meaning.
//!
//! `cargo test -p betaflow-replay --test language -- --nocapture` prints the counts by crate;
//! `LANGUAGE=engine/src/model` before it lists each finding below that path.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "language/python.rs"]
mod python;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Openings that hide the noun or the verb of a doc paragraph.
const FIRST_WORDS: [&str; 7] = ["What", "Whether it", "Of", "As", "In place of", "Nothing", "Whoever"];

/// Highest share of doc paragraphs of a crate that may begin with one of `FIRST_WORDS`.
const FIRST_WORDS_MAX: f64 = 0.003;

/// Words and phrases without an agent or an object, each with what to write.
const LISTED: [(&str, &str); 29] = [
    ("whoever", "name the agent"),
    ("nobody", "name the agent"),
    ("somebody", "name the agent"),
    ("is said", "name what reports it"),
    ("are said", "name what reports it"),
    ("be it", "whether … or …"),
    ("what becomes of", "name the result"),
    ("what became of", "name the result"),
    ("what has become of", "name the result"),
    ("what comes of", "name the result"),
    ("what came of", "name the result"),
    ("has it", "name the object"),
    ("of which", "split the sentence"),
    ("of whom", "split the sentence"),
    ("so many", "name the number"),
    ("anew", "again"),
    ("affair", "name the thing"),
    ("but for", "except"),
    ("where there is none", "name what is missing"),
    ("is wanted of", "target weight"),
    ("is believed", "forecast, expected return"),
    ("are believed", "forecast, expected return"),
    ("belief", "forecast, expected return"),
    ("beliefs", "forecasts, expected returns"),
    ("give or take", "standard error"),
    ("would take all", "break-even cost"),
    ("doubt", "data-quality warning"),
    ("doubts", "data-quality warnings"),
    ("to the letter", "exactly"),
];

/// Words after `is no` that make it plain English.
const AFTER_IS_NO: [&str; 14] = [
    "longer", "more", "less", "later", "earlier", "larger", "smaller", "greater", "higher", "lower",
    "better", "worse", "slower", "faster",
];

/// Types named by a participle or a pronoun.
const TYPES: [&str; 37] = [
    "As",
    "Become",
    "Behind",
    "Believed",
    "Born",
    "By",
    "Came",
    "Compared",
    "Course",
    "Described",
    "Doubt",
    "Doubts",
    "Eight",
    "Extent",
    "Found",
    "From",
    "Given",
    "Gone",
    "Held",
    "Heard",
    "Kept",
    "Making",
    "Met",
    "Names",
    "Own",
    "Read",
    "Reading",
    "Said",
    "Seen",
    "Shared",
    "Standing",
    "Taken",
    "Told",
    "Voice",
    "Wanted",
    "Was",
    "Words",
];

/// Files named by a participle, a pronoun or a word without meaning.
const FILES: [&str; 27] = [
    "course",
    "described",
    "doubts",
    "eight",
    "enter",
    "extent",
    "first",
    "found",
    "given",
    "held",
    "making",
    "outlet",
    "own",
    "paired",
    "said",
    "seen",
    "shared",
    "standing",
    "start",
    "tags",
    "taken",
    "tell",
    "told",
    "voice",
    "wanted",
    "was",
    "words",
];

/// Findings of one crate.
#[derive(Default)]
struct Counts {
    doc_paragraphs: usize,
    first_words: usize,
    listed: usize,
    shape: usize,
    names: usize,
}

/// One place that breaks a rule.
struct Finding {
    kind: Kind,
    line: usize,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    FirstWord,
    Listed,
    Shape,
    Name,
}

/// Parts of a file that people read, each line with its number from 1.
#[derive(Default)]
pub(crate) struct Prose {
    /// Paragraphs of doc comments.
    pub(crate) paragraphs: Vec<(usize, String)>,
    /// Comments of any kind and literal strings.
    pub(crate) text: Vec<(usize, String)>,
    /// Code without comments and strings.
    pub(crate) code: Vec<(usize, String)>,
}

/// State of the reading of a Rust file between two lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Code,
    /// A string that ends with a quote and so many `#`; a raw string has no escapes.
    Text {
        hashes: usize,
        raw: bool,
    },
}

/// Length of the opening of a string at the start of `rest`, and what it opens.
fn opening(rest: &str) -> Option<(usize, Inside)> {
    let after_prefix = rest.trim_start_matches(['b', 'c']);
    let raw = after_prefix.strip_prefix('r');
    let hashes = raw.map_or(0, |raw| raw.len() - raw.trim_start_matches('#').len());
    let quote = rest.len() - after_prefix.len() + raw.map_or(0, |_| 1 + hashes);
    rest[quote..].starts_with('"').then_some((quote + 1, Inside::Text { hashes, raw: raw.is_some() }))
}

/// Splits a line of code into code and strings, from the state after the line before.
fn split_line(
    line: &str,
    mut inside: Inside,
    code: &mut String,
    text: &mut String,
) -> (Inside, Option<usize>) {
    let mut at = 0;
    let mut word = false;
    while at < line.len() {
        let rest = &line[at..];
        let next = rest.chars().next().unwrap();
        match inside {
            Inside::Code if rest.starts_with("//") => return (inside, Some(at)),
            Inside::Code => {
                if !word && let Some((length, opened)) = opening(rest) {
                    inside = opened;
                    at += length;
                    continue;
                }
                // A quote as a character starts no string.
                let length = if rest.starts_with("'\"'") { 3 } else { next.len_utf8() };
                code.push_str(&rest[..length]);
                word = next.is_alphanumeric() || next == '_';
                at += length;
            }
            Inside::Text { raw: false, .. } if next == '\\' => {
                text.push(' ');
                at += 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
            }
            Inside::Text { hashes, .. } if next == '"' && rest[1..].starts_with(&"#".repeat(hashes)) => {
                inside = Inside::Code;
                word = false;
                text.push('\u{1}');
                at += 1 + hashes;
            }
            Inside::Text { .. } => {
                text.push(next);
                at += next.len_utf8();
            }
        }
    }
    (inside, None)
}

fn prose_of(file: &str) -> Prose {
    let mut prose = Prose::default();
    let (mut inside, mut fenced, mut listing) = (Inside::Code, false, false);
    let mut paragraph = None::<(usize, String)>;
    for (at, line) in file.lines().enumerate() {
        let trimmed = line.trim_start();
        let doc = trimmed.strip_prefix("///").or_else(|| trimmed.strip_prefix("//!"));
        if let (Inside::Code, Some(doc)) = (inside, doc) {
            let doc = doc.trim();
            fenced ^= doc.starts_with("```");
            let numbered = doc.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
            let item = doc.starts_with("* ") || doc.starts_with("- ") || numbered;
            let other = ["```", "#", "|"].iter().any(|start| doc.starts_with(start))
                || (doc.starts_with('[') && doc.contains("]: "));
            // Further lines of a list item are part of the item.
            listing = !doc.is_empty() && !other && (listing || item && paragraph.is_none());
            let block = fenced || doc.is_empty() || other || listing;
            if !fenced {
                prose.text.push((at + 1, doc.to_owned()));
            }
            match (&mut paragraph, block) {
                (_, true) => prose.paragraphs.extend(paragraph.take()),
                (Some((_, words)), false) => *words = format!("{words} {doc}"),
                (none, false) => *none = Some((at + 1, doc.to_owned())),
            }
            continue;
        }
        prose.paragraphs.extend(paragraph.take());
        (fenced, listing) = (false, false);
        let (mut code, mut text) = (String::new(), String::new());
        let (left, comment) = split_line(line, inside, &mut code, &mut text);
        inside = left;
        text.push_str(comment.map_or("", |comment| line[comment..].trim_start_matches('/')));
        prose.text.push((at + 1, text));
        prose.code.push((at + 1, code));
    }
    prose.paragraphs.extend(paragraph);
    prose
}

/// True if `words` occurs in `text`, not as part of longer words.
fn occurs(text: &str, words: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(words)
        .any(|(at, _)| edge(text[..at].chars().next_back()) && edge(text[at + words.len()..].chars().next()))
}

/// Listed phrases in the lines of a text, including those that span two lines.
fn listed(lines: &[(usize, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut last = String::new();
    for (line, text) in lines {
        let text = text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        let both = format!("{last} {text}");
        let mut found = |phrase: &str| {
            findings.push(Finding { kind: Kind::Listed, line: *line, text: phrase.to_owned() })
        };
        for (phrase, instead) in LISTED {
            let phrase_before = occurs(&last, phrase);
            if occurs(&text, phrase) || (!phrase_before && phrase.contains(' ') && occurs(&both, phrase)) {
                found(&format!("`{phrase}` ({instead})"));
            }
        }
        for (at, _) in text.match_indices("is no ") {
            let subject = text[..at].split_whitespace().next_back().unwrap_or_default();
            let next = text[at + 6..].split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            let part_of_word = text[..at].ends_with(char::is_alphanumeric);
            if !part_of_word && !subject.ends_with("there") && !AFTER_IS_NO.contains(&next) {
                found(&format!("`is no {next}` (is not a {next})"));
            }
        }
        last = text;
    }
    findings
}

fn shapes(paragraphs: &[(usize, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, words) in paragraphs {
        let opening: String = words.chars().take(60).collect();
        let mut found = |kind, text: String| findings.push(Finding { kind, line: *line, text });
        if FIRST_WORDS.iter().any(|first| words.starts_with(first) && occurs(words, first)) {
            let whole_word = |first: &&str| !words[first.len()..].starts_with(char::is_alphanumeric);
            if FIRST_WORDS.iter().filter(|first| words.starts_with(**first)).any(whole_word) {
                found(Kind::FirstWord, format!("begins: {opening}"));
            }
        }
        if words.starts_with(char::is_lowercase) {
            found(Kind::Shape, format!("no capital: {opening}"));
        }
        let end = words.trim_end_matches(['`', ')', '*', '"']);
        if !words.ends_with('`') && !end.ends_with(['.', ':', '?', '!', ';', '|']) {
            found(Kind::Shape, format!("no full stop: {opening}"));
        }
    }
    findings
}

fn names(code: &[(usize, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, code) in code {
        let words: Vec<&str> = code.split_whitespace().collect();
        for pair in words.windows(2) {
            let name = pair[1].split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
            let type_name = ["struct", "enum", "type", "trait"].contains(&pair[0]) && TYPES.contains(&name);
            let spoken = name.replace('_', " ");
            let function = pair[0] == "fn"
                && (spoken.starts_with("what ")
                    || LISTED.iter().any(|(phrase, _)| phrase.contains(' ') && occurs(&spoken, phrase))
                    || ["whoever", "nobody", "somebody", "anew"].iter().any(|word| occurs(&spoken, word)));
            if type_name || function {
                findings.push(Finding { kind: Kind::Name, line: *line, text: format!("name `{name}`") });
            }
        }
    }
    findings
}

fn findings_of(path: &Path, text: &str) -> (usize, Vec<Finding>) {
    let prose = match path.extension().and_then(|extension| extension.to_str()) {
        Some("rs") => Some(prose_of(text)),
        Some("py" | "pyi") => Some(python::prose_of(text)),
        _ => None,
    };
    let (paragraphs, mut findings) = if let Some(prose) = prose {
        let mut findings = shapes(&prose.paragraphs);
        findings.extend(listed(&prose.text));
        findings.extend(names(&prose.code));
        (prose.paragraphs.len(), findings)
    } else {
        let lines: Vec<_> = text.lines().enumerate().map(|(at, line)| (at + 1, line.to_owned())).collect();
        (0, listed(&lines))
    };
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if FILES.contains(&stem) {
        findings.push(Finding { kind: Kind::Name, line: 1, text: format!("file `{stem}`") });
    }
    findings.sort_by_key(|finding| finding.line);
    (paragraphs, findings)
}

/// Files of the project that people write, by crate; those at the top level count as `top`.
fn files(root: &Path) -> Vec<(String, PathBuf)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let kinds = ["rs", "md", "js", "css", "html", "toml", "py", "txt", "pyi"];
            match path.is_dir() {
                true if !["data", "node_modules", "target"].contains(&name) => walk(&path, found),
                false if path.extension().and_then(|e| e.to_str()).is_some_and(|e| kinds.contains(&e)) => {
                    found.push(path)
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    for part in ["engine", "connectors", "strategies", "replay", "benches"] {
        let mut inside = Vec::new();
        walk(&root.join(part), &mut inside);
        found.extend(inside.into_iter().map(|path| (part.to_owned(), path)));
    }
    for part in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "Cargo.toml"] {
        found.push(("top".to_owned(), root.join(part)));
    }
    // This file lists the words that it looks for.
    found.retain(|(_, path)| !path.ends_with("replay/tests/language.rs"));
    found.sort();
    found
}

#[test]
fn the_text_of_every_file_is_plain_english() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let shown = std::env::var("LANGUAGE").ok();
    let mut by_crate = BTreeMap::<String, Counts>::new();
    let mut first_findings = Vec::new();
    for (part, path) in files(root) {
        let (paragraphs, findings) = findings_of(&path, &fs::read_to_string(&path).unwrap());
        let relative = path.strip_prefix(root).unwrap().display().to_string();
        let counts = by_crate.entry(part).or_default();
        counts.doc_paragraphs += paragraphs;
        for finding in findings {
            match finding.kind {
                Kind::FirstWord => counts.first_words += 1,
                Kind::Listed => counts.listed += 1,
                Kind::Shape => counts.shape += 1,
                Kind::Name => counts.names += 1,
            }
            let line = format!("{relative}:{}: {}", finding.line, finding.text);
            if shown.as_ref().is_some_and(|shown| relative.starts_with(shown.as_str())) {
                println!("{line}");
            }
            first_findings.push(line);
        }
    }
    println!(
        "{:<12}{:>12}{:>13}{:>14}{:>18}{:>7}",
        "crate", "paragraphs", "first words", "listed words", "capital and stop", "names"
    );
    let mut over = Vec::new();
    for (part, counts) in &by_crate {
        let Counts { doc_paragraphs, first_words, listed, shape, names } = counts;
        println!("{part:<12}{doc_paragraphs:>12}{first_words:>13}{listed:>14}{shape:>18}{names:>7}");
        let first_words_max = (*doc_paragraphs as f64 * FIRST_WORDS_MAX).floor() as usize;
        if *first_words > first_words_max || listed + shape + names > 0 {
            over.push(part.as_str());
        }
    }
    assert!(
        over.is_empty(),
        "{over:?} above the thresholds, e.g. {:#?}",
        &first_findings[..first_findings.len().min(20)]
    );
}

#[test]
fn each_rule_finds_its_examples() {
    let cases: [(&str, &[Kind]); 13] = [
        ("/// What is kept.\nstruct Ledger;", &[Kind::FirstWord]),
        ("/// Asset prices.\nstruct Prices;", &[]),
        ("/// Prices of a frame.\n///\n/// Of each instrument, one.\nstruct Prices;", &[Kind::FirstWord]),
        ("/// prices of a frame\nstruct Prices;", &[Kind::Shape, Kind::Shape]),
        ("// Told to whoever\n// waits.\n", &[Kind::Listed]),
        ("let text = \"this is no key\"; // or be\n// it so", &[Kind::Listed, Kind::Listed]),
        ("let text = \"there is no key\"; let n = is_no_key;", &[]),
        ("let quote = '\"'; // nobody", &[Kind::Listed]),
        ("let raw = r#\"\"nobody\" \\\"#; let nobody = 1;", &[Kind::Listed]),
        ("struct Seen;\nfn what_is_left() {}", &[Kind::Name, Kind::Name]),
        ("/// * first\n///   then\n///\n/// lower.\nstruct Steps;", &[Kind::Shape]),
        ("/// ```\n/// what_is_this()\n/// ```\nfn example() {}", &[]),
        ("let long = \"a string\nwhoever reads it\";", &[Kind::Listed]),
    ];
    for (text, expected) in cases {
        let (_, findings) = findings_of(Path::new("a.rs"), text);
        assert_eq!(findings.iter().map(|finding| finding.kind).collect::<Vec<_>>(), expected, "{text}");
    }
    assert_eq!(findings_of(Path::new("doubts.rs"), "").1.len(), 1);
}

#[test]
fn each_rule_finds_its_examples_in_python() {
    let cases: [(&str, &[Kind]); 11] = [
        ("def f():\n    \"\"\"What is kept.\"\"\"\n", &[Kind::FirstWord]),
        ("x = \"\"\"what is kept\"\"\"\n", &[]),
        ("f(\n    \"\"\"text\"\"\")\n", &[]),
        ("\"\"\"Prices of a frame.\n\nof each instrument\n\"\"\"\n", &[Kind::Shape, Kind::Shape]),
        ("# Told to whoever\nx = 'nobody'  # waits\n", &[Kind::Listed, Kind::Listed]),
        ("nobody = r\"\\\"; text = \"a \\\" # doubt\"\n", &[Kind::Listed]),
        ("class Seen:\n    def what_is_left(self): ...\n", &[Kind::Name, Kind::Name]),
        (
            "\"\"\"Returns prices.\n\n    Parameters\n    ----------\n    x : float\n        the value\n    \"\"\"\n",
            &[Kind::Shape, Kind::Shape],
        ),
        (
            "\"\"\"Returns prices.\n\n    Returns\n    -------\n    DataFrame\n        A row for each date.\n    \"\"\"\n",
            &[],
        ),
        ("r\"\"\"Prices.\n\nAn example:\n\n    what_is_this()\n\n>>> 1\n1\n\"\"\"\n", &[]),
        ("text = '''of which'''  # it\nx = f\"{a['b']} be it\"\n", &[Kind::Listed, Kind::Listed]),
    ];
    for (text, expected) in cases {
        let (_, findings) = findings_of(Path::new("a.py"), text);
        assert_eq!(findings.iter().map(|finding| finding.kind).collect::<Vec<_>>(), expected, "{text}");
    }
}

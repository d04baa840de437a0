//! Output as a page shows it: abridged by a directive, and compared with times and rates masked.

/// Lines of the output that a page shows; a line `...` stands for the others.
pub(crate) enum Excerpt {
    /// All lines, unless the block itself contains a line `...`.
    Whole,
    /// `<!-- head 12 -->`, `<!-- tail 3 -->`, `<!-- head 12 tail 3 -->`.
    Ends { head: usize, tail: usize },
    /// `<!-- lines sharpe | digest -->`: lines that contain one of the texts, in any case.
    Lines(Vec<String>),
    /// `<!-- parts Costs | Files -->`: paragraphs with a line that contains one of the texts, in any case.
    Parts(Vec<String>),
}

pub(crate) const ELLIPSIS: &str = "...";

impl Excerpt {
    /// Parses the comment before a block; any other comment selects all lines.
    pub(crate) fn parse(comment: &str) -> Self {
        let texts = |rest: &str| rest.split(" | ").map(|text| text.trim().to_lowercase()).collect();
        let words: Vec<&str> = comment.split_whitespace().collect();
        let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("a number in `{comment}`"));
        match words[..] {
            ["head", head, "tail", tail] => Self::Ends { head: number(head), tail: number(tail) },
            ["head", head] => Self::Ends { head: number(head), tail: 0 },
            ["tail", tail] => Self::Ends { head: 0, tail: number(tail) },
            ["lines", ..] => Self::Lines(texts(&comment["lines".len()..])),
            ["parts", ..] => Self::Parts(texts(&comment["parts".len()..])),
            _ => Self::Whole,
        }
    }

    /// Lines of an output that the page shows, or the text that selects no line.
    pub(crate) fn apply(&self, output: &[String]) -> Result<Vec<String>, String> {
        let shown = match self {
            Self::Whole => vec![true; output.len()],
            Self::Ends { head, tail } => {
                (0..output.len()).map(|at| at < *head || at + tail >= output.len()).collect()
            }
            Self::Lines(texts) => selected(texts, output.iter().map(|line| vec![line]).collect())?,
            Self::Parts(texts) => {
                let paragraphs = output.chunk_by(|line, next| line.is_empty() == next.is_empty());
                selected(texts, paragraphs.map(|lines| lines.iter().collect()).collect())?
            }
        };
        let mut lines: Vec<String> = Vec::new();
        for run in output.iter().zip(shown).collect::<Vec<_>>().chunk_by(|a, b| a.1 == b.1) {
            match run {
                [(_, true), ..] => lines.extend(run.iter().map(|(line, _)| (*line).clone())),
                _ if run.iter().all(|(line, _)| line.is_empty()) => lines.push(String::new()),
                _ => lines.push(ELLIPSIS.to_owned()),
            }
        }
        Ok(lines)
    }
}

/// For each line of the groups: true if its group contains one of the texts.
fn selected(texts: &[String], groups: Vec<Vec<&String>>) -> Result<Vec<bool>, String> {
    let contains =
        |group: &[&String], text: &str| group.iter().any(|line| line.to_lowercase().contains(text));
    if let Some(text) = texts.iter().find(|text| !groups.iter().any(|group| contains(group, text))) {
        return Err(format!("no line contains `{text}`"));
    }
    let shown = |group: Vec<&String>| vec![texts.iter().any(|text| contains(&group, text)); group.len()];
    Ok(groups.into_iter().flat_map(shown).collect())
}

/// Lines without trailing white space, and without blank lines at both ends.
pub(crate) fn lines_of(output: &str) -> Vec<String> {
    let lines: Vec<String> = output.lines().map(|line| line.trim_end().to_owned()).collect();
    let first = lines.iter().position(|line| !line.is_empty()).unwrap_or(lines.len());
    let end = lines.iter().rposition(|line| !line.is_empty()).map_or(first, |last| last + 1);
    lines[first..end].to_vec()
}

/// True if two texts have the same words, however their lines are wrapped.
pub(crate) fn same(block: &[String], output: &[String]) -> bool {
    mask(&block.join("\n")) == mask(&output.join("\n"))
}

/// True if a block shows this output, with its lines `...` standing for any lines.
pub(crate) fn agree(block: &[String], output: &[String]) -> bool {
    match block.iter().position(|line| line == ELLIPSIS) {
        None => same(block, output),
        Some(at) => {
            let (head, rest) = (&block[..at], &block[at + 1..]);
            output.len() >= at
                && same(head, &output[..at])
                && (at..=output.len()).any(|from| agree(rest, &output[from..]))
        }
    }
}

/// A text with single spaces, and `#` for durations, rates, memory, times of the clock and process numbers.
fn mask(text: &str) -> String {
    const UNITS: [&str; 10] = ["s", "ms", "µs", "min", "h", "MB", "GB", "kB", "rows/s", "frames/s"];
    let words: Vec<&str> = text.split_whitespace().collect();
    let bare = |word: &str| word.trim_matches(|c: char| "(),;:".contains(c)).to_owned();
    let is_number =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ',');
    let mut masked = Vec::with_capacity(words.len());
    for (at, word) in words.iter().enumerate() {
        let core = bare(word);
        let unit = core.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let has_unit = words.get(at + 1).is_some_and(|next| UNITS.contains(&bare(next).as_str()));
        let is_masked = (is_number(&core) && has_unit)
            || (unit.len() < core.len() && UNITS.contains(&unit))
            || is_time(&core)
            || (is_number(&core) && at > 0 && ["pid", "process"].contains(&bare(words[at - 1]).as_str()));
        masked.push(if is_masked { word.replace(&core, "#") } else { (*word).to_owned() });
    }
    masked.join(" ")
}

/// `2026-11-29T02:15:20…` and `02:15:20…`.
fn is_time(word: &str) -> bool {
    let clock = word.split_once('T').map_or(word, |(_, clock)| clock);
    let digits = |at: usize| clock.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let colon = |at: usize| clock.as_bytes().get(at) == Some(&b':');
    digits(0) && digits(1) && colon(2) && digits(3) && digits(4) && colon(5) && digits(6) && digits(7)
}

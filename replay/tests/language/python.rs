//! Docstrings, comments, strings and code of a Python file.

use super::Prose;

/// A string that is open at the end of a line.
#[derive(Clone, Copy)]
struct Open {
    quote: char,
    /// Three quotes: the string may have several lines.
    triple: bool,
    raw: bool,
    docstring: bool,
}

/// Docstring that is being read: its lines with their numbers.
type Lines = Vec<(usize, String)>;

/// Splits a Python file into its parts; paragraphs are those of docstrings.
pub(crate) fn prose_of(file: &str) -> Prose {
    let mut prose = Prose::default();
    let mut open = None::<Open>;
    let mut docstring = Lines::new();
    let mut brackets = 0_usize;
    for (at, line) in file.lines().enumerate() {
        let (mut code, mut text) = (String::new(), String::new());
        let mut rest = line;
        if let Some(string) = open {
            rest = end_of(rest, string, &mut text, &mut open);
            close_line(&mut prose, &mut docstring, string, at + 1, &mut text, open.is_none());
        }
        while let Some(next) = rest.chars().next() {
            if next == '#' {
                text.push_str(rest.trim_start_matches(['#', '!', '%', ' ']));
                break;
            }
            if matches!(next, '"' | '\'') {
                let triple = rest[1..].starts_with(&next.to_string().repeat(2));
                let name = |c: char| c.is_alphanumeric() || c == '_';
                let prefix = &code[code.trim_end_matches(name).len()..];
                let prefixed = prefix.len() <= 2 && prefix.chars().all(|c| "rbfuRBFU".contains(c));
                let raw = prefixed && prefix.contains(['r', 'R']);
                let before = if prefixed { &code[..code.len() - prefix.len()] } else { &code[..] };
                let docstring_opens = triple && brackets == 0 && before.trim().is_empty();
                let string = Open { quote: next, triple, raw, docstring: docstring_opens };
                open = Some(string);
                rest = end_of(&rest[if triple { 3 } else { 1 }..], string, &mut text, &mut open);
                close_line(&mut prose, &mut docstring, string, at + 1, &mut text, open.is_none());
                // A mark in place of the string, so that the code on both sides stays apart.
                code.push('\u{1}');
                continue;
            }
            match next {
                '(' | '[' | '{' => brackets += 1,
                ')' | ']' | '}' => brackets = brackets.saturating_sub(1),
                _ => {}
            }
            code.push(next);
            rest = &rest[next.len_utf8()..];
        }
        // A string in simple quotes ends with its line.
        open = open.filter(|string| string.triple);
        prose.text.push((at + 1, text));
        prose.code.push((at + 1, code.replace("class ", "struct ").replace("def ", "fn ")));
    }
    prose
}

/// Moves the text of a string from `rest` into `text` until its end; returns what follows it.
fn end_of<'a>(rest: &'a str, string: Open, text: &mut String, open: &mut Option<Open>) -> &'a str {
    let end = string.quote.to_string().repeat(if string.triple { 3 } else { 1 });
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(&end) {
            *open = None;
            text.push('\u{1}');
            return &rest[at + end.len()..];
        }
        let next = rest[at..].chars().next().unwrap_or_default();
        at += next.len_utf8();
        if next == '\\' && !string.raw {
            text.push(' ');
            at += rest[at..].chars().next().map_or(0, char::len_utf8);
        } else {
            text.push(next);
        }
    }
    ""
}

/// Adds the text of a line to the docstring, and the paragraphs of a docstring that has ended.
fn close_line(
    prose: &mut Prose,
    docstring: &mut Lines,
    string: Open,
    line: usize,
    text: &mut str,
    ended: bool,
) {
    if !string.docstring {
        return;
    }
    docstring.push((line, text.trim_end_matches('\u{1}').to_owned()));
    if ended {
        prose.paragraphs.extend(paragraphs(&std::mem::take(docstring)));
    }
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Paragraphs of a docstring in the style of NumPy. Headings of sections, names of parameters with their types, lists,
/// tables and examples are no paragraphs; the descriptions of parameters are.
fn paragraphs(lines: &Lines) -> Vec<(usize, String)> {
    let body = lines.iter().skip(1).filter(|(_, text)| !text.trim().is_empty());
    let margin = body.map(|(_, text)| indent_of(text)).min().unwrap_or_default();
    let mut found = Vec::new();
    let mut paragraph = None::<(usize, String)>;
    let (mut fields, mut literal, mut listing) = (false, None::<usize>, false);
    for (at, (line, raw)) in lines.iter().enumerate() {
        let text = raw.trim();
        let indent = if at == 0 { margin } else { indent_of(raw) };
        // A table ends with a blank line.
        listing |= is_table_rule(text);
        let underlined = !listing && lines.get(at + 1).is_some_and(|(_, next)| is_rule(next.trim()));
        if literal.is_some_and(|outer| !text.is_empty() && indent <= outer) {
            literal = None;
        }
        if underlined || is_rule(text) || is_table_rule(text) {
            fields = if underlined { has_fields(text) } else { fields };
            found.extend(paragraph.take());
            continue;
        }
        let item = ["* ", "- ", ".. ", ">>>", "...", "|"].iter().any(|start| text.starts_with(start))
            || text.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
        listing = !text.is_empty() && (item || listing);
        let name = fields && indent == margin;
        // Indented lines outside a list of fields are an example.
        if literal.is_none() && !fields && !listing && paragraph.is_none() && indent > margin {
            literal = Some(margin);
        }
        if text.is_empty() || name || listing || literal.is_some() {
            found.extend(paragraph.take());
        } else {
            match &mut paragraph {
                Some((_, words)) => *words = format!("{words} {text}"),
                none => *none = Some((*line, text.to_owned())),
            }
        }
        // So are those after a paragraph that ends with a colon.
        if literal.is_none() && text.ends_with(':') && !name {
            literal = Some(indent);
        }
    }
    found.extend(paragraph);
    found
}

fn is_rule(text: &str) -> bool {
    text.len() >= 3 && text.chars().all(|c| c == '-' || c == '=')
}

/// True for the rule of a table with several columns: `==== ====`.
fn is_table_rule(text: &str) -> bool {
    text.starts_with("==") && text.contains(' ') && text.chars().all(|c| c == '=' || c == ' ')
}

fn has_fields(heading: &str) -> bool {
    ["Parameters", "Returns", "Yields", "Raises", "Attributes", "Warns", "Methods", "Other Parameters"]
        .contains(&heading)
}

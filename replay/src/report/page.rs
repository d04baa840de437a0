//! The document around the sections.

use anyhow::Result;
use plotly::{Configuration, Plot};
use serde::Serialize;

use super::figure::Figure;
use super::html::{escape, json_in_script};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Nothing is loaded: a name in the data that got past the escaping could not load anything either.
const POLICY: &str =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:";

/// What the page's script draws.
#[derive(Serialize)]
struct Drawings<'a> {
    times: &'a [String],
    figures: &'a [Figure],
    config: Configuration,
}

/// A page in the making. What is given as HTML or as a title has its names escaped already.
pub(super) struct Page {
    title: String,
    body: String,
    times: Vec<String>,
    figures: Vec<Figure>,
}

impl Page {
    pub(super) fn new(title: &str) -> Self {
        let title = escape(title);
        Self { body: format!("<h1>{title}</h1>\n"), title, times: Vec::new(), figures: Vec::new() }
    }

    pub(super) fn section(&mut self, heading: &str) {
        self.body += &format!("<h2>{}</h2>\n", escape(heading));
    }

    pub(super) fn html(&mut self, html: &str) {
        self.body += html;
    }

    pub(super) fn table(&mut self, header: &[&str], class: &str, rows: &str) {
        let header: String =
            header.iter().map(|cell| format!("<th scope=\"col\">{}</th>", escape(cell))).collect();
        self.body += &format!(
            "<div class=\"wide\"><table class=\"{class}\"><thead><tr>{header}</tr></thead>\n\
             <tbody>\n{rows}</tbody></table></div>\n"
        );
    }

    /// A section that cannot be there, and why.
    pub(super) fn missing(&mut self, heading: &str, why: &str) {
        self.section(heading);
        self.body += &format!("<p class=\"missing\">{}</p>\n", escape(why));
    }

    /// Text that opens on a click.
    pub(super) fn details(&mut self, heading: &str, text: &str) {
        let (heading, text) = (escape(heading), escape(text));
        self.body += &format!("<details><summary>{heading}</summary><pre>{text}</pre></details>\n");
    }

    /// The times of all figures over time.
    pub(super) fn set_times(&mut self, times: Vec<String>) {
        self.times = times;
    }

    pub(super) fn figure(&mut self, title: &str, figure: Figure) {
        let at = self.figures.len();
        let log = match figure.may_be_logarithmic() {
            true => {
                format!(" <label><input type=\"checkbox\" data-log=\"figure{at}\"> logarithmic axis</label>")
            }
            false => String::new(),
        };
        let class = if figure.is_tall() { "plot tall" } else { "plot" };
        self.body += &format!(
            "<figure><figcaption>{title}{log}</figcaption><div class=\"{class}\" id=\"figure{at}\" role=\"img\" \
             aria-label=\"{title}\"></div></figure>\n"
        );
        self.figures.push(figure);
    }

    /// The document.
    pub(super) fn finish(self) -> Result<String> {
        let Self { title, body, .. } = &self;
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n"
        );
        if !self.figures.is_empty() {
            html += "<noscript><p>The figures need JavaScript; the tables do not.</p></noscript>\n";
            html += &plotly_script();
            html += "\n<script type=\"application/json\" id=\"figures\">";
            html += &json_in_script(&serde_json::to_string(&self.drawings())?);
            html += &format!("</script>\n<script>\n{SCRIPT}</script>\n");
        }
        html += "</body>\n</html>\n";
        Ok(html)
    }

    fn drawings(&self) -> Drawings<'_> {
        let config = Configuration::new().responsive(true).display_logo(false);
        Drawings { times: &self.times, figures: &self.figures, config }
    }
}

/// plotly.js. It comes with a script for formulas after it, which nothing here needs: a script ends where a
/// browser would end it.
fn plotly_script() -> String {
    const END: &str = "</script>";
    let mut scripts = Plot::offline_js_sources();
    if let Some(end) = scripts.find(END) {
        scripts.truncate(end + END.len());
    }
    scripts
}

//! HTML document around the sections.

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, Render, html};
use plotly::{Configuration, Plot};
use serde::Serialize;

use super::figure::Figure;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Nothing is loaded: markup that got past the escaping could not load anything either.
const POLICY: &str =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:";

/// Data of the page's script.
#[derive(Serialize)]
struct Drawings<'a> {
    times: &'a [String],
    figures: &'a [Figure],
    config: Configuration,
}

/// A page to which sections are added. Text becomes markup in `html!` alone, which escapes it.
pub(super) struct Page {
    title: String,
    body: Vec<Markup>,
    times: Vec<String>,
    figures: Vec<Figure>,
}

impl Page {
    pub(super) fn new(title: &str) -> Self {
        let (times, figures) = (Vec::new(), Vec::new());
        Self { title: title.to_owned(), body: vec![html! { h1 { (title) } }], times, figures }
    }

    pub(super) fn section(&mut self, heading: &str) {
        self.add(html! { h2 { (heading) } });
    }

    pub(super) fn add(&mut self, markup: Markup) {
        self.body.push(markup);
    }

    /// A small paragraph below a table or a figure.
    pub(super) fn small(&mut self, text: impl Render) {
        self.add(html! { p.small { (text) } });
    }

    pub(super) fn table(&mut self, header: &[&str], class: &str, rows: &[Markup]) {
        self.add(html! {
            div.wide {
                table class=(class) {
                    thead { tr { @for cell in header { th scope="col" { (cell) } } } }
                    tbody { @for row in rows { (row) } }
                }
            }
        });
    }

    /// A section that is missing, and the reason.
    pub(super) fn missing(&mut self, heading: &str, reason: &str) {
        self.section(heading);
        self.absent(reason);
    }

    /// A paragraph in place of what is missing.
    pub(super) fn absent(&mut self, reason: &str) {
        self.add(html! { p.missing { (reason) } });
    }

    /// Text that opens on a click.
    pub(super) fn details(&mut self, heading: &str, text: &str) {
        self.add(html! { details { summary { (heading) } pre { (text) } } });
    }

    /// Sets the times of all figures over time.
    pub(super) fn set_times(&mut self, times: Vec<String>) {
        self.times = times;
    }

    pub(super) fn figure(&mut self, title: &str, figure: Figure) {
        let id = format!("figure{}", self.figures.len());
        let class = if figure.is_tall() { "plot tall" } else { "plot" };
        self.add(html! {
            figure {
                figcaption {
                    (title)
                    @if figure.may_be_logarithmic() {
                        " " label { input type="checkbox" data-log=(id); " logarithmic axis" }
                    }
                }
                div class=(class) id=(id) role="img" aria-label=(title) {}
            }
        });
        self.figures.push(figure);
    }

    /// Returns the document.
    pub(super) fn finish(self) -> Result<String> {
        let drawings = match self.figures.is_empty() {
            true => None,
            // No text of it can end the script.
            false => Some(serde_json::to_string(&self.drawings())?.replace('<', "\\u003c")),
        };
        let document = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main { @for part in &self.body { (part) "\n" } }
                    @if let Some(drawings) = drawings {
                        noscript { p { "The figures need JavaScript; the tables do not." } }
                        (PreEscaped(plotly_script()))
                        script type="application/json" id="figures" { (PreEscaped(drawings)) }
                        script { (PreEscaped(SCRIPT)) }
                    }
                }
            }
        };
        Ok(document.into_string() + "\n")
    }

    fn drawings(&self) -> Drawings<'_> {
        let config = Configuration::new().responsive(true).display_logo(false);
        Drawings { times: &self.times, figures: &self.figures, config }
    }
}

/// Returns plotly.js without the script for formulas after it. A script ends where a browser would end it.
fn plotly_script() -> String {
    const END: &str = "</script>";
    let mut scripts = Plot::offline_js_sources();
    if let Some(end) = scripts.find(END) {
        scripts.truncate(end + END.len());
    }
    scripts
}

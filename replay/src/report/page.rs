//! HTML document around the sections.

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, Render, html};
use plotly::{Configuration, Plot};
use serde::Serialize;

use super::figure::Figure;
use super::prose::prose;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Forbids all requests: even markup that was not escaped could load nothing.
const POLICY: &str =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:";
/// Heading of the table of contents.
const CONTENTS: &str = "Contents";

/// Data of the page's script.
#[derive(Serialize)]
struct Drawings<'a> {
    times: &'a [String],
    figures: &'a [Figure],
    config: Configuration,
}

/// A section: the target of a link of the table of contents.
struct Section {
    id: String,
    heading: String,
}

/// A page to which sections are added. Only `html!` converts text to markup, and it escapes the text.
pub(super) struct Page {
    title: String,
    body: Vec<Markup>,
    sections: Vec<Section>,
    /// Index of the part of the body that follows the table of contents.
    contents_at: usize,
    times: Vec<String>,
    /// First date of a hold-out that the figures over time mark.
    holdout: Option<String>,
    figures: Vec<Figure>,
}

impl Page {
    pub(super) fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            body: vec![html! { h1 { (title) } }],
            sections: Vec::new(),
            contents_at: 1,
            times: Vec::new(),
            holdout: None,
            figures: Vec::new(),
        }
    }

    /// Ends the current section, and begins one with a heading.
    pub(super) fn section(&mut self, heading: &str) {
        let slug = slug(heading);
        let same = self.sections.iter().filter(|section| section.heading == heading).count();
        let id = if same == 0 { slug } else { format!("{slug}-{}", same + 1) };
        let end = if self.sections.is_empty() { "" } else { "</section>" };
        self.add(html! {
            (PreEscaped(end)) (PreEscaped("<section id=\"")) (id) (PreEscaped("\">"))
            h2 { (heading) }
        });
        self.sections.push(Section { id, heading: heading.to_owned() });
    }

    /// Puts the table of contents here; without a call it is below the title.
    pub(super) fn contents(&mut self) {
        self.contents_at = self.body.len();
    }

    pub(super) fn add(&mut self, markup: Markup) {
        self.body.push(markup);
    }

    /// Adds a small paragraph below a table or a figure.
    pub(super) fn small(&mut self, text: impl Render) {
        self.add(html! { p.small { (text) } });
    }

    /// Adds a table that scrolls sideways where it is wider than the page.
    pub(super) fn table(&mut self, header: &[&str], class: &str, rows: &[Markup]) {
        self.add(html! { div.wide { (table(header, class, rows)) } });
    }

    /// Adds a table of bounded height. The page's script lets it be searched and sorted by each column; without the script
    /// it scrolls. `name`: its name for assistive software.
    pub(super) fn sortable(&mut self, name: &str, header: &[&str], class: &str, rows: &[Markup]) {
        self.add(html! {
            div.sortable {
                div class="wide bounded" tabindex="0" role="region" aria-label=(name) { (table(header, class, rows)) }
            }
        });
    }

    /// Adds a section with the reason why its content is missing.
    pub(super) fn missing(&mut self, heading: &str, reason: &str) {
        self.section(heading);
        self.absent(reason);
    }

    /// Adds a paragraph with the reason why a table or a figure is missing.
    pub(super) fn absent(&mut self, reason: &str) {
        self.add(html! { p.missing { (prose(reason)) } });
    }

    /// Adds text that opens on a click.
    pub(super) fn details(&mut self, heading: &str, text: &str) {
        self.add(html! { details { summary { (heading) } pre { (text) } } });
    }

    /// Sets the times of all figures over time.
    pub(super) fn set_times(&mut self, times: Vec<String>) {
        self.times = times;
    }

    /// Marks a hold-out in the figures over time that follow. `from`: its first date.
    pub(super) fn mark_holdout(&mut self, from: &str) {
        self.holdout = Some(from.to_owned());
    }

    /// Adds a figure. `reading`: one sentence, what it shows and how to read it.
    pub(super) fn figure(&mut self, title: &str, reading: &str, mut figure: Figure) {
        let id = format!("figure{}", self.figures.len());
        let class = if figure.is_tall() { "plot tall" } else { "plot" };
        let marks_holdout = figure.is_over_time() && self.mark(&mut figure);
        self.add(html! {
            figure {
                figcaption {
                    (title)
                    @if figure.may_be_logarithmic() {
                        " " label { input type="checkbox" data-log=(id); " logarithmic axis" }
                    }
                }
                p.reading { (prose(reading)) @if marks_holdout { " The shaded part is the hold-out." } }
                div class=(class) id=(id) role="img" aria-label=(title) {}
            }
        });
        self.figures.push(figure);
    }

    /// Marks the hold-out in a figure over time; returns false if its times end before the hold-out.
    fn mark(&self, figure: &mut Figure) -> bool {
        let (Some(from), Some(last)) = (&self.holdout, self.times.last()) else { return false };
        let reaches = from <= last;
        if reaches {
            figure.shade(from, last, "hold-out");
        }
        reaches
    }

    /// Returns the document.
    pub(super) fn finish(self) -> Result<String> {
        let drawings = match self.figures.is_empty() {
            true => None,
            // Escape `<`, so that no text can end the script.
            false => Some(serde_json::to_string(&self.drawings())?.replace('<', "\\u003c")),
        };
        let (above, below) = self.body.split_at(self.contents_at);
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
                    main {
                        @for part in above { (part) "\n" }
                        (self.table_of_contents())
                        @for part in below { (part) "\n" }
                        @if !self.sections.is_empty() { (PreEscaped("</section>")) }
                    }
                    @if let Some(drawings) = drawings {
                        noscript { p { "The figures need JavaScript; the tables do not." } }
                        (PreEscaped(plotly_script()))
                        script type="application/json" id="figures" { (PreEscaped(drawings)) }
                    }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        Ok(document.into_string() + "\n")
    }

    fn table_of_contents(&self) -> Markup {
        html! {
            @if self.sections.len() > 1 {
                nav.contents aria-label=(CONTENTS) {
                    b { (CONTENTS) }
                    ul { @for section in &self.sections { li { a href={ "#" (section.id) } { (section.heading) } } } }
                }
                "\n"
            }
        }
    }

    fn drawings(&self) -> Drawings<'_> {
        let config = Configuration::new().responsive(true).display_logo(false);
        Drawings { times: &self.times, figures: &self.figures, config }
    }
}

fn table(header: &[&str], class: &str, rows: &[Markup]) -> Markup {
    html! {
        table class=(class) {
            thead { tr { @for cell in header { th scope="col" { (cell) } } } }
            tbody { @for row in rows { (row) } }
        }
    }
}

/// Returns the id of the section of a heading: its words in lower case, joined by hyphens.
pub(super) fn slug(heading: &str) -> String {
    let lower = heading.to_lowercase();
    let words = lower.split(|character: char| !character.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// Returns plotly.js without the formula script that follows it. The cut is where a browser would end the script.
fn plotly_script() -> String {
    const END: &str = "</script>";
    let mut scripts = Plot::offline_js_sources();
    if let Some(end) = scripts.find(END) {
        scripts.truncate(end + END.len());
    }
    scripts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_have_ids_and_the_contents_link_to_each() {
        let mut page = Page::new("a <page>");
        page.section("Costs & \"limits\"");
        page.section("Costs & \"limits\"");
        page.absent("`x` is missing");
        let html = page.finish().unwrap();
        for part in [
            "<section id=\"costs-limits\"><h2>Costs &amp; &quot;limits&quot;</h2>",
            "<a href=\"#costs-limits-2\">",
            "<p class=\"missing\"><code>x</code> is missing</p>",
        ] {
            assert!(html.contains(part), "{part}");
        }
        assert_eq!(html.matches("<section").count(), html.matches("</section>").count());
    }
}

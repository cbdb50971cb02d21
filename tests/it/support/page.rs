//! An HTML page as seen without a script: texts, links, forms.

use scraper::{ElementRef, Html, Selector};

use super::Fields;

pub(crate) struct Page(Html);

/// A form, with what it would send.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) method: String,
    pub(crate) action: String,
    pub(crate) fields: Fields,
}

fn selector(css: &str) -> Selector {
    Selector::parse(css).expect("a selector of the tests' own")
}

fn attribute(element: ElementRef<'_>, name: &str) -> String {
    element.attr(name).unwrap_or_default().to_owned()
}

fn text(element: ElementRef<'_>) -> String {
    let words: Vec<&str> = element.text().flat_map(str::split_whitespace).collect();
    words.join(" ")
}

impl Page {
    pub(crate) fn parse(html: &str) -> Self {
        Self(Html::parse_document(html))
    }

    pub(crate) fn title(&self) -> String {
        self.texts("title").concat()
    }

    /// The text of every element that matches.
    pub(crate) fn texts(&self, css: &str) -> Vec<String> {
        let css = selector(css);
        self.0.select(&css).map(text).collect()
    }

    /// An attribute of every element that matches.
    pub(crate) fn attributes(&self, css: &str, name: &str) -> Vec<String> {
        let css = selector(css);
        let found = self.0.select(&css);
        found.map(|element| attribute(element, name)).collect()
    }

    /// Every form: its hidden fields, and its inputs as they are preset.
    pub(crate) fn forms(&self) -> Vec<Form> {
        let (forms, named) = (selector("form"), selector("input[name]"));
        let form = |form: ElementRef<'_>| {
            let inputs = form.select(&named).filter(|input| {
                input.attr("type") != Some("checkbox") || input.attr("checked").is_some()
            });
            let pairs: Vec<_> = inputs
                .map(|input| (attribute(input, "name"), attribute(input, "value")))
                .collect();
            Form {
                method: attribute(form, "method"),
                action: attribute(form, "action"),
                fields: pairs.into(),
            }
        };
        self.0.select(&forms).map(form).collect()
    }
}

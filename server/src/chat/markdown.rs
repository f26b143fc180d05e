//! Markdown of finished blocks and answers as HTML that can do no harm.

use ammonia::Builder;
use pulldown_cmark::{Options, Parser, html};
use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

/// What is understood beyond CommonMark.
pub(super) const OPTIONS: Options =
    Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH).union(Options::ENABLE_TASKLISTS);

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(sanitiser);

/// Renders and sanitises. No images (their address would tell somebody that it was read), no scripts, no
/// styles; links open elsewhere and say nothing of us.
pub(super) fn to_html(text: &str) -> String {
    let mut raw = String::with_capacity(text.len() * 2);
    html::push_html(&mut raw, Parser::new_ext(text, OPTIONS));
    SANITISER.clean(&raw).to_string()
}

fn sanitiser() -> Builder<'static> {
    let tags: HashSet<&str> = [
        "p",
        "br",
        "hr",
        "em",
        "strong",
        "del",
        "code",
        "pre",
        "blockquote",
        "ul",
        "ol",
        "li",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "a",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    ]
    .into();
    let mut builder = Builder::empty();
    builder
        .tags(tags)
        .clean_content_tags(["script", "style"].into())
        .tag_attributes(HashMap::from([("a", HashSet::from(["href"])), ("ol", HashSet::from(["start"]))]))
        .url_schemes(["http", "https", "mailto"].into())
        .link_rel(Some("noopener noreferrer nofollow"))
        .set_tag_attribute_value("a", "target", "_blank");
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_html() {
        assert_eq!(to_html("**a** `b`").trim(), "<p><strong>a</strong> <code>b</code></p>");
    }

    #[test]
    fn nothing_that_runs_or_calls_home_survives() {
        let nasty = "<script>alert(1)</script><img src=x onerror=alert(1)>![i](https://evil.example/x.png)\
            [c](javascript:alert(1)) <a href='data:text/html,x'>d</a> <p style='x' onclick=y>e</p><iframe src=z></iframe>";
        let html = to_html(nasty);
        for bad in [
            "<script",
            "<img",
            "<iframe",
            "onerror=",
            "onclick=",
            "style=",
            "src=",
            "href=\"javascript",
            "href=\"data:",
        ] {
            assert!(!html.contains(bad), "{bad} in {html}");
        }
    }

    #[test]
    fn a_link_opens_elsewhere_and_says_nothing_of_us() {
        let html = to_html("[x](https://example.org)");
        assert!(html.contains("noopener noreferrer") && html.contains("target=\"_blank\""), "{html}");
    }
}

//! Which Markdown of a text that still grows is settled, and its HTML, rendered once.
//!
//! A top-level block is settled when another one begins after a blank line: nothing that comes later belongs to
//! it any more. Only a link definition may still change it, and that is put right at the end of the answer.

use super::markdown::{self, OPTIONS};
use pulldown_cmark::{Event, Parser};

/// Bytes that may be parsed for each byte that comes, so that no text costs more than its length tells.
const WORTH: usize = 16;
/// Bytes that may be parsed before any came: answers of usual length never wait.
const ADVANCE: usize = 64 * 1024;

/// How far a text is rendered.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    /// Everything before this byte is rendered.
    done: usize,
    /// Where the line begins that is not complete yet.
    line: usize,
    /// Bytes looked through for ends of lines.
    seen: usize,
    after_blank: bool,
    /// A line stands where a block may begin, and was not parsed yet.
    due: bool,
    /// Bytes that may be parsed.
    credit: usize,
}

/// Blocks that are settled since the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub from: usize,
    pub to: usize,
    pub html: String,
}

impl Default for Blocks {
    fn default() -> Self {
        Self { done: 0, line: 0, seen: 0, after_blank: false, due: false, credit: ADVANCE }
    }
}

impl Blocks {
    /// Renders what is settled now. `text` is the whole text, grown at its end since the last call.
    pub(super) fn grown(&mut self, text: &str) -> Option<Settled> {
        self.look(text);
        let lines = text.get(self.done..self.line)?;
        if !self.due || lines.len() > self.credit {
            return None;
        }
        self.due = false;
        self.credit -= lines.len();
        let from = self.done;
        let settled = lines.get(..last_beginning(lines)?)?;
        self.done += settled.len();
        Some(Settled { from, to: self.done, html: markdown::to_html(settled) })
    }

    /// Looks through the lines that are new.
    fn look(&mut self, text: &str) {
        let new = text.get(self.seen..).unwrap_or_default();
        self.credit += new.len() * WORTH;
        for (at, _) in new.match_indices('\n') {
            let end = self.seen + at;
            let blank = text.get(self.line..end).is_none_or(|line| line.trim().is_empty());
            self.due |= !blank && self.after_blank;
            self.after_blank = blank;
            self.line = end + 1;
        }
        self.seen = text.len();
    }
}

/// Where the last top-level block begins that stands after a blank line; `lines` holds whole lines only, so no
/// byte to come can make it something else.
fn last_beginning(lines: &str) -> Option<usize> {
    let (mut depth, mut last) = (0_usize, None);
    for (event, range) in Parser::new_ext(lines, OPTIONS).into_offset_iter() {
        let top = depth == 0;
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            _ => {}
        }
        if top && let Some(line) = line_after_blank(lines, range.start) {
            last = Some(line);
        }
    }
    last
}

/// The beginning of the line a block begins, where the line before it is blank.
fn line_after_blank(lines: &str, block: usize) -> Option<usize> {
    let before = lines.get(..block)?;
    let line = before.rfind('\n')? + 1;
    let indented = before.get(line..)?.bytes().all(|b| b == b' ' || b == b'\t');
    let above = before.get(..line - 1)?;
    let above = above.get(above.rfind('\n').map_or(0, |at| at + 1)..)?;
    (indented && above.trim().is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Streams a text in pieces of these lengths; what was settled meanwhile.
    fn stream(text: &str, lengths: &[usize]) -> Vec<Settled> {
        let (mut blocks, mut all, mut at) = (Blocks::default(), Vec::new(), 0);
        let mut lengths = lengths.iter().copied().cycle();
        while at < text.len() {
            at = (at + lengths.next().unwrap_or(1).max(1)).min(text.len());
            while !text.is_char_boundary(at) {
                at += 1;
            }
            all.extend(blocks.grown(&text[..at]));
        }
        all
    }

    /// Pieces join on, none is empty, and with the rest they are the whole.
    fn agrees(text: &str, lengths: &[usize]) {
        let (mut html, mut at) = (String::new(), 0);
        for settled in stream(text, lengths) {
            assert_eq!(settled.from, at, "rendered twice or left out: {text:?}");
            assert!(settled.to > at, "nothing: {text:?}");
            at = settled.to;
            html.push_str(&settled.html);
        }
        html.push_str(&markdown::to_html(&text[at..]));
        assert_eq!(html, markdown::to_html(text), "{text:?}");
    }

    #[test]
    fn a_paragraph_is_settled_when_the_next_block_has_begun_a_whole_line() {
        let settled = stream("# One\n\nTwo *three*.\n\nFour\nfive", &[1]);
        let html: Vec<&str> = settled.iter().map(|s| s.html.trim()).collect();
        assert_eq!(html, ["<h1>One</h1>", "<p>Two <em>three</em>.</p>"]);
    }

    #[test]
    fn what_may_still_grow_is_not_settled() {
        for open in [
            "```\na\n\nb\n\nc\n",
            "- a\n\n- b\n\n  c\n",
            "    a\n\n    b\n",
            "<!-- a\n\nb\n",
            "a\nb\n",
            "1. a\n\n   b\n\n1. c\n",
            "a | b\n--|--\n1 | 2\n",
        ] {
            assert_eq!(stream(open, &[1]), [], "{open:?}");
        }
    }

    #[test]
    fn every_kind_of_block_is_settled_as_it_will_stay() {
        let text = "Setext\n===\n\n- a\n- b\n\n1. a\n\n   b\n2. c\n\n> q\nlazy\n\n> r\n\n```rust\nfn x() {}\n\n```\n\n\
            \ta\n\n    b\n\na|b\n-|-\n1|2\n\n* * *\n\n- [x] done\n  - deep\n\n    deeper\n\n~~~\n```\n\n~~~\n\nend **of** `it`\n\n\
            añ字🦀\r\n\r\nlast\r\n";
        for length in 1..60 {
            agrees(text, &[length]);
        }
        assert!(stream(text, &[1]).len() >= 12, "block by block");
    }

    #[test]
    fn a_text_that_stays_open_costs_no_more_than_its_length_tells_and_goes_on_afterwards() {
        let mut text = String::from("```\n");
        while text.len() < 300_000 {
            text.push_str("let a = 1;\n\n");
        }
        text.push_str("```\n\n");
        for n in 0..2_000 {
            text.push_str(&format!("Paragraph {n}.\n\n"));
        }
        let mut blocks = Blocks::default();
        let mut settled = 0;
        for at in (0..text.len()).step_by(16) {
            settled += usize::from(blocks.grown(&text[..at]).is_some());
        }
        assert!(settled > 100, "{settled}");
    }

    const TOKENS: &[&str] = &[
        "a",
        "b ",
        " ",
        "  ",
        "    ",
        "\t",
        "\n",
        "\n\n",
        "\n\n",
        "\n",
        "- ",
        "* ",
        "+ ",
        "1. ",
        "2) ",
        "> ",
        ">",
        "# ",
        "```\n",
        "~~~\n",
        "```",
        "|",
        "a|b\n-|-\n",
        "---\n",
        "===\n",
        "*",
        "**",
        "`",
        "[x] ",
        "\\",
        "\r\n",
        "\r",
        "字",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]
        #[test]
        fn any_markdown_in_any_pieces_is_rendered_once_and_as_the_whole(
            tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..60),
            lengths in prop::collection::vec(1_usize..20, 1..6),
        ) {
            agrees(&tokens.concat(), &lengths);
        }
    }
}

//! One answer in the making, without IO.

use super::blocks::{Blocks, Settled};
use api::{
    chat::{Message, ToolCall, ToolState, Usage},
    ids::*,
};

/// Longest answer kept; what is beyond is cut, and said.
pub(super) const MOST_TEXT: usize = 1 << 20;
/// Tool calls kept of one answer.
const MOST_TOOLS: usize = 100;
/// Longest argument or result kept of a tool call.
const MOST_TOOL_TEXT: usize = 8 * 1024;

/// An answer on its way.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub id: RunId,
    pub workspace: WorkspaceId,
    pub bot: BotId,
    pub thread: ThreadId,
    pub session_key: String,
    /// The row it ends in; `text` and `tools` grow here.
    pub message: Message,
    /// How far its text is rendered.
    pub blocks: Blocks,
    /// Somebody asked it to stop.
    pub stopping: bool,
    /// The bot sleeps: it is asked when it is awake.
    pub waiting: bool,
    /// What it is asked then; from when the message is stored until somebody takes it to ask.
    pub question: Option<String>,
}

/// What a piece of text did to an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Grown {
    /// Appended at this byte.
    At(u32, String),
    /// It replaced everything.
    Replaced(String),
    /// Nothing: the answer is at its limit.
    Full,
}

impl Run {
    /// Takes more text.
    pub(super) fn grow(&mut self, text: &str, replace: bool) -> Grown {
        if replace {
            self.message.text = cut(text, MOST_TEXT);
            (self.message.html, self.message.html_bytes) = (None, None);
            self.blocks = Blocks::default();
            return Grown::Replaced(self.message.text.clone());
        }
        let at = self.message.text.len();
        let piece = cut(text, MOST_TEXT.saturating_sub(at));
        if piece.is_empty() && !text.is_empty() {
            return Grown::Full;
        }
        self.message.text.push_str(&piece);
        self.message.phase = None;
        Grown::At(bytes(at), piece)
    }

    /// Renders the blocks that the text's growth has settled.
    pub(super) fn settle(&mut self) -> Option<Settled> {
        let settled = self.blocks.grown(&self.message.text)?;
        self.message.html.get_or_insert_default().push_str(&settled.html);
        self.message.html_bytes = Some(bytes(settled.to));
        Some(settled)
    }

    /// Notes a tool call's step; returns the card as it then is.
    pub(super) fn tool(&mut self, id: &str, name: &str, step: &ToolNote<'_>) -> Option<ToolCall> {
        let tools = &mut self.message.tools;
        let place = match tools.iter().position(|t| t.id == id) {
            Some(place) => place,
            None if tools.len() < MOST_TOOLS => {
                tools.push(ToolCall {
                    id: cut(id, 200),
                    name: cut(name, 200),
                    state: ToolState::Running,
                    args: String::new(),
                    result: None,
                });
                tools.len() - 1
            }
            None => return None,
        };
        let tool = tools.get_mut(place)?;
        match step {
            ToolNote::Started(args) => tool.args = cut(args, MOST_TOOL_TEXT),
            ToolNote::Finished { text, failed } => {
                tool.state = if *failed { ToolState::Failed } else { ToolState::Done };
                tool.result = Some(cut(text, MOST_TOOL_TEXT));
            }
        }
        Some(tool.clone())
    }
}

/// A step of a tool call.
pub(super) enum ToolNote<'a> {
    Started(&'a str),
    Finished { text: &'a str, failed: bool },
}

/// A place in a text, as it goes over the wire; no text is longer than [`MOST_TEXT`].
pub(super) fn bytes(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Tokens as people are told.
pub(super) fn usage(usage: openclaw::Usage) -> Usage {
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Usage {
        input_tokens: count(usage.input_tokens.saturating_add(usage.cache_read_tokens)),
        output_tokens: count(usage.output_tokens),
    }
}

/// At most `most` bytes of `text`, never half a character.
pub(super) fn cut(text: &str, most: usize) -> String {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_never_splits_a_character() {
        assert_eq!(cut("añb", 2), "a");
        assert_eq!(cut("añb", 3), "añ");
        assert_eq!(cut("abc", 9), "abc");
    }
}

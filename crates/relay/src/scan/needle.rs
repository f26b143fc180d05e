//! A word that is looked for again and again.

use memchr::memmem::Finder;
use std::sync::OnceLock;

/// The word. How to look for it is worked out once, which takes longer than to look through a short text.
#[derive(Debug)]
pub(crate) struct Needle {
    word: &'static [u8],
    finder: OnceLock<Finder<'static>>,
}

impl Needle {
    pub(crate) const fn new(word: &'static [u8]) -> Self {
        Self { word, finder: OnceLock::new() }
    }

    /// How to look for it.
    pub(crate) fn finder(&self) -> &Finder<'static> {
        self.finder.get_or_init(|| Finder::new(self.word))
    }

    /// Where it stands first.
    pub(crate) fn find(&self, text: &[u8]) -> Option<usize> {
        self.finder().find(text)
    }

    /// Whether it stands anywhere.
    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        self.find(text).is_some()
    }
}

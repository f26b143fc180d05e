//! Which language a page speaks. Texts themselves stand in each slice's `text.rs`.

use leptos::prelude::*;

/// A language the interface is complete in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locale {
    En,
    Zh,
}

/// The cookie that remembers a choice; `public/page.js` writes it.
#[cfg(feature = "ssr")]
const COOKIE: &str = "chela_locale";

impl Locale {
    /// Every language, with its own name.
    pub const ALL: [(Self, &str); 2] = [(Self::En, "English"), (Self::Zh, "简体中文")];

    /// The value of `<html lang>`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// The language a tag such as `zh-Hans-CN` asks for, if the interface has it.
    pub fn of_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.trim().to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            "zh" => Some(Self::Zh),
            _ => None,
        }
    }

    /// The best language for an `Accept-Language` header.
    #[cfg(feature = "ssr")]
    fn accepted(header: &str) -> Option<Self> {
        let mut wanted: Vec<(f32, Self)> = header
            .split(',')
            .filter_map(|part| {
                let (tag, q) = part.split_once(";q=").unwrap_or((part, "1"));
                Some((q.trim().parse().unwrap_or(0.0), Self::of_tag(tag.trim())?))
            })
            .collect();
        wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
        wanted.first().map(|(_, locale)| *locale)
    }

    /// The language of this request: its cookie, else what the browser accepts.
    #[cfg(feature = "ssr")]
    pub fn detect() -> Self {
        use crate::request::{cookie, header_text};
        cookie(COOKIE)
            .and_then(|tag| Self::of_tag(&tag))
            .or_else(|| Self::accepted(&header_text(http::header::ACCEPT_LANGUAGE)?))
            .unwrap_or(Self::En)
    }

    /// The language the server wrote the page in.
    #[cfg(not(feature = "ssr"))]
    pub fn detect() -> Self {
        let tag = document().document_element().and_then(|html| html.get_attribute("lang"));
        tag.and_then(|tag| Self::of_tag(&tag)).unwrap_or(Self::En)
    }
}

/// The language of the page being built.
pub fn locale() -> Locale {
    use_context().unwrap_or(Locale::En)
}

/// Puts `value` in the place of the first `{}` of a text.
pub fn fill(template: &str, value: &str) -> String {
    template.replacen("{}", value, 1)
}

/// A slice's texts: `name: "English", "简体中文";`. A missing one does not compile.
macro_rules! texts {
    ($($name:ident: $en:literal, $zh:literal;)*) => {
        pub struct Text { $(pub $name: &'static str,)* }
        const EN: Text = Text { $($name: $en,)* };
        const ZH: Text = Text { $($name: $zh,)* };
        /// The texts in the language of the page.
        pub fn text() -> &'static Text {
            match crate::i18n::locale() {
                crate::i18n::Locale::En => &EN,
                crate::i18n::Locale::Zh => &ZH,
            }
        }
    };
}
pub(crate) use texts;

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_first_choice_that_we_speak_wins() {
        assert_eq!(Locale::accepted("fr, zh-CN;q=0.8, en;q=0.5"), Some(Locale::Zh));
        assert_eq!(Locale::accepted("en-GB,zh;q=0.9"), Some(Locale::En));
        assert_eq!(Locale::accepted("fr"), None);
    }
}

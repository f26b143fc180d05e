//! From `/v1/{vendor}/{rest}?{query}` to what is asked of the vendor.

use super::token::strip_key;
use crate::{
    Dialect, EgressError, UpstreamKey,
    egress::BaseUrl,
    escapes::decode,
    vendors::{self, Door, Vendor, stripped},
};
use http::Uri;
use std::borrow::Cow;

/// What a path asks for.
#[derive(Debug)]
pub(super) enum Goal<'a> {
    /// A vendor's own tree.
    Vendor(Target<'a>),
    /// An endpoint that all vendors of a dialect share; the model in the body chooses among them.
    Shared(Choice<'a>),
    /// The models that can be asked for, or one of them.
    Models(Listing<'a>),
}

/// A vendor, and a path at it.
#[derive(Clone, Debug)]
pub(super) struct Target<'a> {
    pub(super) vendor: &'static Vendor,
    /// After `/v1/{vendor}/`.
    pub(super) rest: Cow<'a, str>,
    query: Option<&'a str>,
    /// The dialect spoken on this path.
    pub(super) dialect: Dialect,
    /// Whether only a vendor that speaks it may be asked.
    pub(super) strict: bool,
}

/// A path that is good at any vendor that speaks the dialect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'a> {
    /// The name in a path of Gemini's, where it is no vendor's; `rest` is what is asked of it.
    pub(super) named: Option<&'a str>,
    rest: &'a str,
    query: Option<&'a str>,
    pub(super) dialect: Dialect,
}

/// A question for models.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listing<'a> {
    /// The one that is asked about, as `vendor/model`.
    pub(super) one: Option<&'a str>,
    pub(super) dialect: Dialect,
}

/// Why a path leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// No such endpoint or vendor.
    Unknown,
    /// It tries to leave its place.
    Crooked,
}

/// Where Google keeps models that are somebody's own.
const OWN: [&str; 2] = ["endpoints/", "tunedModels/"];

/// The endpoints that vendors share, below `/v1/`.
const SHARED: &[(&str, Dialect)] = &[
    ("chat/completions", Dialect::OpenAiChat),
    ("embeddings", Dialect::OpenAiChat),
    ("responses", Dialect::OpenAiResponses),
    ("messages", Dialect::Anthropic),
    ("messages/count_tokens", Dialect::Anthropic),
];

impl<'a> Goal<'a> {
    /// Reads a path. `.` and `..` are refused in every spelling: no caller leaves the base of a key.
    pub(super) fn read(uri: &'a Uri) -> Result<Self, Lost> {
        let query = uri.query();
        let Some(below) = uri.path().strip_prefix("/v1/") else { return Self::gemini(uri) };
        let (id, mut rest) = below.split_once('/').unwrap_or((below, ""));
        if let Some(vendor) = vendors::find(id).filter(|_| below.len() > id.len()) {
            if vendor.slashes {
                // What is behind one is looked at as if it stood alone.
                straight(&rest.replace("%2F", "/").replace("%2f", "/"))?;
                rest = plain(rest)?;
            } else {
                straight(rest)?;
            }
            let dialect = vendor.dialect(rest);
            return Ok(Self::Vendor(Target { vendor, rest: rest.into(), query, dialect, strict: false }));
        }
        if let Some((rest, dialect)) = SHARED.iter().find(|(path, _)| *path == below) {
            return Ok(Self::Shared(Choice { named: None, rest, query, dialect: *dialect }));
        }
        let listing = |one| Self::Models(Listing { one, dialect: Dialect::OpenAiChat });
        match (id, rest) {
            ("models", "") => Ok(listing(None)),
            ("models", one) => straight(one).map(|()| listing(Some(one))),
            _ => Err(Lost::Unknown),
        }
    }

    /// Gemini names the model in the path.
    fn gemini(uri: &'a Uri) -> Result<Self, Lost> {
        let listing = |one| Self::Models(Listing { one, dialect: Dialect::Gemini });
        let rest = uri.path().strip_prefix("/v1beta/models").ok_or(Lost::Unknown)?;
        let Some(rest) = rest.strip_prefix('/') else {
            return if rest.is_empty() { Ok(listing(None)) } else { Err(Lost::Unknown) };
        };
        straight(rest)?;
        if !rest.contains(':') {
            return Ok(listing(Some(rest)));
        }
        let Some((id, model)) = rest.split_once('/') else {
            let (name, verb) = rest.rsplit_once(':').ok_or(Lost::Unknown)?;
            let (query, dialect) = (uri.query(), Dialect::Gemini);
            return Ok(Self::Shared(Choice { named: Some(name), rest: verb, query, dialect }));
        };
        let vendor = vendors::find(id).ok_or(Lost::Unknown)?;
        let (rest, dialect) = (format!("models/{model}").into(), Dialect::Gemini);
        Ok(Self::Vendor(Target { vendor, rest, query: uri.query(), dialect, strict: true }))
    }

    /// The dialect of the caller.
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Self::Vendor(target) => target.dialect,
            Self::Shared(choice) => choice.dialect,
            Self::Models(listing) => listing.dialect,
        }
    }

    /// The vendor, where the path says it.
    pub(super) fn vendor(&self) -> Option<&'static Vendor> {
        match self {
            Self::Vendor(target) => Some(target.vendor),
            Self::Shared(_) | Self::Models(_) => None,
        }
    }
}

/// Refuses what climbs, is empty or hides a slash.
fn straight(rest: &str) -> Result<(), Lost> {
    let crooked = |segment: &str| {
        let plain = decode(segment);
        segment.is_empty()
            || *plain == *b"."
            || *plain == *b".."
            || plain.iter().any(|b| b"/\\".contains(b) || *b < b' ')
    };
    let trimmed = rest.strip_suffix('/').unwrap_or(rest);
    if trimmed.split('/').any(crooked) { Err(Lost::Crooked) } else { Ok(()) }
}

/// A path in which nothing but a name (the second segment) is written with escapes, and which does not end in a slash: what is signed is
/// spelled anew, so another spelling would lead elsewhere than limits were looked at for.
fn plain(rest: &str) -> Result<&str, Lost> {
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let escaped = rest.split('/').enumerate().any(|(n, segment)| segment.contains('%') && n != 1);
    if escaped { Err(Lost::Crooked) } else { Ok(rest) }
}

impl<'a> Choice<'a> {
    /// The same path at the vendor that was chosen, for this model where the path names it.
    pub(super) fn at(self, vendor: &'static Vendor, model: &str) -> Target<'a> {
        let rest = match self.named {
            Some(_) => format!("models/{model}:{}", self.rest).into(),
            None => self.rest.into(),
        };
        Target { vendor, rest, query: self.query, dialect: self.dialect, strict: true }
    }
}

impl Choice<'_> {
    /// Whether the path ends with one of these.
    pub(super) fn writes(self, ends: &[&str]) -> bool {
        match self.named {
            // Of Gemini's, `rest` is the method alone.
            Some(_) => ends.iter().any(|end| end.strip_prefix(':') == Some(self.rest)),
            None => ends.iter().any(|end| self.rest.ends_with(end)),
        }
    }
}

impl Target<'_> {
    /// Whether the vendor may be asked this.
    pub(super) fn is_spoken(&self) -> bool {
        !self.strict || self.vendor.dialects.contains(&self.dialect)
    }

    /// The model in a path of Gemini's: `models/{model}:{verb}`, or of Bedrock's: `model/{model}/{verb}`.
    pub(super) fn model(&self) -> Option<Cow<'_, str>> {
        if self.dialect == Dialect::Converse {
            let (model, _verb) = self.rest.strip_prefix("model/")?.rsplit_once('/')?;
            return String::from_utf8(decode(model).into_owned()).ok().map(Cow::Owned);
        }
        let (path, _verb) = self.rest.rsplit_once(':')?;
        if let Some((_, model)) = path.rsplit_once("models/") {
            return Some(model.into());
        }
        // One's own, deployed or tuned: named by its place, whatever the body says.
        let at =
            OWN.iter().find_map(|own| path.rfind(own).filter(|at| *at == 0 || path[..*at].ends_with('/')))?;
        path.get(at..).map(Cow::Borrowed)
    }

    /// Whether the vendor goes by the path alone, whatever model the body says.
    pub(super) fn is_of_its_path(&self) -> bool {
        self.dialect == Dialect::Converse
    }

    /// The same path for another model, where the path names one.
    pub(super) fn with_model(&self, model: &str) -> Option<Self> {
        let (named, verb) = self.rest.rsplit_once(':').filter(|_| self.dialect != Dialect::Converse)?;
        let (before, _) = named.rsplit_once("models/")?;
        let rest = format!("{before}models/{model}:{verb}").into();
        Some(Self { rest, ..self.clone() })
    }

    /// What the query says of a name, where it is said plainly.
    pub(super) fn said(&self, name: &str) -> Option<&str> {
        self.query?
            .split('&')
            .find_map(|pair| pair.split_once('=').filter(|(n, _)| *n == name))
            .map(|(_, v)| v)
    }

    /// Where to ask with a key, and how.
    pub(super) fn way(&self, key: &UpstreamKey) -> Result<Way, EgressError> {
        way(self.vendor, &key.base_url, (&self.rest, self.query), self.dialect)
    }
}

/// An address at a vendor, and the door it goes through.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) uri: Uri,
    pub(crate) door: Option<&'static Door>,
}

/// A path as a caller writes it, put below a base by the vendor's rule.
pub(crate) fn way(
    vendor: &'static Vendor,
    base: &BaseUrl,
    (rest, query): (&str, Option<&str>),
    dialect: Dialect,
) -> Result<Way, EgressError> {
    let door = vendor.door(rest, dialect);
    let trunk = || base.path().strip_suffix(vendor.path.tail).and_then(|b| b.strip_suffix('/'));
    let (begin, middle, rest) = match door {
        Some(door) => (trunk(), door.path, stripped(rest, door.strip)),
        None if vendor.path.fill => (trunk(), vendor.path.tail, stripped(rest, vendor.path.strip)),
        None => (None, "", stripped(rest, vendor.path.strip)),
    };
    let begin = begin.unwrap_or(base.path());
    let parts = [middle, rest].into_iter().filter(|p| !p.is_empty());
    // Where there is no query, just as long as it gets: it is kept without being moved.
    let length = parts.clone().fold(begin.len(), |length, part| length + 1 + part.len());
    let mut path = String::with_capacity(length + query.map_or(0, |query| query.len() + 1));
    path.push_str(begin);
    for part in parts {
        path.push('/');
        path.push_str(part);
    }
    let query = query.map(strip_key).unwrap_or_default();
    let said = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let added = door.and_then(|d| d.query).filter(|(name, _)| !said(name));
    let mut mark = '?';
    if !query.is_empty() {
        path.push(mark);
        path.push_str(&query);
        mark = '&';
    }
    if let Some((name, value)) = added {
        path.push(mark);
        path.extend([name, "=", value]);
    }
    Ok(Way { uri: base.at(path)?, door })
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::ids::KeyId;

    fn address(path: &str, base: &str) -> Result<String, Lost> {
        let uri: Uri = path.parse().unwrap();
        let Goal::Vendor(target) = Goal::read(&uri)? else { panic!("{path} is shared") };
        let (id, base) = (KeyId(uuid::Uuid::nil()), BaseUrl::parse(base).unwrap());
        let key = UpstreamKey::new(id, target.vendor, base, String::new().into(), false);
        Ok(target.way(&key).unwrap().uri.to_string())
    }

    #[test]
    fn every_vendor_is_asked_at_its_own_path() {
        let (o, a, c) =
            ("https://api.openai.com/v1", "https://api.anthropic.com", "http://10.0.0.1:8000/x/v1/");
        for (path, base, want) in [
            ("/v1/openai/chat/completions", o, "https://api.openai.com/v1/chat/completions"),
            ("/v1/openai/v1/chat/completions", o, "https://api.openai.com/v1/chat/completions"),
            ("/v1/openai/models?limit=2&key=t", o, "https://api.openai.com/v1/models?limit=2"),
            ("/v1/anthropic/v1/messages", a, "https://api.anthropic.com/v1/messages"),
            ("/v1/anthropic/messages?beta=true", a, "https://api.anthropic.com/v1/messages?beta=true"),
            ("/v1/anthropic/messages", "https://proxy.example/a/v1", "https://proxy.example/a/v1/messages"),
            ("/v1/custom/chat/completions", c, "http://10.0.0.1:8000/x/v1/chat/completions"),
            ("/v1/custom/v1/chat", c, "http://10.0.0.1:8000/x/v1/v1/chat"),
        ] {
            assert_eq!(address(path, base), Ok(want.to_owned()), "{path}");
        }
    }

    #[test]
    fn shared_paths_name_their_dialect_and_gemini_its_vendor() {
        let read = |path: &str| {
            let uri: Uri = path.parse().unwrap();
            Goal::read(&uri).map(|g| (g.dialect(), g.vendor().map(|v| v.id)))
        };
        for (path, dialect) in [
            ("/v1/chat/completions", Dialect::OpenAiChat),
            ("/v1/embeddings?x=1", Dialect::OpenAiChat),
            ("/v1/responses", Dialect::OpenAiResponses),
            ("/v1/messages", Dialect::Anthropic),
            ("/v1/messages/count_tokens", Dialect::Anthropic),
            ("/v1/models", Dialect::OpenAiChat),
            ("/v1/models/openai/gpt-x", Dialect::OpenAiChat),
            ("/v1beta/models", Dialect::Gemini),
            ("/v1beta/models/google/gemini-x", Dialect::Gemini),
            ("/v1beta/models/coding:generateContent", Dialect::Gemini),
        ] {
            assert_eq!(read(path), Ok((dialect, None)), "{path}");
        }
        let google = Ok((Dialect::Gemini, Some("google")));
        assert_eq!(read("/v1beta/models/gemini/gemini-x:generateContent"), google);
        for path in ["/v1/chat", "/v1/messages/batches", "/v1beta/x", "/v1beta/modelsx", "/v1/openai"] {
            assert_eq!(read(path), Err(Lost::Unknown), "{path}");
        }
        for path in ["/v1/models/../x", "/v1beta/models/google/%2e%2e:x/..", "/v1beta/models/google//x:y"] {
            assert_eq!(read(path), Err(Lost::Crooked), "{path}");
        }
    }

    #[test]
    fn no_path_leaves_its_base() {
        for path in [
            "/v1/custom/../x",
            "/v1/custom/a/..",
            "/v1/custom/./x",
            "/v1/custom/%2e%2e/x",
            "/v1/custom/.%2E/x",
            "/v1/custom//x",
            "/v1/custom/",
            "/v1/custom/a%2f..%2fb",
            "/v1/custom/a%5cb",
            "/v1/custom/a%0d%0ab",
        ] {
            assert_eq!(address(path, "https://a.example/v1"), Err(Lost::Crooked), "{path}");
        }
        #[cfg(feature = "bedrock")]
        for path in [
            "/v1/bedrock/model/a%2F..%2fb/converse",
            "/v1/bedrock/a%2F/b",
            "/v1/bedrock/%2f%2F",
            "/v1/bedrock/a%5Cb",
            // Signed, it would be spelled anew and lead past what limits were looked at for.
            "/v1/bedrock/%6Dodel/dear/converse",
            "/v1/bedrock/model/dear/conv%65rse",
        ] {
            assert_eq!(address(path, "https://a.example"), Err(Lost::Crooked), "{path}");
        }
        for path in ["/v1/nobody/x", "/v1/openai", "/v2/openai/x", "/", "/v1/"] {
            assert_eq!(address(path, "https://a.example/v1"), Err(Lost::Unknown), "{path}");
        }
    }
}

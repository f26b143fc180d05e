//! What a row can say. A quirk of a vendor is a field here.

use http::HeaderName;

/// How a vendor wants its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Auth {
    /// `Authorization: Bearer <key>`
    Bearer,
    /// `x-api-key: <key>`
    XApiKey,
    /// `x-goog-api-key: <key>`
    XGoogApiKey,
    /// `api-key: <key>`
    ApiKey,
}

impl Auth {
    /// The header that carries the key, and what stands before it.
    #[must_use]
    pub fn header(self) -> (HeaderName, &'static str) {
        match self {
            Self::Bearer => (http::header::AUTHORIZATION, "Bearer "),
            Self::XApiKey => (HeaderName::from_static("x-api-key"), ""),
            Self::XGoogApiKey => (HeaderName::from_static("x-goog-api-key"), ""),
            Self::ApiKey => (HeaderName::from_static("api-key"), ""),
        }
    }
}

/// The shape of requests, answers and errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI chat completions, and its family of small endpoints.
    OpenAiChat,
    /// OpenAI responses.
    OpenAiResponses,
    /// Anthropic messages.
    Anthropic,
    /// Gemini generateContent.
    Gemini,
    /// Amazon Bedrock's own: Converse, and the models' own words by Invoke.
    Converse,
}

impl Dialect {
    /// The name people know.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAiChat => "OpenAI chat completions",
            Self::OpenAiResponses => "OpenAI responses",
            Self::Anthropic => "Anthropic messages",
            Self::Gemini => "Gemini generateContent",
            Self::Converse => "Bedrock Converse",
        }
    }
}

/// How the path after `/v1/{vendor}/` is joined to the base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathRule {
    /// Leading segments that are dropped, because the base says them already. The first that fits counts.
    pub strip: &'static [&'static str],
    /// How a base ends; what another door replaces.
    pub tail: &'static str,
    /// Whether a base that does not end with the tail gets it.
    pub fill: bool,
}

/// Another entrance of the same vendor at the same host, with a path of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Door {
    /// All calls of this dialect go through it (where the vendor does not speak it otherwise: those at its paths),
    pub dialect: Option<Dialect>,
    /// and all paths that begin with one of these.
    pub leads: &'static [&'static str],
    /// Leading segments that are dropped.
    pub strip: &'static [&'static str],
    /// What stands in the place of the base's tail.
    pub path: &'static str,
    /// How it wants the key, where that differs.
    pub auth: Option<Auth>,
    /// A query that is added when the caller says none of that name.
    pub query: Option<(&'static str, &'static str)>,
}

/// Another address of the same vendor. Keys of one region are strangers in another.
#[derive(Debug, PartialEq, Eq)]
pub struct Region {
    /// After the `@` in `vendor@region`.
    pub id: &'static str,
    /// The name people know.
    pub name: &'static str,
    /// Its address.
    pub base_url: &'static str,
}

/// Keys of a certain shape that are sent in another way.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyAuth {
    /// What such a key begins with.
    pub prefix: &'static str,
    /// How it is sent.
    pub auth: Auth,
    /// Header lines that go with it, besides what the caller sends of that name.
    pub headers: &'static [(&'static str, &'static str)],
}

/// How a key is tested. Never by anything that costs.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyTest {
    /// Asked first, where the list of models is open to anybody or there is none.
    pub proof: Option<Proof>,
    /// Where the models are listed, as a caller would write the path.
    pub models: Option<&'static str>,
}

/// What only a good key is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A GET of this path.
    Get(&'static str),
    /// A POST of `{}`: a good key is told that this is no question, a bad one that it is bad.
    Empty(&'static str),
}

/// One vendor.
#[derive(Debug, PartialEq, Eq)]
pub struct Vendor {
    /// The id in paths, model names and the database.
    pub id: &'static str,
    /// The name people know.
    pub name: &'static str,
    /// Other ids that mean the same vendor.
    pub aliases: &'static [&'static str],
    /// `None`: every key brings its own.
    pub base_url: Option<&'static str>,
    /// Keys that bring addresses of their own are of one service all the same: its customers have one each.
    pub own_addresses: bool,
    /// Its other addresses.
    pub regions: &'static [Region],
    /// How it wants its key.
    pub auth: Auth,
    /// Keys that are sent in another way.
    pub key_auths: &'static [KeyAuth],
    /// The AWS service for which calls are signed with keys that are a pair. Other keys of it are sent.
    pub signing: Option<&'static str>,
    /// Where a key may also be the file of a service account: what its tokens ask for. Such a key's address has `PROJECT` in it,
    /// in whose place the account's own stands.
    pub account: Option<&'static str>,
    /// Whether it can do without a key.
    pub keyless: bool,
    /// What it speaks; the first is the default.
    pub dialects: &'static [Dialect],
    /// How paths are joined.
    pub path: PathRule,
    /// Whether a name in its paths may hold an escaped slash.
    pub slashes: bool,
    /// Its other entrances; the first that fits counts.
    pub doors: &'static [Door],
    /// What its keys begin with; the longest match of all vendors wins.
    pub key_prefixes: &'static [&'static str],
    /// Headers it must see; sent when the caller did not.
    pub headers: &'static [(&'static str, &'static str)],
    /// Whether `vendor/` before a model name is ours to remove. Not where names of its own begin so.
    pub strip_model_prefix: bool,
    /// Whether its answers say what they cost (`usage.cost`, USD), which then counts.
    pub says_cost: bool,
    /// How a key is tested.
    pub test: KeyTest,
}

/// What most rows say: OpenAI's chat completions below `…/v1`, a bearer key, a list of models.
pub(super) const PLAIN: Vendor = Vendor {
    id: "",
    name: "",
    aliases: &[],
    base_url: None,
    own_addresses: false,
    regions: &[],
    auth: Auth::Bearer,
    key_auths: &[],
    signing: None,
    account: None,
    keyless: false,
    dialects: &[Dialect::OpenAiChat],
    path: V1,
    slashes: false,
    doors: &[],
    key_prefixes: &[],
    headers: &[],
    strip_model_prefix: true,
    says_cost: false,
    test: MODELS,
};

/// Below `…/v1`.
pub(super) const V1: PathRule = PathRule { strip: &["v1"], tail: "v1", fill: false };
/// The list of models proves the key.
pub(super) const MODELS: KeyTest = KeyTest { proof: None, models: Some("models") };
/// The list of models is open to anybody.
pub(super) const OPEN_MODELS: KeyTest =
    KeyTest { proof: Some(Proof::Empty("chat/completions")), models: Some("models") };
/// There is no list of models.
pub(super) const NO_MODELS: KeyTest = KeyTest { proof: Some(Proof::Empty("chat/completions")), models: None };

/// Anthropic's messages at `anthropic/v1` in the place of the tail.
pub(super) const ANTHROPIC_DOOR: Door = Door {
    dialect: Some(Dialect::Anthropic),
    leads: &["anthropic"],
    strip: &["anthropic/v1", "anthropic", "v1"],
    path: "anthropic/v1",
    auth: None,
    query: None,
};
/// A path that goes on from where the tail was, as it is.
pub(super) const ROOT_DOOR: Door =
    Door { dialect: None, leads: &[], strip: &[], path: "", auth: None, query: None };

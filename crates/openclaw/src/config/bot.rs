//! What Chela knows about a bot when it writes its configuration.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// Who a bot may serve; decides which tools it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// May serve several people: no tools but those of our plugin.
    #[default]
    Shared,
    /// One owner, no channel open to others: tools for coding.
    Own,
}

/// What keeps the bot away from the machine it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// A container, or a uid of its own: the profile decides alone.
    Confined,
    /// A process under Chela's own uid: no exec, process, file or browser tool, whatever the profile.
    None,
}

/// A dialect in which the relay is asked for a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// OpenAI's chat completions.
    #[default]
    OpenAiChat,
    /// Anthropic's messages.
    Anthropic,
    /// Gemini's content.
    Gemini,
}

/// `vendor/model`, as people and the API write it; `chain/name` of a fallback chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Model {
    vendor: String,
    name: String,
    dialect: Dialect,
}

/// What stands where a vendor's name would, of a chain.
const CHAIN: &str = "chain";

/// Why a text is no model.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a model is written vendor/model, for instance openai/gpt-4o-mini")]
pub struct ModelError;

impl FromStr for Model {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (vendor, name) = text.split_once('/').ok_or(ModelError)?;
        let vendor_ok = !vendor.is_empty()
            && vendor.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let name_ok = !name.is_empty() && !name.chars().any(|c| c.is_control() || c.is_whitespace());
        if vendor_ok && name_ok {
            Ok(Self { vendor: vendor.to_owned(), name: name.to_owned(), dialect: Dialect::default() })
        } else {
            Err(ModelError)
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.vendor, self.name)
    }
}

impl Model {
    /// The part before the first slash: which of the relay's trees serves it.
    #[must_use]
    pub fn vendor(&self) -> &str {
        &self.vendor
    }

    /// The same, asked in this dialect where it is a chain: a vendor's own is known by its name.
    #[must_use]
    pub fn spoken_in(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// The dialect of a chain; none of a vendor's model.
    #[must_use]
    pub fn chain_dialect(&self) -> Option<Dialect> {
        (self.vendor == CHAIN).then_some(self.dialect)
    }

    /// The part after the first slash: the name as the vendor knows it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Everything that shapes a bot's configuration.
#[derive(Debug, Clone)]
pub struct BotConfig {
    /// Which tools it may have.
    pub profile: Profile,
    /// What confines it.
    pub isolation: Isolation,
    /// The loopback port of its gateway.
    pub gateway_port: u16,
    /// The model it answers with.
    pub model: Model,
    /// Where the bot reaches Chela's relay, without a path: `http://127.0.0.1:3100`.
    pub relay_base_url: String,
    /// What its people told it to be.
    pub prompt: String,
    /// Its name, for the persona files.
    pub name: String,
    /// Its workspace, as the bot's own process sees the path.
    pub workspace: PathBuf,
    /// The gateway's state directory, as the bot's own process sees the path.
    pub state: PathBuf,
    /// Its run directory with the token files, as the bot's own process sees the path.
    pub run: PathBuf,
    /// Tools of Chela's plugin that it may call; empty while no plugin is loaded.
    pub plugin_tools: Vec<String>,
}

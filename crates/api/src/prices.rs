//! Words of models: what is known of them, and what they cost. Every price is in micro-USD per million tokens: 2,500,000
//! is 2.50 USD.

use crate::{
    Page,
    ids::*,
    verb::{Done, verbs},
};

/// No price is higher: 10,000 USD per million tokens.
pub const MAX_PRICE: i64 = 10_000_000_000;
/// No model reads or writes more tokens.
pub const MAX_TOKENS: i64 = 1_000_000_000;
/// Characters of a note, or of where something was read.
pub const MAX_NOTE: usize = 300;
/// Characters of a model's name as people call it.
pub const MAX_NAME: usize = 80;
/// Words for what a model is good for.
pub const MAX_SCENARIOS: usize = 20;
/// Bytes of a file of prices.
pub const MAX_IMPORT_BYTES: usize = 256 * 1024;
/// Prices in one file.
pub const MAX_IMPORT_LINES: usize = 1000;

words! {
    /// What tokens of a model cost, from a moment on.
    pub struct ModelPrice {
        /// Of a price the workspace set itself; the shipped ones have none.
        pub id: Option<PriceId>,
        pub vendor: String,
        pub model: String,
        /// The most input tokens of one call, cached ones included, that this price holds for.
        pub up_to_input: Option<i64>,
        /// Absent where the model is known and its price is not.
        pub input_price: Option<i64>,
        pub output_price: Option<i64>,
        pub cache_read_price: Option<i64>,
        pub cache_write_price: Option<i64>,
        /// Of output that was reasoning; absent where that costs what other output costs.
        #[serde(default)]
        pub thinking_price: Option<i64>,
        /// Calls that began earlier had another price, or none.
        pub since_ms: i64,
        /// Where it was read, or who said it.
        pub source: Option<String>,
    }
    #[serde(deny_unknown_fields)]
    pub struct ListPrices { pub limit: Option<u32>, pub cursor: Option<String> }
    /// A price of one's own for a model, from now on or from another moment. Each figure stands either in micro-USD per
    /// million tokens or, in the field named `…_usd`, as people write it: `2.50`.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct SetPrice {
        pub vendor: String,
        pub model: String,
        #[serde(default)]
        pub input_price: Option<i64>,
        #[serde(default)]
        pub output_price: Option<i64>,
        #[serde(default)]
        pub cache_read_price: Option<i64>,
        #[serde(default)]
        pub cache_write_price: Option<i64>,
        /// Of output that was reasoning, where that has a price of its own.
        #[serde(default)]
        pub thinking_price: Option<i64>,
        #[serde(default)]
        pub input_usd: Option<String>,
        #[serde(default)]
        pub output_usd: Option<String>,
        #[serde(default)]
        pub cache_read_usd: Option<String>,
        #[serde(default)]
        pub cache_write_usd: Option<String>,
        #[serde(default)]
        pub thinking_usd: Option<String>,
        /// The most input tokens of one call that it holds for. Prices of one beginning belong together.
        #[serde(default)]
        pub up_to_input: Option<i64>,
        /// Now where nothing is said. Calls that were priced before keep their costs.
        #[serde(default)]
        pub since_ms: Option<i64>,
        /// The same as people write it: a day in UTC (`2026-12-01`) or a moment (`2026-12-01T08:00:00Z`).
        #[serde(default)]
        pub since: Option<String>,
        /// Where it was read, or who said it.
        #[serde(default)]
        pub source: Option<String>,
    }
    #[serde(deny_unknown_fields)]
    pub struct DeletePrice { pub price: PriceId }

    /// Prices as a file: comma-separated, the first line names the columns as an export has them.
    #[serde(deny_unknown_fields)]
    pub struct ImportPrices {
        pub csv: String,
        /// Only says what would happen.
        #[serde(default)]
        pub check: Option<bool>,
    }
    /// What came of a file, or would.
    pub struct Imported {
        /// Whether nothing was changed, as only a check was asked for.
        pub check: bool,
        pub added: u32,
        /// There is one of the same model, longest prompt and beginning with other figures or another source.
        pub replaced: u32,
        pub unchanged: u32,
        pub lines: Vec<ImportedLine>,
    }
    /// One price of a file.
    pub struct ImportedLine {
        /// The first line of a file is 1.
        pub line: u32,
        pub outcome: ImportOutcome,
        pub price: ModelPrice,
        /// What it replaces.
        pub before: Option<ModelPrice>,
    }
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum ImportOutcome { Added, Replaced, Unchanged }

    /// What a model reads and writes.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum ModelKind {
        Llm,
        Vlm,
        Image,
        Video,
        Audio,
        Embedding,
        #[serde(rename = "3d")]
        ThreeD,
    }

    /// What is known of a model. What nobody said is absent.
    #[derive(Eq, Default)]
    #[serde(default)]
    pub struct ModelFacts {
        /// As people call it.
        pub display_name: Option<String>,
        pub kind: Option<ModelKind>,
        /// Tokens that a call may have: what it reads, and what it writes.
        pub context_length: Option<i64>,
        pub max_output_tokens: Option<i64>,
        pub vision: Option<bool>,
        pub function_calling: Option<bool>,
        pub extended_thinking: Option<bool>,
        pub cache_control: Option<bool>,
        pub streaming: Option<bool>,
        /// Its vendor retires it, or did.
        pub deprecated: Option<bool>,
        /// Scores are 0 to 100.
        pub reasoning_score: Option<i64>,
        pub coding_score: Option<i64>,
        pub creativity_score: Option<i64>,
        pub speed_score: Option<i64>,
        /// What it is good for, such as `code` or `translation`.
        pub recommended_scenarios: Option<Vec<String>>,
        pub notes: Option<String>,
        /// Where they were read.
        pub source: Option<String>,
    }

    /// A model that is known.
    pub struct ModelEntry {
        pub vendor: String,
        pub model: String,
        /// Own ones over the shipped ones, each by itself.
        pub facts: ModelFacts,
        /// What the workspace says itself.
        pub own_facts: Option<ModelFacts>,
        /// What a short prompt costs now: the workspace's own price (it has an id), else the shipped one. Where it names another
        /// model, it is that of the same name without a date, by which this one's calls are reckoned.
        pub price: Option<ModelPrice>,
        /// Prices of longer prompts now, then those that begin later.
        pub more: Vec<ModelPrice>,
    }
    /// Models whose vendor is `vendor` and whose name has `q` in it.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct ListModels {
        /// Id or alias.
        #[serde(default)]
        pub vendor: Option<String>,
        #[serde(default)]
        pub q: Option<String>,
        #[serde(default)]
        pub kind: Option<ModelKind>,
        /// Only those of which the workspace says something itself.
        #[serde(default)]
        pub own: Option<bool>,
        pub limit: Option<u32>,
        pub cursor: Option<String>,
    }
    /// What the workspace says of a model itself, in place of what it said before; nothing at all takes it back.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct SetModel {
        pub vendor: String,
        pub model: String,
        #[serde(default)]
        pub display_name: Option<String>,
        #[serde(default)]
        pub kind: Option<ModelKind>,
        #[serde(default)]
        pub context_length: Option<i64>,
        #[serde(default)]
        pub max_output_tokens: Option<i64>,
        #[serde(default)]
        pub vision: Option<bool>,
        #[serde(default)]
        pub function_calling: Option<bool>,
        #[serde(default)]
        pub extended_thinking: Option<bool>,
        #[serde(default)]
        pub cache_control: Option<bool>,
        #[serde(default)]
        pub streaming: Option<bool>,
        #[serde(default)]
        pub deprecated: Option<bool>,
        #[serde(default)]
        pub reasoning_score: Option<i64>,
        #[serde(default)]
        pub coding_score: Option<i64>,
        #[serde(default)]
        pub creativity_score: Option<i64>,
        #[serde(default)]
        pub speed_score: Option<i64>,
        /// Several may stand in one text, with commas or spaces between them.
        #[serde(default)]
        pub recommended_scenarios: Option<Vec<String>>,
        #[serde(default)]
        pub notes: Option<String>,
        #[serde(default)]
        pub source: Option<String>,
    }
}

impl ModelFacts {
    /// These, and where they say nothing, those.
    #[must_use]
    pub fn over(self, other: Self) -> Self {
        Self {
            display_name: self.display_name.or(other.display_name),
            kind: self.kind.or(other.kind),
            context_length: self.context_length.or(other.context_length),
            max_output_tokens: self.max_output_tokens.or(other.max_output_tokens),
            vision: self.vision.or(other.vision),
            function_calling: self.function_calling.or(other.function_calling),
            extended_thinking: self.extended_thinking.or(other.extended_thinking),
            cache_control: self.cache_control.or(other.cache_control),
            streaming: self.streaming.or(other.streaming),
            deprecated: self.deprecated.or(other.deprecated),
            reasoning_score: self.reasoning_score.or(other.reasoning_score),
            coding_score: self.coding_score.or(other.coding_score),
            creativity_score: self.creativity_score.or(other.creativity_score),
            speed_score: self.speed_score.or(other.speed_score),
            recommended_scenarios: self.recommended_scenarios.or(other.recommended_scenarios),
            notes: self.notes.or(other.notes),
            source: self.source.or(other.source),
        }
    }
}

verbs! {
    ListPrices => Page<ModelPrice>, "prices.list";
    SetPrice => ModelPrice, "prices.set";
    DeletePrice => Done, "prices.delete";
    ImportPrices => Imported, "prices.import";
    ListModels => Page<ModelEntry>, "models.list";
    SetModel => ModelEntry, "models.set";
}

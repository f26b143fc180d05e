//! Words of what models cost. Every price is in micro-USD per million tokens: 2,500,000 is 2.50 USD.

use crate::{
    Page,
    ids::*,
    verb::{Done, verbs},
};

/// No price is higher: 10,000 USD per million tokens.
pub const MAX_PRICE: i64 = 10_000_000_000;

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
        /// Calls that began earlier had another price, or none.
        pub since_ms: i64,
        /// Where a shipped price was read.
        pub source: Option<String>,
    }
    #[serde(deny_unknown_fields)]
    pub struct ListPrices { pub limit: Option<u32>, pub cursor: Option<String> }
    /// A price of one's own for a model, from now on.
    #[serde(deny_unknown_fields)]
    pub struct SetPrice {
        pub vendor: String,
        pub model: String,
        pub input_price: i64,
        pub output_price: i64,
        #[serde(default)]
        pub cache_read_price: Option<i64>,
        #[serde(default)]
        pub cache_write_price: Option<i64>,
    }
    #[serde(deny_unknown_fields)]
    pub struct DeletePrice { pub price: PriceId }
}

verbs! {
    ListPrices => Page<ModelPrice>, "prices.list";
    SetPrice => ModelPrice, "prices.set";
    DeletePrice => Done, "prices.delete";
}

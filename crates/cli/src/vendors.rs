//! Names of vendors: what the panel keeps goes by the vendor's own id, and people may know it by another.

use crate::{failure::Failure, output::text, session::Session};
use api::keys::ListVendors;
use serde_json::Value;

/// The vendors that the panel knows.
pub(crate) struct Vendors(Value);

impl Vendors {
    /// Asks for them.
    pub(crate) async fn read(session: &Session) -> Result<Self, Failure> {
        session.call(&ListVendors {}).await.map(Self)
    }

    /// The id of the vendor of an id or alias; what nobody knows stays what it is.
    pub(crate) fn id<'a>(&'a self, typed: &'a str) -> &'a str {
        let all = self.0.as_array().into_iter().flatten();
        let goes_by = |vendor: &&Value| {
            let aliases = vendor.get("aliases").and_then(Value::as_array).into_iter().flatten();
            text(vendor, "id") == typed || aliases.filter_map(Value::as_str).any(|alias| alias == typed)
        };
        all.clone().find(goes_by).map_or(typed, |vendor| text(vendor, "id"))
    }

    /// The same of the vendor that stands before a model, or alone.
    pub(crate) fn of_model(&self, typed: &str) -> String {
        let typed = typed.trim();
        match typed.split_once('/') {
            Some((vendor, model)) => format!("{}/{model}", self.id(vendor)),
            None => self.id(typed).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_vendor_is_known_by_its_aliases() {
        let all = Vendors(
            json!([{ "id": "openai", "aliases": [] }, { "id": "dashscope", "aliases": ["qwen", "aliyun"] }]),
        );
        assert_eq!((all.id("qwen"), all.id("openai"), all.id("nobody")), ("dashscope", "openai", "nobody"));
        assert_eq!(all.of_model(" aliyun/qwen/3"), "dashscope/qwen/3");
        assert_eq!(
            (all.of_model("qwen"), all.of_model("qwen/*")),
            ("dashscope".to_owned(), "dashscope/*".to_owned())
        );
    }
}

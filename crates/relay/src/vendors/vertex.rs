//! Google's Vertex AI: the Gemini models and those of other makers, in a project of one's own.

use super::row::{Auth, Dialect, Door, KeyAuth, KeyTest, PLAIN, PathRule, Proof, ROOT_DOOR, Region, Vendor};

/// The places most people use; others by their address.
macro_rules! regions {
    ($($id:literal $name:literal),* $(,)?) => {
        &[
            Region {
                id: "global",
                name: "anywhere",
                base_url: "https://aiplatform.googleapis.com/v1/projects/PROJECT/locations/global/publishers/google",
            },
            $(Region {
                id: $id,
                name: $name,
                base_url: concat!(
                    "https://", $id, "-aiplatform.googleapis.com/v1/projects/PROJECT/locations/", $id, "/publishers/google"
                ),
            }),*
        ]
    };
}

pub(super) static VENDORS: &[Vendor] = &[Vendor {
    id: "vertex",
    name: "Google Vertex AI",
    aliases: &["vertexai", "vertex-ai", "google-vertex"],
    // For keys that are sent ("express mode"). Of a service account the first region is meant.
    base_url: Some("https://aiplatform.googleapis.com/v1/publishers/google"),
    regions: regions![
        "us-central1" "United States (Iowa)",
        "us-east1" "United States (South Carolina)",
        "us-east4" "United States (Virginia)",
        "us-east5" "United States (Ohio)",
        "us-west1" "United States (Oregon)",
        "northamerica-northeast1" "Canada (Montréal)",
        "southamerica-east1" "South America (São Paulo)",
        "europe-west1" "Europe (Belgium)",
        "europe-west2" "Europe (London)",
        "europe-west3" "Europe (Frankfurt)",
        "europe-west4" "Europe (Netherlands)",
        "europe-west9" "Europe (Paris)",
        "europe-north1" "Europe (Finland)",
        "asia-northeast1" "Asia Pacific (Tokyo)",
        "asia-northeast3" "Asia Pacific (Seoul)",
        "asia-south1" "Asia Pacific (Mumbai)",
        "asia-southeast1" "Asia Pacific (Singapore)",
        "australia-southeast1" "Australia (Sydney)",
    ],
    account: Some("https://www.googleapis.com/auth/cloud-platform"),
    key_auths: &[
        KeyAuth { prefix: "AIza", auth: Auth::XGoogApiKey, headers: &[] },
        KeyAuth { prefix: "AQ.", auth: Auth::XGoogApiKey, headers: &[] },
    ],
    dialects: &[Dialect::Gemini, Dialect::OpenAiChat],
    // Google's own libraries write the publisher before the model.
    path: PathRule {
        strip: &["v1beta1/publishers/google", "v1/publishers/google", "publishers/google", "v1beta1", "v1"],
        tail: "publishers/google",
        fill: false,
    },
    doors: &[
        Door {
            dialect: Some(Dialect::OpenAiChat),
            leads: &["endpoints/openapi", "openai"],
            strip: &["endpoints/openapi", "openai/v1", "openai", "v1"],
            path: "endpoints/openapi",
            auth: None,
            query: None,
        },
        // Claude, in Anthropic's shape without the model, which the path names.
        Door { dialect: Some(Dialect::Anthropic), leads: &["publishers/anthropic"], ..ROOT_DOOR },
        Door { leads: &["publishers/mistralai", "publishers/meta", "endpoints"], ..ROOT_DOOR },
    ],
    // Keys that begin with `AQ.` are Gemini's as well, and most of them.
    key_prefixes: &["{"],
    // To count the tokens of nothing costs nothing, and a good key is told that nothing is not enough.
    test: KeyTest { proof: Some(Proof::Empty("models/gemini-2.5-flash:countTokens")), models: None },
    ..PLAIN
}];

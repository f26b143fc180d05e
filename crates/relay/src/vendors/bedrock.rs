//! Amazon Bedrock, which is in builds that ask for it: a pair of AWS keys signs its calls.

use super::row::{Dialect, Door, KeyTest, PLAIN, PathRule, Proof, ROOT_DOOR, Region, Vendor};

/// The regions of its runtime that most people use; others by their address.
macro_rules! regions {
    ($($id:literal $name:literal),* $(,)?) => {
        &[$(Region { id: $id, name: $name, base_url: concat!("https://bedrock-runtime.", $id, ".amazonaws.com") }),*]
    };
}

pub(super) static VENDORS: &[Vendor] = &[Vendor {
    id: "bedrock",
    name: "Amazon Bedrock",
    aliases: &["aws-bedrock", "amazon-bedrock"],
    base_url: Some("https://bedrock-runtime.us-east-1.amazonaws.com"),
    regions: regions![
        "us-east-2" "United States (Ohio)",
        "us-west-2" "United States (Oregon)",
        "ca-central-1" "Canada (Central)",
        "sa-east-1" "South America (São Paulo)",
        "eu-central-1" "Europe (Frankfurt)",
        "eu-north-1" "Europe (Stockholm)",
        "eu-west-1" "Europe (Ireland)",
        "eu-west-2" "Europe (London)",
        "eu-west-3" "Europe (Paris)",
        "ap-northeast-1" "Asia Pacific (Tokyo)",
        "ap-northeast-2" "Asia Pacific (Seoul)",
        "ap-south-1" "Asia Pacific (Mumbai)",
        "ap-southeast-1" "Asia Pacific (Singapore)",
        "ap-southeast-2" "Asia Pacific (Sydney)",
        "us-gov-west-1" "AWS GovCloud (US-West)",
    ],
    signing: Some("bedrock"),
    dialects: &[Dialect::Converse, Dialect::OpenAiChat],
    path: PathRule { strip: &[], tail: "", fill: false },
    // Names of models may be ARNs.
    slashes: true,
    doors: &[Door {
        dialect: Some(Dialect::OpenAiChat),
        leads: &["openai"],
        strip: &["openai/v1", "openai", "v1"],
        path: "openai/v1",
        ..ROOT_DOOR
    }],
    key_prefixes: &["ABSK", "AKIA", "ASIA", "bedrock-api-key-"],
    // It lists its models at another host. A question without messages computes nothing.
    test: KeyTest { proof: Some(Proof::Empty("model/amazon.nova-micro-v1:0/converse")), models: None },
    ..PLAIN
}];

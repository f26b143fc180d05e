//! More vendors: clouds, aggregators, local servers. Most speak OpenAI's chat completions and nothing else.

use super::row::{
    ANTHROPIC_DOOR, Dialect, Door, KeyTest, NO_MODELS, OPEN_MODELS, PLAIN, PathRule, Proof, ROOT_DOOR, V1,
    Vendor,
};

const CHAT: Dialect = Dialect::OpenAiChat;
const RESPONSES: Dialect = Dialect::OpenAiResponses;

/// A row that says an id, a name and an address.
const fn plain(id: &'static str, name: &'static str, base_url: &'static str) -> Vendor {
    Vendor { id, name, base_url: Some(base_url), ..PLAIN }
}

/// A path rule of a base that ends otherwise than with `v1`.
const fn below(strip: &'static [&'static str], tail: &'static str) -> PathRule {
    PathRule { strip, tail, fill: false }
}

pub(super) static VENDORS: &[Vendor] = &[
    Vendor {
        aliases: &["grok"],
        dialects: &[CHAT, RESPONSES],
        key_prefixes: &["xai-"],
        ..plain("xai", "xAI (Grok)", "https://api.x.ai/v1")
    },
    Vendor {
        key_prefixes: &["nvapi-"],
        // `nvidia/…` are models.
        strip_model_prefix: false,
        test: OPEN_MODELS,
        ..plain("nvidia", "NVIDIA NIM", "https://integrate.api.nvidia.com/v1")
    },
    Vendor { key_prefixes: &["csk-"], ..plain("cerebras", "Cerebras", "https://api.cerebras.ai/v1") },
    plain("hyperbolic", "Hyperbolic", "https://api.hyperbolic.xyz/v1"),
    Vendor {
        aliases: &["hf"],
        dialects: &[CHAT, RESPONSES],
        key_prefixes: &["hf_"],
        test: OPEN_MODELS,
        ..plain("huggingface", "Hugging Face", "https://router.huggingface.co/v1")
    },
    Vendor {
        aliases: &["github-models"],
        path: below(&["inference", "v1"], "inference"),
        doors: &[Door { leads: &["catalog"], ..ROOT_DOOR }],
        key_prefixes: &["github_pat_", "ghp_"],
        test: KeyTest { proof: Some(Proof::Empty("chat/completions")), models: Some("catalog/models") },
        ..plain("github", "GitHub Models", "https://models.github.ai/inference")
    },
    Vendor {
        aliases: &["github-copilot"],
        path: below(&["v1"], ""),
        headers: &[("copilot-integration-id", "vscode-chat"), ("editor-version", "vscode/1.95.0")],
        ..plain("copilot", "GitHub Copilot", "https://api.githubcopilot.com")
    },
    Vendor {
        path: below(&["studio/v1", "v1"], "studio/v1"),
        test: NO_MODELS,
        ..plain("ai21", "AI21", "https://api.ai21.com/studio/v1")
    },
    Vendor {
        // An interface of its own only.
        dialects: &[],
        key_prefixes: &["r8_"],
        test: KeyTest { proof: Some(Proof::Get("account")), models: None },
        ..plain("replicate", "Replicate", "https://api.replicate.com/v1")
    },
    Vendor {
        path: below(&["v1/openai", "openai", "v1"], "openai"),
        // `deepinfra/…` are models.
        strip_model_prefix: false,
        test: OPEN_MODELS,
        ..plain("deepinfra", "DeepInfra", "https://api.deepinfra.com/v1/openai")
    },
    plain("scaleway", "Scaleway", "https://api.scaleway.ai/v1"),
    plain("nebius", "Nebius", "https://api.tokenfactory.nebius.com/v1"),
    plain("ovhcloud", "OVHcloud", "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1"),
    plain("tencent-cloud-ti", "Tencent Cloud TI", "https://api.lkeap.cloud.tencent.com/v1"),
    Vendor {
        aliases: &["baidu", "qianfan"],
        path: below(&["v2", "v1"], "v2"),
        ..plain("baidu-cloud", "Baidu Qianfan", "https://qianfan.baidubce.com/v2")
    },
    Vendor {
        path: below(&["maas/v1", "v1"], "maas/v1"),
        ..plain("infini", "Infini-AI", "https://cloud.infini-ai.com/maas/v1")
    },
    plain("modelscope", "ModelScope", "https://api-inference.modelscope.cn/v1"),
    plain("xirang", "China Telecom Xirang", "https://wishub-x1.ctyun.cn/v1"),
    Vendor { aliases: &["xiaomi"], ..plain("mimo", "Xiaomi MiMo", "https://api.xiaomimimo.com/v1") },
    Vendor {
        dialects: &[CHAT, Dialect::Anthropic],
        ..plain("aihubmix", "AiHubMix", "https://aihubmix.com/v1")
    },
    plain("302ai", "302.AI", "https://api.302.ai/v1"),
    Vendor {
        path: below(&["openai/v1", "v1"], "openai/v1"),
        ..plain("tokenflux", "TokenFlux", "https://api.tokenflux.ai/openai/v1")
    },
    Vendor {
        dialects: &[CHAT, Dialect::Anthropic],
        test: OPEN_MODELS,
        ..plain("poe", "Poe", "https://api.poe.com/v1")
    },
    plain("ocoolai", "ocoolAI", "https://api.ocoolai.com/v1"),
    plain("dmxapi", "DMXAPI", "https://www.dmxapi.cn/v1"),
    plain("burncloud", "BurnCloud", "https://ai.burncloud.com/v1"),
    plain("lanyun", "Lanyun", "https://maas-api.lanyun.net/v1"),
    plain("ph8", "PH8", "https://ph8.co/v1"),
    plain("qiniu", "Qiniu", "https://api.qnaigc.com/v1"),
    Vendor {
        path: below(&["v3/openai", "openai", "v1"], "v3/openai"),
        ..plain("ppio", "PPIO", "https://api.ppinfra.com/v3/openai")
    },
    plain("aionly", "AiOnly", "https://api.aiionly.com/v1"),
    Vendor {
        dialects: &[CHAT, Dialect::Anthropic],
        path: below(&["openai/v1", "v1"], "openai/v1"),
        doors: &[ANTHROPIC_DOOR],
        ..plain("longcat", "LongCat", "https://api.longcat.chat/openai/v1")
    },
    Vendor {
        path: below(&["api/open-apis/v1", "v1"], "v1"),
        ..plain("sophnet", "SophNet", "https://www.sophnet.com/api/open-apis/v1")
    },
    Vendor {
        aliases: &["gateway", "ai-gateway"],
        dialects: &[CHAT, RESPONSES, Dialect::Anthropic],
        key_prefixes: &["vck_"],
        test: KeyTest { proof: Some(Proof::Get("credits")), models: Some("models") },
        ..plain("vercel", "Vercel AI Gateway", "https://ai-gateway.vercel.sh/v1")
    },
    Vendor {
        aliases: &["lm-studio"],
        keyless: true,
        dialects: &[CHAT, RESPONSES, Dialect::Anthropic],
        // Its own interface.
        doors: &[Door { leads: &["api"], ..ROOT_DOOR }],
        ..plain("lmstudio", "LM Studio", "http://localhost:1234/v1")
    },
    Vendor {
        keyless: true,
        path: below(&["v3", "v1"], "v3"),
        ..plain("ovms", "OpenVINO Model Server", "http://localhost:8000/v3")
    },
    Vendor { id: "gpustack", name: "GPUStack", path: V1, ..PLAIN },
    Vendor {
        id: "new-api",
        name: "New API",
        aliases: &["newapi", "one-api"],
        dialects: &[CHAT, RESPONSES, Dialect::Anthropic],
        ..PLAIN
    },
];

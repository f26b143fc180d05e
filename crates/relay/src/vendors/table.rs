//! The vendors most people come with. Adding a vendor is adding a row.

use super::row::{
    ANTHROPIC_DOOR, Auth, Dialect, Door, KeyAuth, KeyTest, MODELS, NO_MODELS, OPEN_MODELS, PLAIN, PathRule,
    Proof, ROOT_DOOR, Region, Vendor,
};

const CHAT: Dialect = Dialect::OpenAiChat;
const RESPONSES: Dialect = Dialect::OpenAiResponses;

pub(super) static VENDORS: &[Vendor] = &[
    Vendor {
        id: "openai",
        name: "OpenAI",
        base_url: Some("https://api.openai.com/v1"),
        regions: &[
            Region { id: "eu", name: "Europe", base_url: "https://eu.api.openai.com/v1" },
            Region { id: "us", name: "United States", base_url: "https://us.api.openai.com/v1" },
        ],
        dialects: &[CHAT, RESPONSES],
        key_prefixes: &["sk-", "sk-proj-", "sk-svcacct-", "sk-admin-"],
        ..PLAIN
    },
    Vendor {
        id: "anthropic",
        name: "Anthropic",
        aliases: &["claude"],
        base_url: Some("https://api.anthropic.com"),
        auth: Auth::XApiKey,
        key_auths: &[KeyAuth {
            prefix: "sk-ant-oat",
            auth: Auth::Bearer,
            headers: &[("anthropic-beta", "oauth-2025-04-20")],
        }],
        dialects: &[Dialect::Anthropic],
        path: PathRule { strip: &["v1"], tail: "v1", fill: true },
        key_prefixes: &["sk-ant-"],
        headers: &[("anthropic-version", "2023-06-01")],
        test: KeyTest { proof: None, models: Some("models?limit=1000") },
        ..PLAIN
    },
    Vendor {
        id: "google",
        name: "Google Gemini",
        aliases: &["gemini"],
        base_url: Some("https://generativelanguage.googleapis.com/v1beta"),
        auth: Auth::XGoogApiKey,
        dialects: &[Dialect::Gemini, CHAT],
        path: PathRule { strip: &["v1beta"], tail: "v1beta", fill: true },
        doors: &[
            Door {
                dialect: Some(CHAT),
                leads: &["openai", "v1beta/openai"],
                strip: &["v1beta/openai/v1", "v1beta/openai", "openai/v1", "openai", "v1"],
                path: "v1beta/openai",
                auth: Some(Auth::Bearer),
                query: None,
            },
            // Uploads, the live socket and other versions of the interface.
            Door { leads: &["upload", "ws", "v1", "v1alpha"], ..ROOT_DOOR },
        ],
        key_prefixes: &["AIza", "AQ."],
        test: KeyTest { proof: None, models: Some("models?pageSize=1000") },
        ..PLAIN
    },
    Vendor {
        id: "deepseek",
        name: "DeepSeek",
        base_url: Some("https://api.deepseek.com/v1"),
        dialects: &[CHAT, RESPONSES, Dialect::Anthropic],
        doors: &[ANTHROPIC_DOOR],
        ..PLAIN
    },
    Vendor {
        id: "groq",
        name: "Groq",
        base_url: Some("https://api.groq.com/openai/v1"),
        dialects: &[CHAT, RESPONSES],
        path: PathRule { strip: &["openai/v1", "v1"], tail: "openai/v1", fill: false },
        key_prefixes: &["gsk_"],
        // `groq/compound` is a model.
        strip_model_prefix: false,
        ..PLAIN
    },
    Vendor {
        id: "azure-openai",
        name: "Azure OpenAI",
        aliases: &["azure"],
        own_addresses: true,
        auth: Auth::ApiKey,
        dialects: &[CHAT, RESPONSES],
        path: PathRule { strip: &["openai/v1", "v1"], tail: "openai/v1", fill: true },
        // The older form names its deployment in the path and its version in the query.
        doors: &[Door {
            leads: &["openai/deployments", "deployments"],
            strip: &["openai"],
            path: "openai",
            query: Some(("api-version", "2024-10-21")),
            ..ROOT_DOOR
        }],
        ..PLAIN
    },
    Vendor { id: "mistral", name: "Mistral", base_url: Some("https://api.mistral.ai/v1"), ..PLAIN },
    Vendor {
        id: "openrouter",
        name: "OpenRouter",
        base_url: Some("https://openrouter.ai/api/v1"),
        dialects: &[CHAT, RESPONSES, Dialect::Anthropic],
        path: PathRule { strip: &["api/v1", "v1"], tail: "v1", fill: false },
        key_prefixes: &["sk-or-"],
        says_cost: true,
        // `openrouter/auto` is a model.
        strip_model_prefix: false,
        test: KeyTest { proof: Some(Proof::Get("key")), models: Some("models") },
        ..PLAIN
    },
    Vendor {
        id: "together",
        name: "Together AI",
        aliases: &["togetherai"],
        base_url: Some("https://api.together.xyz/v1"),
        key_prefixes: &["tgp_v1_"],
        ..PLAIN
    },
    Vendor {
        id: "fireworks",
        name: "Fireworks AI",
        base_url: Some("https://api.fireworks.ai/inference/v1"),
        dialects: &[CHAT, RESPONSES, Dialect::Anthropic],
        path: PathRule { strip: &["inference/v1", "v1"], tail: "inference/v1", fill: false },
        key_prefixes: &["fw_"],
        ..PLAIN
    },
    Vendor {
        id: "perplexity",
        name: "Perplexity",
        base_url: Some("https://api.perplexity.ai"),
        path: PathRule { strip: &["v1"], tail: "", fill: false },
        key_prefixes: &["pplx-"],
        test: NO_MODELS,
        ..PLAIN
    },
    Vendor {
        id: "cohere",
        name: "Cohere",
        base_url: Some("https://api.cohere.ai/compatibility/v1"),
        path: PathRule { strip: &["compatibility/v1", "v1"], tail: "compatibility/v1", fill: false },
        // Its own interface beside the one that speaks as OpenAI does.
        doors: &[Door {
            leads: &[
                "v2",
                "v1/models",
                "v1/rerank",
                "v1/embed",
                "v1/embed-jobs",
                "v1/datasets",
                "v1/tokenize",
            ],
            ..ROOT_DOOR
        }],
        test: KeyTest { proof: None, models: Some("v1/models?page_size=1000") },
        ..PLAIN
    },
    Vendor {
        id: "zhipu",
        name: "Zhipu (GLM)",
        aliases: &["zai", "glm", "bigmodel"],
        base_url: Some("https://open.bigmodel.cn/api/paas/v4"),
        regions: &[Region {
            id: "intl",
            name: "international (Z.ai)",
            base_url: "https://api.z.ai/api/paas/v4",
        }],
        dialects: &[CHAT, Dialect::Anthropic],
        path: PathRule { strip: &["api/paas/v4", "v4", "v1"], tail: "paas/v4", fill: false },
        doors: &[ANTHROPIC_DOOR],
        ..PLAIN
    },
    Vendor {
        id: "moonshot",
        name: "Moonshot (Kimi)",
        aliases: &["kimi"],
        base_url: Some("https://api.moonshot.cn/v1"),
        regions: &[Region { id: "intl", name: "international", base_url: "https://api.moonshot.ai/v1" }],
        dialects: &[CHAT, Dialect::Anthropic],
        doors: &[ANTHROPIC_DOOR],
        ..PLAIN
    },
    Vendor { id: "baichuan", name: "Baichuan", base_url: Some("https://api.baichuan-ai.com/v1"), ..PLAIN },
    Vendor {
        id: "dashscope",
        name: "Alibaba Model Studio (Qwen)",
        aliases: &["qwen", "alibaba", "aliyun"],
        base_url: Some("https://dashscope.aliyuncs.com/compatible-mode/v1"),
        regions: &[
            Region {
                id: "intl",
                name: "international",
                base_url: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
            },
            Region {
                id: "us",
                name: "United States",
                base_url: "https://dashscope-us.aliyuncs.com/compatible-mode/v1",
            },
        ],
        dialects: &[CHAT, RESPONSES, Dialect::Anthropic],
        path: PathRule { strip: &["compatible-mode/v1", "v1"], tail: "compatible-mode/v1", fill: false },
        doors: &[
            Door {
                leads: &["apps/anthropic"],
                strip: &["apps/anthropic/v1", "apps/anthropic", "v1"],
                path: "apps/anthropic/v1",
                ..ANTHROPIC_DOOR
            },
            // Its own interface, the realtime socket included.
            Door { leads: &["api/v1", "api-ws/v1"], ..ROOT_DOOR },
        ],
        ..PLAIN
    },
    Vendor { id: "stepfun", name: "StepFun", base_url: Some("https://api.stepfun.com/v1"), ..PLAIN },
    Vendor {
        id: "doubao",
        name: "Volcengine Ark (Doubao)",
        aliases: &["volcengine", "ark"],
        base_url: Some("https://ark.cn-beijing.volces.com/api/v3"),
        regions: &[Region {
            id: "intl",
            name: "international (BytePlus)",
            base_url: "https://ark.ap-southeast.bytepluses.com/api/v3",
        }],
        path: PathRule { strip: &["api/v3", "v3", "v1"], tail: "v3", fill: false },
        ..PLAIN
    },
    Vendor {
        id: "minimax",
        name: "MiniMax",
        base_url: Some("https://api.minimaxi.com/v1"),
        regions: &[Region { id: "intl", name: "international", base_url: "https://api.minimax.io/v1" }],
        dialects: &[CHAT, Dialect::Anthropic],
        doors: &[ANTHROPIC_DOOR],
        ..PLAIN
    },
    Vendor {
        id: "yi",
        name: "01.AI (Yi)",
        aliases: &["lingyi", "01ai"],
        base_url: Some("https://api.lingyiwanwu.com/v1"),
        ..PLAIN
    },
    Vendor {
        id: "hunyuan",
        name: "Tencent Hunyuan",
        base_url: Some("https://api.hunyuan.cloud.tencent.com/v1"),
        ..PLAIN
    },
    Vendor {
        id: "siliconflow",
        name: "SiliconFlow",
        aliases: &["silicon"],
        base_url: Some("https://api.siliconflow.cn/v1"),
        regions: &[Region { id: "intl", name: "international", base_url: "https://api.siliconflow.com/v1" }],
        dialects: &[CHAT, Dialect::Anthropic],
        ..PLAIN
    },
    Vendor {
        id: "venice",
        name: "Venice",
        base_url: Some("https://api.venice.ai/api/v1"),
        path: PathRule { strip: &["api/v1", "v1"], tail: "v1", fill: false },
        test: OPEN_MODELS,
        ..PLAIN
    },
    Vendor {
        id: "ollama",
        name: "Ollama",
        base_url: Some("http://localhost:11434/v1"),
        keyless: true,
        dialects: &[CHAT, RESPONSES, Dialect::Anthropic],
        // Its own interface.
        doors: &[Door { leads: &["api"], ..ROOT_DOOR }],
        ..PLAIN
    },
    Vendor {
        id: "custom",
        name: "Custom (OpenAI-compatible)",
        keyless: true,
        dialects: &[CHAT, RESPONSES, Dialect::Anthropic, Dialect::Gemini],
        path: PathRule { strip: &[], tail: "", fill: false },
        ..PLAIN
    },
    Vendor {
        id: "custom-anthropic",
        name: "Custom (Anthropic-compatible)",
        auth: Auth::XApiKey,
        keyless: true,
        dialects: &[Dialect::Anthropic],
        path: PathRule { strip: &["v1"], tail: "v1", fill: true },
        headers: &[("anthropic-version", "2023-06-01")],
        test: MODELS,
        ..PLAIN
    },
    Vendor {
        id: "custom-gemini",
        name: "Custom (Gemini-compatible)",
        auth: Auth::XGoogApiKey,
        keyless: true,
        dialects: &[Dialect::Gemini],
        path: PathRule { strip: &["v1beta"], tail: "v1beta", fill: true },
        ..PLAIN
    },
];

//! What of a vendor's refusal a bot may see.
//!
//! The words below are the ones OpenClaw takes for billing or for a bad key, widened to whole families: too
//! much is harmless (the operator has the vendor's own words), too little locks a provider away.

use super::trouble::Trouble;
use http::StatusCode;

/// Money or a used-up account.
const MONEY: &[&str] = &[
    "billing",
    "payment",
    "credit",
    "balance",
    "budget",
    "quota",
    "spend",
    "purchase",
    "subscri",
    "usage limit",
    "usagelimit",
    "extra usage",
    "current plan",
    "coding plan",
    "codingplan",
    "daily limit",
    "weekly limit",
    "monthly limit",
    "余额",
    "欠费",
    "额度",
    "配额",
    "1311",
];

/// A key, an account or a right.
const RIGHTS: &[&str] = &[
    "api key",
    "api_key",
    "apikey",
    "api-key",
    "unauthor",
    "forbidden",
    "access denied",
    "permission",
    "authenticat",
    "credential",
    "expired",
    "invalid token",
    "oauth",
    "organization",
    "deactivated",
    "has been disabled",
    "revoked",
    "missing scope",
    "无权",
    "认证",
    "鉴权",
    "密钥",
    "违规",
    "禁止访问",
    "ce-011",
    "1113",
];

/// A 429 that waiting does not heal.
const EMPTY: &[&str] = &["insufficient", "exceeded your current quota", "payment required", "余额", "欠费"];

/// What to tell a bot instead of the vendor's words; `None`: they may pass as they are.
pub(super) fn instead(status: StatusCode, body: &[u8]) -> Option<Trouble> {
    let text = String::from_utf8_lossy(body).to_lowercase();
    let says = |words: &[&str]| words.iter().any(|w| text.contains(w));
    match status.as_u16() {
        401..=403 => Some(Trouble::KeyRefused),
        _ if !(says(MONEY) || says(RIGHTS) || has_status(&text)) => None,
        429 if !says(EMPTY) => Some(Trouble::SlowDown),
        500..=599 if !says(MONEY) => Some(Trouble::BadAnswer),
        _ => Some(Trouble::KeyRefused),
    }
}

/// Whether 401, 402 or 403 stands there as a number of its own.
fn has_status(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| matches!(word, "401" | "402" | "403"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Option<Trouble> {
        instead(StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn refusals_of_the_key_become_neutral() {
        for status in [401, 402, 403] {
            assert_eq!(of(status, "{}"), Some(Trouble::KeyRefused));
        }
        assert_eq!(of(400, r#"{"error":"credit balance is too low"}"#), Some(Trouble::KeyRefused));
        assert_eq!(of(429, r#"{"code":"insufficient_quota"}"#), Some(Trouble::KeyRefused));
        assert_eq!(of(404, "model not available in your current plan"), Some(Trouble::KeyRefused));
        assert_eq!(of(500, "error code: 402"), Some(Trouble::BadAnswer));
    }

    #[test]
    fn trouble_of_the_conversation_passes_as_it_is() {
        assert_eq!(of(400, "prompt is too long: 210000 tokens > 200000 maximum"), None);
        assert_eq!(of(429, "slow down please"), None);
        assert_eq!(of(529, r#"{"type":"overloaded_error"}"#), None);
        assert_eq!(of(400, "max_tokens: 14030 > 4021"), None);
    }

    #[test]
    fn a_rate_limit_with_words_of_money_keeps_its_status_only() {
        assert_eq!(of(429, "rate limit reached; add a payment method"), Some(Trouble::SlowDown));
    }

    #[test]
    fn nothing_chela_says_to_a_bot_locks_its_provider() {
        use Trouble::*;
        let speaks = crate::vendors::all().map(|v| Speaks(v, crate::Dialect::Gemini));
        for trouble in speaks.chain([
            NoVendor,
            LateModel,
            TwoModels,
            NoLink,
            TwoTokens,
            NotFound,
            BadPath,
            BadFraming,
            NoKey,
            TooLarge,
            SlowUpload,
            Forbidden,
            Unreachable,
            TimedOut,
            Cut,
            BadAnswer,
            Redirect,
            Encoded,
            KeyRefused,
            SlowDown,
            NoPrice,
            TooMuch,
            SetAside,
            Stopped,
            Stopping,
        ]) {
            for dialect in
                [crate::Dialect::OpenAiChat, crate::Dialect::OpenAiResponses, crate::Dialect::Anthropic]
            {
                let body = trouble.json(dialect);
                assert_eq!(
                    instead(StatusCode::IM_A_TEAPOT, &body),
                    None,
                    "{}",
                    String::from_utf8_lossy(&body)
                );
                assert!(![401, 402, 403].contains(&trouble.status().as_u16()));
            }
        }
    }
}

//! What the words of a vendor's error mean, where its status alone does not say.

use memchr::memmem;

/// A meaning that changes what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The content is against the vendor's rules: nobody else is asked for it.
    Policy,
    /// The account behind the key has no money, or the key itself is bad.
    Refused,
    /// The prompt is longer than the model takes.
    TooLong,
    /// The model failed to call a tool as it should.
    ToolError,
    /// There is no such model for this key.
    NoModel,
}

/// In lower case; the first family that fits counts. No word is one that a person's text is likely to bring into an error.
const WORDS: &[(Said, &[&str])] = &[
    (
        Said::Policy,
        &[
            "content_policy",
            "content policy",
            "content_filter",
            "content management policy",
            "contentfilter",
            "moderation_blocked",
            "responsibleaipolicyviolation",
            "data_inspection_failed",
            "datainspectionfailed",
            "sensitivecontentdetected",
            "prohibited_content",
            "violates our usage policy",
            "input was flagged",
            "unsafe_content",
        ],
    ),
    (
        Said::TooLong,
        &[
            "context_length_exceeded",
            "prompt is too long",
            "maximum context length",
            "exceed context limit",
            "exceeds the context window",
            "exceeds the maximum number of tokens allowed",
            "maximum prompt length",
            "too large for model with",
            "input is too long for requested model",
        ],
    ),
    (
        Said::Refused,
        &[
            "insufficient_quota",
            "credit balance is too low",
            "insufficient balance",
            "insufficient_balance",
            "exceeded_current_quota",
            "arrearage",
            "accountoverdue",
            "余额不足",
            "api_key_invalid",
            "invalid_api_key",
            "incorrect api key",
            "the security token included in the request is",
            "the request signature we calculated does not match",
        ],
    ),
    (Said::ToolError, &["tool_use_failed", "\"tool_error\""]),
    (
        Said::NoModel,
        &[
            "model_not_found",
            "modelnotfound",
            "no such model",
            "provided model identifier is invalid",
            "model not exist",
            "模型不存在",
        ],
    ),
];

/// What an error says, if it is one of these.
pub(super) fn said(body: &[u8]) -> Option<Said> {
    let text = String::from_utf8_lossy(body).to_lowercase();
    let says = |word: &&str| memmem::find(text.as_bytes(), word.as_bytes()).is_some();
    WORDS.iter().find(|(_, words)| words.iter().any(says)).map(|(said, _)| *said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_say_the_same_things_in_their_own_words() {
        for (body, meant) in [
            (
                r#"{"error":{"code":"content_policy_violation","message":"Your request was rejected"}}"#,
                Said::Policy,
            ),
            (
                r#"{"error":{"code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
                Said::Policy,
            ),
            (
                r#"{"error":{"code":"context_length_exceeded","message":"This model's maximum context length is 8192"}}"#,
                Said::TooLong,
            ),
            (
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
                Said::TooLong,
            ),
            (
                r#"{"error":{"code":400,"message":"The input token count (1048577) exceeds the maximum number of tokens allowed (1048576)."}}"#,
                Said::TooLong,
            ),
            (
                r#"{"type":"error","error":{"message":"Your credit balance is too low to access the Anthropic API."}}"#,
                Said::Refused,
            ),
            (
                r#"{"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}"#,
                Said::Refused,
            ),
            (
                r#"{"error":{"code":400,"message":"API key not valid.","details":[{"reason":"API_KEY_INVALID"}]}}"#,
                Said::Refused,
            ),
            (r#"{"message":"The security token included in the request is expired"}"#, Said::Refused),
            (r#"{"message":"The provided model identifier is invalid."}"#, Said::NoModel),
            (r#"{"error":{"code":"tool_use_failed","failed_generation":"<x>"}}"#, Said::ToolError),
            (r#"{"error":{"code":"model_not_found"}}"#, Said::NoModel),
        ] {
            assert_eq!(said(body.as_bytes()), Some(meant), "{body}");
        }
        for plain in
            ["", "{}", r#"{"error":{"message":"max_tokens must be positive"}}"#, "rate limit reached"]
        {
            assert_eq!(said(plain.as_bytes()), None, "{plain}");
        }
    }
}

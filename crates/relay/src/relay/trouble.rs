//! What goes wrong, in the words and the shape the caller understands.
//!
//! A bot's gateway locks a provider away for minutes on 401, 402, 403 and on words of billing or of keys, so
//! trouble that is the operator's reaches a bot as a plain 400 with none of these words.

use super::RelayBody;
use crate::{BoxError, Dialect, End, UpstreamKey, Vendor, limits::Unit, scan::exception};
use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::{BodyExt, Full};
use serde_json::json;
use std::borrow::Cow;

const NOT_FOR_MODEL: &str = "No connection to this model service that is set up in the workspace is for this model; the operator can change that.";

/// One kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No token, an unknown one, or one of another wire: all the same.
    Unauthorized,
    /// Two different tokens.
    TwoTokens,
    /// No such endpoint.
    NotFound,
    /// A path that tries to leave its place.
    BadPath,
    /// Length and transfer coding contradict each other.
    BadFraming,
    /// The workspace has no usable key for the vendor.
    NoKey,
    /// It has, but none is for the model.
    NoKeyForModel,
    /// The model's name does not say whose it is.
    NoVendor,
    /// The model comes too late in the body to choose a vendor by it.
    LateModel,
    /// No link of a chain can be asked.
    NoLink,
    /// The body names its model twice.
    TwoModels,
    /// The vendor does not speak the dialect.
    Speaks(&'static Vendor, Dialect),
    /// The header lines are over the limit.
    HeadTooLarge,
    /// The request body is over the limit.
    TooLarge,
    /// The caller stopped sending in mid-body.
    SlowUpload,
    /// The address of the key is refused by the rules for outbound connections.
    Forbidden,
    /// Nobody answers there.
    Unreachable,
    /// A deadline passed.
    TimedOut,
    /// The answer broke off.
    Cut,
    /// The answer breaks HTTP or our limits.
    BadAnswer,
    /// The answer is a redirect.
    Redirect,
    /// The answer is compressed although nobody asked for it.
    Encoded,
    /// The vendor refuses the key or the account behind it; for bots.
    KeyRefused,
    /// The vendor asks to slow down, in words a bot must not see.
    SlowDown,
    /// The vendor said how long to wait, and every key waits.
    Slow { wait_s: u32 },
    /// The caller may not ask for this model.
    OtherModel,
    /// A budget must hold, and nobody said what the model costs.
    NoPrice,
    /// No window of a limit has room for what the call may use.
    TooMuch,
    /// A limit has no room left; for programs.
    Limited { unit: Unit, wait_s: u32 },
    /// The same for bots.
    SetAside,
    /// Somebody stopped these calls; for programs.
    Switched,
    /// The same for bots.
    Stopped,
    /// Every key failed several times in a row and rests.
    Failing { wait_s: u32 },
    /// Chela stops.
    Stopping,
}

impl Trouble {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::TwoTokens
            | Self::BadPath
            | Self::BadFraming
            | Self::NoKey
            | Self::NoKeyForModel
            | Self::NoVendor
            | Self::LateModel
            | Self::TwoModels
            | Self::NoLink
            | Self::Speaks(..)
            | Self::Forbidden
            | Self::NoPrice
            | Self::TooMuch
            | Self::SetAside
            | Self::Stopped
            | Self::KeyRefused => StatusCode::BAD_REQUEST,
            Self::OtherModel | Self::Switched => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowUpload => StatusCode::REQUEST_TIMEOUT,
            Self::SlowDown | Self::Slow { .. } | Self::Limited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unreachable | Self::Cut | Self::BadAnswer | Self::Redirect | Self::Encoded => {
                StatusCode::BAD_GATEWAY
            }
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::Stopping | Self::Failing { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(crate) fn end(self) -> End {
        match self {
            Self::Unreachable => End::Unreachable,
            Self::TimedOut => End::TimedOut,
            Self::Cut => End::UpstreamCut,
            Self::BadAnswer | Self::Redirect | Self::Encoded => End::BadAnswer,
            Self::KeyRefused => End::KeyRefused,
            Self::SlowDown => End::VendorError,
            Self::Stopping => End::Stopped,
            Self::SlowUpload => End::ClientGone,
            _ => End::Refused,
        }
    }

    pub(crate) fn words(self) -> Cow<'static, str> {
        if let Self::Speaks(vendor, asked) = self {
            let spoken: Vec<_> = vendor.dialects.iter().map(|d| d.name()).collect();
            let spoken =
                if spoken.is_empty() { "an interface of its own".to_owned() } else { spoken.join(", ") };
            return format!("{} speaks {spoken}, not {}.", vendor.name, asked.name()).into();
        }
        Cow::Borrowed(match self {
            Self::Unauthorized => "Chela does not know this token here.",
            Self::TwoTokens => "The request carries two different tokens; send one.",
            Self::NotFound => {
                "There is no such endpoint; paths are /v1/{vendor}/…, or those of OpenAI, Anthropic and Gemini."
            }
            Self::BadPath => "The path has empty, dotted or encoded segments.",
            Self::BadFraming => "The request says its length in two ways.",
            Self::NoKey => {
                "No connection to this model service is set up in the workspace; the operator can add one."
            }
            Self::NoKeyForModel => NOT_FOR_MODEL,
            Self::NoVendor | Self::Speaks(..) => {
                "Here a model is named vendor/model, such as openai/gpt-5-mini; this name begins with no vendor Chela \
                 knows."
            }
            Self::NoLink => {
                "No model of this chain can be asked: none of its model services is set up here and speaks this \
                 interface."
            }
            Self::TwoModels => "The body names its model more than once.",
            Self::LateModel => "The model must be named within the first 8 MiB of the body.",
            Self::HeadTooLarge => "The request's headers are larger than this relay takes.",
            Self::TooLarge => "The request body is larger than this relay takes.",
            Self::SlowUpload => "The request body stopped arriving.",
            Self::Forbidden => {
                "The address set up for this model service is not one Chela connects to; the operator has been told."
            }
            Self::Unreachable => "The model service cannot be reached.",
            Self::TimedOut => "The model service did not answer in time.",
            Self::Cut => "The model service broke off its answer.",
            Self::BadAnswer => "The model service sent an answer that cannot be passed on.",
            Self::Redirect => "The model service answered with a redirect, which is never followed.",
            Self::Encoded => "The model service sent a compressed answer that was not asked for.",
            Self::KeyRefused => {
                "The model service turned down the connection that the operator set up for this bot. The operator \
                 has been told; nothing is wrong with this conversation."
            }
            Self::SlowDown => "The model service asks to slow down; try again later.",
            Self::Slow { .. } => "The model service asked to slow down for a while; try again later.",
            Self::OtherModel => "This token is not for this model.",
            Self::NoPrice => {
                "Nobody said what this model costs, and that must be known here; the operator can set it, 0 too."
            }
            Self::TooMuch => {
                "This request may use more than the operator set aside for a whole period; ask for a shorter answer."
            }
            Self::Limited { unit: Unit::Requests, .. } => {
                "The limit of requests is reached; try again later."
            }
            Self::Limited { unit: Unit::Tokens, .. } => "The limit of tokens is reached; try again later.",
            Self::Limited { unit: Unit::Money, .. } => "The budget is used up; it begins anew later.",
            Self::SetAside => {
                "What the operator set aside for model calls is used up for now. It goes on by itself later, or sooner if \
                 the operator says so."
            }
            Self::Switched | Self::Stopped => "An operator has stopped these model calls for now.",
            Self::Failing { .. } => {
                "The model service failed several times in a row; it is asked again soon."
            }
            Self::Stopping => "Chela is stopping; ask again in a moment.",
        })
    }

    /// Its name for programs, and in the ledger.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Unauthorized => "unknown_token",
            Self::TwoTokens => "two_tokens",
            Self::NotFound => "not_found",
            Self::BadPath => "bad_path",
            Self::BadFraming => "bad_framing",
            Self::NoKey => "not_connected",
            Self::NoKeyForModel => "not_connected_for_model",
            Self::NoVendor => "unknown_vendor",
            Self::TwoModels => "two_models",
            Self::LateModel => "late_model",
            Self::NoLink => "no_link",
            Self::Speaks(..) => "other_dialect",
            Self::HeadTooLarge => "head_too_large",
            Self::TooLarge => "body_too_large",
            Self::SlowUpload => "slow_upload",
            Self::Forbidden => "address_refused",
            Self::Unreachable => "upstream_unreachable",
            Self::TimedOut => "upstream_late",
            Self::Cut => "upstream_cut",
            Self::BadAnswer => "upstream_answer",
            Self::Redirect => "upstream_redirect",
            Self::Encoded => "upstream_encoding",
            Self::KeyRefused => "connection_refused",
            Self::SlowDown | Self::Slow { .. } => "slow_down",
            Self::OtherModel => "model_not_allowed",
            Self::NoPrice => "price_unknown",
            Self::TooMuch => "more_than_set_aside",
            Self::Limited { unit: Unit::Requests, .. } => "request_limit",
            Self::Limited { unit: Unit::Tokens, .. } => "token_limit",
            Self::Limited { unit: Unit::Money, .. } => "budget_used_up",
            Self::SetAside => "set_aside_used",
            Self::Switched | Self::Stopped => "stopped",
            Self::Failing { .. } => "upstream_failing",
            Self::Stopping => "stopping",
        }
    }

    /// The error object in a dialect.
    pub(crate) fn json(self, dialect: Dialect) -> Vec<u8> {
        let (status, words, code) = (self.status(), self.words(), self.code());
        let kind = match status {
            StatusCode::TOO_MANY_REQUESTS => ("requests", "rate_limit_error"),
            s if s.is_server_error() => ("server_error", "api_error"),
            StatusCode::FORBIDDEN => ("invalid_request_error", "permission_error"),
            StatusCode::UNAUTHORIZED => ("invalid_request_error", "authentication_error"),
            StatusCode::NOT_FOUND => ("invalid_request_error", "not_found_error"),
            StatusCode::PAYLOAD_TOO_LARGE => ("invalid_request_error", "request_too_large"),
            _ => ("invalid_request_error", "invalid_request_error"),
        };
        let value = match dialect {
            Dialect::OpenAiChat | Dialect::OpenAiResponses => {
                json!({"error": {"message": words, "type": kind.0, "param": null, "code": code}})
            }
            Dialect::Anthropic => json!({"type": "error", "error": {"type": kind.1, "message": words}}),
            Dialect::Converse => json!({"message": words}),
            Dialect::Gemini => {
                json!({"error": {"code": status.as_u16(), "message": words, "status": code.to_ascii_uppercase()}})
            }
        };
        value.to_string().into_bytes()
    }

    /// The same as an event in a running stream.
    pub(crate) fn event(self, dialect: Dialect, between: bool) -> Bytes {
        let mut event = if between { Vec::new() } else { b"\n\n".to_vec() };
        let data = match dialect {
            Dialect::OpenAiChat | Dialect::Gemini | Dialect::Converse => self.json(dialect),
            Dialect::Anthropic => {
                event.extend_from_slice(b"event: error\n");
                self.json(dialect)
            }
            Dialect::OpenAiResponses => {
                event.extend_from_slice(b"event: error\n");
                let (code, message) = (self.code(), self.words());
                json!({"type": "error", "code": code, "message": message, "param": null})
                    .to_string()
                    .into_bytes()
            }
        };
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(&data);
        event.extend_from_slice(b"\n\n");
        event.into()
    }

    /// The same as a message in a running stream of AWS's.
    pub(crate) fn message(self) -> Bytes {
        exception("internalServerException", &self.json(Dialect::Converse))
    }

    /// The whole answer in a dialect.
    pub(crate) fn answer(self, dialect: Dialect) -> Response<RelayBody> {
        let mut answer = Response::new(whole(self.json(dialect)));
        *answer.status_mut() = self.status();
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Self::Slow { wait_s } | Self::Failing { wait_s } | Self::Limited { wait_s, .. } = self {
            answer.headers_mut().insert(RETRY_AFTER, wait_s.into());
        }
        answer
    }
}

/// A body that is already there.
pub(super) fn whole(body: impl Into<Bytes>) -> RelayBody {
    RelayBody::new(Full::new(body.into()).map_err(|never| -> BoxError { match never {} }))
}

/// The vendor's words for people: the key taken out, control characters gone, cut to 400 bytes.
pub(crate) fn excerpt(body: &[u8], key: &UpstreamKey) -> Option<String> {
    let mut text = String::from_utf8_lossy(body.get(..16_384).unwrap_or(body)).into_owned();
    for part in key.hidden() {
        text = text.replace(part.as_str(), "***");
    }
    text.retain(|c| !c.is_control());
    let end = text
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| *end <= 400)
        .last()
        .unwrap_or(0);
    text.truncate(end);
    (!text.is_empty()).then_some(text)
}

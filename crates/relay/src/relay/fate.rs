//! What became of asking with one key: by the status of the answer and, where that leaves it open, by its words.

use super::{
    guard::Guard,
    judge::{Failed, unfit},
    said::{Said, said},
    tries::Got,
    trouble::Trouble,
};
use crate::{UpstreamKey, health::Heard, probe::words};
use http::HeaderMap;
use std::time::Duration;
use tokio::time::Instant;

/// What became of asking with one key.
#[derive(Debug)]
pub(super) enum Fate {
    /// It is what the caller gets.
    Serves,
    /// So is this, which says nothing of the key.
    Final,
    /// The vendor asks to slow down, for so many milliseconds if it says.
    Slow(Option<i64>),
    /// It refuses the key.
    Refused,
    /// This key may not do this, another one may.
    NotThis,
    /// It leads elsewhere, where nobody goes: it may be the caller's path.
    Elsewhere,
    /// It failed.
    Fails,
    /// There is none of this name for this key: another account may have it, or another link.
    NoModel,
    /// No key helps, perhaps another model: the prompt is too long for it,
    TooLong,
    /// or it called a tool wrongly.
    ToolError,
}

impl Fate {
    /// What became of it, by what came and by what the caller did meanwhile.
    pub(super) fn of(got: &Result<Got, Failed>, guard: &Guard) -> Self {
        match got {
            // The caller's own doing says nothing of the key.
            Err(_) if guard.upload.failed.get().is_some() || Instant::now() >= guard.deadline() => {
                Fate::Final
            }
            Err(failed) => match failed.trouble {
                Trouble::Unreachable | Trouble::TimedOut | Trouble::Cut | Trouble::BadAnswer => Fate::Fails,
                _ => Fate::Final,
            },
            Ok(_) if guard.upload.failed.get().is_some() => Fate::Final,
            Ok(got) => judged(got),
        }
    }

    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Serves | Self::Final => "served",
            Self::Slow(_) => "slow_down",
            Self::Refused => "refused",
            Self::NotThis => "forbidden",
            Self::Elsewhere | Self::Fails => "failed",
            Self::NoModel => "no_model",
            Self::TooLong => "context_length_exceeded",
            Self::ToolError => "tool_error",
        }
    }

    /// Whether another key may do better.
    pub(super) const fn is_keys(&self) -> bool {
        !matches!(self, Self::Serves | Self::Final | Self::TooLong | Self::ToolError)
    }
}

/// What a key's vendor, or the lack of it, said.
pub(super) fn heard(got: &Result<Got, Failed>, key: &UpstreamKey) -> Heard {
    match got {
        Ok(got) => {
            let words = if got.first.failed || got.head.status.as_u16() >= 400 {
                Some(words(&got.first.text(), key)).filter(|words| !words.is_empty())
            } else {
                None
            };
            Heard { status: Some(got.head.status.as_u16()), words }
        }
        Err(Failed { trouble, note }) => {
            let words = note.clone().unwrap_or_else(|| trouble.words().into_owned());
            Heard { status: None, words: Some(words) }
        }
    }
}

/// What an answer is, by its status and, where that leaves it open, by its words.
fn judged(got: &Got) -> Fate {
    let status = got.head.status.as_u16();
    let open = matches!(status, 400 | 403 | 404 | 413 | 422 | 429) || got.first.failed;
    let said = if open { said(&got.first.text()) } else { None };
    match (status, said) {
        (400 | 403 | 422, Some(Said::Policy)) => Fate::Final,
        (_, Some(Said::Policy)) if got.first.failed => Fate::Final,
        (429, Some(Said::Refused)) | (400 | 403, Some(Said::Refused)) => Fate::Refused,
        (_, Some(Said::Refused)) if got.first.failed => Fate::Refused,
        (400 | 413 | 422, Some(Said::TooLong)) => Fate::TooLong,
        (_, Some(Said::TooLong)) if got.first.failed => Fate::TooLong,
        (400 | 422, Some(Said::ToolError)) => Fate::ToolError,
        (400, Some(Said::NoModel)) | (404, _) => Fate::NoModel,
        _ if got.first.failed => Fate::Fails,
        // What no caller gets.
        (300..=399, _) if status != 304 => Fate::Elsewhere,
        (..400, _) if status != 101 && unfit(got.head.status, &got.head.headers).is_some() => Fate::Fails,
        (401 | 402, _) => Fate::Refused,
        // 408 may be the caller's own slowness.
        (403 | 408, _) => Fate::NotThis,
        (500..=599, _) => Fate::Fails,
        (429, _) => Fate::Slow(retry_after_ms(&got.head.headers)),
        (400..=499, _) => Fate::Final,
        _ => Fate::Serves,
    }
}

/// How long a vendor asks to wait: in seconds, in milliseconds, or until a date of its own clock.
fn retry_after_ms(headers: &HeaderMap) -> Option<i64> {
    let said = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| said(name)?.parse::<f64>().ok();
    let date = |name: &str| httpdate::parse_http_date(said(name)?).ok();
    let seconds = number("retry-after-ms").map(|ms| ms / 1_000.0).or_else(|| number("retry-after"));
    let wait = match seconds {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        None => date("retry-after")?.duration_since(date("date")?).unwrap_or_default(),
    };
    i64::try_from(wait.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendor_says_in_three_ways_how_long_to_wait() {
        let date = "Sun, 22 Nov 2026 09:00:00 GMT";
        for (lines, ms) in [
            (vec![("retry-after", "2")], Some(2_000)),
            (vec![("retry-after", " 0.5 ")], Some(500)),
            (vec![("retry-after-ms", "1500"), ("retry-after", "2")], Some(1_500)),
            (vec![("retry-after", "Sun, 22 Nov 2026 09:01:30 GMT"), ("date", date)], Some(90_000)),
            (vec![("retry-after", "Sun, 22 Nov 2026 08:00:00 GMT"), ("date", date)], Some(0)),
            (vec![("retry-after", "Sun, 22 Nov 2026 09:01:30 GMT")], None),
            (vec![("retry-after", "-1")], None),
            (vec![("retry-after", "NaN")], None),
            (vec![("retry-after", "soon"), ("date", date)], None),
            (vec![], None),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(lines.iter().map(|(name, value)| {
                (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
            }));
            assert_eq!(retry_after_ms(&headers), ms, "{lines:?}");
        }
    }
}

//! What a job is about, read from its payload. Only ids leave here: a payload may hold a tenant's words.

use api::ids::BotId;

/// The id of the thing, and the bot, if it is about one.
pub(super) fn about(payload: &str) -> (Option<String>, Option<BotId>) {
    let words = || payload.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    if let Some(bot) = words().find_map(|word| word.parse::<BotId>().ok()) {
        return (Some(bot.to_string()), Some(bot));
    }
    let is_id = |word: &&str| {
        word.split_once('_')
            .is_some_and(|(prefix, digits)| (2..=4).contains(&prefix.len()) && digits.len() == 26)
    };
    (words().rfind(is_id).map(str::to_owned), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::ids::{NotificationId, PushId};
    use uuid::Uuid;

    #[test]
    fn a_payload_tells_its_ids_and_nothing_else_of_it() {
        let bot = BotId(Uuid::from_u128(7));
        assert_eq!(about(&bot.to_string()), (Some(bot.to_string()), Some(bot)));
        let forget = format!(r#"{{"bot":"{bot}","session_key":"agent:main:Secret-plan"}}"#);
        assert_eq!(about(&forget), (Some(bot.to_string()), Some(bot)));
        let (device, news) = (PushId(Uuid::from_u128(1)), NotificationId(Uuid::from_u128(2)));
        assert_eq!(about(&format!("{device} {news}")), (Some(news.to_string()), None));
        assert_eq!(about("Secret-plan of_ours"), (None, None));
    }
}

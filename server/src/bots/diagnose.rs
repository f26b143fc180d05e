//! Use case of a diagnosis: everything a bot needs is looked at at once, each check by a deadline of its own.

mod chain;

use super::{Bots, KeyAnswer, KeyVerdict, health, lifecycle::Seen, rows};
use crate::platform::{
    ctx::OpCtx,
    error::OpError,
    text::from_json,
    verbs::{Rest, Verbs},
};
use api::{bots::*, ids::KeyId};
use entity::bots::bot;
use policy::{Granted, act};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long a check may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Keys that are asked at most.
const MOST_KEYS: usize = 8;

/// Registers the verb. It asks vendors with the workspace's keys, so it needs what testing a key needs.
pub(super) fn register(verbs: &mut Verbs, bots: &Arc<Bots>) {
    verbs.on::<DiagnoseBot, act::WriteBots, _, _, _>(
        Rest::post("/api/bots/{bot}/diagnose")
            .says("Looks at everything a bot needs; says what fails and what to do."),
        bots,
        diagnose,
    );
}

/// What a check found, before it is timed.
struct Found {
    verdict: Verdict,
    message: String,
    fixes: Vec<(FixAct, String, Option<KeyId>)>,
}

impl Found {
    fn new(verdict: Verdict, message: impl Into<String>) -> Self {
        Self { verdict, message: message.into(), fixes: Vec::new() }
    }

    fn pass(message: impl Into<String>) -> Self {
        Self::new(Verdict::Pass, message)
    }

    fn warning(message: impl Into<String>) -> Self {
        Self::new(Verdict::Warning, message)
    }

    fn fail(message: impl Into<String>) -> Self {
        Self::new(Verdict::Fail, message)
    }

    fn fix(self, act: FixAct, text: &str) -> Self {
        self.fix_key(act, text, None)
    }

    fn fix_key(mut self, act: FixAct, text: &str, key: Option<KeyId>) -> Self {
        self.fixes.push((act, text.to_owned(), key));
        self
    }
}

type Checked = (CheckKind, i64, Found);

async fn timed(check: CheckKind, work: impl Future<Output = Found>) -> Checked {
    let begun = Instant::now();
    let found = tokio::time::timeout(DEADLINE, work).await;
    let late = |_| Found::fail(format!("There was no answer within {} s.", DEADLINE.as_secs()));
    let found = found.unwrap_or_else(late);
    (check, i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX), found)
}

async fn diagnose(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: DiagnoseBot,
) -> Result<Diagnosis, OpError> {
    let row = b.find(&granted, &q.bot).await?;
    let settings: BotSettings = from_json(&row.settings)?;
    let detail = rows::detail(&row)?;
    let (keys, container, network, gateway) = tokio::join!(
        chain::check_model(&b, &row, &settings.model),
        timed(CheckKind::Container, check_container(&b, &row, &detail)),
        timed(CheckKind::Network, check_network(&b, &row, &detail)),
        timed(CheckKind::Gateway, check_gateway(&b, &row, &detail)),
    );
    let [key, model] = keys;
    let channels = (CheckKind::ChannelTokens, 0, Found::pass("Not applicable: the bot has no channels."));
    let all = [key, model, channels, container, network, gateway];
    // What was heard of the keys may make its health another.
    b.poke(row.id).await;
    let any = |verdict| all.iter().any(|(_, _, found)| found.verdict == verdict);
    let overall = match (any(Verdict::Fail), any(Verdict::Warning)) {
        (true, _) => Overall::Error,
        (false, true) => Overall::Warning,
        (false, false) => Overall::Healthy,
    };
    let (mut checks, mut recommendations) = (Vec::new(), Vec::new());
    for (check, latency_ms, found) in all {
        checks.push(CheckResult { check, verdict: found.verdict, latency_ms, message: found.message });
        for (act, text, key) in found.fixes {
            // Two checks may end in the same thing to do.
            if !recommendations.iter().any(|known: &Recommendation| known.act == act && known.key == key) {
                recommendations.push(Recommendation {
                    check,
                    act,
                    text,
                    key,
                    memory_mb: None,
                    rollback: None,
                });
            }
        }
    }
    let fails = runs(&detail) && detail.summary.observed != Observed::Running;
    let reason = detail.summary.reason.filter(|_| fails);
    if let Some(reason) = reason {
        let wanted_more = reason.code == "out_of_memory";
        let limit_bytes = super::runtimes::memory_bytes(settings.limits);
        let answers = b.answers(&granted, &row, wanted_more.then_some(limit_bytes)).await?;
        recommendations.splice(0..0, advice(answers));
    }
    Ok(Diagnosis { at_ms: ctx.now_ms, overall, checks, recommendations })
}

/// What may mend a bot that died, as advice.
fn advice(answers: Answers) -> Vec<Recommendation> {
    let advice = |act, text: &str| Recommendation {
        check: CheckKind::Container,
        act,
        text: text.to_owned(),
        key: None,
        memory_mb: None,
        rollback: None,
    };
    let more = answers.raise_memory_mb.map(|mb| Recommendation {
        memory_mb: Some(mb),
        ..advice(FixAct::RaiseMemory, &format!("Give the bot more memory: {mb} MiB."))
    });
    let back = answers.rollback.map(|to| Recommendation {
        rollback: Some(to),
        ..advice(FixAct::RollBack, "Go back to the settings the bot was well with.")
    });
    [more, back].into_iter().flatten().collect()
}

/// The keys of a model's vendor, and whether one of them gives the model.
async fn check_keys(b: &Bots, row: &bot::Model, model: &str, most: usize) -> [Found; 2] {
    let vendor = health::vendor_of(model);
    // Tags that cannot be read are none.
    let keys = b.keys_of(row, vendor).unwrap_or_default();
    let asking = keys.iter().take(most).map(async |key| {
        let asked = tokio::time::timeout(DEADLINE, b.ask_key(row.workspace_id, vendor, *key)).await;
        Some((*key, asked.unwrap_or_else(|_late| Some(silent())).unwrap_or_else(silent)))
    });
    let answers: Vec<(KeyId, KeyAnswer)> =
        futures::future::join_all(asking).await.into_iter().flatten().collect();
    let closed: Vec<KeyId> =
        answers.iter().map(|(key, _)| *key).filter(|key| !b.serves(*key, model)).collect();
    judged(vendor, model, &answers, &closed)
}

fn silent() -> KeyAnswer {
    let why = format!("there was no answer within {} s", DEADLINE.as_secs());
    KeyAnswer { verdict: KeyVerdict::Silent(why), latency_ms: 0 }
}

/// What the answers to a vendor's keys say of the keys, and of the model; `closed` are those that are for other models only.
fn judged(vendor: &str, model: &str, answers: &[(KeyId, KeyAnswer)], closed: &[KeyId]) -> [Found; 2] {
    let untold =
        || Found::fail(format!("Whether {vendor} gives {model} cannot be told without a key that works."));
    let mut failing = answers.iter().filter_map(|(key, answer)| match &answer.verdict {
        KeyVerdict::Works { .. } => None,
        KeyVerdict::Refused(words) => Some((*key, format!("{vendor} does not accept the key: {words}"))),
        KeyVerdict::Silent(why) => Some((*key, format!("{vendor} cannot be asked: {why}"))),
    });
    let works = |(_, answer): &'_ &'_ (KeyId, KeyAnswer)| matches!(answer.verdict, KeyVerdict::Works { .. });
    let (shut, open): (Vec<_>, Vec<_>) =
        answers.iter().filter(works).partition(|(key, _)| closed.contains(key));
    let lists: Vec<&Vec<String>> = open
        .iter()
        .filter_map(|(_, answer)| match &answer.verdict {
            KeyVerdict::Works { models } => Some(models),
            _ => None,
        })
        .collect();
    let none_works = lists.is_empty() && shut.is_empty();
    let first = failing.next();
    let bad = usize::from(first.is_some()) + failing.count();
    let key = match (first, none_works) {
        (None, true) => {
            let none = Found::fail(format!("The workspace has no key for {vendor}."));
            none.fix(FixAct::AddKey, "Add a key for this vendor.")
        }
        (None, false) => Found::pass(format!("{vendor} takes the key.")),
        (Some((key, words)), all_bad) => {
            let text = if all_bad { words } else { format!("{bad} of {} keys fail. {words}", answers.len()) };
            let found = if all_bad { Found::fail(text) } else { Found::warning(text) };
            found.fix_key(FixAct::TestKey, "Replace the key, or test it again.", Some(key))
        }
    };
    let access = if let (true, Some((key, _))) = (lists.is_empty(), shut.first()) {
        Found::fail(format!("{model} is not among the models that the workspace's key for {vendor} is for."))
            .fix_key(
                FixAct::Configure,
                "Choose another model, or add this one to those of the key.",
                Some(*key),
            )
    } else if lists.is_empty() {
        untold()
    } else if lists.iter().any(|list| list.is_empty()) {
        Found::pass(format!("{vendor} keeps no list of models; the key works."))
    } else if lists.iter().any(|list| list.iter().any(|known| known == model)) {
        Found::pass(format!("{vendor} lists {model}."))
    } else {
        // Names that stand for the newest of a family are often not listed.
        Found::warning(format!("{vendor} does not list {model}."))
            .fix(FixAct::Configure, "If the bot does not answer, choose another model.")
    };
    [key, access]
}

/// What one that is down has none of; of one that sleeps that is as it should be.
fn lacks(detail: &BotDetail, what: &str) -> Found {
    match detail.summary.asleep_since_ms {
        Some(_) => Found::pass(format!("The bot is asleep: it has no {what} until it wakes.")),
        None => Found::warning(format!("The bot is stopped: there is no {what}.")),
    }
}

/// Whether it is to run now; one that sleeps is not.
fn runs(detail: &BotDetail) -> bool {
    detail.summary.desired == Desired::Running && detail.summary.asleep_since_ms.is_none()
}

async fn check_container(b: &Bots, row: &bot::Model, detail: &BotDetail) -> Found {
    let what = match detail.summary.runtime {
        RuntimeKind::Process => "process",
        RuntimeKind::Docker => "container",
    };
    let seen = match b.runtimes.inspect(row).await {
        Ok((seen, _)) => seen,
        Err(error) => return Found::fail(format!("It cannot be told how its {what} stands: {error}.")),
    };
    let wanted = runs(detail);
    let why = detail.summary.reason.as_ref().map(|reason| reason.message.clone());
    let found = match seen {
        Seen::Running { generation } if wanted && generation == row.generation => {
            Found::pass(format!("Its {what} lives."))
        }
        Seen::Running { .. } if wanted => Found::warning(format!("Its {what} is being replaced.")),
        Seen::Unknown => Found::fail(format!(
            "Its runtime does not answer: how its {what} stands is not known. Chela asks again by itself; `chela doctor` \
             says what is wrong with the engine."
        )),
        _ if !wanted && detail.summary.asleep_since_ms.is_some() => {
            Found::pass("The bot is asleep, as it was told to be when nobody needs it: a message wakes it.")
                .fix(FixAct::Wake, "Wake the bot now.")
        }
        _ if !wanted => Found::warning("The bot is stopped.").fix(FixAct::Start, "Start the bot."),
        Seen::Running { .. } | Seen::Exited { .. } | Seen::Absent | Seen::Created { .. } => {
            Found::fail(why.unwrap_or_else(|| format!("Its {what} does not live.")))
                .fix(FixAct::Start, "Start the bot now.")
                .fix(FixAct::ReadLogs, "Read what it wrote last.")
        }
    };
    if detail.pending.is_some() {
        return found.fix(FixAct::Apply, "Apply the saved change.");
    }
    if detail.restart_needed && wanted {
        return found.fix(FixAct::Restart, "Restart the bot to run with its applied settings.");
    }
    found
}

/// Whether what the bot sends can come to the relay.
async fn check_network(b: &Bots, row: &bot::Model, detail: &BotDetail) -> Found {
    if !runs(detail) {
        return lacks(detail, "wire");
    }
    if b.runtimes.has_sockets(row) {
        return if b.wires.is_open(row.id) {
            Found::pass("The relay listens on the bot's own socket.")
        } else {
            Found::fail("The relay does not listen on the bot's socket.")
                .fix(FixAct::Restart, "Restart the bot to open it again.")
        };
    }
    match tokio::net::TcpStream::connect(("127.0.0.1", b.runtimes.relay_port())).await {
        Ok(_) => Found::pass("The relay takes the bot's calls."),
        Err(error) => Found::fail(format!("The relay takes no calls: {error}.")),
    }
}

async fn check_gateway(b: &Bots, row: &bot::Model, detail: &BotDetail) -> Found {
    if !runs(detail) {
        return lacks(detail, "gateway");
    }
    let Some(gateway) = b.links.gateway(row.id) else {
        return Found::fail("The bot's gateway is not connected.")
            .fix(FixAct::Restart, "Restart the bot if it does not come by itself.")
            .fix(FixAct::ReadLogs, "Read what it wrote last.");
    };
    match gateway.health().await {
        Ok(said) if said["ok"] == false => Found::fail("The gateway says of itself that it is not well.")
            .fix(FixAct::Restart, "Restart the bot.")
            .fix(FixAct::ReadLogs, "Read what it wrote last."),
        Ok(said) if said["modelRuntime"]["degraded"] == true || said["eventLoop"]["degraded"] == true => {
            Found::warning("The gateway says of itself that it is slow.")
                .fix(FixAct::Restart, "Restart the bot.")
        }
        Ok(_) => Found::pass("The gateway answers and is well."),
        Err(error) => Found::fail(format!("The gateway does not answer: {error}."))
            .fix(FixAct::Restart, "Restart the bot."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn key(n: u128, verdict: KeyVerdict) -> (KeyId, KeyAnswer) {
        (KeyId(Uuid::from_u128(n)), KeyAnswer { verdict, latency_ms: 1 })
    }

    fn verdicts(answers: &[(KeyId, KeyAnswer)]) -> [Verdict; 2] {
        judged("openai", "openai/a", answers, &[]).map(|found| found.verdict)
    }

    #[test]
    fn keys_and_models_are_judged_by_what_the_vendor_said() {
        use Verdict::{Fail, Pass, Warning};
        let works =
            |models: &[&str]| KeyVerdict::Works { models: models.iter().map(|m| (*m).to_owned()).collect() };
        let refused = || KeyVerdict::Refused("no".to_owned());
        assert_eq!(verdicts(&[]), [Fail, Fail]);
        assert_eq!(verdicts(&[key(1, refused())]), [Fail, Fail]);
        assert_eq!(verdicts(&[key(1, works(&["openai/a"]))]), [Pass, Pass]);
        assert_eq!(verdicts(&[key(1, works(&[]))]), [Pass, Pass], "it keeps no list");
        assert_eq!(verdicts(&[key(1, works(&["openai/b"]))]), [Pass, Warning]);
        let both = [key(1, refused()), key(2, works(&["openai/a"]))];
        assert_eq!(verdicts(&both), [Warning, Pass]);
        let [keys, _] = judged("openai", "openai/a", &both, &[]);
        assert!(keys.message.contains("1 of 2"), "{}", keys.message);
        assert_eq!(
            keys.fixes.first().and_then(|fix| fix.2),
            Some(KeyId(Uuid::from_u128(1))),
            "the one that fails"
        );
    }

    #[test]
    fn a_key_that_is_for_other_models_says_so_and_one_that_is_for_it_counts() {
        let works =
            |models: &[&str]| KeyVerdict::Works { models: models.iter().map(|m| (*m).to_owned()).collect() };
        let first = KeyId(Uuid::from_u128(1));
        let both = [key(1, works(&["openai/a"])), key(2, works(&["openai/a"]))];
        let [keys, access] = judged("openai", "openai/a", &both[..1], &[first]);
        assert_eq!((keys.verdict, access.verdict), (Verdict::Pass, Verdict::Fail), "the key works");
        assert!(access.message.contains("openai/a is not among the models"), "{}", access.message);
        assert_eq!(access.fixes.first().and_then(|fix| fix.2), Some(first));
        let [_, access] = judged("openai", "openai/a", &both, &[first]);
        assert_eq!(access.verdict, Verdict::Pass, "another key is for it");
        let refused = [key(1, works(&[])), key(2, KeyVerdict::Refused("no".to_owned()))];
        let [_, access] = judged("openai", "openai/a", &refused, &[first]);
        assert!(access.message.contains("is not among"), "one that keeps no list is shut all the same");
    }
}

//! The checks of a bot's model: a vendor's, or the links of a chain taken together.

use super::{Checked, Found, MOST_KEYS, check_keys};
use crate::bots::Bots;
use api::{
    bots::{CheckKind, FixAct, Verdict},
    validate::chain_of,
};
use entity::bots::bot;
use std::time::Instant;

/// Keys of each link that are asked at most.
const KEYS_OF_LINK: usize = 2;

/// Whether the keys work, and whether the model is there.
pub(super) async fn check_model(b: &Bots, row: &bot::Model, model: &str) -> [Checked; 2] {
    let begun = Instant::now();
    let [key, access] = match chain_of(model) {
        None => check_keys(b, row, model, MOST_KEYS).await,
        Some(chain) if b.vendors.chain(row.workspace_id, chain).is_none() => none(chain),
        Some(chain) => {
            let links = b.links_of(row.workspace_id, model);
            let asking: Vec<_> = links.iter().map(|link| check_keys(b, row, link, KEYS_OF_LINK)).collect();
            let found = futures::future::join_all(asking).await;
            judged(chain, links.iter().map(String::as_str).zip(found).collect())
        }
    };
    let took = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
    [(CheckKind::ProviderKey, took, key), (CheckKind::ModelAccess, took, access)]
}

fn none(chain: &str) -> [Found; 2] {
    let gone = Found::fail(format!("There is no chain {chain} in this workspace."));
    let untold = Found::fail("Which keys it takes cannot be told without the chain.");
    [untold, gone.fix(FixAct::Configure, "Choose another model, or make the chain anew.")]
}

/// What its links come to: one of which key and model are well is enough to answer, two to go on where one fails.
fn judged(chain: &str, links: Vec<(&str, [Found; 2])>) -> [Found; 2] {
    let all = links.len();
    let fails = |found: &Found| matches!(found.verdict, Verdict::Fail);
    let good: Vec<&str> =
        links.iter().filter(|(_, found)| !found.iter().any(fails)).map(|(link, _)| *link).collect();
    let named = good.join(", ");
    let access =
        match good.as_slice() {
            [] => Found::fail(format!(
                "None of the {all} links of {chain} that speak the bot's way can be asked."
            ))
            .fix(FixAct::Configure, "Choose another model, or a chain with a link that there is a key for."),
            [_] if all > 1 => Found::warning(format!(
                "Of {all} links of {chain} only {named} can be asked: where it fails, none takes over."
            ))
            .fix(FixAct::AddKey, "Add a key for another link's vendor."),
            some => Found::pass(format!("{} of {all} links of {chain} can be asked: {named}.", some.len())),
        };
    // Of links without a key nobody is asked: that they are skipped is as it should be.
    let (mut worst, mut works) = (None, false);
    for (_, [key, _]) in links {
        let without = key.fixes.iter().any(|(act, ..)| *act == FixAct::AddKey);
        works |= !fails(&key);
        if !without && !matches!(key.verdict, Verdict::Pass) && !worst.as_ref().is_some_and(fails) {
            worst = Some(key);
        }
    }
    let key = match (works, worst) {
        (true, None) => Found::pass("The vendors take the keys of its links."),
        (true, Some(bad)) => Found { verdict: Verdict::Warning, ..bad },
        (false, Some(bad)) => bad,
        (false, None) => Found::fail(format!("The workspace has no key for any link of {chain}."))
            .fix(FixAct::AddKey, "Add a key for one of its vendors."),
    };
    [key, access]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn works() -> [Found; 2] {
        [Found::pass("a"), Found::pass("b")]
    }

    fn no_key() -> [Found; 2] {
        [Found::fail("none").fix(FixAct::AddKey, "Add."), Found::fail("untold")]
    }

    fn refused() -> [Found; 2] {
        [Found::fail("refused").fix(FixAct::TestKey, "Test."), Found::fail("untold")]
    }

    #[test]
    fn a_chain_is_as_well_as_its_links_together() {
        use Verdict::{Fail, Pass, Warning};
        let said = |links: Vec<[Found; 2]>| {
            let links = ["x/a", "y/b", "z/c"].into_iter().zip(links).collect();
            judged("mine", links).map(|found| found.verdict)
        };
        assert_eq!(said(vec![works(), works(), no_key()]), [Pass, Pass]);
        assert_eq!(said(vec![works(), no_key()]), [Pass, Warning], "nobody takes over");
        assert_eq!(said(vec![works()]), [Pass, Pass]);
        assert_eq!(said(vec![works(), works(), refused()]), [Warning, Pass]);
        assert_eq!(said(vec![no_key(), refused()]), [Fail, Fail]);
        assert_eq!(said(vec![no_key(), no_key()]), [Fail, Fail]);
        let [key, access] = judged("mine", vec![("x/a", works()), ("y/b", no_key())]);
        assert!(access.message.contains("only x/a"), "{}", access.message);
        assert!(key.fixes.is_empty());
    }
}

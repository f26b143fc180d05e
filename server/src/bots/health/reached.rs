//! Whether the model of one bot can be reached: a vendor's, or any link of a chain.

use super::probes::{Reach, model_in, vendor_of};
use crate::{bots::Bots, platform::error::OpError};
use api::{
    bots::{ModelProbe, Reason},
    ids::KeyId,
    validate::chain_of,
};
use entity::bots::bot;

impl Bots {
    /// Whether this bot's model can be reached, as far as was asked.
    pub(in crate::bots) fn reach(&self, row: &bot::Model) -> Result<Reach, OpError> {
        let model = model_in(row)?;
        let Some(chain) = chain_of(&model) else {
            let vendor = vendor_of(&model);
            return Ok(self.probes.reach(&self.keys_of(row, vendor)?, vendor));
        };
        if self.vendors.chain(row.workspace_id, chain).is_none() {
            return Ok(Reach::No(gone(chain)));
        }
        let links = self.links_of(row.workspace_id, &model);
        let reached = links.iter().map(|link| {
            let vendor = vendor_of(link);
            Ok(self.probes.reach(&self.keys_for(row, link)?, vendor))
        });
        Ok(any_of(chain, reached.collect::<Result<_, OpError>>()?))
    }

    /// The last question that says so.
    pub(in crate::bots) fn probe(&self, row: &bot::Model) -> Result<Option<ModelProbe>, OpError> {
        let mut keys = Vec::new();
        for link in self.links_of(row.workspace_id, &model_in(row)?) {
            keys.extend(self.keys_of(row, vendor_of(&link))?);
        }
        Ok(self.probes.newest(&keys))
    }

    /// The keys of a link's vendor that are for its model.
    fn keys_for(&self, row: &bot::Model, link: &str) -> Result<Vec<KeyId>, OpError> {
        let keys = self.keys_of(row, vendor_of(link))?.into_iter();
        Ok(keys.filter(|key| self.serves(*key, link)).collect())
    }
}

fn gone(chain: &str) -> Reason {
    Reason {
        code: "no_chain".to_owned(),
        message: format!("There is no chain {chain} here, so the bot cannot answer."),
        hint: Some("Choose another model, or make the chain anew.".to_owned()),
    }
}

/// What its links come to: one that is reached is enough. Why not is said of one that has a key, where one has.
fn any_of(chain: &str, links: Vec<Reach>) -> Reach {
    if links.contains(&Reach::Yes) {
        return Reach::Yes;
    }
    if links.contains(&Reach::Unknown) {
        return Reach::Unknown;
    }
    let no = |reach| if let Reach::No(reason) = reach { Some(reason) } else { None };
    let why = links.into_iter().filter_map(no).find(|reason| reason.code != "no_key");
    Reach::No(why.map_or_else(
        || Reason {
            code: "no_key".to_owned(),
            message: format!(
                "The workspace has no key for any link of the chain {chain}, so the bot cannot answer."
            ),
            hint: Some("Add a provider key.".to_owned()),
        },
        |why| Reason {
            message: format!("No link of the chain {chain} can be asked. {}", why.message),
            ..why
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no(code: &str) -> Reach {
        let [code, message] = [code, "x."].map(str::to_owned);
        Reach::No(Reason { code, message, hint: None })
    }

    #[test]
    fn one_link_that_is_reached_is_enough_and_none_must_be_untold_for_a_no() {
        let said = |links: &[Reach]| match any_of("mine", links.to_vec()) {
            Reach::No(reason) => reason.code,
            other => format!("{other:?}"),
        };
        assert_eq!(said(&[no("no_key"), Reach::Unknown, Reach::Yes]), "Yes");
        assert_eq!(said(&[no("key_refused"), Reach::Unknown]), "Unknown");
        assert_eq!(said(&[no("no_key"), no("key_refused")]), "key_refused");
        assert_eq!((said(&[no("no_key"), no("no_key")]), said(&[])), ("no_key".into(), "no_key".into()));
    }
}

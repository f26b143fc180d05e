//! The vendor table: everything the relay knows about a vendor is a row here, never a branch elsewhere.

#[cfg(feature = "bedrock")]
mod bedrock;
mod more;
mod pair;
mod row;
mod service_account;
mod table;
mod vertex;

pub use pair::Pair;
pub use row::{Auth, Dialect, Door, KeyAuth, KeyTest, PathRule, Proof, Region, Vendor};
pub use service_account::ServiceAccount;

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};
use zeroize::Zeroizing;

/// Every vendor, in the order people see them.
pub fn all() -> impl Iterator<Item = &'static Vendor> {
    let all = table::VENDORS.iter().chain(more::VENDORS).chain(vertex::VENDORS);
    #[cfg(feature = "bedrock")]
    let all = all.chain(bedrock::VENDORS);
    all
}

/// Vendors that are only there where the build says so: id and aliases, name, cargo feature.
const OPTIONAL: &[(&[&str], &str, &str)] =
    &[(&["bedrock", "aws-bedrock", "amazon-bedrock"], "Amazon Bedrock", "bedrock")];

/// What to say of a vendor that this build may have left out, if it is one of those.
#[must_use]
pub fn left_out(id: &str) -> Option<String> {
    let id = id.split('@').next().unwrap_or(id);
    let (_, name, feature) = OPTIONAL.iter().find(|(ids, ..)| ids.contains(&id))?;
    Some(format!(
        "{name} is not in this build of Chela: build it with `./x build --features {feature}` \
         (or cargo's `-p server --features {feature}`)"
    ))
}

/// The id of a vendor that this build may have left out: calls of another build are kept under it.
#[must_use]
pub fn id_left_out(id: &str) -> Option<&'static str> {
    let id = id.split('@').next().unwrap_or(id);
    OPTIONAL.iter().find(|(ids, ..)| ids.contains(&id))?.0.first().copied()
}

static BY_NAME: LazyLock<HashMap<&'static str, &'static Vendor>> =
    LazyLock::new(|| all().flat_map(|v| v.aliases.iter().map(move |a| (*a, v)).chain([(v.id, v)])).collect());

/// The vendor of an id or alias.
#[must_use]
pub fn find(id: &str) -> Option<&'static Vendor> {
    BY_NAME.get(id).copied()
}

/// The vendor of `id`, or vendor and region of `id@region`.
#[must_use]
pub fn find_region(id: &str) -> Option<(&'static Vendor, Option<&'static Region>)> {
    let Some((id, region)) = id.split_once('@') else { return find(id).map(|v| (v, None)) };
    let vendor = find(id)?;
    vendor.regions.iter().find(|r| r.id == region).map(|r| (vendor, Some(r)))
}

/// The vendor a secret looks like, from its first characters.
#[must_use]
pub fn detect(secret: &str) -> Option<&'static Vendor> {
    let hits = all().flat_map(|v| v.key_prefixes.iter().map(move |p| (v, *p)));
    hits.filter(|(_, p)| secret.starts_with(p)).max_by_key(|(_, p)| p.len()).map(|(v, _)| v)
}

impl Vendor {
    /// The dialect of a path below `/v1/{vendor}/`, told from its last segment, else from its first.
    #[must_use]
    pub fn dialect(&self, rest: &str) -> Dialect {
        let path = rest.split('?').next().unwrap_or(rest).trim_end_matches('/');
        let said = match path.rsplit('/').next().unwrap_or(path) {
            "responses" => Some(Dialect::OpenAiResponses),
            "messages" | "count_tokens" | "complete" => Some(Dialect::Anthropic),
            "completions" | "embeddings" => Some(Dialect::OpenAiChat),
            verb if verb.ends_with("enerateContent") || verb.ends_with(":countTokens") => {
                Some(Dialect::Gemini)
            }
            _ => None,
        };
        let entered = || self.doors.iter().find(|d| d.leads.iter().any(|l| leads(rest, l)))?.dialect;
        said.filter(|d| self.dialects.contains(d)).or_else(entered).unwrap_or_else(|| self.default_dialect())
    }

    /// What is wrong with the shape of a key, where its vendor's keys have one.
    #[must_use]
    pub fn flaw(&self, secret: &str) -> Option<&'static str> {
        let pair = self.signing.and_then(|_| Pair::read(secret).err());
        // Sent to somebody else, a file would give away what signs.
        let checked = |file: Option<ServiceAccount<'_>>| file.map_or(Ok(()), |file| file.checked());
        let file = || match self.account {
            Some(_) => ServiceAccount::read(secret).and_then(checked).err(),
            None => secret.starts_with('{').then_some(NO_FILE),
        };
        pair.or_else(file)
    }

    /// A key in the form in which it is kept: of a service account's file one line with what is needed of it.
    #[must_use]
    pub fn kept(&self, secret: &str) -> Zeroizing<String> {
        let short = self.file(secret).map(|file| file.short());
        short.unwrap_or_else(|| Zeroizing::new(secret.to_owned()))
    }

    /// The part of a key that may be known, of which a person sees the end: of a pair or a file its id, else the key itself.
    #[must_use]
    pub fn known_part<'a>(&self, secret: &'a str) -> &'a str {
        let pair = self.signing.and_then(|_| Pair::read(secret).ok().flatten()).map(|pair| pair.id);
        let file = || self.file(secret).map(|file| file.private_key_id);
        pair.or_else(file).unwrap_or(secret)
    }

    fn file<'a>(&self, secret: &'a str) -> Option<ServiceAccount<'a>> {
        self.account.and_then(|_| ServiceAccount::read(secret).ok().flatten())
    }

    /// Where a key is used of which nobody said where.
    #[must_use]
    pub fn home(&self, secret: &str) -> Option<&'static str> {
        // A file's project stands in its address; the first region has a place for it.
        let file = self.regions.first().filter(|_| self.file(secret).is_some()).map(|region| region.base_url);
        file.or(self.base_url)
    }

    /// Where a key belongs that takes the place of another kind of key, if that was at an address of this vendor's own.
    #[must_use]
    pub fn moved(&self, base: &str, secret: &str) -> Option<&'static str> {
        self.account?;
        let is_file = self.file(secret).is_some();
        let was_file = self.base_url != Some(base.trim_end_matches('/'));
        (is_file != was_file && self.is_own_address(base)).then(|| self.home(secret)).flatten()
    }

    /// The address at which a key is used, with the key's own project in it where it names one.
    ///
    /// # Errors
    /// The address names a project, and the key none.
    pub fn placed<'a>(&self, base: &'a str, secret: &str) -> Result<Cow<'a, str>, &'static str> {
        if self.account.is_none() {
            return Ok(base.into());
        }
        let mut patterns = self.regions.iter().filter_map(|region| region.base_url.split_once(PROJECT));
        let own = || patterns.find(|(before, behind)| project(base, before, behind).is_some());
        let Some((before, behind)) = base.split_once(PROJECT).or_else(own) else { return Ok(base.into()) };
        match self.file(secret) {
            Some(file) => Ok([before, &file.project_id, behind].concat().into()),
            None if base.contains(PROJECT) => {
                Err("has the project of a service account in its address: this key names none")
            }
            None => Ok(base.into()),
        }
    }

    fn default_dialect(&self) -> Dialect {
        self.dialects.first().copied().unwrap_or(Dialect::OpenAiChat)
    }

    /// The door a path goes through, if it is not the main one.
    #[must_use]
    pub fn door(&self, rest: &str, dialect: Dialect) -> Option<&'static Door> {
        let fits = |d: &&Door| d.dialect == Some(dialect) || d.leads.iter().any(|l| leads(rest, l));
        self.doors.iter().find(fits)
    }

    /// Whether an address is this vendor's own: its main one or that of a region.
    #[must_use]
    pub fn is_own_address(&self, base: &str) -> bool {
        self.base_url == Some(base.trim_end_matches('/')) || self.region_at(base).is_some()
    }

    /// Whether keys of two addresses are of one service, so that one can stand in for the other.
    #[must_use]
    pub fn is_one_service(&self, one: &str, other: &str) -> bool {
        self.own_addresses || self.is_own_address(one) && self.is_own_address(other)
    }

    fn region_at(&self, base: &str) -> Option<&'static Region> {
        let base = base.trim_end_matches('/');
        let is_of = |region: &&Region| match region.base_url.split_once(PROJECT) {
            Some((before, behind)) => project(base, before, behind).is_some(),
            None => region.base_url == base,
        };
        self.regions.iter().find(is_of)
    }

    /// The one place in which calls to an address stay, of a vendor whose first region is anywhere.
    #[must_use]
    pub fn place(&self, base: &str) -> Option<&'static Region> {
        let anywhere = self.regions.first().filter(|_| self.account.is_some());
        self.region_at(base).filter(|region| anywhere.is_some_and(|first| first.id != region.id))
    }

    /// Whether a person is asked where it answers: it has no address, or one on their own machine.
    #[must_use]
    pub fn asks_address(&self) -> bool {
        self.base_url.is_none_or(|base| base.starts_with("http:"))
    }
}

/// What is wrong with a file where a key is wanted.
const NO_FILE: &str =
    "is a file, and this vendor takes a key; the key file of a service account is for Google Vertex AI";

/// What stands in an address for the project of a key.
const PROJECT: &str = "PROJECT";

/// The one segment that stands in an address between these.
fn project<'a>(base: &'a str, before: &str, behind: &str) -> Option<&'a str> {
    let between = base.strip_prefix(before)?.strip_suffix(behind)?;
    (!between.is_empty() && !between.contains('/')).then_some(between)
}

/// Whether a path begins with these whole segments.
fn leads(rest: &str, segments: &str) -> bool {
    rest.strip_prefix(segments).is_some_and(|after| after.is_empty() || after.starts_with('/'))
}

/// A path without the first of these beginnings that it has.
pub(crate) fn stripped<'a>(rest: &'a str, beginnings: &[&str]) -> &'a str {
    beginnings.iter().find_map(|b| rest.strip_prefix(b)?.strip_prefix('/')).unwrap_or(rest)
}

#[cfg(test)]
mod tests;

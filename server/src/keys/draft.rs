//! What somebody says a key is to be: whose, which secret, at which address, under which label.

use crate::platform::text::alike;
use api::{ApiError, validate::Check};
use relay::vendors;
use zeroize::Zeroizing;

/// The longest secret, in bytes.
const LONGEST_SECRET: usize = 4096;

/// The vendor of a key, the key as it is kept and the address it is used at, from what a person said of them.
pub(super) fn told(
    vendor: Option<&str>,
    secret: &str,
    base_url: Option<&str>,
) -> Result<(&'static relay::Vendor, Zeroizing<String>, String), ApiError> {
    let found = match said(vendor) {
        Some(id) => Some(chosen(id, vendors::find_region)?),
        None => vendors::detect(secret).map(|v| (v, None)),
    };
    if let Some(flaw) = found.and_then(|(vendor, _)| vendor.flaw(secret)) {
        return Err(ApiError::field("/secret", flaw));
    }
    let secret = found.map_or_else(|| Zeroizing::new(secret.to_owned()), |(vendor, _)| vendor.kept(secret));
    let keyless = found.is_some_and(|(v, _)| v.keyless);
    let (own, regional) = (said(base_url), found.and_then(|(_, region)| region));
    let mut check = Check::new();
    check.rule(keyless || !secret.is_empty(), "/secret", "must not be empty");
    let fits = secret.len() <= LONGEST_SECRET;
    check.rule(fits, "/secret", &format!("must have at most {LONGEST_SECRET} characters"));
    let plain = secret.chars().all(|c| c.is_ascii_graphic());
    check.rule(plain, "/secret", "must have no spaces or line breaks inside");
    // One of the two would have to be dropped, and a region is where somebody's data may be.
    let one = own.is_none() || regional.is_none();
    let both = "names a region, which is an address of its own: leave out the region or the base URL";
    check.rule(one, "/vendor", both);
    check.done()?;
    let (vendor, region) = found
        .ok_or_else(|| ApiError::field("/vendor", "cannot be told from the shape of this key: choose it"))?;
    let base = own
        .or(region.map(|r| r.base_url))
        .or_else(|| vendor.home(&secret))
        .ok_or_else(|| ApiError::field("/base_url", "is needed for this vendor"))?;
    let base = vendor.placed(base, &secret).map_err(|flaw| ApiError::field("/vendor", flaw))?.into_owned();
    Ok((vendor, secret, base))
}

/// The address of a secret that takes another's place. Another kind of key may have its place elsewhere; it does not leave
/// a region for that unless somebody says where to.
pub(super) fn moved(
    vendor: &str,
    known: &str,
    base_url: Option<&str>,
    secret: &str,
) -> Result<String, ApiError> {
    if let Some(own) = said(base_url) {
        return Ok(own.to_owned());
    }
    let vendor = vendors::find(vendor);
    let Some((vendor, home)) = vendor.and_then(|v| Some((v, v.moved(known, secret.trim())?))) else {
        return Ok(known.to_owned());
    };
    match vendor.place(known) {
        Some(region) => Err(ApiError::field(
            "/base_url",
            format!(
                "must be said: the calls of this key stay in {}, and a key of the new kind has no region. At {home} it is \
                 used anywhere; the file of a service account keeps the region",
                region.name
            ),
        )),
        None => Ok(home.to_owned()),
    }
}

/// What a field says, where it says something: plain forms send empty ones.
pub(super) fn said(field: Option<&str>) -> Option<&str> {
    field.map(str::trim).filter(|text| !text.is_empty())
}

/// A vendor, and its region where one is named.
type Chosen = (&'static relay::Vendor, Option<&'static vendors::Region>);

/// The vendor of an id among those that this build has.
///
/// # Errors
/// There is none; of one that another build has, how to get that.
fn chosen(id: &str, find: impl Fn(&str) -> Option<Chosen>) -> Result<Chosen, ApiError> {
    find(id).ok_or_else(|| {
        if let Some((vendor, region)) = id.split_once('@')
            && let Some((known, _)) = find(vendor)
        {
            return ApiError::field("/vendor", no_region(known, region));
        }
        let left_out = vendors::left_out(id);
        ApiError::field("/vendor", left_out.unwrap_or_else(|| "must be a vendor Chela knows".to_owned()))
    })
}

/// What is said of a region that a vendor does not have.
fn no_region(vendor: &relay::Vendor, region: &str) -> String {
    let there: Vec<String> = vendor.regions.iter().map(|region| format!("@{}", region.id)).collect();
    let which = if there.is_empty() {
        "it has none; leave it out".to_owned()
    } else {
        format!("it has {}", there.join(", "))
    };
    format!("names a region that {} does not have, \u{201c}@{region}\u{201d}: {which}", vendor.name)
}

/// The end of a key; of a pair that of its id, which is no secret.
pub(super) fn last_four(vendor: &relay::Vendor, secret: &str) -> String {
    let secret = vendor.known_part(secret);
    if secret.is_empty() {
        return String::new();
    }
    // A short secret would be half given away.
    if secret.chars().count() < 12 {
        return "••••".to_owned();
    }
    let tail: Vec<char> = secret.chars().rev().take(4).collect();
    tail.into_iter().rev().collect()
}

/// A label that nobody chose: the vendor's name, with a number where that is another key's.
pub(super) fn free(name: &str, taken: &[String]) -> String {
    let is_free = |label: &String| !taken.iter().any(|other| alike(other, label));
    let mut all = std::iter::once(name.to_owned()).chain((2..).map(|n: u64| format!("{name} {n}")));
    all.find(is_free).unwrap_or_else(|| name.to_owned())
}

/// Refuses a label that is another key's, in whatever case.
pub(super) fn unlike(label: &str, taken: &[String]) -> Result<(), ApiError> {
    let Some(same) = taken.iter().find(|other| alike(other, label)) else { return Ok(()) };
    let words = format!("Another key has the label \u{201c}{same}\u{201d}; choose another.");
    Err(ApiError::clash("/label", words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::Code;

    fn at(vendor: Option<&str>, secret: &str, base: Option<&str>) -> Result<(&'static str, String), String> {
        let told = told(vendor, secret, base).map(|(v, _, base)| (v.id, base));
        told.map_err(|e| e.fields.iter().map(|f| f.pointer.clone()).collect())
    }

    #[test]
    fn a_key_names_its_vendor_its_region_or_an_address_of_its_own() {
        let found = |id: &'static str, base: &str| Ok((id, base.to_owned()));
        assert_eq!(at(None, "sk-ant-x", None), found("anthropic", "https://api.anthropic.com"));
        assert_eq!(at(Some(" kimi "), "x", None), found("moonshot", "https://api.moonshot.cn/v1"));
        assert_eq!(at(Some("kimi@intl"), "x", None), found("moonshot", "https://api.moonshot.ai/v1"));
        assert_eq!(at(Some("zai@intl"), "x", Some("")), found("zhipu", "https://api.z.ai/api/paas/v4"));
        assert_eq!(at(Some("ollama"), "", None), found("ollama", "http://localhost:11434/v1"));
        let own = Some("https://a.example/v1");
        assert_eq!(at(Some("azure-openai"), "x", own), found("azure-openai", "https://a.example/v1"));
        for (vendor, secret, pointer) in [
            (Some("azure-openai"), "x", "/base_url"),
            (Some("moonshot@nowhere"), "x", "/vendor"),
            (Some("nobody"), "x", "/vendor"),
            (Some("openai"), "", "/secret"),
            (None, "", "/secret"),
            (None, "nobody-knows", "/vendor"),
        ] {
            assert_eq!(at(vendor, secret, None), Err(pointer.to_owned()), "{vendor:?}");
        }
    }

    #[test]
    fn a_region_and_an_address_are_not_said_together() {
        let own = Some("https://a.example/v1");
        assert_eq!(at(Some("kimi@intl"), "x", own), Err("/vendor".to_owned()));
        assert_eq!(at(Some("kimi"), "x", own), Ok(("moonshot", "https://a.example/v1".to_owned())));
        let words = told(Some("kimi@intl"), "x", own).unwrap_err().message;
        assert!(words.contains("leave out the region or the base URL"), "{words}");
    }

    #[test]
    fn a_key_of_another_kind_leaves_no_region_unasked() {
        let express = "https://aiplatform.googleapis.com/v1/publishers/google";
        let of = |place: &str| format!("{place}/publishers/google");
        let belgium = of(
            "https://europe-west1-aiplatform.googleapis.com/v1/projects/acme-project-1/locations/europe-west1",
        );
        let anywhere = of("https://aiplatform.googleapis.com/v1/projects/acme-project-1/locations/global");
        let refused = moved("vertex", &belgium, None, "AQ.express").unwrap_err();
        assert_eq!(refused.fields[0].pointer, "/base_url");
        assert!(refused.message.contains("Belgium") && refused.message.contains(express), "{refused}");
        let said = moved("vertex", &belgium, Some(express), "AQ.express");
        assert_eq!(said.as_deref(), Ok(express), "somebody says so");
        assert_eq!(moved("vertex", &anywhere, None, "AQ.express").as_deref(), Ok(express));
        let own = "https://proxy.example/v1";
        assert_eq!(moved("vertex", own, None, "AQ.express").as_deref(), Ok(own));
        assert_eq!(moved("openai", own, Some(" "), "sk-x").as_deref(), Ok(own));
    }

    #[test]
    fn a_build_without_a_vendor_refuses_its_keys_and_says_how_to_get_one_that_has_it() {
        // As a build without the feature looks for vendors, whatever this one has.
        let without = |id: &str| vendors::find_region(id).filter(|(vendor, _)| vendor.id != "bedrock");
        for id in ["bedrock", "aws-bedrock", "aws-bedrock@eu-west-1", "bedrock@nowhere"] {
            let refused = chosen(id, without).map(|(vendor, _)| vendor.id).unwrap_err();
            assert_eq!(
                (refused.code, refused.fields[0].pointer.as_str()),
                (Code::Invalid, "/vendor"),
                "{id}"
            );
            let told = &refused.fields[0].detail;
            assert!(told.contains("Amazon Bedrock is not in this build of Chela"), "{id}: {told}");
            assert!(told.contains("./x build --features bedrock"), "{id}: {told}");
        }
        let detail = |id: &str| chosen(id, without).map(|_| ()).unwrap_err().fields[0].detail.clone();
        assert_eq!(detail("nobody"), "must be a vendor Chela knows");
        for (id, there) in
            [("openai@nowhere", "@eu"), ("kimi@nowhere", "@intl"), ("groq@nowhere", "leave it out")]
        {
            let told = detail(id);
            assert!(told.contains("\u{201c}@nowhere\u{201d}: it has ") && told.contains(there), "{told}");
        }
        assert_eq!(chosen("openai", without).map(|(vendor, _)| vendor.id), Ok("openai"));
        // And as this one does.
        let there = vendors::find("bedrock").is_some();
        assert_eq!(chosen("bedrock", vendors::find_region).is_ok(), there);
    }

    #[test]
    fn a_label_nobody_chose_is_no_other_keys() {
        let taken = ["OpenAI", "OpenAI 2", "Groq"].map(str::to_owned);
        assert_eq!(free("OpenAI", &taken), "OpenAI 3");
        assert_eq!(free("Mistral", &taken), "Mistral");
        assert_eq!(unlike("Groq", &taken).unwrap_err().fields[0].pointer, "/label");
        assert!(
            unlike("groq", &taken).is_err_and(|error| error.message.contains("Groq")),
            "case makes no other"
        );
        assert_eq!(free("groq", &taken), "groq 2");
    }
}

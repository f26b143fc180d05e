//! Use cases of provider keys.

use super::{
    choice,
    probe::{self, Verdict},
    store,
};
use crate::{
    audit,
    bots::ModelList,
    platform::{
        Platform,
        ctx::OpCtx,
        db::Cursor,
        error::OpError,
        text::{json_of, name_of},
        verbs::{Rest, Verbs},
    },
    routing::Routing,
};
use api::{
    ApiError, Code, Page, Verb,
    bots::ModelChoice,
    ids::{KeyId, WorkspaceId},
    keys::*,
    validate::Check,
    verb::Done,
};
use entity::keys::provider_key as row;
use policy::{Granted, act};
use relay::{
    Egress, UpstreamKey,
    egress::{BaseUrl, Reach},
    vendors,
};
use std::sync::Arc;
use tokio::sync::Notify;
use zeroize::Zeroizing;

/// Models that a new bot is offered first, where the key has them.
const PREFERRED: [&str; 4] =
    ["anthropic/claude-sonnet-4", "openai/gpt-5", "openai/gpt-4", "anthropic/claude"];

/// What the slice works with.
pub struct Keys {
    pub(super) platform: Arc<Platform>,
    egress: Arc<Egress>,
    routing: Arc<Routing>,
    /// Told that some key is another now.
    pub(super) changed: Notify,
}

/// Registers the slice's verbs.
pub fn register(verbs: &mut Verbs, keys: &Arc<Keys>) {
    verbs.on::<ListKeys, act::ReadKeys, _, _, _>(
        Rest::get("/api/keys").says("Provider keys, without secrets."),
        keys,
        list,
    );
    verbs.on::<AddKey, act::WriteKeys, _, _, _>(
        Rest::create("/api/keys").says("Tests and stores a key."),
        keys,
        add,
    );
    verbs.on::<ChangeKey, act::WriteKeys, _, _, _>(
        Rest::patch("/api/keys/{key}").says("Its label, tags, models, limits and end."),
        keys,
        choice::change,
    );
    verbs.on::<TestKey, act::WriteKeys, _, _, _>(
        Rest::post("/api/keys/{key}/test").says("Tests a stored key."),
        keys,
        test,
    );
    verbs.on::<ReplaceKey, act::WriteKeys, _, _, _>(
        Rest::post("/api/keys/{key}/replace").says("A new secret for the same vendor."),
        keys,
        replace,
    );
    verbs.on::<DeleteKey, act::WriteKeys, _, _, _>(
        Rest::delete("/api/keys/{key}").says("Deletes a key."),
        keys,
        delete,
    );
    verbs.on::<ListVendors, act::ReadKeys, _, _, _>(
        Rest::get("/api/vendors").says("Vendors a key can be for."),
        keys,
        list_vendors,
    );
}

/// A secret as typed, ready to be tested.
pub(super) struct Candidate {
    pub(super) key: UpstreamKey,
    base_text: String,
    secret: Zeroizing<String>,
}

impl Keys {
    /// Wires the slice.
    pub fn new(platform: Arc<Platform>, egress: Arc<Egress>, routing: Arc<Routing>) -> Arc<Self> {
        Arc::new(Self { platform, egress, routing, changed: Notify::new() })
    }

    /// A key with what calls found out about it.
    pub(super) fn shown(&self, model: &row::Model) -> Result<KeySummary, OpError> {
        Ok(KeySummary { rests: self.routing.rests(model.id), ..store::word(model)? })
    }

    pub(super) async fn candidate(
        &self,
        workspace: WorkspaceId,
        vendor: Option<&str>,
        secret: &str,
        base_url: Option<&str>,
    ) -> Result<Candidate, OpError> {
        let (vendor, secret, base_text) = told(vendor, secret.trim(), base_url)?;
        let refused = |e: relay::EgressError| ApiError::field("/base_url", e.to_string());
        let base = BaseUrl::parse(&base_text).map_err(refused)?;
        let slug = store::slug(self.platform.db.read(), workspace).await?;
        let private = self.platform.config.may_reach_private(&base, slug.as_deref());
        let reach = if private { Reach::Listed } else { Reach::Public };
        self.egress.check(&base, reach).map_err(refused)?;
        let id = KeyId(self.platform.ids.uuid());
        let key = UpstreamKey::new(id, vendor, base, secret.clone(), private);
        Ok(Candidate { key, base_text, secret })
    }

    /// Tests a candidate and writes the outcome into its row. A refused key is saved only if accepted.
    async fn judge(
        &self,
        candidate: &Candidate,
        accept: bool,
        model: &mut row::Model,
    ) -> Result<(), OpError> {
        let verdict = probe::ask(&self.egress, &candidate.key, self.platform.clock.now_ms()).await;
        model.tested_at_ms = Some(self.platform.clock.now_ms());
        model.latency_ms = None;
        match verdict {
            Verdict::Works { models, latency_ms } => {
                model.status = name_of(&KeyStatus::Working);
                model.status_message = None;
                model.latency_ms = Some(latency_ms);
                model.models = json_of(&models)?;
            }
            Verdict::Fails { words, .. } | Verdict::Unasked { why: words } if accept => {
                model.status = name_of(&KeyStatus::Failing);
                model.status_message = Some(words);
            }
            Verdict::Fails { words, .. } => {
                let message = format!("{} does not accept this key: {words}", candidate.key.vendor.name);
                let error = ApiError::new(Code::KeyRejected, message);
                return Err(error
                    .with_hint("Check the key and whose it is, or save it anyway as failing.")
                    .into());
            }
            Verdict::Unasked { why } => {
                let message =
                    format!("{} could not be asked about this key: {why}", candidate.key.vendor.name);
                let error = ApiError::new(Code::KeyRejected, message);
                let hint = "The key may be good. Look at the network and the base URL, or save it as failing and test it later.";
                return Err(error.with_hint(hint).into());
            }
        }
        Ok(())
    }

    /// The relay uses the change from now on.
    pub(super) async fn publish(&self) -> Result<(), OpError> {
        self.changed.notify_one();
        self.routing.refresh().await
    }

    /// How vendors are asked.
    pub(super) fn egress(&self) -> &Egress {
        &self.egress
    }

    /// Its vendor takes a key: calls need not find that out.
    pub(super) fn accepted(&self, key: KeyId) {
        self.routing.accepted(key);
    }
}

/// The vendor of a key, the key as it is kept and the address it is used at, from what a person said of them.
fn told(
    vendor: Option<&str>,
    secret: &str,
    base_url: Option<&str>,
) -> Result<(&'static relay::Vendor, Zeroizing<String>, String), ApiError> {
    let named = vendor.map(str::trim).filter(|v| !v.is_empty());
    let found = match named {
        Some(id) => Some(vendors::find_region(id).ok_or_else(|| ApiError::field("/vendor", unknown(id)))?),
        None => vendors::detect(secret).map(|v| (v, None)),
    };
    if let Some(flaw) = found.and_then(|(vendor, _)| vendor.flaw(secret)) {
        return Err(ApiError::field("/secret", flaw));
    }
    let secret = found.map_or_else(|| Zeroizing::new(secret.to_owned()), |(vendor, _)| vendor.kept(secret));
    let keyless = found.is_some_and(|(v, _)| v.keyless);
    let mut check = Check::new();
    check.rule(keyless || !secret.is_empty(), "/secret", "must not be empty");
    check.rule(secret.len() <= 4096, "/secret", "must have at most 4096 characters");
    check.rule(
        secret.chars().all(|c| c.is_ascii_graphic()),
        "/secret",
        "must have no spaces or line breaks inside",
    );
    check.done()?;
    let (vendor, region) = found
        .ok_or_else(|| ApiError::field("/vendor", "cannot be told from the shape of this key: choose it"))?;
    let base = base_url
        .map(str::trim)
        .filter(|u| !u.is_empty())
        .or(region.map(|r| r.base_url))
        .or_else(|| vendor.home(&secret))
        .ok_or_else(|| ApiError::field("/base_url", "is needed for this vendor"))?;
    let base = vendor.placed(base, &secret).map_err(|flaw| ApiError::field("/vendor", flaw))?.into_owned();
    Ok((vendor, secret, base))
}

/// What to say of a vendor that is not in the table.
fn unknown(id: &str) -> String {
    let known = id.split_once('@').is_some_and(|(vendor, _)| vendors::find(vendor).is_some());
    let left_out = vendors::left_out(id).filter(|_| !known);
    left_out.unwrap_or_else(|| "must be a vendor Chela knows".to_owned())
}

/// The end of a key; of a pair that of its id, which is no secret.
fn last_four(vendor: &relay::Vendor, secret: &str) -> String {
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

async fn list(
    k: Arc<Keys>,
    _ctx: OpCtx,
    granted: Granted<act::ReadKeys>,
    q: ListKeys,
) -> Result<Page<KeySummary>, OpError> {
    let cursor = Cursor::parse(q.limit, q.cursor.as_deref())?;
    let page = store::page(k.platform.db.read(), &granted, &cursor).await?;
    let items = page.items.iter().map(|model| k.shown(model)).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

async fn add(
    k: Arc<Keys>,
    ctx: OpCtx,
    granted: Granted<act::WriteKeys>,
    q: AddKey,
) -> Result<KeySummary, OpError> {
    let Some(workspace) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    let candidate = k.candidate(workspace, q.vendor.as_deref(), &q.secret, q.base_url.as_deref()).await?;
    let label = q
        .label
        .as_deref()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .unwrap_or(candidate.key.vendor.name)
        .to_owned();
    Check::new().line(&label, 80, "/label").done()?;
    let tags = json_of(&choice::tags(q.tags.as_deref().unwrap_or_default())?)?;
    let mut model = row::Model { tags, ..new_row(&k, &ctx, workspace, &candidate, label) };
    k.judge(&candidate, q.accept_failing.unwrap_or(false), &mut model).await?;
    model.sealed = store::seal(&k.platform.vault, &granted, model.id, &candidate.secret)?;
    k.platform
        .db
        .write(async |tx| {
            store::insert(tx, &granted, model.clone()).await?;
            audit::record(tx, k.platform.ids.as_ref(), &ctx, AddKey::NAME, Some(model.id.to_string())).await
        })
        .await?;
    k.publish().await?;
    k.shown(&model)
}

fn new_row(
    k: &Keys,
    ctx: &OpCtx,
    workspace: WorkspaceId,
    candidate: &Candidate,
    label: String,
) -> row::Model {
    row::Model {
        id: KeyId(k.platform.ids.uuid()),
        workspace_id: workspace,
        vendor: candidate.key.vendor.id.to_owned(),
        label,
        base_url: candidate.base_text.clone(),
        last_four: last_four(candidate.key.vendor, &candidate.secret),
        sealed: Vec::new(),
        status: name_of(&KeyStatus::Untested),
        status_message: None,
        tested_at_ms: None,
        latency_ms: None,
        models: "[]".to_owned(),
        version: 1,
        created_at_ms: ctx.now_ms,
        tags: "[]".to_owned(),
        allowed_models: "[]".to_owned(),
        requests_per_minute: None,
        month_micro_usd: None,
        expires_at_ms: None,
        expiry_told: None,
        checked_at_ms: None,
        check_message: None,
    }
}

async fn test(
    k: Arc<Keys>,
    ctx: OpCtx,
    granted: Granted<act::WriteKeys>,
    q: TestKey,
) -> Result<KeySummary, OpError> {
    let mut model = store::find(k.platform.db.read(), &granted, q.key).await?;
    let secret = store::open_for_test(&k.platform.vault, &granted, &model)?;
    let candidate =
        k.candidate(model.workspace_id, Some(&model.vendor), &secret, Some(&model.base_url)).await?;
    k.judge(&candidate, true, &mut model).await?;
    if model.status == name_of(&KeyStatus::Working) {
        k.routing.accepted(model.id);
    }
    model.check_message = None;
    let model = k
        .platform
        .db
        .write(async |tx| {
            let model = store::update(tx, &granted, model).await?;
            audit::record(tx, k.platform.ids.as_ref(), &ctx, TestKey::NAME, Some(model.id.to_string()))
                .await?;
            Ok(model)
        })
        .await?;
    k.changed.notify_one();
    k.shown(&model)
}

async fn replace(
    k: Arc<Keys>,
    ctx: OpCtx,
    granted: Granted<act::WriteKeys>,
    q: ReplaceKey,
) -> Result<KeySummary, OpError> {
    let mut model = store::find(k.platform.db.read(), &granted, q.key).await?;
    if let Some(expected) = q.expected_version.filter(|e| *e != model.version) {
        return Err(ApiError::stale(expected, model.version).into());
    }
    let said = q.base_url.as_deref().map(str::trim).filter(|u| !u.is_empty());
    // Another kind of key may have its place elsewhere.
    let moved =
        || vendors::find(&model.vendor).and_then(|vendor| vendor.moved(&model.base_url, q.secret.trim()));
    let base = said.or_else(moved).unwrap_or(&model.base_url).to_owned();
    let candidate = k.candidate(model.workspace_id, Some(&model.vendor), &q.secret, Some(&base)).await?;
    k.judge(&candidate, q.accept_failing.unwrap_or(false), &mut model).await?;
    model.base_url.clone_from(&candidate.base_text);
    model.last_four = last_four(candidate.key.vendor, &candidate.secret);
    model.sealed = store::seal(&k.platform.vault, &granted, model.id, &candidate.secret)?;
    // Those were the old secret's.
    (model.expires_at_ms, model.expiry_told, model.check_message) = (None, None, None);
    let model = k
        .platform
        .db
        .write(async |tx| {
            let model = store::update(tx, &granted, model).await?;
            audit::record(tx, k.platform.ids.as_ref(), &ctx, ReplaceKey::NAME, Some(model.id.to_string()))
                .await?;
            Ok(model)
        })
        .await?;
    k.publish().await?;
    k.shown(&model)
}

async fn delete(
    k: Arc<Keys>,
    ctx: OpCtx,
    granted: Granted<act::WriteKeys>,
    q: DeleteKey,
) -> Result<Done, OpError> {
    k.platform
        .db
        .write(async |tx| {
            store::delete(tx, &granted, q.key).await?;
            audit::record(tx, k.platform.ids.as_ref(), &ctx, DeleteKey::NAME, Some(q.key.to_string())).await
        })
        .await?;
    k.publish().await?;
    Ok(Done {})
}

async fn list_vendors(
    _: Arc<Keys>,
    _: OpCtx,
    _: Granted<act::ReadKeys>,
    _: ListVendors,
) -> Result<Vec<Vendor>, OpError> {
    let region = |r: &vendors::Region| VendorRegion {
        id: r.id.to_owned(),
        name: r.name.to_owned(),
        base_url: r.base_url.to_owned(),
    };
    let word = |v: &relay::Vendor| Vendor {
        id: v.id.to_owned(),
        name: v.name.to_owned(),
        base_url: v.base_url.map(str::to_owned),
        asks_base_url: v.asks_address(),
        keyless: v.keyless,
        regions: v.regions.iter().map(region).collect(),
    };
    Ok(vendors::all().map(word).collect())
}

#[async_trait::async_trait]
impl ModelList for Keys {
    async fn models(&self, ctx: &OpCtx) -> Result<Vec<ModelChoice>, OpError> {
        let granted = policy::check::<act::ReadKeys>(&ctx.subject)?;
        let cursor = Cursor::parse(Some(api::page::MAX_LIMIT), None)?;
        let page = store::page(self.platform.db.read(), &granted, &cursor).await?;
        let mut choices: Vec<ModelChoice> = Vec::new();
        for model in &page.items {
            let key = store::word(model)?;
            let own = format!("{}/", key.vendor);
            let may = |name: &String| {
                relay::key::allows(&key.allowed_models, name.strip_prefix(&own).unwrap_or(name))
            };
            for name in key.models.iter().filter(|name| may(name)).cloned() {
                if !choices.iter().any(|c| c.model == name) {
                    choices.push(ModelChoice { model: name, vendor: model.vendor.clone() });
                }
            }
        }
        let rank = |m: &str| PREFERRED.iter().position(|p| m.starts_with(p)).unwrap_or(PREFERRED.len());
        choices.sort_by(|a, b| (rank(&a.model), &a.model).cmp(&(rank(&b.model), &b.model)));
        Ok(choices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_vendor_that_a_build_may_leave_out_is_told_with_the_way_to_build_it() {
        let told = unknown("aws-bedrock@eu-west-1");
        let there = vendors::find("bedrock").is_some();
        assert_eq!(told.contains("--features bedrock"), !there, "{told}");
        assert!(
            vendors::left_out("bedrock").is_some_and(|words| words.contains("./x build --features bedrock"))
        );
        assert_eq!(unknown("nobody"), "must be a vendor Chela knows");
    }
}

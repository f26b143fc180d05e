//! The verb registry: every way into Chela ends in one handler, behind one permission.
//!
//! Server functions, REST, OpenAPI, the control socket and the walk over all permissions read it.

use super::{ctx::OpCtx, error::OpError, live::Follow};
use api::{ApiError, Verb};
use futures::future::BoxFuture;
use http::Method;
use policy::{Action, ActionInfo, Granted};
use serde_json::Value;
use std::{any::Any, collections::BTreeMap, sync::Arc};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

type Boxed = Box<dyn Any + Send>;
type Typed = Arc<dyn Fn(OpCtx, Boxed) -> BoxFuture<'static, Result<Boxed, ApiError>> + Send + Sync>;
type Json = Arc<dyn Fn(OpCtx, Value) -> BoxFuture<'static, Result<Value, ApiError>> + Send + Sync>;

/// The REST address of a verb. `{name}` in the path fills the field of that name.
#[derive(Clone, Debug)]
pub struct Rest {
    pub method: Method,
    pub path: &'static str,
    /// Status of success.
    pub status: u16,
    /// Takes an `Idempotency-Key`.
    pub creates: bool,
    /// One sentence for the API page.
    pub summary: &'static str,
    /// Where its answer leads to a message that streams: which one. Callers may follow it there and then.
    pub follows: Option<fn(&Value) -> Option<Follow>>,
}

impl Rest {
    const fn of(method: Method, path: &'static str, status: u16, creates: bool) -> Self {
        Self { method, path, status, creates, summary: "", follows: None }
    }
    /// Reads.
    pub const fn get(path: &'static str) -> Self {
        Self::of(Method::GET, path, 200, false)
    }
    /// Acts on something that exists.
    pub const fn post(path: &'static str) -> Self {
        Self::of(Method::POST, path, 200, false)
    }
    /// Makes something; honours `Idempotency-Key`.
    pub const fn create(path: &'static str) -> Self {
        Self::of(Method::POST, path, 201, true)
    }
    /// Accepts work that goes on after the answer; honours `Idempotency-Key`.
    pub const fn accept(path: &'static str) -> Self {
        Self::of(Method::POST, path, 202, true)
    }
    /// Changes.
    pub const fn patch(path: &'static str) -> Self {
        Self::of(Method::PATCH, path, 200, false)
    }
    /// Replaces.
    pub const fn put(path: &'static str) -> Self {
        Self::of(Method::PUT, path, 200, false)
    }
    /// Removes.
    pub const fn delete(path: &'static str) -> Self {
        Self::of(Method::DELETE, path, 200, false)
    }
    /// Adds the sentence for the API page.
    #[must_use]
    pub const fn says(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }
    /// With `Accept: text/event-stream` the events of this message follow, until it ends.
    #[must_use]
    pub const fn follows(mut self, follows: fn(&Value) -> Option<Follow>) -> Self {
        self.follows = Some(follows);
        self
    }
}

/// One registered verb.
pub struct Entry {
    pub name: &'static str,
    pub action: ActionInfo,
    pub rest: Rest,
    pub input: schemars::Schema,
    pub output: schemars::Schema,
    typed: Typed,
    json: Json,
}

/// All verbs by name.
#[derive(Default)]
pub struct Verbs {
    entries: BTreeMap<&'static str, Entry>,
    /// Where acts run: who asks may go away, what was begun goes on to its end.
    tasks: TaskTracker,
}

impl Verbs {
    /// An empty registry whose acts run among `tasks`.
    pub fn new(tasks: TaskTracker) -> Self {
        Self { entries: BTreeMap::new(), tasks }
    }

    /// Registers the handler of `V`, allowed to whom `A` is granted.
    ///
    /// `S` is the state the handler works on (the platform or a slice's own).
    pub fn on<V, A, S, F, Fut>(&mut self, rest: Rest, state: &Arc<S>, handler: F)
    where
        V: Verb,
        A: Action + Clone,
        S: Send + Sync + 'static,
        F: Fn(Arc<S>, OpCtx, Granted<A>, V) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<V::Out, OpError>> + Send + 'static,
    {
        let run = {
            let state = Arc::clone(state);
            let tasks = (rest.method != Method::GET).then(|| self.tasks.clone());
            move |ctx: OpCtx, verb: V| {
                let (state, tasks) = (Arc::clone(&state), tasks.clone());
                async move {
                    let granted = policy::check::<A>(&ctx.subject).map_err(ApiError::from)?;
                    let request_id = ctx.request_id;
                    let work = handler(state, ctx, granted, verb);
                    let done = match tasks {
                        None => work.await,
                        Some(tasks) => {
                            let work = tasks.spawn(work.in_current_span());
                            work.await.unwrap_or_else(|lost| Err(OpError::internal("an act broke off", lost)))
                        }
                    };
                    done.map_err(|error| {
                        let mut error = ApiError::from(error);
                        error.request_id.get_or_insert_with(|| request_id.to_string());
                        error
                    })
                }
            }
        };
        let run_json = run.clone();
        let typed: Typed = Arc::new(move |ctx, boxed: Boxed| {
            let run = run.clone();
            Box::pin(async move {
                let verb = boxed.downcast::<V>().map_err(|_other_type| ApiError::internal())?;
                run(ctx, *verb).await.map(|out| -> Boxed { Box::new(out) })
            })
        });
        let json: Json = Arc::new(move |ctx, value| {
            let run = run_json.clone();
            Box::pin(async move {
                // Who may not do it does not learn which fields it has.
                policy::check::<A>(&ctx.subject).map_err(ApiError::from)?;
                let verb = serde_path_to_error::deserialize(value).map_err(|error| bad_field(&error))?;
                let out = run(ctx, verb).await?;
                serde_json::to_value(out).map_err(|_unwritable| ApiError::internal())
            })
        });
        let action = ActionInfo { name: A::NAME, needs: A::NEEDS };
        let (input, output) = (schemars::schema_for!(V), schemars::schema_for!(V::Out));
        let entry = Entry { name: V::NAME, action, rest, input, output, typed, json };
        let earlier = self.entries.insert(V::NAME, entry);
        debug_assert!(earlier.is_none(), "verb registered twice: {}", V::NAME);
    }

    /// Every verb, by name.
    pub fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The verb of that name.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// Runs a verb given as its type.
    ///
    /// # Errors
    /// What the use case says.
    pub async fn run_typed(&self, name: &str, ctx: OpCtx, verb: Boxed) -> Result<Boxed, ApiError> {
        let Some(entry) = self.find(name) else { return Err(ApiError::internal()) };
        (entry.typed)(ctx, verb).await
    }

    /// Runs a verb given as JSON.
    ///
    /// # Errors
    /// What the use case says; `invalid` with a pointer where the JSON does not fit.
    pub async fn run_json(&self, name: &str, ctx: OpCtx, value: Value) -> Result<Value, ApiError> {
        let Some(entry) = self.find(name) else { return Err(ApiError::not_found()) };
        (entry.json)(ctx, value).await
    }
}

/// A serde error as a field error with a JSON pointer. Serde's text names the rule; values it quotes are
/// cut so that no secret typed into a wrong field comes back.
pub(crate) fn bad_field(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let text = error.inner().to_string();
    let rule = match text.split_once(": ") {
        Some((kind @ ("invalid type" | "invalid value"), rest)) => {
            let expected = rest.split_once("expected ").map_or("", |(_, e)| e);
            format!("{kind}, expected {expected}")
        }
        _ => text.clone(),
    };
    let rule = rule.split(" at line ").next().unwrap_or_default().to_owned();
    let mut pointer: String = error
        .path()
        .iter()
        .map(|segment| match segment {
            serde_path_to_error::Segment::Map { key } => {
                format!("/{}", key.replace('~', "~0").replace('/', "~1"))
            }
            serde_path_to_error::Segment::Seq { index } => format!("/{index}"),
            serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => {
                String::new()
            }
        })
        .collect();
    // Unknown and missing fields are reported by their parent: point at the field itself.
    for lead in ["unknown field `", "missing field `", "duplicate field `"] {
        if let Some((name, _)) = rule.strip_prefix(lead).and_then(|rest| rest.split_once('`'))
            && !pointer.ends_with(&format!("/{name}"))
        {
            pointer.push('/');
            pointer.push_str(name);
        }
    }
    ApiError::field(pointer, rule)
}

//! How a page asks: `call(verb)` hands a verb to the caller's dispatcher.
//!
//! On the server the dispatcher (with the caller inside) stands in the request's context; the browser
//! reaches the same place through the server functions. Not responsible for what a verb does.

use api::{ApiError, Verb};
use std::{any::Any, sync::Arc};

/// Carries out verbs for one caller. Implemented by the server's verb registry.
#[async_trait::async_trait]
pub trait Dispatch: Send + Sync {
    /// Hands over a boxed verb by name; the answer is its boxed `Out`.
    async fn dispatch(
        &self,
        name: &'static str,
        verb: Box<dyn Any + Send>,
    ) -> Result<Box<dyn Any + Send>, ApiError>;
}

/// The dispatcher of one request, as provided in its context.
#[derive(Clone)]
pub struct Caller(pub Arc<dyn Dispatch>);

/// Asks for `verb` as the caller of this request.
///
/// # Errors
/// What the use case says; `internal` where no caller is in scope (routes are listed without one).
pub async fn call<V: Verb>(verb: V) -> Result<V::Out, ApiError> {
    let Some(Caller(dispatch)) = leptos::context::use_context::<Caller>() else {
        return Err(ApiError::internal());
    };
    let out = dispatch.dispatch(V::NAME, Box::new(verb)).await?;
    out.downcast::<V::Out>().map(|out| *out).map_err(|_unexpected| ApiError::internal())
}

/// Takes out what empty fields of a form leave in a list: whoever saw the form emptied them.
pub(crate) fn filled(texts: Option<&mut Vec<String>>) {
    if let Some(texts) = texts {
        texts.retain(|text| !text.trim().is_empty());
    }
}

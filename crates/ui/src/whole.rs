//! Views of one type, for less code than Leptos' own.
//!
//! Leptos compiles for each type of view a second, asynchronous way to take over what the server wrote, for parts whose
//! code may still be loading. Routes need that; what stands within one is there when the route is. So the views that
//! pages hand around go the synchronous way only, which is a sixth of a page's wasm less (ADR 0001).

use leptos::{
    attr::{Attribute, any_attribute::AnyAttribute},
    children::ToChildren,
    prelude::*,
    tachys::{
        hydration::Cursor,
        ssr::StreamBuilder,
        view::{Position, PositionState},
    },
};

/// A view whose parts are all there when it is taken over.
#[derive(Debug)]
struct Whole<T>(T);

/// Turning views into one type.
pub trait IntoWhole: RenderHtml + Send + Sized {
    /// The view as one of any kind. In place of `into_any`, everywhere.
    fn whole(self) -> AnyView;
}

impl<T: RenderHtml + Send> IntoWhole for T {
    fn whole(self) -> AnyView {
        Whole(self).into_any()
    }
}

/// What stands within a component. In place of Leptos' `Children`.
pub struct Within(Box<dyn FnOnce() -> AnyView + Send>);

impl Within {
    /// The view, once.
    pub fn view(self) -> AnyView {
        (self.0)()
    }
}

impl<F, V> ToChildren<F> for Within
where
    F: FnOnce() -> V + Send + 'static,
    V: RenderHtml + Send + 'static,
{
    fn to_children(f: F) -> Self {
        Self(Box::new(move || f().whole()))
    }
}

impl<T: Render> Render for Whole<T> {
    type State = T::State;

    fn build(self) -> Self::State {
        self.0.build()
    }

    fn rebuild(self, state: &mut Self::State) {
        self.0.rebuild(state);
    }
}

impl<T: AddAnyAttr> AddAnyAttr for Whole<T> {
    type Output<A: Attribute> = Whole<T::Output<A>>;

    fn add_any_attr<A: Attribute>(self, attr: A) -> Self::Output<A>
    where
        Self::Output<A>: RenderHtml,
    {
        Whole(self.0.add_any_attr(attr))
    }
}

// Everything but `hydrate_async`, whose default is `hydrate`.
impl<T: RenderHtml> RenderHtml for Whole<T> {
    type AsyncOutput = T::AsyncOutput;
    type Owned = Whole<T::Owned>;

    const MIN_LENGTH: usize = T::MIN_LENGTH;
    const EXISTS: bool = T::EXISTS;

    fn dry_resolve(&mut self) {
        self.0.dry_resolve();
    }

    async fn resolve(self) -> Self::AsyncOutput {
        self.0.resolve().await
    }

    fn html_len(&self) -> usize {
        self.0.html_len()
    }

    fn to_html_with_buf(
        self,
        buf: &mut String,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        self.0.to_html_with_buf(buf, position, escape, mark_branches, extra_attrs);
    }

    fn to_html_async_with_buf<const OUT_OF_ORDER: bool>(
        self,
        buf: &mut StreamBuilder,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) where
        Self: Sized,
    {
        self.0.to_html_async_with_buf::<OUT_OF_ORDER>(buf, position, escape, mark_branches, extra_attrs);
    }

    fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, position: &PositionState) -> Self::State {
        self.0.hydrate::<FROM_SERVER>(cursor, position)
    }

    fn into_owned(self) -> Self::Owned {
        Whole(self.0.into_owned())
    }
}

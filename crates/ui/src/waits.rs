//! Views that wait for data.

use leptos::prelude::*;

/// What stands in a `<Suspense>` or `<Transition>` and waits, made anew whenever what it goes by changes.
///
/// On the server nothing changes, and it is made once. Leptos looks through what stands there for more to wait for, makes a closure's
/// view for each look and again for the page: of a long list that is most of what a page costs.
#[cfg(feature = "ssr")]
pub fn waits<V: Send>(make: impl FnOnce() -> Suspend<V>) -> Suspend<V> {
    make()
}

/// What stands in a `<Suspense>` or `<Transition>` and waits, made anew whenever what it goes by changes.
#[cfg(not(feature = "ssr"))]
pub fn waits<V: Send>(
    make: impl Fn() -> Suspend<V> + Send + 'static,
) -> impl Fn() -> Suspend<V> + Send + 'static {
    make
}

//! The wasm entry: hydrates the page that the server rendered. Nothing else.
#![forbid(unsafe_code)]
#![recursion_limit = "256"]

use leptos::{mount::hydrate_from_async, prelude::document};
use wasm_bindgen::UnwrapThrowExt;

/// Called by the script that loads the wasm.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    wasm_bindgen_futures::spawn_local(async {
        // What `hydrate_lazy` does, and then the news that it is done.
        let page = hydrate_from_async(document().body().unwrap_throw(), app::App).await;
        page.forget();
        app::hydrated();
    });
}

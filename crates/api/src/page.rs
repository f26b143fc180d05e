//! Pages of lists: every list has a limit and an opaque cursor.

words! {
    /// One page of a list.
    pub struct Page<T> {
        pub items: Vec<T>,
        /// Cursor of the next page; absent on the last one.
        pub next: Option<String>,
    }
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), next: None }
    }
}

/// Items on a page when nothing is asked.
pub const DEFAULT_LIMIT: u32 = 50;
/// The most items on a page.
pub const MAX_LIMIT: u32 = 200;

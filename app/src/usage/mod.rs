//! What model calls were made. Home shows the totals; there is no page of its own yet.

pub mod fns;

//! Settings: the tabs around a person's own pages, and the instance.

pub mod fns;
pub(crate) mod frame;
pub(crate) mod instance;
pub(crate) mod page;
pub(crate) mod text;

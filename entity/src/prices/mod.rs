//! Rows of the prices slice.

pub mod model_facts;
pub mod model_price;

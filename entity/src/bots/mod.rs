//! Rows of the bots slice.

pub mod bot;
pub mod bot_config;
pub mod bot_event;
pub mod bot_health;
pub mod bot_metric;
pub mod bot_postmortem;
pub mod bot_token;

//! The whole server from outside: built as the binary builds it, served on loopback, with a fake vendor and
//! bots whose gateways live in the test. One binary, because linking the server is what takes time.

#[cfg(test)]
mod support;

#[cfg(test)]
mod alike;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod binary;
#[cfg(test)]
mod blocks;
#[cfg(test)]
mod budgets;
#[cfg(test)]
mod bundles;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod chained;
#[cfg(test)]
mod chains;
#[cfg(test)]
mod composed;
#[cfg(test)]
mod configs;
#[cfg(test)]
mod counted;
#[cfg(test)]
mod cuts;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod engine_many;
#[cfg(test)]
mod events;
#[cfg(test)]
mod forget;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod hang;
#[cfg(test)]
mod health;
#[cfg(test)]
mod idle;
#[cfg(test)]
mod image;
#[cfg(test)]
mod job;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod key_choice;
#[cfg(test)]
mod killed_calls;
#[cfg(test)]
mod live_socket;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod many;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod models;
#[cfg(test)]
mod names;
#[cfg(test)]
mod notify;
#[cfg(test)]
mod orphans;
#[cfg(test)]
mod past;
#[cfg(test)]
mod planted;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod prices;
#[cfg(test)]
mod proxies;
#[cfg(test)]
mod pulled;
#[cfg(test)]
mod push;
#[cfg(test)]
mod races;
#[cfg(test)]
mod read_only;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod remote;
#[cfg(test)]
mod room;
#[cfg(test)]
mod runaway;
#[cfg(test)]
mod signing_out;
#[cfg(test)]
mod stale_tokens;
#[cfg(test)]
mod stops;
#[cfg(test)]
mod survival;
#[cfg(test)]
mod team_budgets;
#[cfg(test)]
mod unisolated;
#[cfg(test)]
mod upgrade;
#[cfg(test)]
mod usage;
#[cfg(test)]
mod usage_names;
#[cfg(test)]
mod usage_tags;
#[cfg(test)]
mod vendors;
#[cfg(test)]
mod virtual_keys;
#[cfg(test)]
mod walk;

//! What a call used: the row, and the way it takes to the ledger. Not the ledger itself.

mod row;
mod sink;

pub use row::{Charge, End, OpenCall, Tokens, Try, UsageRow};
pub use sink::{UsageReceiver, UsageSink, UsageTotals};

//! How much memory this host can still give.

use api::{ApiError, Code};

/// Bytes the kernel thinks can be had without swapping; `None` where it does not say.
pub(super) fn free_memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

/// Whether that much is free; where the host does not say, it is taken to be.
pub(super) fn fits(what: &str, need_bytes: u64, free_bytes: Option<u64>) -> Result<(), ApiError> {
    let Some(free) = free_bytes.filter(|free| *free < need_bytes) else { return Ok(()) };
    let gib = |bytes: u64| format!("{}.{}", bytes >> 30, ((bytes & 0x3fff_ffff) * 10) >> 30);
    let text = format!("{what} needs {} GiB of memory, {} are free.", gib(need_bytes), gib(free));
    Err(ApiError::new(Code::Conflict, text).with_hint("Stop a bot, or give this machine more memory."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_is_free_is_refused_with_both_figures() {
        let refused = fits("A bot", 1 << 30, Some(400 << 20)).expect_err("too little");
        assert_eq!(refused.message, "A bot needs 1.0 GiB of memory, 0.3 are free.");
        assert!(fits("A bot", 1 << 30, Some(1 << 30)).is_ok() && fits("A bot", 0, Some(0)).is_ok());
        assert!(fits("A bot", 1 << 30, None).is_ok(), "unknown");
    }
}

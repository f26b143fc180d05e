//! How much room is left on the disk that holds a directory.

use std::path::Path;

/// Below this the disk counts as full: SQLite needs room to go on.
pub const FULL_BELOW: u64 = 32 * 1024 * 1024;

/// Bytes an unprivileged process may still write, if the file system says.
pub fn free_bytes(dir: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(dir).ok()?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}

/// Bytes for a person, e.g. `1.4 GiB`.
pub fn in_words(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let (mut tenths, mut unit) = (u128::from(bytes) * 10 / 1024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS.get(unit).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_told_in_the_unit_that_fits() {
        assert_eq!(in_words(0), "0.0 KiB");
        assert_eq!(in_words(1536), "1.5 KiB");
        assert_eq!(in_words(5 * 1024 * 1024 * 1024 / 2), "2.5 GiB");
        assert!(free_bytes(Path::new("/")).is_some());
    }
}

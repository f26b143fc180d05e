//! What model calls were made and what they cost: `/usage`, and a bot's tab of that name. Home shows the sums of a day.

mod asked;
mod call;
mod chart;
pub mod fns;
pub mod page;
mod tables;
mod text;

/// Micro-USD as people read it: exact below a cent, to the hundredth of a cent below a dollar, else to the cent.
pub(crate) fn usd(micro: i64) -> String {
    let (round, digits) = match micro {
        i64::MIN..10_000 => (1, 6),
        10_000..1_000_000 => (100, 4),
        _ => (10_000, 2),
    };
    let n = micro.saturating_add(round / 2) / round;
    let unit = 1_000_000 / round;
    let text = format!("{}.{:0digits$}", n / unit, n % unit);
    // Cents at least.
    let cents = text.len().saturating_sub(digits - 2);
    let (cents, rest) = text.split_at_checked(cents).unwrap_or((&text, ""));
    format!("${cents}{}", rest.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::usd;

    #[test]
    fn money_has_the_digits_that_matter() {
        let all = [0, 1, 432, 9_999, 10_000, 12_349, 999_949, 1_000_000, 1_295_000, 12_345_678_900].map(usd);
        let read = [
            "$0.00",
            "$0.000001",
            "$0.000432",
            "$0.009999",
            "$0.01",
            "$0.0123",
            "$0.9999",
            "$1.00",
            "$1.30",
            "$12345.68",
        ];
        assert_eq!(all, read.map(str::to_owned));
    }
}

//! Money as people write it.

/// Dollars as millionths, exactly: `2.50` is 2,500,000. Nothing for what is no such amount.
#[must_use]
pub fn micro_usd(text: &str) -> Option<i64> {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 6 {
        return None;
    }
    format!("{whole}{part:0<6}").parse().ok()
}

/// Millionths as dollars, exactly, with two digits at least: 2,500,000 is `2.50`.
#[must_use]
pub fn amount(micro_usd: i64) -> String {
    let text = format!("{}.{:06}", micro_usd / 1_000_000, (micro_usd % 1_000_000).abs());
    let needless = text.bytes().rev().take(4).take_while(|digit| *digit == b'0').count();
    text.get(..text.len() - needless).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_as_it_is_read() {
        for (text, micro) in [("2.50", 2_500_000), ("0.00", 0), ("0.000001", 1), ("10.125", 10_125_000)] {
            assert_eq!((amount(micro).as_str(), micro_usd(text)), (text, Some(micro)));
        }
    }

    #[test]
    fn an_amount_is_read_to_the_micro_dollar() {
        for (text, amount) in [("2.50", 2_500_000), ("0", 0), ("0.000001", 1), (" 10 ", 10_000_000)] {
            assert_eq!(micro_usd(text), Some(amount), "{text}");
        }
        for bad in ["", ".5", "5.", "-1", "1e3", "0.0000001", "1,5", "99999999999999"] {
            assert_eq!(micro_usd(bad), None, "{bad}");
        }
    }
}

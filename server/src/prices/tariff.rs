//! Which of several prices of one model hold: those of the newest beginning that has come, each for prompts of its length.

use api::prices::ModelPrice;
use entity::prices::model_price as row;

/// A price with its beginning and the longest prompt it holds for.
pub(super) trait Line {
    /// When it begins.
    fn since_ms(&self) -> i64;
    /// The most input tokens of a call; any number where it says nothing.
    fn up_to_input(&self) -> Option<i64>;
}

impl Line for ModelPrice {
    fn since_ms(&self) -> i64 {
        self.since_ms
    }
    fn up_to_input(&self) -> Option<i64> {
        self.up_to_input
    }
}

impl Line for &row::Model {
    fn since_ms(&self) -> i64 {
        self.since_ms
    }
    fn up_to_input(&self) -> Option<i64> {
        self.up_to_input
    }
}

/// Puts the newest beginning first; of one beginning the shortest prompts. Of equals the later set one comes first, if
/// they come in the order of their setting.
pub(super) fn sort<L: Line>(lines: &mut [L]) {
    lines.reverse();
    lines.sort_by_key(|line| (std::cmp::Reverse(line.since_ms()), line.up_to_input().unwrap_or(i64::MAX)));
}

/// The lines that hold at a moment, the one for the shortest prompts first. They must be sorted.
pub(super) fn now<L: Line>(lines: &[L], at_ms: i64) -> &[L] {
    let begun = lines.partition_point(|line| line.since_ms() > at_ms);
    let (_, begun) = lines.split_at(begun);
    let since = begun.first().map(Line::since_ms);
    let together = begun.partition_point(|line| Some(line.since_ms()) == since);
    begun.get(..together).unwrap_or_default()
}

/// The line that holds at a moment for a prompt. They must be sorted.
pub(super) fn find<L: Line>(lines: &[L], at_ms: i64, prompt: i64) -> Option<&L> {
    now(lines, at_ms).iter().find(|line| line.up_to_input().is_none_or(|most| prompt <= most))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beginning, longest prompt, and which one it is.
    type One = (i64, Option<i64>, u8);

    impl Line for One {
        fn since_ms(&self) -> i64 {
            self.0
        }
        fn up_to_input(&self) -> Option<i64> {
            self.1
        }
    }

    #[test]
    fn the_newest_beginning_that_has_come_holds_for_prompts_of_its_lengths() {
        let mut lines =
            vec![(10, None, 1), (20, Some(100), 2), (20, None, 3), (30, Some(50), 4), (10, None, 5)];
        sort(&mut lines);
        let found = |at, prompt| find(&lines, at, prompt).map(|line| line.2);
        assert_eq!(found(9, 1), None, "none has begun");
        assert_eq!(found(10, 1), Some(5), "of equals the later one");
        assert_eq!((found(20, 100), found(29, 101)), (Some(2), Some(3)));
        assert_eq!((found(30, 50), found(30, 51)), (Some(4), None), "nobody said what longer ones cost");
        assert_eq!(find::<One>(&[], 1, 1), None);
    }
}

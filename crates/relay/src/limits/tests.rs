use super::*;
use std::thread;

/// Windows of a second.
fn seconds() -> Windows {
    Arc::new(|at| {
        let start = at.div_euclid(1_000) * 1_000;
        (start, start + 1_000)
    })
}

fn limit(unit: Unit, most: u64) -> Limit {
    let counter = Arc::new(Counter::new((0, 1_000), 0, Arc::default()));
    let identity = String::new();
    Limit {
        id: Uuid::nil(),
        identity,
        unit,
        most,
        hard: true,
        vendor: None,
        model: None,
        instead: None,
        windows: seconds(),
        counter,
    }
}

fn money(money: u64) -> Need {
    Need { requests: 1, tokens: 0, money }
}

fn take(limit: &Arc<Limit>, need: Need, at: i64) -> Result<Reserved, Refused> {
    Reserved::take(std::slice::from_ref(limit), ("openai", "gpt-x"), need, at)
}

#[test]
fn two_hundred_calls_at_once_take_no_more_than_there_is() {
    let limit = Arc::new(limit(Unit::Money, 1_000));
    let some = || (0..25).filter_map(|_| take(&limit, money(10), 5).ok()).collect::<Vec<_>>();
    let all: Vec<_> = thread::scope(|s| {
        let threads: Vec<_> = (0..8).map(|_| s.spawn(some)).collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(all.len(), 100);
    assert_eq!(limit.standing(5).reserved, 1_000);
    for reserved in all {
        reserved.settle(money(4));
    }
    let standing = limit.standing(5);
    assert_eq!((standing.used, standing.reserved, standing.warned), (400, 0, false));
    assert!(take(&limit, money(600), 5).is_ok());
    assert!(take(&limit, money(601), 5).is_err());
}

#[test]
fn what_is_dropped_unsettled_gives_all_back() {
    let limit = Arc::new(limit(Unit::Requests, 1));
    drop(take(&limit, money(0), 1));
    assert_eq!(limit.standing(1).reserved, 0);
    assert!(take(&limit, money(0), 1).is_ok());
}

#[test]
fn a_call_is_refused_by_the_first_limit_without_room_and_leaves_nothing_in_the_others() {
    let (first, second) = (Arc::new(limit(Unit::Requests, 9)), Arc::new(limit(Unit::Tokens, 10)));
    let both = [Arc::clone(&first), Arc::clone(&second)];
    let need = Need { requests: 1, tokens: 11, money: 0 };
    let refused = Reserved::take(&both, ("openai", "m"), need, 1).err().unwrap();
    assert_eq!(
        (refused.unit, refused.most, refused.resets_ms, refused.soon),
        (Unit::Tokens, 10, 1_000, false)
    );
    assert_eq!(first.standing(1).reserved, 0);
}

#[test]
fn what_no_window_has_room_for_says_so_and_ends_nothing() {
    let limit = Arc::new(limit(Unit::Money, 100));
    assert!(take(&limit, money(101), 1).err().unwrap().never);
    assert!(!limit.standing(1).spent);
    assert!(take(&limit, money(100), 1).is_ok());
}

#[test]
fn a_stop_is_a_stop_also_where_people_are_only_told() {
    let stop = Arc::new(Limit { hard: false, ..limit(Unit::Requests, 0) });
    assert!(take(&stop, money(0), 1).is_err());
}

#[test]
fn a_new_window_begins_empty_and_who_began_before_settles_there() {
    let limit = Arc::new(limit(Unit::Money, 100));
    let old = take(&limit, money(100), 999).unwrap();
    assert!(take(&limit, money(1), 999).err().unwrap().soon, "what runs may give back");
    let new = take(&limit, money(100), 1_000).unwrap();
    old.settle(money(100));
    assert_eq!(limit.standing(1_000).used, 0);
    new.settle(money(80));
    let standing = limit.standing(1_000);
    assert_eq!(
        (standing.span, standing.used, standing.warned, standing.spent),
        ((1_000, 2_000), 80, true, false)
    );
}

#[test]
fn a_limit_is_for_its_vendor_and_model_only() {
    let one =
        Limit { vendor: Some("openai".into()), model: Some("gpt-x".into()), ..limit(Unit::Requests, 0) };
    let one = [Arc::new(one)];
    assert!(Reserved::take(&one, ("openai", "gpt-x"), money(0), 1).is_err());
    assert!(Reserved::take(&one, ("openai", "gpt-y"), money(0), 1).is_ok());
    assert!(Reserved::take(&one, ("anthropic", "gpt-x"), money(0), 1).is_ok());
}

#[test]
fn a_soft_limit_refuses_nobody_and_says_when_it_is_reached() {
    let soft = Arc::new(Limit { hard: false, ..limit(Unit::Money, 10) });
    take(&soft, money(25), 1).unwrap().settle(money(25));
    let standing = soft.standing(1);
    assert_eq!((standing.used, standing.spent), (25, true));
}

#[tokio::test]
async fn people_are_told_once_when_a_limit_is_nearly_and_once_when_it_is_wholly_used() {
    let news = Arc::new(Notify::new());
    let counter = Arc::new(Counter::new((0, 1_000), 0, Arc::clone(&news)));
    let limit = Arc::new(Limit { counter, ..limit(Unit::Money, 100) });
    let told = || futures::FutureExt::now_or_never(news.notified()).is_some();
    let spend = |amount| take(&limit, money(amount), 1).unwrap().settle(money(amount));
    spend(79);
    assert!(!told());
    spend(1);
    assert!(told());
    spend(1);
    assert!(!told());
    assert!(take(&limit, money(50), 1).is_err());
    assert!(told(), "a call found no room");
    assert!(take(&limit, money(50), 1).is_err());
    assert!(!told());
    spend(19);
    assert!(told(), "all is used");
}

#[test]
fn what_is_counted_says_for_which_quarter_of_an_hour_and_never_before_its_window() {
    const HOUR: i64 = 3_600_000;
    // A day of a zone that begins at 18:15 UTC.
    let day: Windows = Arc::new(|at| {
        let start = (at - 18 * HOUR - SLOT_MS).div_euclid(24 * HOUR) * 24 * HOUR + 18 * HOUR + SLOT_MS;
        (start, start + 24 * HOUR)
    });
    let of = |windows: &Windows, at: i64| {
        let counter = Arc::new(Counter::new(windows(at), 0, Arc::default()));
        let limit = Arc::new(Limit { counter, windows: Arc::clone(windows), ..limit(Unit::Money, 1_000) });
        let reserved = take(&limit, money(100), at).unwrap();
        let held = reserved.counts(money(100)).next().unwrap();
        let kept = reserved.settle(money(7));
        assert_eq!((kept.len(), kept[0].amount, held.amount), (1, 7, 100));
        assert_eq!(kept[0].slot_ms, held.slot_ms);
        held.slot_ms
    };
    assert_eq!(of(&day, 18 * HOUR + SLOT_MS), 18 * HOUR + SLOT_MS);
    assert_eq!(of(&day, 18 * HOUR + SLOT_MS - 1), 18 * HOUR);
    assert_eq!(of(&day, 20 * HOUR + SLOT_MS + 1), 20 * HOUR + SLOT_MS);
    assert_eq!(of(&seconds(), HOUR + 61_234), HOUR + 61_000, "a short window is its own");
}

//! Which time is meant, in whose days, and where its hours, days and months begin.

use super::spans::{DAY_MS, Grid, floor};
use api::{
    ApiError,
    usage::{Asked, UsageRange, UsageStep},
    validate::Check,
};
use jiff::{
    Timestamp, ToSpan, Zoned,
    civil::{Date, DateTime},
    tz::{TimeZone, TimeZoneDatabase},
};
use std::sync::LazyLock;

/// The longest time of one question.
const MOST_DAYS: i64 = 400;
/// Pieces of a trend.
const MOST_PIECES: usize = 1_000;
/// From then on there is nothing to count: 2020-01-01.
const EPOCH_MS: i64 = 1_577_836_800_000;

/// The zones that came with Chela: the same on every machine.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time, cut where sums can be cut, and the one before that it compares with.
#[derive(Debug)]
pub(super) struct When {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) before: (i64, i64),
    pub(super) zone: TimeZone,
    /// Its name.
    pub(super) zone_name: String,
}

/// A piece of a time, and what people call it.
pub(super) type Piece = (i64, i64, String);

fn bad(field: &str, says: &str) -> ApiError {
    ApiError::field(format!("/{field}"), says)
}

fn said(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn zone(name: Option<&str>) -> Result<(TimeZone, String), ApiError> {
    let name = said(name).unwrap_or("UTC");
    let zone = ZONES
        .get(name)
        .map_err(|_unknown| bad("zone", "must be the name of a time zone, such as Europe/Berlin"))?;
    Ok((zone.clone(), zone.iana_name().unwrap_or("UTC").to_owned()))
}

fn at(zone: &TimeZone, ms: i64) -> Result<Zoned, ApiError> {
    let moment =
        Timestamp::from_millisecond(ms).map_err(|_far| bad("from", "must be a moment of this age"))?;
    Ok(moment.to_zoned(zone.clone()))
}

fn midnight(zone: &TimeZone, day: Date) -> Result<i64, ApiError> {
    let start = day.to_zoned(zone.clone()).and_then(|day| day.start_of_day());
    start
        .map(|start| start.timestamp().as_millisecond())
        .map_err(|_far| bad("from", "must be a moment of this age"))
}

/// A moment as people write it; a day is its beginning, or its end where it ends a time.
fn moment(text: &str, field: &str, zone: &TimeZone, ends: bool) -> Result<i64, ApiError> {
    let wrong =
        || bad(field, "must be a day (2026-11-22), a moment (2026-11-22T14:00 or …Z), or milliseconds");
    let far = |_far| wrong();
    let ms = if let Ok(ms) = text.parse::<i64>() {
        ms
    } else if let Some(day) = text.parse::<Date>().ok().filter(|day| day.to_string() == text) {
        midnight(zone, if ends { day.tomorrow().map_err(far)? } else { day })?
    } else if let Ok(moment) = text.parse::<Timestamp>() {
        moment.as_millisecond()
    } else {
        let local = text.parse::<DateTime>().map_err(far)?;
        local.to_zoned(zone.clone()).map_err(far)?.timestamp().as_millisecond()
    };
    if (EPOCH_MS..EPOCH_MS * 3).contains(&ms) { Ok(ms) } else { Err(wrong()) }
}

/// Refuses a time that ends before it begins; of one without an end, which ends now, it is the beginning that is wrong.
fn in_order(from_ms: i64, to_ms: Option<i64>, now_ms: i64) -> Result<(), ApiError> {
    match to_ms {
        Some(to_ms) if to_ms < from_ms => Err(bad("to", "must not be before from")),
        None if from_ms > now_ms => Err(bad("from", "must not be in the future")),
        _ => Ok(()),
    }
}

/// The time that rows are listed of, to the millisecond; open where nothing is said.
pub(super) fn bounds(asked: &Asked, now_ms: i64) -> Result<(Option<i64>, Option<i64>), ApiError> {
    if asked.range.is_some() {
        let when = When::read(asked, now_ms)?;
        return Ok((Some(when.from_ms), Some(when.to_ms)));
    }
    let (zone, _) = zone(asked.zone.as_deref())?;
    let of =
        |text: Option<&str>, field, ends| said(text).map(|text| moment(text, field, &zone, ends)).transpose();
    let (from_ms, to_ms) = (of(asked.from.as_deref(), "from", false)?, of(asked.to.as_deref(), "to", true)?);
    in_order(from_ms.unwrap_or(EPOCH_MS), to_ms, now_ms)?;
    Ok((from_ms, to_ms))
}

impl When {
    /// Reads what is asked; the last 24 hours if nothing is said.
    pub(super) fn read(asked: &Asked, now_ms: i64) -> Result<Self, ApiError> {
        let (zone, zone_name) = zone(asked.zone.as_deref())?;
        let (from, to) = (said(asked.from.as_deref()), said(asked.to.as_deref()));
        Check::new()
            .rule(
                asked.range.is_none() || (from.is_none() && to.is_none()),
                "/range",
                "must not stand beside from and to",
            )
            .rule(to.is_none() || from.is_some(), "/from", "must be said where to is")
            .done()?;
        let range = if from.is_some() { None } else { Some(asked.range.unwrap_or_default()) };
        let today = at(&zone, now_ms)?.date();
        let days_ago = |days: i64| today.checked_sub(days.days()).map_err(|_far| ApiError::internal());
        let from_ms = match (range, from) {
            (_, Some(text)) => moment(text, "from", &zone, false)?,
            (None | Some(UsageRange::Day), None) => now_ms - DAY_MS,
            (Some(UsageRange::Today), None) => midnight(&zone, today)?,
            (Some(UsageRange::Week), None) => midnight(&zone, days_ago(6)?)?,
            (Some(UsageRange::Thirty), None) => midnight(&zone, days_ago(29)?)?,
            (Some(UsageRange::Month), None) => midnight(&zone, today.first_of_month())?,
        };
        let to_ms = to.map(|text| moment(text, "to", &zone, true)).transpose()?;
        in_order(from_ms, to_ms, now_ms)?;
        let to_ms = to_ms.unwrap_or(now_ms);
        let (from_ms, to_ms) = (Grid::at(now_ms).before(from_ms), Grid::at(now_ms).after(to_ms));
        Check::new()
            .rule(to_ms - from_ms <= (MOST_DAYS + 1) * DAY_MS, "/from", "must lie at most 400 days before to")
            .done()?;
        let before = earlier(&zone, range, from_ms, to_ms)?;
        let before = (Grid::at(now_ms).before(before.0), Grid::at(now_ms).before(before.1));
        Ok(Self { from_ms, to_ms, before, zone, zone_name })
    }

    /// The cuts of a trend.
    pub(super) fn pieces(&self, by: Option<UsageStep>, now_ms: i64) -> Result<Vec<Piece>, ApiError> {
        let days = (self.to_ms - self.from_ms) / DAY_MS;
        let by = by.unwrap_or_else(|| step(self));
        let allowed = by != UsageStep::Hour || days <= 41;
        Check::new().rule(allowed, "/by", "must be day or month for more than 41 days").done()?;
        let grid = Grid::at(now_ms);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut start = self.from_ms;
        while start < self.to_ms && pieces.len() < MOST_PIECES {
            let (label, next) = piece(&self.zone, by, start)?;
            let next = grid.before(next).max(start + super::spans::QUARTER_MS).min(self.to_ms);
            pieces.push((start, next, label));
            start = next;
        }
        Ok(pieces)
    }
}

/// The pieces that suit a time.
pub(super) fn step(when: &When) -> UsageStep {
    match (when.to_ms - when.from_ms) / DAY_MS {
        ..=3 => UsageStep::Hour,
        4..=100 => UsageStep::Day,
        _ => UsageStep::Month,
    }
}

/// The name of the piece a moment lies in, and where the next one begins.
fn piece(zone: &TimeZone, by: UsageStep, ms: i64) -> Result<(String, i64), ApiError> {
    let here = at(zone, ms)?;
    let far = |_far| ApiError::internal();
    let (label, next) = match by {
        UsageStep::Hour => {
            let shift = i64::from(here.offset().seconds()) * 1_000;
            let next = floor(ms + shift, 3_600_000) - shift + 3_600_000;
            // Where clocks are set within the hour, hours begin where they do afterwards.
            let after = i64::from(at(zone, next)?.offset().seconds()) * 1_000;
            let begins = floor(next + after, 3_600_000) - after;
            (here.strftime("%Y-%m-%d %H:00").to_string(), if begins > ms { begins } else { next })
        }
        UsageStep::Day => {
            let next = midnight(zone, here.date().tomorrow().map_err(far)?)?;
            (here.strftime("%Y-%m-%d").to_string(), next)
        }
        UsageStep::Month => {
            let next = here.date().first_of_month().checked_add(1.month()).map_err(far)?;
            (here.strftime("%Y-%m").to_string(), midnight(zone, next)?)
        }
    };
    Ok((label, next))
}

/// The same hours of the days, or days of the month, before.
fn earlier(
    zone: &TimeZone,
    range: Option<UsageRange>,
    from_ms: i64,
    to_ms: i64,
) -> Result<(i64, i64), ApiError> {
    let length = to_ms - from_ms;
    if range == Some(UsageRange::Day) {
        return Ok((from_ms - length, from_ms));
    }
    let back = if range == Some(UsageRange::Month) {
        1.month()
    } else {
        // A day of 25 hours is one day.
        ((length + DAY_MS / 2) / DAY_MS).max(1).days()
    };
    let back = match range {
        Some(UsageRange::Today) => 1.day(),
        Some(UsageRange::Week) => 7.days(),
        Some(UsageRange::Thirty) => 30.days(),
        _ => back,
    };
    let shifted = |ms: i64| -> Result<i64, ApiError> {
        let there = at(zone, ms)?.checked_sub(back).map_err(|_far| ApiError::internal())?;
        Ok(there.timestamp().as_millisecond())
    };
    let (from, to) = (shifted(from_ms)?, shifted(to_ms)?);
    Ok((from, to.min(from_ms).max(from)))
}

#[cfg(test)]
mod tests;

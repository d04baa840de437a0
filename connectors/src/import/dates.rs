//! Forms of dates and times in text files.

use std::collections::HashMap;

use betaflow_engine::time::DAY_NS;

use crate::iso_time::parse_time;

/// Maximum number of texts whose times are kept.
const KNOWN_MAX: usize = 1 << 16;

/// Order of day and month in dates such as 03/04/2020.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    /// Day, month, year.
    DayFirst,
    /// Month, day, year.
    MonthFirst,
}

/// Form of the dates of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DateForm {
    /// `2024-01-31`.
    Iso,
    /// `20240131`.
    Compact,
    /// `2024/01/31`, with this separator.
    YearFirst(char),
    /// `31/01/2024` or `01/31/2024`, with this separator.
    YearLast(char, DateOrder),
}

/// Form of one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guess {
    /// Date of a form.
    Form(DateForm),
    /// Date with the year last, whose order the other rows decide.
    YearLast(char),
    /// Number that counts in this unit, by its digits: name, and code in pandas.
    Count(&'static str, &'static str),
    /// No date.
    Other,
}

impl DateForm {
    /// Returns the form as users write it.
    pub(super) fn text(self) -> String {
        match self {
            Self::Iso => "YYYY-MM-DD".to_owned(),
            Self::Compact => "YYYYMMDD".to_owned(),
            Self::YearFirst(mark) => format!("YYYY{mark}MM{mark}DD"),
            Self::YearLast(mark, DateOrder::DayFirst) => format!("DD{mark}MM{mark}YYYY"),
            Self::YearLast(mark, DateOrder::MonthFirst) => format!("MM{mark}DD{mark}YYYY"),
        }
    }

    /// Returns the time in ns since 1970, and whether the text has no time of day.
    fn parse(self, text: &str) -> Option<(i64, bool)> {
        let (date, rest) = split(text);
        let iso = match self {
            Self::Iso => date.to_owned(),
            Self::Compact => {
                let is_compact = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
                is_compact.then(|| [&date[..4], &date[4..6], &date[6..]].join("-"))?
            }
            Self::YearFirst(mark) => {
                let [year, month, day] = parts(date, mark)?;
                iso(year, month, day)?
            }
            Self::YearLast(mark, DateOrder::DayFirst) => {
                let [day, month, year] = parts(date, mark)?;
                iso(year, month, day)?
            }
            Self::YearLast(mark, DateOrder::MonthFirst) => {
                let [month, day, year] = parts(date, mark)?;
                iso(year, month, day)?
            }
        };
        let time =
            if rest.is_empty() { parse_time(&iso) } else { parse_time(&format!("{iso}{}", clock(rest))) };
        Some((time?, rest.is_empty()))
    }
}

/// Separates the date from the time of day, which begins with `T` or a space.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.find(['T', 't', ' ']).map_or((text, ""), |at| text.split_at(at))
}

/// Adds what a time of day such as ` 9:30` lacks: the zero of its hour, and seconds.
fn clock(rest: &str) -> String {
    let (mark, time) = rest.split_at(1);
    let time = time.trim_start();
    let hour = time.find(|c: char| !c.is_ascii_digit()).unwrap_or(time.len());
    let zero = if hour == 1 { "0" } else { "" };
    let is_colon = |at: usize| time.as_bytes().get(at) == Some(&b':');
    let digits =
        |at: usize| time.as_bytes().get(at..at + 2).is_some_and(|two| two.iter().all(u8::is_ascii_digit));
    match is_colon(hour) && digits(hour + 1) && !is_colon(hour + 3) {
        true => format!("{mark}{zero}{}:00{}", &time[..hour + 3], &time[hour + 3..]),
        false => format!("{mark}{zero}{time}"),
    }
}

fn parts(date: &str, mark: char) -> Option<[&str; 3]> {
    let mut parts = date.split(mark);
    let three = [parts.next()?, parts.next()?, parts.next()?];
    let are_digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (parts.next().is_none() && three.iter().all(are_digits)).then_some(three)
}

fn iso(year: &str, month: &str, day: &str) -> Option<String> {
    (year.len() == 4 && month.len() <= 2 && day.len() <= 2).then(|| format!("{year}-{month:0>2}-{day:0>2}"))
}

/// Returns the form of a text.
pub(super) fn guess(text: &str) -> Guess {
    let (date, _) = split(text);
    if !date.is_empty() && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        let whole = date.split('.').next().unwrap_or_default().len();
        match (whole, date.contains('.')) {
            (8, false) => {
                let form = DateForm::Compact;
                return if form.parse(text).is_some() { Guess::Form(form) } else { Guess::Other };
            }
            (5, _) => return Guess::Count("days since 1970", "D"),
            (9 | 10, _) => return Guess::Count("seconds since 1970", "s"),
            (12 | 13, _) => return Guess::Count("milliseconds since 1970", "ms"),
            (15 | 16, _) => return Guess::Count("microseconds since 1970", "us"),
            (18 | 19, _) => return Guess::Count("nanoseconds since 1970", "ns"),
            _ => {}
        }
    }
    if DateForm::Iso.parse(text).is_some() {
        return Guess::Form(DateForm::Iso);
    }
    for mark in ['/', '-', '.'] {
        let Some([first, _, last]) = parts(date, mark) else { continue };
        let form = DateForm::YearFirst(mark);
        if first.len() == 4 && form.parse(text).is_some() {
            return Guess::Form(form);
        }
        let [day, month] =
            [DateOrder::DayFirst, DateOrder::MonthFirst].map(|order| DateForm::YearLast(mark, order));
        // A point separates the day from the month in all countries that use it.
        if mark == '.' {
            return if day.parse(text).is_some() { Guess::Form(day) } else { Guess::Other };
        }
        if last.len() == 4 && (day.parse(text).is_some() || month.parse(text).is_some()) {
            return Guess::YearLast(mark);
        }
    }
    Guess::Other
}

/// Returns the order of day and month that a date decides; `None` if both are possible.
pub(super) fn order_of(text: &str, mark: char) -> Option<DateOrder> {
    let [first, second, _] = parts(split(text).0, mark)?;
    match (first.parse::<u32>().ok()?, second.parse::<u32>().ok()?) {
        (13.., ..=12) => Some(DateOrder::DayFirst),
        (..=12, 13..) => Some(DateOrder::MonthFirst),
        _ => None,
    }
}

/// Reader of the times of a file.
#[derive(Debug)]
pub(super) struct DateReader {
    pub(super) form: DateForm,
    /// Latest text and its time; rows of one time often follow one another.
    last: (String, (i64, bool)),
    known: HashMap<Box<str>, (i64, bool)>,
    /// True if a text so far had a time of day.
    pub(super) has_clock: bool,
}

impl DateReader {
    pub(super) fn new(form: DateForm) -> Self {
        Self { form, last: (String::new(), (0, true)), known: HashMap::new(), has_clock: false }
    }

    /// Returns the time of a text, and whether it has no time of day.
    pub(super) fn read(&mut self, text: &str) -> Option<(i64, bool)> {
        if !self.last.0.is_empty() && self.last.0 == text {
            return Some(self.last.1);
        }
        let time = match self.known.get(text) {
            Some(time) => *time,
            None => {
                let time = self.form.parse(text)?;
                if self.known.len() == KNOWN_MAX {
                    self.known.clear();
                }
                self.known.insert(text.into(), time);
                time
            }
        };
        // A time zone moves a date without a time of day: only whole days are dates.
        let time = (time.0, time.1 && time.0 % DAY_NS == 0);
        self.has_clock |= !time.1;
        self.last.0.clear();
        self.last.0.push_str(text);
        self.last.1 = time;
        Some(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_dates_are_recognised() {
        let day = DAY_NS * 19_753;
        let cases = [
            ("2024-01-31", Guess::Form(DateForm::Iso)),
            ("20240131", Guess::Form(DateForm::Compact)),
            ("2024/01/31", Guess::Form(DateForm::YearFirst('/'))),
            ("2024/1/31", Guess::Form(DateForm::YearFirst('/'))),
            ("31.01.2024", Guess::Form(DateForm::YearLast('.', DateOrder::DayFirst))),
            ("31/01/2024", Guess::YearLast('/')),
            ("1/31/2024", Guess::YearLast('/')),
            ("31-01-2024", Guess::YearLast('-')),
            ("1706659200", Guess::Count("seconds since 1970", "s")),
            ("1706659200.5", Guess::Count("seconds since 1970", "s")),
            ("1706659200000", Guess::Count("milliseconds since 1970", "ms")),
            ("20241331", Guess::Other),
            ("31/31/2024", Guess::Other),
            ("Jan 2024", Guess::Other),
            ("10.5", Guess::Other),
            ("", Guess::Other),
        ];
        for (text, expected) in cases {
            assert_eq!(guess(text), expected, "{text}");
            if let Guess::Form(form) = expected {
                assert_eq!(form.parse(text), Some((day, true)), "{text}");
            }
        }
        let clocks = [
            ("2024-01-31 09:30", 34_200),
            ("2024-01-31 9:30", 34_200),
            ("2024-01-31T09:30:00Z", 34_200),
            ("2024-01-31T09:30:00.000-05:00", 52_200),
            ("2024-01-31 09:30-05:00", 52_200),
        ];
        for (text, seconds) in clocks {
            let expected = Some((day + seconds * 1_000_000_000, false));
            assert_eq!(DateForm::Iso.parse(text), expected, "{text}");
        }
        let month_first = DateForm::YearLast('/', DateOrder::MonthFirst);
        assert_eq!(month_first.parse("1/31/2024 16:00"), Some((day + 57_600_000_000_000, false)));
        assert_eq!(order_of("31/01/2024", '/'), Some(DateOrder::DayFirst));
        assert_eq!(order_of("01/31/2024", '/'), Some(DateOrder::MonthFirst));
        assert_eq!(order_of("01/02/2024", '/'), None);
    }
}

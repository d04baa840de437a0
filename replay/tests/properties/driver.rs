//! Cases from seeds, smaller failing cases, and the command that repeats a failure.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::market::{Feature, Shape};
use crate::settings::{Settings, random_settings};
use crate::support::Random;

/// A market and settings, all from one seed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) shape: Shape,
    pub(crate) settings: Settings,
}

impl Case {
    fn random(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5eed);
        let shape = Shape::random(&mut random);
        let settings = random_settings(&mut random, &shape);
        Self { seed, shape, settings }
    }

    /// Random numbers of a property, the same for every smaller case.
    pub(crate) fn random_numbers(&self) -> Random {
        Random(self.seed ^ 0xfeed_face)
    }

    /// The case without some features of its market, and the settings that they bring.
    pub(crate) fn without(mut self, features: &[Feature]) -> Self {
        self.shape = self.shape.without(features);
        self.settings.follow(&self.shape);
        self
    }

    /// The case with features that its property needs.
    pub(crate) fn with(mut self, features: &[Feature]) -> Self {
        for feature in features {
            if !self.shape.has(*feature) {
                self.shape.features.push(*feature);
            }
        }
        self.settings.follow(&self.shape);
        self
    }

    /// Returns the case with settings in place of its own ones.
    pub(crate) fn set(mut self, settings: &[(&str, toml::Value)]) -> Self {
        for (name, value) in settings {
            self.settings.set(name, value.clone());
        }
        self
    }

    /// Smaller cases, the smallest first.
    fn smaller(&self) -> Vec<Self> {
        let mut all: Vec<Self> = self
            .shape
            .smaller()
            .into_iter()
            .map(|shape| {
                let mut case = Self { shape, ..self.clone() };
                case.settings.follow(&case.shape);
                case
            })
            .collect();
        all.extend(self.settings.smaller().into_iter().map(|settings| Self { settings, ..self.clone() }));
        all
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { seed, instruments, days, factors, features } = &self.shape;
        writeln!(
            f,
            "market {seed}: {instruments} instruments, {days} days, {factors} factors, {features:?}"
        )?;
        write!(f, "settings: {}", self.settings)
    }
}

/// Result of a property: true if it was checked, false if the case does not concern it; or the difference.
pub(crate) type Checked = Result<bool, String>;

/// Start of the error of a property that panics.
const PANIC: &str = "panic: ";

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}: found {text:?}, expected a whole number")))
}

/// Checks a property on `cases` seeds, or on as many as the environment asks for.
///
/// `PROPERTIES_CASES` is the number of cases, `PROPERTIES_FIRST` the first seed, and `PROPERTIES_SECONDS` a time that
/// replaces the number.
pub(crate) fn check(name: &str, cases: u64, property: impl Fn(&Case) -> Checked) {
    check_some(name, cases, 0.5, property);
}

/// [`check`] of a property that concerns at least the share `least` of all cases.
pub(crate) fn check_some(name: &str, cases: u64, least: f64, property: impl Fn(&Case) -> Checked) {
    let (first, seconds) = (number("PROPERTIES_FIRST").unwrap_or(0), number("PROPERTIES_SECONDS"));
    let cases = number("PROPERTIES_CASES").unwrap_or(cases);
    let started = Instant::now();
    let caught = |case: &Case| {
        catch_unwind(AssertUnwindSafe(|| property(case))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            Err(format!(
                "{PANIC}{}",
                text.unwrap_or_else(|| (*panic.downcast_ref::<&str>().unwrap_or(&"")).into())
            ))
        })
    };
    let (mut checked, mut seed) = (0, first);
    loop {
        let goes_on = match seconds {
            Some(seconds) => started.elapsed() < Duration::from_secs(seconds),
            None => seed < first + cases,
        };
        if !goes_on {
            break;
        }
        let case = Case::random(seed);
        match caught(&case) {
            Ok(concerns) => checked += u64::from(concerns),
            Err(error) => {
                let (case, error) = shrink(case, error, &caught);
                panic!(
                    "{name} does not hold after {:.1} s: {error}\nsmallest case:\n{case}\nrepeat with: PROPERTIES_FIRST={seed} \
                     PROPERTIES_CASES=1 cargo test --workspace --test properties -- {name}",
                    started.elapsed().as_secs_f64()
                );
            }
        }
        seed += 1;
    }
    let all = seed - first;
    println!("{name}: {checked} of {all} cases checked, {:.1} s", started.elapsed().as_secs_f64());
    let enough = all < 8 || checked as f64 >= least * all as f64;
    assert!(enough, "{name}: only {checked} of {all} cases concern the property");
}

/// Replaces a failing case by smaller ones that fail, for at most half a minute. A panic does not replace another error:
/// it would hide the first one.
fn shrink(mut case: Case, mut error: String, property: &impl Fn(&Case) -> Checked) -> (Case, String) {
    let started = Instant::now();
    'smaller: loop {
        for smaller in case.smaller() {
            if started.elapsed() > Duration::from_secs(30) {
                break 'smaller;
            }
            if let Err(found) = property(&smaller)
                && (error.starts_with(PANIC) || !found.starts_with(PANIC))
            {
                (case, error) = (smaller, found);
                continue 'smaller;
            }
        }
        break;
    }
    (case, error)
}

/// First seed that the environment asks for.
pub(crate) fn first_seed() -> u64 {
    number("PROPERTIES_FIRST").unwrap_or(0)
}

/// Number of cases that the environment asks for, or `usual`.
pub(crate) fn case_count(usual: u64) -> u64 {
    let many = number("PROPERTIES_SECONDS").map(|_| 1_000_000);
    many.or(number("PROPERTIES_CASES")).unwrap_or(usual)
}

/// Checks each item of a list once, in a market and settings that `case` draws for it; all failures are reported.
///
/// With `PROPERTIES_SECONDS` the list is checked again, with other markets, until the time is over.
pub(crate) fn check_settings<T>(
    name: &str,
    items: &[T],
    case: impl Fn(&T, &mut Random) -> Case,
    property: impl Fn(&Case, &T) -> Checked,
) {
    let (started, seconds) = (Instant::now(), number("PROPERTIES_SECONDS"));
    let (mut failures, mut checked, mut all) = (Vec::new(), 0, 0);
    let mut round = first_seed();
    'rounds: loop {
        for (at, item) in items.iter().enumerate() {
            if seconds.is_some_and(|seconds| started.elapsed() > Duration::from_secs(seconds))
                || failures.len() >= 40
            {
                break 'rounds;
            }
            let mut case = case(item, &mut Random((round << 20) ^ at as u64));
            case.seed = round;
            let caught = |case: &Case| {
                catch_unwind(AssertUnwindSafe(|| property(case, item)))
                    .unwrap_or_else(|panic| Err(format!("{PANIC}{:?}", panic.downcast_ref::<String>())))
            };
            all += 1;
            match caught(&case) {
                Ok(concerns) => checked += u64::from(concerns),
                Err(error) => {
                    // The first failures are made smaller; each takes up to half a minute.
                    let (case, error) =
                        if failures.len() < 3 { shrink(case, error, &caught) } else { (case, error) };
                    failures.push(format!("{error}\n{case}"));
                }
            }
        }
        round += 1;
        if seconds.is_none() {
            break;
        }
    }
    println!("{name}: {checked} of {all} cases checked, {:.1} s", started.elapsed().as_secs_f64());
    assert!(
        failures.is_empty(),
        "{name}: {} of {all} cases fail; repeat with: PROPERTIES_FIRST={} cargo test --workspace --test properties -- {name}\n{}",
        failures.len(),
        first_seed(),
        failures.join("\n\n")
    );
}

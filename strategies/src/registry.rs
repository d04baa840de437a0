//! Strategies by name, with their own settings.

use betaflow_engine::settings::Invalid;
use betaflow_engine::strategy::{Strategy, TargetKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{EqualWeight, FactorMomentum, Flat, MaxSharpe, MinVariance, QuarterKelly};

/// Why a strategy cannot be made from its settings.
#[derive(Debug, thiserror::Error)]
pub enum StrategyError {
    /// A number out of its range.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A value of the wrong type.
    #[error(transparent)]
    Type(#[from] toml::de::Error),
    /// Settings that cannot be written down.
    #[error(transparent)]
    Write(#[from] toml::ser::Error),
}

/// A strategy with its settings: the settings are the fields, state is made from them.
pub trait Shipped: Strategy + Serialize + DeserializeOwned + Default + 'static {
    /// The value of `strategy.kind`.
    const KIND: &'static str;
    /// One sentence for the user.
    const ABOUT: &'static str;
    /// What it targets where it targets anything.
    const TARGETS: TargetKind;

    /// Checks the range of every number.
    ///
    /// # Errors
    /// The first number that is out of its range.
    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

/// Implements `name`, `save` and `load` of a shipped strategy from the fields of its state. A state is loaded only under
/// equal settings: those of the whole strategy, or of the field after `under`.
macro_rules! shipped_state {
    (@under $strategy:ident) => { $strategy };
    (@under $strategy:ident $settings:ident) => { &$strategy.$settings };
    ($($field:ident),* $(; under $settings:ident)?) => {
        fn name(&self) -> &'static str {
            <Self as $crate::Shipped>::KIND
        }

        fn save(&self) -> Result<Vec<u8>, betaflow_engine::state::StateError> {
            let strategy = self;
            let settings = $crate::registry::shipped_state!(@under strategy $($settings)?);
            betaflow_engine::state::save_under(strategy.name(), settings, &($(&strategy.$field),*))
        }

        fn load(&mut self, state: &[u8]) -> Result<(), betaflow_engine::state::StateError> {
            let strategy = &*self;
            let settings = $crate::registry::shipped_state!(@under strategy $($settings)?);
            ($(self.$field),*) = betaflow_engine::state::restore_under(strategy.name(), settings, state)?;
            Ok(())
        }
    };
}
pub(crate) use shipped_state;

/// Own settings in; all of them with defaults, and the strategy, out.
type Resolve = fn(toml::Table) -> Result<(toml::Table, Box<dyn Strategy>), StrategyError>;

/// A strategy that can be chosen.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The value of `strategy.kind`.
    pub kind: &'static str,
    /// One sentence for the user.
    pub about: &'static str,
    /// What it targets where it targets anything.
    pub targets: TargetKind,
    resolve: Resolve,
}

impl Entry {
    const fn of<S: Shipped>() -> Self {
        Self { kind: S::KIND, about: S::ABOUT, targets: S::TARGETS, resolve: resolve::<S> }
    }

    /// Makes the strategy from its own settings, and returns those with all defaults filled in.
    ///
    /// # Errors
    /// A value of the wrong type or out of its range.
    pub fn build(&self, own: toml::Table) -> Result<(toml::Table, Box<dyn Strategy>), StrategyError> {
        (self.resolve)(own)
    }

    /// Names of its own settings.
    ///
    /// # Errors
    /// Its defaults cannot be written down.
    pub fn keys(&self) -> Result<Vec<String>, StrategyError> {
        let (settings, _) = self.build(toml::Table::new())?;
        Ok(settings.keys().cloned().collect())
    }
}

fn resolve<S: Shipped>(own: toml::Table) -> Result<(toml::Table, Box<dyn Strategy>), StrategyError> {
    let strategy: S = own.try_into()?;
    strategy.check()?;
    Ok((toml::Table::try_from(&strategy)?, Box::new(strategy)))
}

/// All strategies, the default first.
#[must_use]
pub fn entries() -> &'static [Entry] {
    const ENTRIES: &[Entry] = &[
        Entry::of::<QuarterKelly>(),
        Entry::of::<MaxSharpe>(),
        Entry::of::<MinVariance>(),
        Entry::of::<FactorMomentum>(),
        Entry::of::<EqualWeight>(),
        Entry::of::<Flat>(),
    ];
    ENTRIES
}

/// The strategy of that name.
#[must_use]
pub fn find(kind: &str) -> Option<&'static Entry> {
    entries().iter().find(|entry| entry.kind == kind)
}

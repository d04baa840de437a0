//! From a source to its world.

use super::gap::Gap;
use super::recorded::Recorded;
use super::reversed::Reversed;
use super::settings::WorldSettings;
use crate::settings::Calendar;
use crate::source::{Source, SourceError};

/// The parts of a world that need no more than the frame at hand, around a source: its factor reversed, then its gap.
///
/// # Errors
/// The factor does not exist.
pub fn apply(
    source: Box<dyn Source>,
    world: &WorldSettings,
    calendar: &Calendar,
) -> Result<Box<dyn Source>, SourceError> {
    let mut source = source;
    if let Some(factor) = &world.reverse_factor {
        source = Box::new(Reversed::new(source, factor, world.reverse_from, calendar)?);
    }
    if let Some(from) = world.gap_from.filter(|_| world.gap_frames > 0) {
        source = Box::new(Gap::new(source, from, world.gap_frames));
    }
    Ok(source)
}

/// The whole world around a source, which is read to its end first where [`WorldSettings::needs_memory`] says so.
/// Whoever needs many paths reads it once into a [`Recorded`], and puts [`apply`] around each of them.
///
/// # Errors
/// As [`apply`], [`Recorded::read`] and [`Recorded::path`].
pub fn enter(
    mut source: Box<dyn Source>,
    world: &WorldSettings,
    calendar: &Calendar,
    bytes_max: u64,
) -> Result<Box<dyn Source>, SourceError> {
    if world.needs_memory() {
        source = Box::new(Recorded::read(&mut *source, bytes_max)?.path(world)?);
    }
    apply(source, world, calendar)
}

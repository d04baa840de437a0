//! Stress on a source frame by frame.

use super::gap::Gap;
use super::reversed::Reversed;
use super::settings::WorldSettings;
use crate::settings::Calendar;
use crate::source::{Source, SourceError};

/// Applies the stress that needs only the current frame: the reversed factor, then the gap.
///
/// With settings that [need memory](WorldSettings::needs_memory), `source` must be a [`Path`](super::Path).
///
/// # Errors
/// Fails if the factor does not exist.
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

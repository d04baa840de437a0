//! Files of the user that a live source has taken, and the sections that its frames get from them.

use std::collections::BTreeMap;

use betaflow_engine::frame::Frame;
use betaflow_engine::source::GivenFacts;
use betaflow_engine::time::{Iso, TimestampNs};
use serde::{Deserialize, Serialize};

use super::protocol::shown;
use super::user_file::UserFile;
use crate::parquet::{GivenError, RowSink as _};
use crate::sections::{Sections, SectionsState};

/// Files taken so far, and their rows.
#[derive(Default)]
pub(super) struct UserFiles {
    sections: Vec<Sections>,
    taken: Versions,
}

/// Versions of files on record.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Versions {
    /// Digest and number of parts taken of the last version of each file, by content and name.
    latest: BTreeMap<(String, String), (String, u32)>,
    /// Name of the last file by content.
    last_file: BTreeMap<String, String>,
    /// Earliest time from which a row of the file in progress is known.
    known_from: Option<i64>,
    /// True if the file in progress revises an earlier version.
    revises: bool,
    /// Date of the preceding frame, in days since 1970.
    date: Option<i64>,
}

/// State between frames.
pub(super) type UserFilesState = (Vec<SectionsState>, Versions);

impl UserFiles {
    /// Sections of each content that the run reads.
    pub(super) fn new(sections: Vec<Sections>) -> Self {
        Self { sections, taken: Versions::default() }
    }

    /// State for a checkpoint.
    pub(super) fn state(&self) -> UserFilesState {
        let sections = self.sections.iter().map(|sections| sections.state().clone());
        (sections.collect(), self.taken.clone())
    }

    /// Resumes from a checkpoint; returns false if it is of other contents.
    #[must_use]
    pub(super) fn resume(&mut self, (states, taken): UserFilesState) -> bool {
        let same = states.len() == self.sections.len();
        self.sections.iter_mut().zip(states).for_each(|(sections, state)| sections.resume(state));
        self.taken = taken;
        same
    }

    /// Takes a file that is not on record yet; returns its body for the record. Returns `None` if this version of it
    /// is on record. `last`: time of the preceding bars.
    pub(super) fn take_new(&mut self, mut file: UserFile, last: Option<TimestampNs>) -> Option<String> {
        if self.has(&file) {
            return None;
        }
        let revises = self.take(&file);
        if file.is_last() {
            file.text = self.sentence(&file, revises, last);
        }
        Some(file.body())
    }

    /// Takes a recorded control if it is a file.
    ///
    /// # Errors
    /// Its body is damaged.
    pub(super) fn take_recorded(&mut self, kind: &str, body: &str) -> Result<(), String> {
        if let Some(file) = UserFile::of_control(kind, body) {
            self.take(&file?);
        }
        Ok(())
    }

    /// Returns whether this part of this version of the file was taken.
    fn has(&self, file: &UserFile) -> bool {
        let version = self.taken.latest.get(&(file.content.clone(), file.file.clone()));
        version.is_some_and(|(digest, parts)| *digest == file.digest && file.part < *parts)
    }

    /// Takes the rows of a file; returns whether they revise those of an earlier version. Rows of a content that the
    /// run does not read are ignored.
    fn take(&mut self, file: &UserFile) -> bool {
        let Self { sections, taken } = self;
        let (content, name) = (&file.content, &file.file);
        let version = (file.digest.clone(), file.part + 1);
        let before = taken.latest.insert((content.clone(), name.clone()), version);
        if file.part == 0 {
            (taken.known_from, taken.revises) = (None, before.is_some_and(|before| before.0 != file.digest));
        }
        taken.last_file.insert(content.clone(), name.clone());
        let own = sections.iter_mut().find(|own| is_of(own, file));
        let Some(own) = own else { return taken.revises };
        file.each(|row, values| {
            let id = own.id(row.symbol);
            let known = own.revise(id, &row.times, values);
            taken.known_from = Some(taken.known_from.map_or(known, |from| from.min(known)));
        });
        taken.revises
    }

    /// Sentence about a file that was just taken. `last`: time of the preceding bars.
    fn sentence(&self, file: &UserFile, revises: bool, last: Option<TimestampNs>) -> String {
        let (content, name) = (&file.content, shown(&file.file));
        let Some((first, end)) = file.span else {
            return format!("no {content} in {name} before the end of the readable data");
        };
        let time = |time: i64| Iso(TimestampNs(time));
        let dates = match first == end {
            true => time(end).to_string(),
            false => format!("{} to {}", time(first), time(end)),
        };
        let own = self.sections.iter().find(|own| is_of(own, file));
        let used = match (own.and_then(|own| own.queue().in_force()), last, self.taken.known_from) {
            (Some(of), ..) if of.0 > end => format!("not used, because those for {} are in force", Iso(of)),
            (_, Some(last), Some(from)) if from > last.0 => format!("used from {} on", time(from)),
            (_, Some(_), _) => "used from the next bar on".to_owned(),
            _ => "used from the first bar on".to_owned(),
        };
        let revises = if revises { ", which revise an earlier version" } else { "" };
        let rows = if file.file_rows == 1 { "row" } else { "rows" };
        format!("{content} for {dates} from {name}: {} {rows}{revises}, {used}", file.file_rows)
    }

    /// Writes the sections that become known on a frame.
    pub(super) fn attach(&mut self, frame: &mut Frame) -> Result<(), GivenError> {
        frame.given.clear();
        let date = frame.date();
        let same_date = self.taken.date.replace(date) == Some(date);
        for own in &mut self.sections {
            let file = self.taken.last_file.get(own.kind().name());
            own.attach(file.map_or("", String::as_str), same_date, frame)?;
        }
        Ok(())
    }

    /// Counts of the rows of each content.
    pub(super) fn facts(&self) -> Vec<GivenFacts> {
        let facts = |own: &Sections| {
            let file = self.taken.last_file.get(own.kind().name());
            own.facts(file.map_or("", String::as_str))
        };
        self.sections.iter().map(facts).collect()
    }
}

/// Returns whether a file belongs to these sections.
fn is_of(own: &Sections, file: &UserFile) -> bool {
    own.kind().name() == file.content && own.kind().columns() == file.columns()
}

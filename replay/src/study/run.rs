//! Execution of a study: all its passes.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};

use super::budget::StudySize;
use super::pass::pass;
use super::progress::{Meter, StudyLine};
use super::sharing::Sharing;
use super::unfinished::{Key, UnfinishedStudy};
use super::{Study, StudyArgs, StudyResults};
use crate::host::Host;
use crate::run::data::DataCache;

/// Output folder of a study, and the treatment of an unfinished one.
pub(crate) struct Plan<'a> {
    /// Run folder of the study.
    pub(crate) out: &'a Path,
    /// True to resume an unfinished study.
    pub(crate) resume: bool,
    /// True to allow the removal of an unfinished study.
    pub(crate) force: bool,
    /// Partial output folder, which an interruption removes.
    pub(crate) aside: &'a Path,
    /// Threads; unset: one for each processor.
    pub(crate) threads: Option<NonZeroUsize>,
}

impl<'a> Plan<'a> {
    /// Plan by the arguments of a command.
    pub(crate) fn of(args: &StudyArgs, out: &'a Path, aside: &'a Path) -> Self {
        Self { out, resume: args.resume, force: args.run.force, aside, threads: args.threads }
    }
}

/// Runs every scenario that has no stored result. Results of passes stay in [`UnfinishedStudy`] until the caller
/// removes it.
///
/// # Errors
/// The data is invalid, or the file system refuses a write.
pub(crate) fn run(study: &Study, plan: &Plan) -> Result<(StudyResults, UnfinishedStudy)> {
    let all: Vec<usize> = (0..study.configs.len()).collect();
    run_part(study, (&Sharing::of(&study.configs)?, &all), &study.key(None)?, plan)
}

/// Runs the scenarios of a shard that have no stored result.
///
/// # Errors
/// The data is invalid, or the file system refuses a write.
pub(super) fn run_part(
    study: &Study,
    (sharing, part): (&Sharing, &[usize]),
    key: &Key,
    plan: &Plan,
) -> Result<(StudyResults, UnfinishedStudy)> {
    let (configs, count) = (&study.configs, part.len());
    let unfinished = UnfinishedStudy::open(plan.out, key, plan.resume, plan.force)?;
    let mut remains = vec![false; configs.len()];
    part.iter().for_each(|scenario| remains[*scenario] = true);
    for outcome in unfinished.read()?.outcomes {
        if let Some(remains) = remains.get_mut(outcome.row.number) {
            *remains = false;
        }
    }
    let kept = count - remains.iter().filter(|remains| **remains).count();
    if plan.resume {
        study.base.host().tell(&match kept {
            0 => "no stored results; the study starts from the beginning".to_owned(),
            kept => format!("{kept} of {count} scenarios resumed"),
        });
    }
    let cache = DataCache::default();
    let size = StudySize::of(&configs[0], &cache, study.charges.is_some())?;
    let cores = plan.threads.or(std::thread::available_parallelism().ok()).map_or(1, usize::from);
    let passes = sharing.passes(size.together(cores), &remains);
    let most = passes.iter().map(Vec::len).max().unwrap_or(0);
    // Small passes run in parallel, one thread each; a large pass uses all threads.
    let (lanes, workers) = if most < cores { (cores.min(passes.len()), 1) } else { (1, cores) };
    let keeps_returns = size.keeps_returns(configs.len());
    let bytes = size.bytes(most * lanes) + cache.bytes();
    announce(study.base.host(), count - kept, passes.len(), size, bytes, keeps_returns);
    let ended = Arc::new(AtomicUsize::new(kept));
    say_when_interrupted(study.base.host(), plan, Arc::clone(&ended), count)?;

    let meter = Arc::new(Meter::default());
    let line = StudyLine::start(study.base.host(), Arc::clone(&meter), count - kept, size.frames);
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let error = Mutex::new(None);
    let lane = || {
        while !failed.load(Ordering::Relaxed) {
            let Some(scenarios) = passes.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            let kept = pass((study, sharing), scenarios, workers, keeps_returns, &cache, &meter)
                .and_then(|passed| unfinished.keep(&passed.rows, &passed.returns, &passed.data));
            match kept {
                Ok(()) => {
                    ended.fetch_add(scenarios.len(), Ordering::Relaxed);
                }
                Err(first) => {
                    failed.store(true, Ordering::Relaxed);
                    error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(first);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        (1..lanes).for_each(|_| {
            scope.spawn(lane);
        });
        lane();
    });
    drop(line);
    if let Some(error) = error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let ended = ended.load(Ordering::Relaxed);
        return match ended {
            0 => {
                unfinished.remove();
                Err(error)
            }
            ended => Err(error.context(resume_hint(plan.out, ended, count))),
        };
    }
    let mut kept = unfinished.read().context("results of the passes")?;
    kept.outcomes.sort_by_key(|outcome| outcome.row.number);
    let results = StudyResults { outcomes: kept.outcomes, data: kept.data, passes: passes.len() };
    Ok((results, unfinished))
}

fn announce(host: &Host, scenarios: usize, passes: usize, size: StudySize, bytes: u64, keeps_returns: bool) {
    let StudySize { instruments, frames, .. } = size;
    let megabytes = bytes.div_ceil(1 << 20);
    let plural = if passes == 1 { "" } else { "es" };
    host.tell(&format!(
        "{scenarios} scenarios in {passes} pass{plural} over {instruments} instruments and {frames} frames; memory: \
         at most about {megabytes} MB"
    ));
    if !keeps_returns {
        host.tell(
            "too many returns to store: no scenario_returns.parquet, and no probability of overfitting",
        );
    }
}

fn resume_hint(out: &Path, ended: usize, scenarios: usize) -> String {
    format!(
        "{ended} of {scenarios} scenarios are stored; resume with the same command and --out {} --resume",
        out.display()
    )
}

/// Installs a handler of Ctrl-C and SIGTERM that keeps the completed passes.
fn say_when_interrupted(host: &Host, plan: &Plan, ended: Arc<AtomicUsize>, scenarios: usize) -> Result<()> {
    let (out, aside) = (plan.out.to_owned(), plan.aside.to_owned());
    host.when_interrupted(move || {
        let _ = std::fs::remove_dir_all(&aside);
        eprintln!("interrupted: {}", resume_hint(&out, ended.load(Ordering::Relaxed), scenarios));
    })
}

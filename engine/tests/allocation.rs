//! In a steady state the pipeline allocates nothing per frame.
#![allow(clippy::unwrap_used, missing_docs, unsafe_code)]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use betaflow_engine::frame::Frame;
use betaflow_engine::ledger::Frames;
use betaflow_engine::pipeline::{Placement, RunOptions, trading};
use betaflow_engine::source::{DataFacts, Source, SourceError};
use betaflow_engine::time::{DAY_NS, TimestampNs};
use support::{Busy, Market, settings};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed to the system allocator unchanged; the counter is separate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller upholds the contract of the system allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Source that moves back and forth through a few frames, so that no price jumps (the warning about a jump
/// would allocate), and records the count of allocations on the way.
struct Endless {
    names: Vec<String>,
    frames: Vec<Frame>,
    at: usize,
    end: usize,
    marks: std::sync::Arc<[AtomicU64; 2]>,
}

impl Source for Endless {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        if self.at == self.end / 2 || self.at == self.end {
            let mark = usize::from(self.at == self.end);
            self.marks[mark].store(ALLOCATIONS.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        if self.at == self.end {
            return Ok(false);
        }
        let turn = 2 * (self.frames.len() - 1);
        let place = self.at % turn;
        let next = &self.frames[place.min(turn - place)];
        frame.clear();
        frame.close.extend_from_slice(&next.close);
        frame.factors.extend_from_slice(&next.factors);
        if self.at < self.frames.len() {
            frame.listed.extend_from_slice(&next.listed);
        }
        frame.seq = self.at as u64;
        frame.timestamp = TimestampNs(self.at as i64 * DAY_NS);
        self.at += 1;
        Ok(true)
    }

    fn factor_names(&self) -> &[String] {
        &self.names
    }

    fn facts(&self) -> DataFacts {
        DataFacts::default()
    }
}

#[test]
fn steady_state_allocates_nothing_per_frame() {
    let market = Market { frames: 100, ..Market::default() };
    let cases = [Placement::Inline, Placement::Threaded].map(|placement| (placement, Frames::Rebalances));
    for (placement, betas) in cases.into_iter().chain([(Placement::Inline, Frames::Monthly)]) {
        let marks = std::sync::Arc::new([const { AtomicU64::new(0) }; 2]);
        let (names, frames) = (market.factor_names(), market.frames());
        let end = 20_000;
        let source = Endless { names, frames, at: 0, end, marks: std::sync::Arc::clone(&marks) };
        let mut settings = settings();
        settings.record.betas = betas;
        let graph = trading(Box::new(source), Box::new(Busy), &settings, Vec::new()).unwrap();
        // Few messages in flight at a time: all are allocated long before the second half, however busy the
        // machine is.
        let options = RunOptions { placement: placement.clone(), capacity: 4, ..RunOptions::default() };
        graph.run(&options).unwrap();
        let [half, whole] = [0, 1].map(|mark| marks[mark].load(Ordering::Relaxed));
        // The buffers of the metrics double their memory a few times.
        let allocated = whole - half;
        assert!(allocated < 100, "{placement:?}, {betas:?}: {allocated} allocations in {} frames", end / 2);
    }
}

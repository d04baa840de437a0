//! Allocator that counts the memory of each thread.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Maximum size of one allocation: a larger one fails, which ends the process.
const ALLOCATION_MAX: usize = 4 << 30;

thread_local! {
    /// Bytes allocated less bytes freed by the thread, and their peak.
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

/// System allocator with counters.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn add(bytes: isize) {
    // Without the counters of a thread that ends, only its last frees are not counted.
    let _ = HELD.try_with(|held| {
        let (now, peak) = held.get();
        let now = now.wrapping_add(bytes);
        held.set((now, peak.max(now)));
    });
}

// SAFETY: every call is passed to the system allocator unchanged, or fails; only counters are updated, which do not allocate
// because they are constants without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > ALLOCATION_MAX {
            return std::ptr::null_mut();
        }
        add(layout.size() as isize);
        // SAFETY: the caller upholds the contract of the system allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() > ALLOCATION_MAX {
            return std::ptr::null_mut();
        }
        add(layout.size() as isize);
        // SAFETY: the caller upholds the contract of the system allocator.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        add(-(layout.size() as isize));
        // SAFETY: the caller upholds the contract of the system allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > ALLOCATION_MAX {
            return std::ptr::null_mut();
        }
        add(size as isize - layout.size() as isize);
        // SAFETY: the caller upholds the contract of the system allocator.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Starts the count of an input on this thread.
pub(super) fn begin() {
    HELD.with(|held| held.set((0, 0)));
}

/// Returns the peak since [`begin`], in bytes.
pub(super) fn peak() -> usize {
    HELD.with(|held| usize::try_from(held.get().1).unwrap_or(0))
}

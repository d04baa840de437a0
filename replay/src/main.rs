//! The `betaflow` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if std::env::args_os()
        .nth(1)
        .is_some_and(|name| ["paper", "serve", "dashboard"].iter().any(|own| name == *own))
    {
        return_large_blocks();
    }
    betaflow_replay::main(std::env::args_os()).into()
}

/// Lets the C library return each block of 128 KiB or more to the system when it is freed. By default it raises that size
/// to the largest block freed so far, up to 32 MiB, and keeps smaller ones for the thread: a run that receives files of
/// the user held three times the memory that it used. A replay reuses its large blocks and keeps the default.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "the setting is a function of the C library")]
fn return_large_blocks() {
    use std::ffi::c_int;

    // SAFETY: the declaration is that of `malloc.h` of glibc, and `target_env = "gnu"` is glibc.
    unsafe extern "C" {
        fn mallopt(parameter: c_int, value: c_int) -> c_int;
    }
    const M_MMAP_THRESHOLD: c_int = -3;
    // SAFETY: `mallopt` requires that no other thread uses the allocator: `main` has started none. Any size is valid; a
    // size that it refuses changes nothing.
    unsafe {
        mallopt(M_MMAP_THRESHOLD, 128 << 10);
    }
}

//! `betaflow --version --verbose`.

use std::ffi::OsString;
use std::fmt::Write as _;

use betaflow_engine::processor::InstructionSet;
use clap::error::ErrorKind;

use crate::config::version::VERSION;

/// Returns true if the arguments ask for the version with its details.
pub(crate) fn asks_for_details(error: &clap::Error, argv: &[OsString]) -> bool {
    error.kind() == ErrorKind::DisplayVersion && argv.iter().any(|argument| argument == "--verbose")
}

/// Version of the program, its compiler, and its kernels on this processor.
pub(crate) fn version_details() -> String {
    let mut text = format!(
        "betaflow {VERSION}\n\nCompiler   {}, {}\nProcessor  {}\n\nKernels\n",
        env!("BETAFLOW_RUSTC"),
        env!("BETAFLOW_TARGET"),
        processor()
    );
    for set in InstructionSet::compiled().iter().rev() {
        let _ = writeln!(text, "  {:<10} {:<18} {}", set.name(), instructions(*set), state(*set));
    }
    text + "\nAll kernels give the same results to the bit.\n"
}

/// Main instructions of a set.
fn instructions(set: InstructionSet) -> &'static str {
    match set {
        InstructionSet::X86V4 => "AVX-512",
        InstructionSet::X86V3 => "AVX2, FMA",
        InstructionSet::Baseline if cfg!(target_arch = "x86_64") => "SSE2",
        InstructionSet::Baseline if cfg!(target_arch = "aarch64") => "NEON, FMA",
        InstructionSet::Baseline => "no vectors",
    }
}

/// Use of an instruction set on this processor, and the reason.
fn state(set: InstructionSet) -> String {
    let state = match set {
        _ if set == InstructionSet::in_use() => "in use".to_owned(),
        _ if set.is_available() => "available, not used: a faster one is".to_owned(),
        _ => format!("not available: the processor has no {}", set.missing().join(", ")),
    };
    match set.fuses() {
        true => state,
        false => {
            state + "; multiplies and adds in software (libm::fma), its kernels are 70 to 100 times slower"
        }
    }
}

/// Name of the processor, on Linux.
fn processor() -> String {
    let known = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = known.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

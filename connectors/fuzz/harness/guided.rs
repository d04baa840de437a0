//! Coverage-guided mutation by libFuzzer, which is linked to the program: `.ci/long fuzz` sets the flags.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_int};
use std::path::Path;
use std::sync::OnceLock;

use super::{Runner, Target};

unsafe extern "C" {
    /// Entry of libFuzzer without a `main` of its own.
    fn LLVMFuzzerRunDriver(
        count: *mut c_int,
        arguments: *mut *mut *mut c_char,
        run: extern "C" fn(*const u8, usize) -> c_int,
    ) -> c_int;
}

type Body = Box<dyn Fn(&[u8]) + Send + Sync>;

static AT_WORK: OnceLock<(Runner, Body)> = OnceLock::new();

extern "C" fn run_input(bytes: *const u8, length: usize) -> c_int {
    let input = match length {
        0 => &[],
        // SAFETY: libFuzzer passes `length` bytes that live until the return.
        _ => unsafe { std::slice::from_raw_parts(bytes, length) },
    };
    if let Some((runner, body)) = AT_WORK.get() {
        runner.run(input, body);
    }
    0
}

/// Runs a target under libFuzzer with the arguments in `BETAFLOW_FUZZ_ARGS`; it ends the process.
pub(super) fn run(target: &Target, body: impl Fn(&[u8]) + Send + Sync + 'static) {
    assert!(AT_WORK.set((Runner::new(target), Box::new(body))).is_ok(), "run one target with --exact");
    let found = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guided").join(target.name);
    std::fs::create_dir_all(&found).expect("a folder for inputs");
    let words = found.with_extension("words");
    let quoted = target.words.iter().map(|word| format!("\"{}\"\n", word.escape_default()));
    let quoted: String = quoted.filter(|word| !word.contains("\\u")).collect();
    std::fs::write(
        &words,
        quoted.replace("\\'", "'").replace("\\n", "\\x0A").replace("\\r", "\\x0D").replace("\\t", "\\x09"),
    )
    .expect("a dictionary");
    let mut all = vec!["fuzz".to_owned()];
    all.extend(std::env::var("BETAFLOW_FUZZ_ARGS").unwrap_or_default().split_whitespace().map(str::to_owned));
    all.push(format!("-artifact_prefix={}-", found.display()));
    if !target.words.is_empty() {
        all.push(format!("-dict={}", words.display()));
    }
    all.extend([found.display().to_string(), target.corpus.display().to_string()]);
    let mut arguments: Vec<*mut c_char> =
        all.into_iter().map(|text| CString::new(text).expect("no null").into_raw()).collect();
    let mut count = c_int::try_from(arguments.len()).expect("few arguments");
    arguments.push(std::ptr::null_mut());
    let mut first = arguments.as_mut_ptr();
    // SAFETY: `count` texts that are never freed follow `first`, ended by a null pointer.
    let code = unsafe { LLVMFuzzerRunDriver(&raw mut count, &raw mut first, run_input) };
    std::process::exit(code);
}

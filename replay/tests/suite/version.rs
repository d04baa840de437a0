//! `betaflow --version`.

use crate::support::{call, folder};

#[test]
fn version_is_one_line() {
    let folder = folder();
    for flag in ["--version", "-V"] {
        let ended = call(folder.path(), &[flag]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert_eq!(ended.out, format!("betaflow {}\n", env!("CARGO_PKG_VERSION")), "{flag}");
    }
}

#[test]
fn verbose_version_names_the_kernels_of_the_processor() {
    let folder = folder();
    let expected = call(folder.path(), &["--version", "--verbose"]);
    for arguments in [["--verbose", "--version"], ["-V", "--verbose"], ["--verbose", "-V"]] {
        assert_eq!(call(folder.path(), &arguments).out, expected.out, "{arguments:?}");
    }
    assert_eq!(expected.code, Some(0), "{}", expected.err);
    let text = expected.out;
    assert!(text.starts_with(&format!("betaflow {}\n", env!("CARGO_PKG_VERSION"))), "{text}");
    assert!(text.contains("rustc 1.") && text.contains(std::env::consts::ARCH), "{text}");
    let line = |name: &str| text.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_default();
    assert_eq!(text.matches("in use").count(), 1, "{text}");
    assert!(line("baseline").contains("available") || line("baseline").contains("in use"), "{text}");
    if cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        let flags = flags.lines().find(|line| line.starts_with("flags")).unwrap();
        let has = |name: &str| flags.split_whitespace().any(|flag| flag == name);
        let v3 = ["avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"].into_iter().all(has);
        let v4 = v3 && ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"].into_iter().all(has);
        assert_eq!(!line("x86-64-v4").contains("not available"), v4, "{text}");
        assert_eq!(!line("x86-64-v3").contains("not available"), v3, "{text}");
        let fastest = if v4 {
            "x86-64-v4"
        } else if v3 {
            "x86-64-v3"
        } else {
            "baseline"
        };
        assert!(line(fastest).contains("in use"), "{text}");
        assert!(line("baseline").contains("times slower"), "{text}");
    }
}

#[test]
fn verbose_belongs_to_the_version() {
    let folder = folder();
    let ended = call(folder.path(), &["--verbose", "replay"]);
    assert!(ended.code == Some(2) && ended.err.contains("--version"), "{}", ended.err);
}

//! No dependency makes results depend on the processor.
#![allow(clippy::unwrap_used, missing_docs)]

use std::process::Command;

/// Packages of the resolved tree, one per line, with their features.
fn tree(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--prefix", "none", "--format", "{p} [{f}]"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "cargo tree {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The feature `std` of nalgebra brings `matrixmultiply`, whose kernels use fused multiply-add on
/// processors with that instruction.
#[test]
fn no_member_has_matrixmultiply_or_nalgebra_with_std() {
    for target in [&["--workspace"][..], &["--workspace", "--target", "all", "--edges", "all"]] {
        let all = tree(target);
        let nalgebra: Vec<&str> = all.lines().filter(|line| line.starts_with("nalgebra ")).collect();
        assert!(!nalgebra.is_empty(), "{all}");
        for line in nalgebra {
            let features = line.rsplit('[').next().unwrap().trim_end_matches(" (*)").trim_end_matches(']');
            assert!(features.split(',').all(|feature| feature != "std"), "{line}");
        }
        assert!(!all.lines().any(|line| line.starts_with("matrixmultiply ")), "{all}");
    }
}

#[test]
fn nalgebra_is_a_normal_dependency_of_the_engine() {
    let normal = tree(&["--edges", "normal", "--depth", "1"]);
    assert!(normal.lines().any(|line| line.starts_with("nalgebra ")), "{normal}");
}

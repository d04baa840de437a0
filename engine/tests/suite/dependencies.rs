//! No dependency makes results depend on the processor.

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
fn no_member_with_mathematics_has_matrixmultiply_or_nalgebra_with_std() {
    for target in [&["--workspace"][..], &["--workspace", "--target", "all", "--edges", "all"]] {
        let all = tree(target);
        let nalgebra: Vec<&str> = all.lines().filter(|line| line.starts_with("nalgebra ")).collect();
        assert!(!nalgebra.is_empty(), "{all}");
        for line in nalgebra {
            let features = line.rsplit('[').next().unwrap().trim_end_matches(" (*)").trim_end_matches(']');
            assert!(features.split(',').all(|feature| feature != "std"), "{line}");
        }
    }
    let all = ["--workspace", "--exclude", "betaflow-python", "--target", "all", "--edges", "all"];
    let all = tree(&all);
    assert!(!all.lines().any(|line| line.starts_with("matrixmultiply ")), "{all}");
}

/// The arrays of NumPy come with `ndarray`, whose products use that crate. The package only passes arrays on.
#[test]
fn matrixmultiply_comes_with_the_arrays_of_numpy_alone() {
    let users = tree(&["--workspace", "--invert", "matrixmultiply"]);
    let users: Vec<&str> = users.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(users, ["matrixmultiply", "ndarray", "numpy", "betaflow-python"]);
    let binding = concat!(env!("CARGO_MANIFEST_DIR"), "/../replay/python/src");
    let mut folders = vec![std::path::PathBuf::from(binding)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(!text.contains(".dot(") && !text.contains("general_mat"), "{}", path.display());
            }
        }
    }
}

#[test]
fn nalgebra_is_a_normal_dependency_of_the_engine() {
    let normal = tree(&["--edges", "normal", "--depth", "1"]);
    assert!(normal.lines().any(|line| line.starts_with("nalgebra ")), "{normal}");
}

//! Passes the version of the compiler to the program.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = Command::new(compiler).arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    println!("cargo::rustc-env=BETAFLOW_RUSTC={}", version.unwrap_or_else(|_| "rustc".to_owned()));
    println!("cargo::rustc-env=BETAFLOW_TARGET={}", std::env::var("TARGET").unwrap_or_default());
}

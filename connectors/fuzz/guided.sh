#!/usr/bin/env bash
# Compiler of the crates of the workspace for `.ci/long fuzz` (RUSTC_WORKSPACE_WRAPPER): counters of edges in the libraries, and
# libFuzzer linked to the programs. Third-party crates are compiled as usual, so they are shared with other builds.
set -euo pipefail
rustc="$1"
shift
flags=()
case " $* " in
  *" --crate-name build_script_build "*) ;;
  *" --crate-name fuzz "* | *" --crate-name betaflow "*)
    flags=(--cfg betaflow_guided -Clink-arg="$BETAFLOW_LIBFUZZER" -Clink-arg=-lstdc++)
    ;;
  *" --crate-name betaflow_"*)
    flags=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
      -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares)
    ;;
esac
exec "$rustc" "$@" "${flags[@]}"

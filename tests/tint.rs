//! Every shader through Tint, the compiler of WGSL in Chromium. A shader that naga accepts and Tint refuses would fail
//! in a browser.
//!
//! Needs Node.js and the npm package `webgpu`, which is Dawn for Node. `./dev test` installs both when `CI=true`;
//! elsewhere the test is left out without them.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use support::kernels::{devices, kernels};
use support::missing::leave_out;
use support::process::succeed;
use weaklabel::cli::tiles::cache_folder;
use weaklabel::gpu::wgsl::{Loads, specialise};

/// Tint's answer about one source.
#[derive(Deserialize)]
struct Verdict {
    /// The error in the source; none if it is valid.
    module: Option<String>,
    /// The reason why a device with WebGPU's default limits makes no pipeline of the source; none if it makes one.
    pipeline: Option<String>,
}

/// Finds the folder of the npm package. If the package or Node.js is missing, the test is left out.
fn dawn_for_node() -> Option<PathBuf> {
    let folder = cache_folder().unwrap().join("tint/node_modules/webgpu");
    let node = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    if node && folder.is_dir() {
        return Some(folder);
    }
    leave_out("Node.js or its package webgpu is missing, which `./dev test` installs when CI=true");
    None
}

/// Compiles all `sources` with Tint in one process.
fn compile(webgpu: &Path, sources: &[String]) -> Vec<Verdict> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tint/compile.mjs");
    let file = tempfile::NamedTempFile::new().unwrap();
    serde_json::to_writer(&file, sources).unwrap();
    let mut node = Command::new("node");
    node.arg(script).arg(webgpu).arg(file.path());
    serde_json::from_slice(&succeed(node).stdout).unwrap()
}

/// Every source must be valid, and all pipelines must fit WebGPU's default limits except for the number of storage
/// buffers. WebGPU promises eight of them on every device; the program needs ten and requests them when it opens a
/// device.
#[test]
fn tint_makes_a_pipeline_of_every_kernel() {
    let Some(webgpu) = dawn_for_node() else { return };
    let (mut names, mut sources, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (what, kernel) in devices().iter().flat_map(kernels) {
        for loads in [Loads::Unrolled, Loads::Rolled] {
            let source = specialise(kernel.as_ref(), loads).unwrap_or_else(|e| panic!("{what}: {e}"));
            if seen.insert(source.clone()) {
                names.push(what.clone());
                sources.push(source);
            }
        }
    }
    let verdicts = compile(&webgpu, &sources);
    assert_eq!(verdicts.len(), sources.len());
    let (mut refused, mut more_buffers) = (Vec::new(), BTreeSet::new());
    for (what, verdict) in names.iter().zip(verdicts) {
        match (verdict.module, verdict.pipeline) {
            (None, None) => {}
            (None, Some(limit)) if limit.contains("number of storage buffers") => {
                more_buffers.insert(format!("{what}: {}", limit.lines().next().unwrap_or_default()));
            }
            (Some(message), _) | (None, Some(message)) => refused.push(format!("{what}: {message}")),
        }
    }
    println!("Tint accepts {} of {} sources", sources.len() - refused.len(), sources.len());
    println!("{} cases need more than WebGPU's default limits:", more_buffers.len());
    more_buffers.iter().for_each(|case| println!("{case}"));
    assert!(refused.is_empty(), "Tint refuses {} sources:\n{}", refused.len(), refused.join("\n"));
}

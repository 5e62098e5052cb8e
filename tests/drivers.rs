//! The program on other drivers than the machine's own, and the machine's own under the Vulkan validation layers.
//!
//! `./dev test` installs them in continuous integration. Elsewhere what is missing is left out.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]
#![cfg(target_os = "linux")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use support::missing::leave_out;
use support::process::succeed;
use support::program::weaklabel;
use support::training::{METHODS, SMALL, train_command};
use weaklabel::cli::tiles::cache_folder;

/// The first of `places` that is a file. Where there is none, the test is left out, unless this is continuous
/// integration.
fn installed(what: &str, places: &[PathBuf]) -> Option<PathBuf> {
    let found = places.iter().find(|place| place.is_file()).cloned();
    if found.is_none() {
        leave_out(&format!("{what} is not installed (none of {places:?})"));
    }
    found
}

/// The paths of `file` in the folders of the Vulkan loader.
fn in_loader_folders(file: &str) -> Vec<PathBuf> {
    ["/usr/share", "/usr/local/share", "/etc"].map(|folder| Path::new(folder).join("vulkan").join(file)).to_vec()
}

/// A training of `method` on a small network, just long enough for every kernel of it to run.
fn short_training(run: &Path, method: &str) -> Command {
    let mut command = train_command(run, (method, 2), "1");
    command.args(["--set", "tagger.epochs=2"]);
    command
}

/// The driver that the loader is told to use, alone.
struct Driver<'a> {
    manifest: &'a Path,
    /// Memory that the program may map with it, in bytes.
    room: u64,
}

impl Driver<'_> {
    /// Runs `command` on the driver; what it printed.
    fn run(&self, command: &Command) -> String {
        let mut limited = Command::new("sh");
        limited.arg("-c").arg(format!("ulimit -v {}; exec \"$0\" \"$@\"", self.room / 1024));
        limited.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
        limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        limited.env("VK_DRIVER_FILES", self.manifest).env_remove("VK_ICD_FILENAMES");
        String::from_utf8(succeed(limited).stdout).unwrap()
    }

    /// Checks all kernels and trains by every method; what `doctor` says.
    fn works(&self) -> Value {
        let report: Value = serde_json::from_str(&self.run(&weaklabel(&["doctor", "--json"]))).unwrap();
        assert_eq!(report["ok"], true, "{report}");
        let folder = tempfile::tempdir().unwrap();
        for (method, _) in METHODS {
            let run = folder.path().join(method);
            self.run(&short_training(&run, method));
            let metrics = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
            let losses = metrics.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["loss"].as_f64());
            assert!(losses.into_iter().all(|loss| loss.unwrap().is_finite()), "{method}: {metrics}");
        }
        report
    }
}

/// Cases of `kernel` that `doctor` has run.
fn cases(report: &Value, kernel: &str) -> u64 {
    let kernels = report["kernels"].as_array().unwrap();
    kernels.iter().find(|checkup| checkup["kernel"] == kernel).unwrap()["cases"].as_u64().unwrap()
}

#[test]
#[ignore = "slow"]
fn swiftshader_runs_the_program_in_bounded_memory() {
    let folders = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome"];
    let places = folders.map(|folder| Path::new(folder).join("vk_swiftshader_icd.json"));
    let Some(manifest) = installed("SwiftShader, of Debian's package chromium,", &places) else { return };
    let report = Driver { manifest: &manifest, room: 4 << 30 }.works();
    assert!(report["adapter"]["name"].as_str().unwrap().contains("SwiftShader"), "{report}");
    // A kernel that only llvmpipe gets is not compiled here.
    assert_eq!((cases(&report, "log_mel"), cases(&report, "mel")), (0, 3), "{report}");
}

#[test]
#[ignore = "slow"]
fn the_mesa_of_debian_12_runs_the_program() {
    let place = cache_folder().unwrap().join("drivers/mesa-22.3/lvp_icd.json");
    let Some(manifest) = installed("Mesa 22.3, which `./dev test` unpacks,", &[place]) else { return };
    let report = Driver { manifest: &manifest, room: 4 << 30 }.works();
    assert!(report["adapter"]["driver"].as_str().unwrap().contains("Mesa 22.3"), "{report}");
}

#[test]
#[ignore = "slow"]
fn the_validation_layers_have_nothing_to_say() {
    let places = in_loader_folders("explicit_layer.d/VkLayer_khronos_validation.json");
    if installed("Debian's package vulkan-validationlayers", &places).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let methods = METHODS.map(|(method, _)| method);
    let mut bench = weaklabel(&["bench", "step", "--method", &methods.join(",")]);
    bench.args(SMALL);
    let mut commands = vec![weaklabel(&["doctor"]), bench];
    commands.extend(methods.map(|method| short_training(&folder.path().join(method), method)));
    for (index, mut command) in commands.into_iter().enumerate() {
        let of_command = folder.path().join(format!("layers{index}"));
        let log = of_command.join("log.txt");
        let settings = [
            ("debug_action", "VK_DBG_LAYER_ACTION_LOG_MSG"),
            ("report_flags", "info,warn,perf,error"),
            ("enables", "VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT"),
            ("log_filename", log.to_str().unwrap()),
        ];
        let lines = settings.map(|(key, value)| format!("khronos_validation.{key} = {value}\n"));
        std::fs::create_dir(&of_command).unwrap();
        std::fs::write(of_command.join("vk_layer_settings.txt"), lines.concat()).unwrap();
        command.env("VK_LAYER_SETTINGS_PATH", &of_command).env("VK_INSTANCE_LAYERS", "VK_LAYER_KHRONOS_validation");
        let what = format!("{command:?}");
        succeed(command);
        let said = std::fs::read_to_string(&log).unwrap();
        assert!(
            said.contains("VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION"),
            "not active for {what}: {said}"
        );
        let messages = said.lines().filter(|line| line.contains("msgNum") && !line.contains("(INFO / "));
        let messages: Vec<&str> = messages.collect();
        assert!(messages.is_empty(), "{} messages about {what}, the first: {}", messages.len(), messages[0]);
    }
}

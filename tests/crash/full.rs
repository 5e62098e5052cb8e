//! A full disk: the run names the file that it cannot write, and resumes once there is room.
//!
//! The disk is an in-memory file system of a few pages in its own mount namespace, which needs root or a kernel that
//! allows user namespaces for all. Elsewhere the size of files is limited instead.

use std::path::Path;
use std::process::Command;

use super::killed::search_left;
use super::place::Place;
use crate::support::left::{self, Left, assert_same, leftovers};
use crate::support::process::succeed;
use weaklabel::experiments::store::Location;

/// Script that starts $3 on a disk of $2 pages at $1, and enlarges the disk after three seconds if $3 is waiting for
/// room. If $3 failed, $4 resumes it. The results are copied to $5.
const ON_A_DISK: &str = r#"
mount -t tmpfs -o size=$(($2 * 4096)) tmpfs "$1" || exit 99
(eval "$3") 2> "$5/first.err" &
first=$!
turns=0
while kill -0 $first 2> /dev/null && [ $turns -lt 60 ]; do turns=$((turns + 1)); sleep 0.05; done
mount -o remount,size=64m "$1"
wait $first
code=$?
echo $code > "$5/first.code"
if [ $code != 0 ]; then (eval "$4") 2> "$5/again.err"; echo $? > "$5/again.code"; fi
cp -r "$1/run" "$5/"
"#;

/// Script that does the same with a limit of $2 KiB on the size of a file.
const WITH_A_LIMIT: &str = r#"
(trap '' XFSZ; ulimit -f $(($2 * 2)); eval "$3") 2> "$5/first.err"
code=$?
echo $code > "$5/first.code"
if [ $code != 0 ]; then (eval "$4") 2> "$5/again.err"; echo $? > "$5/again.code"; fi
cp -r "$1/run" "$5/"
"#;

/// Chooses how a disk is filled: the arguments before `sh`, and the script.
fn way(place: &Place) -> (Vec<&'static str>, &'static str) {
    let disk = place.path("disk");
    std::fs::create_dir_all(&disk).unwrap();
    for unshare in [vec!["unshare", "-m"], vec!["unshare", "-Urm"]] {
        let mut command = Command::new(unshare[0]);
        command.args(&unshare[1..]).args(["mount", "-t", "tmpfs", "tmpfs"]).arg(&disk);
        if command.output().is_ok_and(|output| output.status.success()) {
            return (unshare, ON_A_DISK);
        }
    }
    eprintln!("no file system can be mounted here: the size of files is limited instead");
    (vec!["env"], WITH_A_LIMIT)
}

/// Formats `command` as a line for a shell.
fn line(command: &Command) -> String {
    let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap().replace('\'', r"'\''"));
    let environment = command.get_envs().map(|(name, value)| match value {
        Some(value) => format!("{}={}", name.to_str().unwrap(), quoted(value)),
        None => format!("-u {}", name.to_str().unwrap()),
    });
    let (mut set, unset): (Vec<String>, Vec<String>) = environment.partition(|part| !part.starts_with("-u "));
    set.push(quoted(command.get_program()));
    set.extend(command.get_args().map(quoted));
    format!("env {} {}", unset.join(" "), set.join(" "))
}

/// Starts runs on disks of different sizes, in pages, and resumes those that failed.
fn fill(
    place: &Place,
    sizes: &[usize],
    command: impl Fn(&Path) -> Command,
    go_on: impl Fn(&Path) -> Command,
    left: impl Fn(&Path) -> Left,
) {
    let whole = place.path("whole").join("run");
    succeed(command(&whole));
    let expected = left(&whole);
    let ((before, script), disk) = (way(place), place.path("disk"));
    let run = disk.join("run");
    let mut failures = 0;
    for size in sizes {
        let out = place.path(&format!("out-{size}"));
        std::fs::create_dir(&out).unwrap();
        let mut whole = Command::new(before[0]);
        whole.args(&before[1..]).args(["sh", "-uc", script, "sh"]).arg(&disk).arg(size.to_string());
        whole.arg(line(&command(&run))).arg(line(&go_on(&run))).arg(&out);
        succeed(whole);
        let said = |name: &str| std::fs::read_to_string(out.join(name)).unwrap_or_default();
        let full = said("first.err");
        match said("first.code").trim() {
            "0" => {}
            // A database reports that its file cannot be used.
            "1" | "3" => {
                failures += 1;
                assert!(full.contains(run.to_str().unwrap()) && !full.contains("panicked"), "{size}: {full}");
                assert_eq!(said("again.code").trim(), "0", "{size}: {full}{}", said("again.err"));
            }
            code => panic!("{size}: exit code {code}: {full}"),
        }
        assert_same(&left(&out.join("run")), &expected);
        assert_eq!(leftovers(&out.join("run")), [""; 0]);
        std::fs::remove_dir_all(&run).unwrap_or_default();
    }
    assert!(failures > 0, "no disk was full");
    eprintln!("{failures} of {} disks were too small at first", sizes.len());
}

#[test]
#[ignore = "slow"]
fn a_training_goes_on_once_there_is_room() {
    let place = Place::new();
    let command = |run: &Path| place.train(run, "classifier");
    let go_on = |run: &Path| {
        // The shell decides whether there is a run to resume.
        let resume = format!(
            "if [ -f '{0}/config.toml' ]; then {1}; else {2}; fi",
            run.display(),
            line(&place.resume(run)),
            line(&command(run))
        );
        let mut shell = Command::new("sh");
        shell.args(["-c", &resume]);
        shell
    };
    fill(&place, &[1, 2, 3, 5, 7, 9, 11], command, go_on, left::training);
}

#[test]
#[ignore = "slow"]
fn a_study_goes_on_once_there_is_room() {
    let place = Place::new();
    let command = |folder: &Path| place.reproduce(folder);
    fill(&place, &[1, 4, 12, 24, 40], command, command, left::study);
}

#[test]
#[ignore = "slow"]
fn a_search_goes_on_once_there_is_room() {
    let place = Place::new();
    let command = |folder: &Path| place.search(folder);
    let left = |folder: &Path| search_left(&Location::within(folder), folder);
    fill(&place, &[1, 8, 24, 48], command, command, left);
}

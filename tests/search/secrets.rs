//! A database's password appears in no output, whatever characters it has and however its address is written.

use clap::Parser;
use weaklabel::cli::Cli;

use super::*;

/// A mark in every part of every password in these tests, and nowhere else.
const MARK: &str = "quuxz";
/// Password with the characters that are special in URLs, key=value pairs and shells.
const PASSWORD: &str = "quuxz1?quuxz2:quuxz3/quuxz4 quuxz5@quuxz6'quuxz7%quuxz8\"quuxz9";
/// The password in a URL, with only the necessary characters escaped.
const IN_URL: &str = "quuxz1?quuxz2:quuxz3/quuxz4%20quuxz5%40quuxz6'quuxz7%25quuxz8\"quuxz9";

fn addresses(port: u16) -> [String; 3] {
    let quoted = PASSWORD.replace('\'', "\\'");
    [
        format!("postgres://weaklabel:{IN_URL}@127.0.0.1:{port}/postgres"),
        format!("postgresql://127.0.0.1:{port}/postgres?user=weaklabel&password={}", IN_URL.replace('&', "%26")),
        format!("host=127.0.0.1 port={port} user=weaklabel dbname=postgres password='{quoted}'"),
    ]
}

/// Returns addresses with typing errors.
fn mistyped(port: u16) -> Vec<String> {
    let [url, parameters, pairs] = addresses(port);
    vec![
        url.replace("postgres://", "postgers://"),
        url.replace("postgres://", "POSTGRES://"),
        url.replace("postgres://", "postgres:/"),
        url.replace("postgres://", "//"),
        url.replace("postgres://", ""),
        url.replace("%40", "@"),
        url.replace("127.0.0.1", "127.0.0.1 "),
        parameters.replace("%40", "@"),
        parameters.replace("password", "pasword"),
        pairs.replace("password", "pasword"),
        pairs.replace('\'', ""),
        pairs.replace("\\'", "'"),
        pairs.replace("host=127.0.0.1 ", ""),
    ]
}

/// Runs the program, checks that the password is not in its output, and returns exit code and output.
fn output(mut command: Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(!text.contains(MARK), "{command:?}\n{text}");
    (output.status.code(), text)
}

#[test]
fn no_wrong_use_prints_a_password_or_makes_a_file_of_its_name() {
    let folder = tempfile::tempdir().unwrap();
    // Port 1, on which no server listens.
    let (right, wrong) = (addresses(1), mistyped(1));
    for address in right.iter().chain(&wrong) {
        let joined = format!("--store={address}");
        let uses: [&[&str]; 9] = [
            &["status", "--store", address],
            &["status", &joined],
            &["status", "--store", address, "--no-such-option"],
            &["status", "--store", address, "--store", address],
            &["status", address],
            &["worker", "--stoer", address],
            &["config", "check", address],
            &["config", "check", "--set", address],
            &["report", address, "--name", address],
        ];
        for args in uses {
            let mut command = weaklabel(args);
            command.current_dir(folder.path());
            let (code, text) = output(command);
            assert!(code.is_some_and(|code| [1, 2, 3].contains(&code)), "{code:?}: {text}");
        }
        let mut command = weaklabel(&["status"]);
        command.env("WEAKLABEL_STORE", address).current_dir(folder.path());
        let (code, text) = output(command);
        assert_eq!(code, Some(if wrong.contains(address) { 2 } else { 1 }), "{text}");
        let parsed = Cli::try_parse_from(["weaklabel", "search", "-o", "out", "--store", address]);
        assert_eq!(parsed.is_ok(), right.contains(address));
        assert!(!format!("{parsed:?}").contains(MARK));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a file was made");
}

#[test]
#[ignore = "slow"]
fn a_search_on_a_server_keeps_the_password_to_itself() {
    let Some(server) = Server::start_with(PASSWORD) else { return };
    let place = Place::of(&faults::of_few_clips());
    let port = server.port();
    let [url, parameters, pairs] = addresses(port);
    // The address is given once as an option and once in the environment.
    for (out, address, variable) in [("option", &url, false), ("variable", &pairs, true)] {
        let mut search = place
            .search(out, &["-v", "--set", "search.trials=1", "--set", "search.rungs=1", "--set", "train.epochs=1"]);
        if variable {
            search.env("WEAKLABEL_STORE", address);
        } else {
            search.args(["--store", address]);
        }
        let mut report = place.command("report", &[]);
        report.arg(place.path(out)).env("WEAKLABEL_STORE", address);
        for command in [search, report] {
            let (code, text) = output(command);
            assert_eq!(code, Some(0), "{text}");
        }
    }
    let mut worker = place.command("worker", &["-vv", "--idle-exit", "1"]);
    worker.env("WEAKLABEL_STORE", &pairs);
    let (code, text) = output(worker);
    assert!(code == Some(0) && text.contains("postgres://weaklabel:***@127.0.0.1"), "{text}");
    for address in [&url, &parameters, &pairs] {
        let (code, text) = output(weaklabel(&["status", "--store", address]));
        assert!(code == Some(0) && text.contains("variable"), "{text}");
    }
    // If the address has no password, it is taken from the environment variable of PostgreSQL's own programs.
    let mut status = weaklabel(&["status", "--store", &format!("postgres://weaklabel@127.0.0.1:{port}/postgres")]);
    status.env("PGPASSWORD", PASSWORD);
    assert_eq!(output(status).0, Some(0));
    for wrong in [url.replace("quuxz1", "quuxz0"), url.replace("/postgres", "/nowhere")] {
        let (code, text) = output(weaklabel(&["status", "--store", &wrong]));
        assert!(code == Some(3) && text.contains("127.0.0.1"), "{text}");
    }
    assert_eq!(holds(place.folder.path(), MARK), None, "the password in a file");
}

//! A PostgreSQL server of a test's own, on loopback and in a temporary folder.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::missing::leave_out;

/// The password of its only user; whatever a program writes must not hold it.
pub const SECRET: &str = "open-sesame";

/// A running server; it and its folder are gone when it is dropped.
pub struct Server {
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    root: bool,
}

impl Server {
    /// Starts one; none where PostgreSQL is not installed, except in continuous integration, where that is an error.
    pub fn start() -> Option<Self> {
        Self::start_with(SECRET)
    }

    /// Starts one whose only user has this password.
    pub fn start_with(secret: &str) -> Option<Self> {
        let Some(programs) = programs() else {
            leave_out("PostgreSQL is not installed");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("weaklabel-postgres-").tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let root = String::from_utf8(Command::new("id").arg("-u").output().unwrap().stdout).unwrap().trim() == "0";
        let server = Self { programs, folder, port, root };
        std::fs::write(server.path("password"), secret).unwrap();
        if root {
            // The server refuses to run as root; Debian's package made a user for it.
            let owned = Command::new("chown").args(["-R", "postgres"]).arg(server.folder.path()).status().unwrap();
            assert!(owned.success());
        }
        let (data, password) = (server.path("data"), server.path("password"));
        server.run(
            "initdb",
            &["-D", &data, "-U", "weaklabel", "-A", "scram-sha-256", "--pwfile", &password, "--no-sync"],
        );
        server.start_again();
        Some(server)
    }

    /// Starts it again after [`Server::stop_at_once`].
    pub fn start_again(&self) {
        let options = format!("-p {} -c listen_addresses=127.0.0.1 -k {} -F", self.port, self.folder.path().display());
        let (data, log) = (self.path("data"), self.path("log"));
        self.run("pg_ctl", &["start", "-w", "-D", &data, "-l", &log, "-o", &options]);
    }

    /// Stops it as a power cut does: connections are gone without a word, what was committed is recovered at the next
    /// start.
    pub fn stop_at_once(&self) {
        self.run("pg_ctl", &["stop", "-m", "immediate", "-D", &self.path("data")]);
    }

    /// Goes on with a certificate, its key in PEM, and refuses whoever comes without TLS.
    pub fn insist_on_tls(&self, certificate: &str, key: &str) {
        self.stop_at_once();
        std::fs::write(self.path("data/server.crt"), certificate).unwrap();
        std::fs::write(self.path("data/server.key"), key).unwrap();
        let rules = std::fs::read_to_string(self.path("data/pg_hba.conf")).unwrap();
        std::fs::write(self.path("data/pg_hba.conf"), rules.replace("\nhost ", "\nhostssl ")).unwrap();
        std::fs::write(self.path("data/postgresql.auto.conf"), "ssl = on\n").unwrap();
        let key = self.path("data/server.key");
        if self.root {
            assert!(Command::new("chown").args(["postgres", &key]).status().unwrap().success());
        }
        assert!(Command::new("chmod").args(["600", &key]).status().unwrap().success());
        self.start_again();
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where a store connects to.
    pub fn url(&self) -> String {
        format!("postgres://weaklabel:{SECRET}@127.0.0.1:{}/postgres", self.port)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().into()
    }

    fn run(&self, program: &str, args: &[&str]) {
        let program = self.programs.join(program);
        let mut command = if self.root { Command::new("runuser") } else { Command::new(&program) };
        if self.root {
            command.args(["-u", "postgres", "--"]).arg(&program);
        }
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        // Not piped: the server keeps what it inherits open.
        let errors = std::fs::File::create(self.folder.path().join("errors")).unwrap();
        let succeeded = command.stderr(errors).status().unwrap().success();
        let errors = std::fs::read_to_string(self.folder.path().join("errors")).unwrap();
        assert!(succeeded, "{} failed: {errors}", program.display());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if Path::new(&self.path("data/postmaster.pid")).exists() {
            self.stop_at_once();
        }
    }
}

/// The folder of the server's programs: on the path, or where Debian has its newest.
fn programs() -> Option<PathBuf> {
    let whole = |folder: &PathBuf| ["initdb", "pg_ctl", "postgres"].iter().all(|name| folder.join(name).is_file());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort();
    std::env::split_paths(&path).chain(debian.into_iter().rev()).find(whole)
}

//! The address of a PostgreSQL server, which is shown without its password.
//!
//! The rules of the `postgres` crate, which connects to the server, decide whether a text is a server's address and
//! which part is the password.

use std::fmt;
use std::str::FromStr;

use postgres::Config;
use postgres::config::Host;

use super::printable::HIDDEN;

const DEFAULT_PORT: u16 = 5432;

/// The address of a PostgreSQL server as the user wrote it: a URL, or libpq's key=value pairs. It is shown as a URL
/// without the password.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerAddress {
    text: String,
    shown: String,
}

impl ServerAddress {
    /// Parses the address for a connection, password included.
    ///
    /// # Errors
    /// A message that quotes nothing of the address, when it cannot be parsed.
    pub fn config(&self) -> Result<Config, String> {
        parse(&self.text)
    }
}

impl FromStr for ServerAddress {
    type Err = String;

    /// Parses an address.
    ///
    /// # Errors
    /// A message that quotes nothing of `text`, when it cannot be parsed or a part of its password may be taken for
    /// something else.
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self { text: text.into(), shown: shown(&parse(text)?) })
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Parses `text` as the `postgres` crate does. Refuses it if a part of a password may have been taken for something
/// that is shown.
fn parse(text: &str) -> Result<Config, String> {
    if let Some((scheme, rest)) = text.split_once("://")
        && !scheme.contains('=')
    {
        if !["postgres", "postgresql"].contains(&scheme) {
            return Err("this looks like the address of a server, and its scheme is not postgres://".into());
        }
        check_login(rest)?;
    }
    let config: Config = text.parse().map_err(|_| {
        "this looks like the address of a server and cannot be read as one. It is not shown, as it may hold a password. A URL \
         is postgres://USER:PASSWORD@HOST:PORT/DATABASE; a password's @ : / ? & % are written %40 %3A %2F %3F %26 %25 there. \
         Key=value pairs are 'host=… port=… user=… password=… dbname=…'; a value with spaces stands in single quotes"
    })?;
    let is_host = |host: &Host| match host {
        Host::Tcp(name) => !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "._-:".contains(c)),
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err("this address of a server names no host".into());
    }
    if !config.get_hosts().iter().all(is_host) {
        return Err("the host in this address is none: is an @ of the password written %40, and a / %2F?".into());
    }
    Ok(config)
}

/// Checks the parts before and after the @ of a URL. The first @ ends the password; a second one usually means that the
/// first belongs to the password.
fn check_login(rest: &str) -> Result<(), String> {
    let Some((login, host)) = rest.split_once('@') else { return Ok(()) };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    if host.contains('@') || user.contains(['/', '?', '&', '=']) || password.contains("password=") {
        return Err("this address has an @ that is none between a password and a host: write it %40".into());
    }
    Ok(())
}

/// Formats the parts of an address that may be shown.
fn shown(config: &Config) -> String {
    let plain = |text: &str| text.chars().map(|c| if c.is_control() { '?' } else { c }).collect::<String>();
    let mut hosts: Vec<String> = config.get_hosts().iter().map(host).collect();
    if hosts.is_empty() {
        hosts = config.get_hostaddrs().iter().map(|address| host(&Host::Tcp(address.to_string()))).collect();
    }
    let ports = config.get_ports();
    let port = |place: usize| ports.get(place).or_else(|| ports.first()).filter(|port| **port != DEFAULT_PORT);
    let hosts: Vec<String> = hosts
        .into_iter()
        .enumerate()
        .map(|(place, host)| port(place).map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
        .collect();
    let password = if config.get_password().is_some() { format!(":{HIDDEN}") } else { String::new() };
    let login = config.get_user().map_or_else(String::new, |user| format!("{}{password}@", plain(user)));
    let database = config.get_dbname().map_or_else(String::new, |name| format!("/{}", plain(name)));
    format!("postgres://{login}{}{database}", hosts.join(","))
}

fn host(host: &Host) -> String {
    match host {
        Host::Tcp(name) if name.contains(':') => format!("[{name}]"),
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.to_string_lossy().replace('/', "%2F"),
    }
}

//! Removal of passwords from everything that is printed or stored.
//!
//! A text that looks like the address of a server is shown as [`ServerAddress`](super::server_address) shows it. A text
//! that looks like an address but cannot be parsed is not shown at all, nor is any address in a build without the
//! feature `cluster`, which brings the parser.

use super::printable::HIDDEN;

/// Keys of libpq that mark a text as key=value pairs.
const KEYS: [&str; 6] = ["host", "hostaddr", "port", "user", "dbname", "sslmode"];

/// Whether `text` looks like the address of a server, even a mistyped one: with any scheme, as key=value pairs, or with
/// user and password before a host.
pub fn is_address(text: &str) -> bool {
    let word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b));
    // A single letter before a colon is a Windows drive.
    let has_scheme = text.split_once(":/").is_some_and(|(scheme, _)| scheme.len() > 1 && word(scheme));
    let has_key = text.split_once('=').is_some_and(|(key, _)| word(key.trim()));
    has_scheme || has_key || may_hold_password(text)
}

/// Returns `argument`, a word of a command line, with the password of a server's address in it hidden.
pub fn without_secrets(argument: &str) -> String {
    let (flag, value) = match argument.split_once('=') {
        Some((flag, value)) if flag.starts_with("--") => (format!("{flag}="), value),
        _ => (String::new(), argument),
    };
    if !may_hold_password(value) {
        return argument.into();
    }
    flag + &shown(value)
}

/// Returns the message `text` with the passwords in `words` hidden, and those in addresses that it quotes from
/// elsewhere, such as a configuration file. `words` are those of a command line and its environment.
pub fn hide<'a>(text: &str, words: impl IntoIterator<Item = &'a String>) -> String {
    let mut hidden = text.to_owned();
    for word in words {
        let value = word.split_once('=').map_or("", |(_, value)| value);
        for part in [word.as_str(), value] {
            let shown = without_secrets(part);
            if shown != part {
                hidden = hidden.replace(part, &shown);
            }
        }
    }
    let ends = |c: char| c.is_whitespace() || "\"'`".contains(c);
    let parts = hidden.split_inclusive(ends).map(|part| {
        let (word, end) = part.strip_suffix(ends).map_or((part, ""), |word| (word, &part[word.len()..]));
        if word.contains("://") { without_secrets(word) + end } else { part.into() }
    });
    parts.collect()
}

/// Returns the words of this process's command line, and the values of the variables that stand for options.
pub fn words_of_process() -> Vec<String> {
    let is_read = |name: &str| ["WEAKLABEL_", "WGPU_", "VK_"].iter().any(|prefix| name.starts_with(prefix));
    let variables = std::env::vars_os().filter(|(name, _)| is_read(&name.to_string_lossy()));
    let words = std::env::args_os().chain(variables.map(|(_, value)| value));
    words.map(|word| word.to_string_lossy().into_owned()).collect()
}

/// Whether `text` is an address with a password, or may have been meant as one.
fn may_hold_password(text: &str) -> bool {
    let is_path = ["/", "./", "../"].iter().any(|start| text.starts_with(start)) && !text.starts_with("//");
    let has_login = match (text.find(':'), text.rfind('@')) {
        // A single letter before a colon is a Windows drive.
        (Some(colon), Some(at)) => colon < at && !is_path && !(colon == 1 && text[2..].starts_with(['/', '\\'])),
        _ => false,
    };
    let key_before = |end: usize| {
        let key = text[..end].trim_end().rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_').next();
        key.unwrap_or_default().to_ascii_lowercase()
    };
    let has_key = text
        .match_indices('=')
        .map(|(at, _)| key_before(at))
        .any(|key| KEYS.contains(&key.as_str()) || ["pass", "pwd"].iter().any(|part| key.contains(part)));
    has_login || has_key
}

/// Returns `address` without its password, or a placeholder when it is no valid address.
#[cfg(feature = "cluster")]
fn shown(address: &str) -> String {
    let parsed = address.parse::<super::server_address::ServerAddress>();
    parsed.map_or(HIDDEN.into(), |address| address.to_string())
}

/// Returns a placeholder for the whole address, as this build has no parser for it.
#[cfg(not(feature = "cluster"))]
fn shown(_address: &str) -> String {
    HIDDEN.into()
}

#[cfg(all(test, feature = "cluster"))]
mod tests {
    use super::*;
    use crate::base::server_address::ServerAddress;

    /// Addresses with a password, and the form in which they are shown. Every piece of the password contains "cret",
    /// wherever it may be cut.
    const ADDRESSES: [(&str, &str); 14] = [
        ("postgres://me:secret@host/db", "postgres://me:***@host/db"),
        ("postgresql://me:secret@host:5433/db?sslmode=require", "postgres://me:***@host:5433/db"),
        ("postgres://me:secret?secret@host/db", "postgres://me:***@host/db"),
        ("postgres://me:secret/secret?secret:secret@host/db", "postgres://me:***@host/db"),
        ("postgres://me:se%40cret%25@host/db", "postgres://me:***@host/db"),
        ("postgres://me:secret#secret@host", "postgres://me:***@host"),
        ("postgres://host/db?user=me&password=secret", "postgres://me:***@host/db"),
        ("postgres://me:secret@[::1]:99/db", "postgres://me:***@[::1]:99/db"),
        ("postgres://me:secret@one,two:5433/db", "postgres://me:***@one,two:5433/db"),
        ("postgres://me:secret@%2Fvar%2Frun/db", "postgres://me:***@%2Fvar%2Frun/db"),
        ("host=host user=me password=secret dbname=db", "postgres://me:***@host/db"),
        ("host = host port = 5433 user=me password = 'secret secret'", "postgres://me:***@host:5433"),
        (r"host=host user=me password='secret\' ?:@%&=secret' dbname=db", "postgres://me:***@host/db"),
        (r"password=a\ secret hostaddr=127.0.0.1 user=me", "postgres://me:***@127.0.0.1"),
    ];

    /// Addresses that cannot be parsed, so that nobody can say where a password in them ends, or whether there is one.
    const UNREADABLE: [&str; 18] = [
        "postgers://me:secret@host/db",
        "POSTGRES://me:secret@host/db",
        "postgres:/me:secret@host/db",
        "postgres//me:secret@host/db",
        "me:secret@host/db",
        "//me:secret@host/db",
        "mysql://me@host?password=secret",
        "postgres://me:p@secret@host/db",
        "postgres://me:p@secret/secret@host/db",
        "postgres://host/db?user=me&password=p@secret",
        "postgres://host:5432/db?password=p@secret",
        "postgres://host/db?user=me&password=p&secret",
        "postgres://me:p@sec ret/db",
        "host=host password=p secret",
        "host=host password='p'secret'",
        "host=host pasword=secret",
        "hots=host passwd=secret",
        "user=me password=secret",
    ];

    #[test]
    fn addresses_are_shown_without_their_password() {
        for (text, expected) in ADDRESSES {
            let address: ServerAddress = text.parse().unwrap_or_else(|reason| panic!("{text}: {reason}"));
            assert_eq!((address.to_string().as_str(), format!("{address:?}").as_str()), (expected, expected), "{text}");
            let password = address.config().unwrap().get_password().unwrap().to_vec();
            assert!(String::from_utf8(password).unwrap().contains("cret"), "{text}");
            assert!(is_address(text));
            assert_eq!(without_secrets(text), expected);
            assert_eq!(without_secrets(&format!("--store={text}")), format!("--store={expected}"));
        }
        assert_eq!("postgres://me@host/db".parse::<ServerAddress>().unwrap().to_string(), "postgres://me@host/db");
    }

    #[test]
    fn what_cannot_be_read_is_not_shown_at_all() {
        for text in UNREADABLE {
            let reason = text.parse::<ServerAddress>().unwrap_err();
            assert!(!reason.contains("secret"), "{text}: {reason}");
            assert!(is_address(text), "{text}");
            assert_eq!(without_secrets(text), "***");
            assert_eq!(without_secrets(&format!("--store={text}")), "--store=***");
        }
    }

    #[test]
    fn files_and_other_words_stay_as_they_are() {
        let files =
            ["store.sqlite", "runs/search/store.sqlite", "/data/at 10:15@lab/store", "./a=b", "../x:y@z", "C:/x@y"];
        for file in files {
            assert!(!is_address(file), "{file}");
            assert_eq!(without_secrets(file), file);
        }
        for word in
            ["--set=train.lr=0.1", "train.seeds=[1,2]", "method=triplets,train=1.0", "--adapter=pci:0000:01:00.0"]
        {
            assert_eq!(without_secrets(word), word);
        }
    }

    #[test]
    fn messages_lose_the_passwords_of_the_command_line() {
        let words: Vec<String> =
            ["status", "postgres://me:a?secret@host", "--config=me:secret@host"].map(str::to_owned).into();
        let message = "unexpected argument 'postgres://me:a?secret@host' found, cannot read me:secret@host";
        let quoted = "set.toml:2: dataset = \"postgres://me:pass word@host/db\": store=postgres://a:b?c@h/d, see https://docs.rs";
        let shown = hide(quoted, []);
        assert!(!shown.contains("b?c") && shown.contains("see https://docs.rs"), "{shown}");
        assert_eq!(hide(message, &words), "unexpected argument 'postgres://me:***@host' found, cannot read ***");
    }
}

//! TLS connections to a PostgreSQL server.

use std::path::Path;

use crate::support::postgres::{self, Server};
use crate::support::program::weaklabel;

/// Makes the certificate of an authority, a certificate for `host` signed by it, and the key of the latter, in PEM.
fn certificates(host: &str) -> [String; 3] {
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let root = authority.self_signed(&key).unwrap();
    let issuer = rcgen::Issuer::new(authority, key);
    let key = rcgen::KeyPair::generate().unwrap();
    let server = rcgen::CertificateParams::new([host.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    [root.pem(), server.pem(), key.serialize_pem()]
}

#[test]
fn tls_is_used_where_the_server_has_it_and_trusts_only_a_known_authority() {
    let Some(server) = Server::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    // The test runs the program as a separate process, because trusted roots are set in the environment.
    let status = |mode: &str, roots: Option<&Path>| {
        let mut command = weaklabel(&["status", "--json"]);
        command.env("WEAKLABEL_STORE", format!("{}?sslmode={mode}", server.url()));
        match roots {
            Some(path) => command.env("PGSSLROOTCERT", path),
            None => command.env_remove("PGSSLROOTCERT"),
        };
        let output = command.output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!text.contains(postgres::SECRET), "{text}");
        (output.status.code(), text)
    };
    let refused = |(code, text): (Option<i32>, String), words: &[&str]| {
        assert!(code == Some(3) && words.iter().all(|word| text.contains(word)), "{code:?}: {text}");
    };
    let accepted = |(code, text): (Option<i32>, String)| assert_eq!(code, Some(0), "{text}");

    // If the server has no TLS, a client that requires it is refused.
    accepted(status("prefer", None));
    refused(status("require", None), &["TLS"]);

    let [root, certificate, key] = certificates("127.0.0.1");
    server.insist_on_tls(&certificate, &key);
    let root = file("root.pem", &root);
    accepted(status("prefer", Some(&root)));
    accepted(status("require", Some(&root)));
    refused(status("disable", Some(&root)), &["no encryption"]);
    refused(status("require", None), &["UnknownIssuer", "PGSSLROOTCERT"]);
    let other = file("other.pem", &certificates("127.0.0.1")[0]);
    refused(status("require", Some(&other)), &["certificate", "PGSSLROOTCERT"]);
    refused(status("require", Some(&folder.path().join("none.pem"))), &["none.pem", "PGSSLROOTCERT"]);
    refused(status("require", Some(&file("empty.pem", ""))), &["empty.pem", "PGSSLROOTCERT"]);

    // The certificate is for another host.
    let [root, certificate, key] = certificates("elsewhere.example");
    server.insist_on_tls(&certificate, &key);
    refused(status("require", Some(&file("root.pem", &root))), &["not valid for name"]);
}

//! Store engine for PostgreSQL 13 or newer, for any number of machines. An advisory lock makes the transactions of a
//! topic wait for each other; the time is the server's.

use std::error::Error as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use postgres::config::SslMode;
use postgres::error::SqlState;
use postgres::types::{Format, IsNull, ToSql, Type};
use postgres::{Client, NoTls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::engine::{Engine, Transaction, TransactionBody, Value};
use crate::base::server_address::ServerAddress;
use crate::base::{environment, regular_file};
use crate::{Error, Result};

/// First half of the keys of the program's advisory locks: "wl" in ASCII.
const LOCKS: i32 = 0x776c;
/// Time after which a server or network that does not answer is given up.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Postgres {
    client: Client,
    name: String,
}

impl Postgres {
    /// Connects to the server at `address`. Errors call it `name`.
    pub fn connect(address: &ServerAddress, name: &str) -> Result<Self> {
        let bad = |e: postgres::Error| error(name, &e);
        let mut config = address.config().map_err(|reason| refused(name, &reason))?;
        if config.get_password().is_none()
            && let Some(password) = environment::variable("PGPASSWORD")
        {
            config.password(password.as_encoded_bytes());
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        if config.get_application_name().is_none() {
            config.application_name("weaklabel");
        }
        // Without these timeouts, a server that vanishes silently would hold up a heartbeat for hours.
        config.tcp_user_timeout(PATIENCE).keepalives_idle(PATIENCE).keepalives_interval(PATIENCE).keepalives_retries(2);
        let client = match config.get_ssl_mode() {
            SslMode::Disable => config.connect(NoTls),
            _ => config.connect(tls(name)?),
        };
        let mut client = client.map_err(bad)?;
        let version = client.query_one("SELECT current_setting('server_version_num')::bigint", &[]).map_err(bad)?;
        let version: i64 = version.get(0);
        if version < 130_000 {
            return Err(refused(name, &format!("PostgreSQL {} is too old: 13 or newer is needed", version / 10_000)));
        }
        // A worker that is suspended within a transaction must not block all others.
        client.batch_execute("SET idle_in_transaction_session_timeout = '10s'").map_err(bad)?;
        Ok(Self { client, name: name.into() })
    }
}

/// Returns a TLS connector that trusts the system's certificate authorities and those in the file that PGSSLROOTCERT
/// names.
fn tls(name: &str) -> Result<MakeRustlsConnect> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = environment::variable("PGSSLROOTCERT") {
        let path = PathBuf::from(path);
        let pem = regular_file::read(&path)
            .map_err(|e| Error::data(&path, format!("PGSSLROOTCERT names no file of certificates: {e}")))?;
        let certificates = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| Error::data(&path, format!("PGSSLROOTCERT names no file of certificates: {e}")))?;
        if certificates.is_empty() {
            return Err(Error::data(&path, "PGSSLROOTCERT names it, but it holds no certificate in PEM"));
        }
        roots.add_parsable_certificates(certificates);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| refused(name, &e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

impl Engine for Postgres {
    fn transaction(&mut self, topic: i64, work: &mut TransactionBody<'_>) -> Result<()> {
        let name = &self.name;
        let bad = |e: postgres::Error| error(name, &e);
        let mut transaction = self.client.transaction().map_err(bad)?;
        transaction.execute("SELECT pg_advisory_xact_lock($1, $2)", &[&LOCKS, &(topic as i32)]).map_err(bad)?;
        work(&mut PostgresTransaction { transaction: &mut transaction, name })?;
        transaction.commit().map_err(bad)
    }
}

struct PostgresTransaction<'a, 'b> {
    transaction: &'a mut postgres::Transaction<'b>,
    name: &'a str,
}

impl Transaction for PostgresTransaction<'_, '_> {
    fn store(&self) -> &str {
        self.name
    }

    fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64> {
        self.transaction.execute(sql, &references(parameters)).map_err(|e| error(self.name, &e))
    }

    fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>> {
        let bad = |e: postgres::Error| error(self.name, &e);
        let rows = self.transaction.query(sql, &references(parameters)).map_err(bad)?;
        let values = |row: &postgres::Row| (0..row.len()).map(|column| value(row, column)).collect::<Result<_, _>>();
        rows.iter().map(|row| values(row).map_err(bad)).collect()
    }

    fn now_ms(&mut self) -> Result<i64> {
        let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
        let row = self.transaction.query_one(sql, &[]).map_err(|e| error(self.name, &e))?;
        Ok(row.get(0))
    }
}

fn references(parameters: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    parameters.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn value(row: &postgres::Row, column: usize) -> Result<Value, postgres::Error> {
    let null_or = |value: Option<Value>| value.unwrap_or(Value::Null);
    Ok(match *row.columns()[column].type_() {
        Type::INT8 => null_or(row.try_get::<_, Option<i64>>(column)?.map(Value::Integer)),
        Type::INT4 => null_or(row.try_get::<_, Option<i32>>(column)?.map(|value| Value::Integer(value.into()))),
        Type::FLOAT8 => null_or(row.try_get::<_, Option<f64>>(column)?.map(Value::Real)),
        Type::BYTEA => null_or(row.try_get::<_, Option<Vec<u8>>>(column)?.map(Value::Bytes)),
        _ => null_or(row.try_get::<_, Option<String>>(column)?.map(Value::Text)),
    })
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(value) => value.to_sql(ty, out),
            Self::Real(value) => value.to_sql(ty, out),
            Self::Text(value) => value.to_sql(ty, out),
            Self::Bytes(value) => value.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(value) => value.to_sql_checked(ty, out),
            Self::Real(value) => value.to_sql_checked(ty, out),
            Self::Text(value) => value.to_sql_checked(ty, out),
            Self::Bytes(value) => value.to_sql_checked(ty, out),
        }
    }

    fn encode_format(&self, ty: &Type) -> Format {
        match self {
            Self::Text(value) => value.encode_format(ty),
            _ => Format::Binary,
        }
    }
}

/// Converts an error of the client. A lost connection, a server that is starting or stopping, and a conflict between
/// transactions are passing errors; a wrong password is not.
fn error(name: &str, error: &postgres::Error) -> Error {
    let passing = match error.code() {
        Some(code) => [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::CONNECTION_EXCEPTION,
            SqlState::CONNECTION_FAILURE,
            SqlState::CONNECTION_DOES_NOT_EXIST,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ]
        .contains(code),
        // An error without an SQL code was not sent by the server: it comes from the connection.
        None => error.is_closed() || is_io(error),
    };
    let mut reason = explain(error);
    if reason.contains("TLS handshake") {
        reason += ": name the file of its authority in PGSSLROOTCERT, or leave TLS out with sslmode=disable";
    }
    Error::Store { store: name.into(), reason, passing }
}

fn is_io(error: &postgres::Error) -> bool {
    let mut cause = error.source();
    while let Some(e) = cause {
        if let Some(e) = e.downcast_ref::<std::io::Error>() {
            // rustls reports an invalid certificate as invalid data, which is not a passing error.
            return e.kind() != std::io::ErrorKind::InvalidData;
        }
        cause = e.source();
    }
    error.to_string().contains("timeout") || error.to_string().contains("connecting")
}

fn refused(name: &str, reason: &str) -> Error {
    Error::Store { store: name.into(), reason: reason.into(), passing: false }
}

/// Returns the message with its causes. None of them holds the password.
fn explain(error: &postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        let more = e.to_string();
        if !text.contains(&more) {
            text += &format!(": {more}");
        }
        cause = e.source();
    }
    text
}

//! Passwords stay out of what is printed and kept.

/// `text` with the password of every URL in it replaced by three stars, be it before the host or a parameter.
pub fn without_secrets(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.into() };
    let (address, query) = rest.split_once('?').map_or((rest, None), |(address, query)| (address, Some(query)));
    // A password may hold an @ of its own: the last one ends it.
    let address = match address.rsplit_once('@') {
        Some((login, host)) => match login.split_once(':') {
            Some((user, _)) => format!("{user}:***@{host}"),
            None => format!("{login}@{host}"),
        },
        None => address.into(),
    };
    let parameter = |part: &str| if part.starts_with("password=") { "password=***".into() } else { part.to_owned() };
    match query {
        Some(query) => {
            format!("{scheme}://{address}?{}", query.split('&').map(parameter).collect::<Vec<_>>().join("&"))
        }
        None => format!("{scheme}://{address}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_replaced_wherever_a_url_has_them() {
        let cases = [
            ("--store=postgres://me:x@host/db", "--store=postgres://me:***@host/db"),
            ("postgres://me:p@ss@host:5/db?sslmode=require", "postgres://me:***@host:5/db?sslmode=require"),
            ("postgres://host/db?user=me&password=x", "postgres://host/db?user=me&password=***"),
            ("postgres://me@host/db", "postgres://me@host/db"),
            ("some/file", "some/file"),
        ];
        for (text, expected) in cases {
            assert_eq!(without_secrets(text), expected);
        }
    }
}

//! Integer expressions of WGSL constants, evaluated by the host: bounds and indices of loops that are written out.

use std::collections::HashMap;

use super::kernel::Constant;

/// Known constants of a source: integers, and the host's tables.
#[derive(Debug, Clone, Default)]
pub(super) struct Known<'a> {
    pub numbers: HashMap<String, i64>,
    pub tables: HashMap<&'a str, &'a Constant>,
}

impl Known<'_> {
    /// Returns entry `index` of table `name` as a WGSL literal.
    pub fn entry(&self, name: &str, index: i64) -> Option<String> {
        match self.tables.get(name)? {
            Constant::F32s(values) => values.get(usize::try_from(index).ok()?).map(|value| format!("({value:?})")),
            _ => self.integer(name, index).map(|value| format!("{value}u")),
        }
    }

    /// Returns entry `index` of table `name` if the table holds integers.
    fn integer(&self, name: &str, index: i64) -> Option<i64> {
        match self.tables.get(name)? {
            Constant::U32s(values) => values.get(usize::try_from(index).ok()?).map(|value| i64::from(*value)),
            _ => None,
        }
    }
}

pub(super) fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Evaluates an integer expression of literals, known constants, table entries, `+ - * / %` and parentheses.
pub(super) fn evaluate(expression: &str, known: &Known<'_>) -> Result<i64, String> {
    let mut tokens = Tokens { rest: expression.trim(), known };
    let value = tokens.sum()?;
    if tokens.rest.is_empty() { Ok(value) } else { Err(format!("`{expression}` is not a constant expression")) }
}

struct Tokens<'a> {
    rest: &'a str,
    known: &'a Known<'a>,
}

impl Tokens<'_> {
    fn take(&mut self, symbols: &[char]) -> Option<char> {
        let symbol = self.rest.chars().next().filter(|c| symbols.contains(c))?;
        self.rest = self.rest[1..].trim_start();
        Some(symbol)
    }

    fn sum(&mut self) -> Result<i64, String> {
        let mut value = self.product()?;
        while let Some(symbol) = self.take(&['+', '-']) {
            let right = self.product()?;
            value = if symbol == '+' { value + right } else { value - right };
        }
        Ok(value)
    }

    fn product(&mut self) -> Result<i64, String> {
        let mut value = self.atom()?;
        while let Some(symbol) = self.take(&['*', '/', '%']) {
            let right = self.atom()?;
            value = match symbol {
                '*' => Some(value * right),
                '/' => value.checked_div(right),
                _ => value.checked_rem(right),
            }
            .ok_or("division by zero")?;
        }
        Ok(value)
    }

    fn atom(&mut self) -> Result<i64, String> {
        if self.take(&['(']).is_some() {
            let value = self.sum()?;
            return self.take(&[')']).map(|_| value).ok_or_else(|| "missing `)`".to_string());
        }
        let length = self.rest.find(|c: char| !is_name(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest.trim_start();
        if self.take(&['[']).is_some() {
            let index = self.sum()?;
            self.take(&[']']).ok_or("missing `]`")?;
            return self.known.integer(word, index).ok_or_else(|| format!("`{word}` has no entry {index}"));
        }
        match word.trim_end_matches('u').parse() {
            Ok(number) => Ok(number),
            Err(_) => self.known.numbers.get(word).copied().ok_or_else(|| format!("`{word}` is not a known constant")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_follow_the_usual_precedence() {
        let numbers = [("A", 3), ("LONG_NAME", 4)].map(|(name, value)| (name.to_string(), value));
        let known = Known { numbers: numbers.into(), ..Known::default() };
        assert_eq!(evaluate("A * 2u + LONG_NAME", &known), Ok(10));
        assert_eq!(evaluate("(A + 1u) * (LONG_NAME - 2u) / 2u", &known), Ok(4));
        assert_eq!(evaluate("7u % A", &known), Ok(1));
        assert!(evaluate("B + 1u", &known).unwrap_err().contains('B'));
        assert!(evaluate("A / 0u", &known).is_err());
    }
}

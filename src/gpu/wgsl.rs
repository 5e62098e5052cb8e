//! From the joined shader files to the WGSL that is compiled: constants rewritten, marked loops unrolled.
//!
//! [`ShaderSource::join`](super::ShaderSource::join) concatenates the files of a kernel; the result is valid WGSL.
//! `const NAME: u32 = 16u;` lines, and `alias NAME = f32;` lines for types, are rewritten with the host's values,
//! because `override` cannot size the register arrays that hold tiles. A loop whose opening line ends in
//! `// unroll` is written out, since only then is every index into a register array a constant on every driver: a
//! rolled loop keeps the array in memory. In the body of such a loop, `let NAME = …;` of known integers becomes a
//! constant too, so an index may be computed in steps. A loop that ends in `// unroll loads` loads a value in each
//! iteration; such loops are kept for drivers that compile many loads badly.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::expression::{Known, evaluate, is_name};
use super::kernel::{Constant, Kernel};
use crate::{Error, Result};

/// Treatment of loops that are marked `// unroll loads`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loads {
    /// Loops are written out.
    Unrolled,
    /// Loops are kept.
    Rolled,
}

/// Returns the source that is compiled for `kernel`.
///
/// # Errors
/// [`Error::Kernel`] if an import or a slot names nothing, a constant has no line in the source, or a marked loop
/// cannot be unrolled.
pub fn specialise(kernel: &dyn Kernel, loads: Loads) -> Result<String> {
    let fail = |reason: String| Error::kernel(kernel.name(), reason);
    let joined = kernel.source().join().map_err(fail)?;
    let constants = kernel.constants();
    let (source, known) = rewrite(&joined, &constants).map_err(fail)?;
    unroll(&source, &known, loads).map_err(fail)
}

/// Replaces the value of every named constant. Returns the new source, and the known values of all constants.
fn rewrite<'a>(source: &str, constants: &'a [(&'static str, Constant)]) -> Result<(String, Known<'a>), String> {
    let mut waiting: HashMap<&str, &Constant> = constants.iter().map(|(name, value)| (*name, value)).collect();
    let is_table = |value: &Constant| matches!(value, Constant::U32s(_) | Constant::F32s(_));
    let tables = constants.iter().filter(|(_, value)| is_table(value)).map(|(name, value)| (*name, value)).collect();
    let mut known = Known { numbers: HashMap::new(), tables };
    let mut derived = Vec::new();
    let mut out = String::with_capacity(source.len());
    for line in source.lines() {
        if let Some(name) = parse_alias(line)
            && let Some(value) = waiting.remove(name)
        {
            let Constant::Type(value) = value else {
                return Err(format!("{name} is a type in the source and {value:?} on the host"));
            };
            let _ = writeln!(out, "alias {name} = {value};");
            continue;
        }
        let Some((name, kind, value)) = parse_const(line) else {
            let _ = writeln!(out, "{line}");
            continue;
        };
        match (waiting.remove(name), kind) {
            (Some(Constant::U32(value)), "u32") => {
                let _ = writeln!(out, "const {name}: u32 = {value}u;");
                known.numbers.insert(name.to_string(), i64::from(*value));
            }
            (Some(Constant::F32(value)), "f32") => {
                let _ = writeln!(out, "const {name}: f32 = {value:?};");
            }
            (Some(Constant::U32s(_)), kind) if kind.starts_with("array<u32,") => {}
            (Some(Constant::F32s(_)), kind) if kind.starts_with("array<f32,") => {}
            (Some(other), kind) => {
                return Err(format!("constant {name} is {kind} in the source and {other:?} on the host"));
            }
            (None, _) => {
                let _ = writeln!(out, "{line}");
                derived.extend((kind == "u32").then_some((name, value)));
            }
        }
    }
    // A constant may be declared before the constants in its value, so passes are repeated until no further value is
    // found.
    loop {
        let count = derived.len();
        derived.retain(|(name, value)| {
            let value = evaluate(value, &known);
            known.numbers.extend(value.iter().map(|value| ((*name).to_string(), *value)));
            value.is_err()
        });
        if derived.len() == count {
            break;
        }
    }
    match waiting.keys().next() {
        Some(name) => Err(format!("constant {name} has no `const` line in the source")),
        None => Ok((out, known)),
    }
}

/// Parses a module-scope line `const NAME: TYPE = VALUE;` into `(name, type, value)`.
fn parse_const(line: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = line.strip_prefix("const ")?.split_once(':')?;
    let (kind, value) = rest.split_once('=')?;
    Some((name.trim(), kind.trim(), value.split(';').next()?.trim()))
}

/// Parses `alias NAME = …;` into the name.
fn parse_alias(line: &str) -> Option<&str> {
    Some(line.strip_prefix("alias ")?.split_once('=')?.0.trim())
}

/// Writes out every marked loop, outermost first, so that bounds may use the indices of enclosing loops.
fn unroll(source: &str, known: &Known<'_>, loads: Loads) -> Result<String, String> {
    let lines: Vec<&str> = source.lines().collect();
    let mut out = String::with_capacity(source.len());
    unroll_lines(&lines, known.clone(), None, loads, &mut out)?;
    Ok(out)
}

/// Writes out the marked loops in `lines`, given the `known` constants. In the body of an unrolled loop, `depth` counts
/// the open braces.
fn unroll_lines(
    lines: &[&str],
    mut known: Known<'_>,
    mut depth: Option<i64>,
    loads: Loads,
    out: &mut String,
) -> Result<(), String> {
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        at += 1;
        let Some(head) = marked(line, loads) else {
            if let (Some(depth), Some((keyword, name, value))) = (depth, parse_local(line)) {
                // A declaration in the body itself is tracked; a declaration in an inner block ends with that block.
                let value = evaluate(value, &known);
                let hidden = known.numbers.remove(name).is_some();
                if depth > 0 && hidden {
                    let line = line.trim();
                    return Err(format!("`{line}` hides a constant of the loop around it: name it differently"));
                }
                if let (0, "let", Ok(value @ 0..)) = (depth, keyword, value) {
                    let _ = writeln!(out, "const {name} = {value}u;");
                    known.numbers.insert(name.to_string(), value);
                    continue;
                }
            }
            depth = depth.map(|depth| depth + braces(line));
            let _ = writeln!(out, "{}", fold_indices(line, &known));
            continue;
        };
        let (name, bound) = parse_loop(head).ok_or_else(|| format!("cannot unroll `{}`", line.trim()))?;
        let count = evaluate(bound, &known).map_err(|e| format!("cannot unroll `{}`: {e}", line.trim()))?;
        let length = lines[at..].iter().scan(1_i64, |depth, line| {
            *depth += braces(line);
            (*depth > 0).then_some(())
        });
        let body = &lines[at..at + length.count()];
        at += body.len() + 1;
        for index in 0..count {
            let mut inner = known.clone();
            inner.numbers.insert(name.to_string(), index);
            let _ = writeln!(out, "{{ const {name} = {index}u;");
            unroll_lines(body, inner, Some(0), loads, out)?;
            out.push_str("}\n");
        }
    }
    Ok(())
}

/// Returns the number of braces that a line opens, minus those that it closes.
fn braces(line: &str) -> i64 {
    let code = line.split("//").next().unwrap_or(line);
    code.matches('{').count() as i64 - code.matches('}').count() as i64
}

/// Parses `let NAME = VALUE;` and `var NAME…;` into `(keyword, name, value)`; a `var` may have any type and value.
fn parse_local(line: &str) -> Option<(&str, &str, &str)> {
    let (keyword, rest) = line.trim_start().split_once(' ').filter(|(word, _)| ["let", "var"].contains(word))?;
    let length = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(length);
    let value = rest.split_once('=').map_or("", |(_, value)| value);
    Some((keyword, name, value.split(';').next()?.trim()))
}

/// Returns the line without its mark if it opens a loop that is to be written out.
fn marked(line: &str, loads: Loads) -> Option<&str> {
    let line = line.trim_end();
    let of_loads = || line.strip_suffix("// unroll loads").filter(|_| loads == Loads::Unrolled);
    line.strip_suffix("// unroll").or_else(of_loads)
}

/// Replaces every constant index in `line` by its value, and every table entry at a constant index by the entry. This
/// keeps compilation fast: naga's time grows with the square of the number of expressions in a function, and most
/// expressions of an unrolled loop are in its indices.
fn fold_indices(line: &str, known: &Known<'_>) -> String {
    let code = line.split("//").next().unwrap_or(line);
    let mut out = String::with_capacity(line.len());
    let mut rest = code;
    while let Some(open) = rest.find('[') {
        out.push_str(&rest[..=open]);
        rest = &rest[open + 1..];
        // An index that contains another index is constant only if the inner one selects an entry of a table.
        let Some(close) = closing(rest) else { break };
        let Ok(value @ 0..) = evaluate(&rest[..close], known) else { continue };
        let array = &out[..out.len() - 1];
        let start = array.rfind(|c| !is_name(c)).map_or(0, |at| at + 1);
        match known.entry(&array[start..], value) {
            Some(entry) => {
                out.truncate(start);
                out.push_str(&entry);
                rest = &rest[close + 1..];
            }
            None => {
                let _ = write!(out, "{value}u");
                rest = &rest[close..];
            }
        }
    }
    out.push_str(rest);
    out.push_str(&line[code.len()..]);
    out
}

/// Returns the position of the bracket that closes the one opened before `rest`.
fn closing(rest: &str) -> Option<usize> {
    let mut depth = 1;
    rest.find(|c| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        depth == 0
    })
}

/// Parses `for (var i = 0u; i < BOUND; i++) {` into `(index, bound)`.
fn parse_loop(head: &str) -> Option<(&str, &str)> {
    let inside = head.trim().strip_prefix("for (")?.strip_suffix(") {")?;
    let mut parts = inside.split(';').map(str::trim);
    let name = parts.next()?.strip_prefix("var ")?.strip_suffix("= 0u")?.trim();
    let bound = parts.next()?.strip_prefix(name)?.trim().strip_prefix('<')?.trim();
    (parts.next()? == format!("{name}++")).then_some((name, bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(pairs: &[(&str, i64)]) -> Known<'static> {
        let numbers = pairs.iter().map(|(name, value)| ((*name).to_string(), *value)).collect();
        Known { numbers, ..Known::default() }
    }

    #[test]
    fn constants_are_rewritten_and_derived_ones_are_followed() {
        let source = "const Q: u32 = P * 2u;\nconst W: u32 = 1u; // tile\nconst P: u32 = W + 2u;\nconst S: f32 = 0.5;\nfn f() {}\n";
        let constants = [("W", 4u32.into()), ("S", 0.1.into())];
        let (out, known) = rewrite(source, &constants).unwrap();
        assert!(out.contains("const W: u32 = 4u;") && out.contains("const S: f32 = 0.1;"), "{out}");
        assert_eq!((known.numbers["P"], known.numbers["Q"]), (6, 12));
        assert!(rewrite(source, &[("MISSING", 1u32.into())]).unwrap_err().contains("MISSING"));
        assert!(rewrite(source, &[("S", 1u32.into())]).is_err());
    }

    #[test]
    fn marked_loops_are_written_out_and_others_kept() {
        let source = "for (var i = 0u; i < N; i++) { // unroll\n  for (var j = 0u; j < i + 1u; j++) { // unroll\n    a[i * 2u + j] = 0.0;\n  }\n}\nfor (var k = 0u; k < N; k++) {\n  b();\n}\n";
        let out = unroll(source, &known(&[("N", 2)]), Loads::Unrolled).unwrap();
        for at in 0..4 {
            assert_eq!(out.matches(&format!("a[{at}u] = 0.0;")).count(), usize::from(at != 1), "{out}");
        }
        assert_eq!(out.matches("const j = 1u;").count(), 1);
        assert!(out.contains("for (var k = 0u; k < N; k++)"));
        assert_eq!(out.matches('{').count(), out.matches('}').count());
    }

    #[test]
    fn lets_of_known_integers_are_constants_within_an_unrolled_body() {
        let source = "for (var i = 0u; i < 2u; i++) { // unroll\n  let row = i * 3u + N; // of the patch\n  if (c) {\n    let other = 0u;\n  }\n  a[row + 1u] = b[row];\n  let row2 = row + x;\n  d[row2] = 0.0;\n}\nlet last = 1u;\ne[last] = 0.0;\n";
        let out = unroll(source, &known(&[("N", 2)]), Loads::Unrolled).unwrap();
        assert!(
            out.contains("const row = 2u;") && out.contains("a[3u] = b[2u];") && out.contains("a[6u] = b[5u];"),
            "{out}"
        );
        assert!(out.contains("let row2 = row + x;") && out.contains("d[row2]"), "{out}");
        assert!(out.contains("let last = 1u;") && out.contains("e[last]"), "{out}");
        let hidden = source.replace("let other", "var row");
        let error = unroll(&hidden, &known(&[("N", 2)]), Loads::Unrolled).unwrap_err();
        assert!(error.contains("`var row = 0u;` hides"), "{error}");
    }

    #[test]
    fn loops_over_loads_are_written_out_or_stay() {
        let source = "for (var c = 0u; c < 2u; c++) { // unroll loads\n  let four = input[c];\n  for (var i = 0u; i < 2u; i++) { // unroll\n    a[c * 2u + i] = four[i];\n  }\n}\n";
        let known = known(&[]);
        let unrolled = unroll(source, &known, Loads::Unrolled).unwrap();
        assert!(unrolled.contains("a[3u] = four[1u];") && !unrolled.contains("for"), "{unrolled}");
        let rolled = unroll(source, &known, Loads::Rolled).unwrap();
        assert_eq!(rolled.matches("input[c]").count(), 1, "{rolled}");
        assert!(rolled.contains("a[c * 2u + i] = four[1u];"), "{rolled}");
    }

    #[test]
    fn constant_indices_become_numbers_and_others_stay() {
        let known = known(&[("A", 3), ("B", 2)]);
        let fold = |line: &str| fold_indices(line, &known);
        assert_eq!(fold("x[A * B + 1u] += y[i + A] * z[B][A]; // w[A]"), "x[7u] += y[i + A] * z[2u][3u]; // w[A]");
        assert_eq!(fold("x[a[B]] = y[A - 4u];"), "x[a[2u]] = y[A - 4u];");
        assert_eq!(fold("let x = y;"), "let x = y;");
    }

    #[test]
    fn entries_of_tables_stand_in_the_code() {
        let source = "const W: array<f32, 1> = array<f32, 1>(0.0);\nconst N: array<u32, 1> = array<u32, 1>(0u);\n\
                      for (var i = 0u; i < 2u; i++) { // unroll\nfor (var j = 0u; j < N[i]; j++) { // unroll\n\
                      x[N[j] + 1u] += W[N[i] - 1u] * y[N[k]];\n}\n}\n";
        let constants = [("W", vec![-0.5, 1.5].into()), ("N", vec![1u32, 2].into())];
        let (out, known) = rewrite(source, &constants).unwrap();
        assert!(!out.contains("const"), "{out}");
        let out = unroll(&out, &known, Loads::Unrolled).unwrap();
        assert_eq!(out.matches("x[2u] += (-0.5) * y[N[k]];").count(), 1, "{out}");
        assert_eq!(out.matches("x[2u] += (1.5) * y[N[k]];").count(), 1, "{out}");
        assert_eq!(out.matches("x[3u] += (1.5) * y[N[k]];").count(), 1, "{out}");
        assert!(rewrite("const W: f32 = 0.0;\n", &constants).is_err());
    }

    #[test]
    fn types_are_rewritten_by_their_names() {
        let constants = [("Word", Constant::Type("u32")), ("N", 2_u32.into())];
        let (out, _) =
            rewrite("alias Word = f32; // any\nalias Other = f32;\nconst N: u32 = 1u;\n", &constants).unwrap();
        assert_eq!(out, "alias Word = u32;\nalias Other = f32;\nconst N: u32 = 2u;\n");
        assert!(rewrite("alias N = f32;\n", &[("N", 2_u32.into())]).unwrap_err().contains("N is a type"));
        assert!(rewrite("const Word: u32 = 1u;\n", &[("Word", Constant::Type("u32"))]).is_err());
    }

    #[test]
    fn a_loop_with_an_unknown_bound_is_refused() {
        let error = unroll("for (var i = 0u; i < n; i++) { // unroll\n}\n", &known(&[]), Loads::Unrolled).unwrap_err();
        assert!(error.contains("`n`"), "{error}");
        assert!(unroll("for (var i = 1u; i < 2u; i++) { // unroll\n}\n", &known(&[]), Loads::Unrolled).is_err());
    }
}

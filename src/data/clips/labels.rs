//! Labels that are probably mistakes: two that differ in case or blanks only, and one that holds several.

use std::collections::BTreeMap;

use super::left_out::LeftOut;
use super::list::SEPARATORS;

/// Returns warnings about `classes`, the labels of the training clips. `origin` is the table or folder that they come
/// from; `several_in_one` says whether to look for labels that look like several in one.
pub fn suspicious(origin: &str, classes: &[String], several_in_one: bool) -> Vec<LeftOut> {
    let holds = if several_in_one { holding_separators(origin, classes) } else { None };
    alike(origin, classes).into_iter().chain(holds).collect()
}

fn alike(origin: &str, classes: &[String]) -> Option<LeftOut> {
    let mut same: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for class in classes {
        let key = class.to_lowercase().replace(|c: char| c.is_whitespace() || c == '_', "");
        same.entry(key).or_default().push(class);
    }
    let pairs: Vec<&Vec<&String>> = same.values().filter(|labels| labels.len() > 1).collect();
    let [first, second, ..] = pairs.first()?[..] else { return None };
    let others = if pairs.len() > 1 { format!(", and {} more such labels", pairs.len() - 1) } else { String::new() };
    Some(LeftOut::warning(format!(
        "{origin}: {first:?} and {second:?} are two classes, though they differ in case, blanks or underscores only{others}: \
         write them alike if they are one"
    )))
}

fn holding_separators(origin: &str, classes: &[String]) -> Option<LeftOut> {
    let found: Vec<&String> = classes.iter().filter(|label| label.contains(SEPARATORS)).collect();
    let first = found.first()?;
    let separator = SEPARATORS.into_iter().find(|separator| first.contains(*separator))?;
    let part = first.split(separator).map(str::trim).find(|part| classes.iter().any(|class| class == part));
    let beside = part.map(|part| format!(", beside {part:?}")).unwrap_or_default();
    let n = found.len();
    Some(LeftOut::warning(format!(
        "{origin}: labels that hold a comma, a semicolon or a bar are taken as one class each, {n} of them, {first:?} \
         first{beside}: if they are several, write a line for each, or use --set data.table.separator='{separator}'"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(classes: &[&str]) -> Vec<String> {
        let classes: Vec<String> = classes.iter().map(|class| (*class).to_owned()).collect();
        suspicious("t.csv", &classes, true).into_iter().map(|line| line.message).collect()
    }

    #[test]
    fn both_labels_are_named() {
        assert!(warnings(&["Cat", "Cattle", "Dog"]).is_empty());
        let found = warnings(&["Cat", "Running water", "cat", "running_water"]);
        assert!(found.len() == 1 && found[0].contains("\"Cat\" and \"cat\" are two"), "{found:?}");
        assert!(found[0].contains("and 1 more"), "{found:?}");
        let found = warnings(&["Cat,Dog", "Dog"]);
        assert!(found.len() == 1 && found[0].contains("\"Cat,Dog\" first, beside \"Dog\""), "{found:?}");
        assert!(found[0].contains("data.table.separator=','"), "{found:?}");
        assert!(suspicious("t", &["Animal, wild".into()], false).is_empty());
    }
}

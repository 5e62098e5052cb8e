//! The search space: draws the values of configuration keys for every trial, each with its own random numbers.

use toml::Value;

use crate::base::counter_rng::Key;
use crate::config::{Config, Method, SpaceConfig, assign};
use crate::{Error, Result};

/// Sections whose keys may be drawn. Other sections concern the data, which all trials share, or are not used in a
/// search.
const SECTIONS: [&str; 4] = ["model", "triplets", "prototypes", "optimiser"];

/// One trial: the drawn values and the resulting configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Number of the trial, from 0.
    pub number: usize,
    /// Drawn value of each entry of the space; `None` if the entry's condition does not hold.
    pub values: Vec<Option<Value>>,
    /// Configuration of the trial's training.
    pub config: Config,
}

/// Draws trial `number` of the search that `config` describes. The trial depends only on the seed, its number and the
/// names in the space. It does not depend on other trials or on the calling process.
///
/// # Errors
/// [`Error::Config`] naming the entry of the space, or the key and the drawn values that do not fit together.
pub fn trial(config: &Config, number: usize) -> Result<Trial> {
    let search = &config.search;
    let root = Key::new(search.seed).named("search").child(number as u64);
    let mut values: Vec<Option<Value>> = Vec::with_capacity(search.space.len());
    for (index, entry) in search.space.iter().enumerate() {
        let drawn = |name: &str| value_of(&search.space[..index], &values, name);
        let holds = entry.when.iter().all(|(name, allowed)| drawn(name).is_some_and(|value| fits(value, allowed)));
        if holds && drawn(&entry.name).is_some() {
            return Err(of_entry(entry, &format!("is drawn twice in trial {number}: the conditions of both hold")));
        }
        values.push(if holds { Some(draw(entry, root.named(&entry.name))?) } else { None });
    }
    let config =
        configure(config, &values).map_err(|error| of_trial(error, search.space.as_slice(), &values, number))?;
    Ok(Trial { number, values, config })
}

/// Returns the value drawn under `name`, from the `values` of the entries of `space`.
pub fn value_of<'a>(space: &[SpaceConfig], values: &'a [Option<Value>], name: &str) -> Option<&'a Value> {
    space.iter().zip(values).filter(|(entry, _)| entry.name == name).find_map(|(_, value)| value.as_ref())
}

/// Returns the names in `space` without duplicates. Several entries with one name draw it under different conditions.
pub fn names(space: &[SpaceConfig]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for entry in space {
        if !names.contains(&entry.name.as_str()) {
            names.push(&entry.name);
        }
    }
    names
}

/// Checks the search that `config` describes: first its space, then every trial in turn. `each` is called with every
/// trial.
///
/// # Errors
/// [`Error::Config`] naming the fault of the space, or the first trial that cannot be trained.
pub fn check(config: &Config, mut each: impl FnMut(Trial)) -> Result<()> {
    config.starts_from_scratch("a search")?;
    check_space(config)?;
    (0..config.search.trials).try_for_each(|number| trial(config, number).map(&mut each))
}

/// Returns whether `name` is drawn on a logarithmic scale by all of its entries.
pub fn by_ratios(space: &[SpaceConfig], name: &str) -> bool {
    space.iter().filter(|entry| entry.name == name).all(|entry| entry.log_uniform.is_some())
}

/// Returns whether `value` equals `allowed` or, if `allowed` is a list, one of its elements.
fn fits(value: &Value, allowed: &Value) -> bool {
    match allowed {
        Value::Array(several) if !value.is_array() => several.contains(value),
        one => one == value,
    }
}

fn draw(entry: &SpaceConfig, key: Key) -> Result<Value> {
    let mut stream = key.stream();
    if !entry.choice.is_empty() {
        return Ok(stream.choose(&entry.choice).clone());
    }
    match (entry.uniform, entry.log_uniform, entry.integer) {
        (Some([low, high]), ..) => Ok(Value::Float(rounded(stream.uniform(low, high)))),
        (_, Some([low, high]), _) => Ok(Value::Float(rounded(stream.uniform(low.ln(), high.ln()).exp()))),
        (.., Some([low, high])) => Ok(Value::Integer(low + stream.below((high - low + 1) as usize) as i64)),
        _ => Err(of_entry(entry, "needs one of choice, uniform, log_uniform and integer")),
    }
}

/// Rounds to four significant digits, so that tables show the exact values that were used.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// Returns `config` with the drawn values at their keys. A list with drawn elements consists of these elements only.
fn configure(config: &Config, values: &[Option<Value>]) -> Result<Config> {
    let mut assigned: Vec<(&str, Value)> = Vec::new();
    for (entry, value) in config.search.space.iter().zip(values) {
        let Some(value) = value.clone().filter(|_| entry.name.contains('.')) else { continue };
        let Some((list, index)) = element(&entry.name)? else {
            assigned.push((&entry.name, value));
            continue;
        };
        let drawn = assigned.iter_mut().find(|(key, _)| *key == list);
        let items = match drawn {
            Some((_, Value::Array(items))) => items,
            _ => {
                assigned.push((list, Value::Array(Vec::new())));
                let Some((_, Value::Array(items))) = assigned.last_mut() else { unreachable!("pushed just now") };
                items
            }
        };
        if items.len() != index {
            return Err(of_entry(entry, &format!("is drawn without element {} of {list}", items.len())));
        }
        items.push(value);
    }
    let mut config = assign(config, &assigned)?;
    let last = (1..config.search.rungs).fold(config.search.minimum, |epochs, _| epochs * config.search.eta);
    config.train.epochs = Some(last);
    Ok(config)
}

/// Splits a name such as `model.filters[3]` into list and index; `None` for a name without an index.
fn element(name: &str) -> Result<Option<(&str, usize)>> {
    let Some((list, rest)) = name.split_once('[') else { return Ok(None) };
    let index = rest.strip_suffix(']').and_then(|index| index.parse().ok());
    let wrong = || Error::config("search.space", format!("'{name}' is no element of a list, such as model.filters[0]"));
    Ok(Some((list, index.ok_or_else(wrong)?)))
}

fn of_entry(entry: &SpaceConfig, reason: &str) -> Error {
    Error::config("search.space", format!("'{}' {reason}", entry.name))
}

/// Adds the trial and its drawn values to an error about its configuration.
fn of_trial(error: Error, space: &[SpaceConfig], values: &[Option<Value>], number: usize) -> Error {
    let drawn: Vec<String> = space
        .iter()
        .zip(values)
        .filter_map(|(entry, value)| Some(format!("{} = {}", entry.name, value.as_ref()?)))
        .collect();
    match error {
        Error::Config { origin, reason } => {
            let trial = format!("trial {number} of the search ({}): {origin}: {reason}", drawn.join(", "));
            Error::config("search.space", trial)
        }
        other => other,
    }
}

/// Checks the space without drawing: names, kinds of distribution, ranges, conditions.
fn check_space(config: &Config) -> Result<()> {
    let (space, method) = (&config.search.space, config.train.method);
    if space.is_empty() {
        return Err(Error::config("search.space", "nothing is drawn: add [[search.space]] with a name and a choice"));
    }
    for (index, entry) in space.iter().enumerate() {
        let (earlier, name) = (&space[..index], entry.name.as_str());
        let conditional = |entry: &SpaceConfig| !entry.when.is_empty();
        let again = earlier.iter().any(|other| other.name == name && !(conditional(other) && conditional(entry)));
        if name.is_empty() || again {
            return Err(of_entry(entry, "needs a name of its own, or a condition wherever it is named"));
        }
        may_differ(entry, method)?;
        let ways =
            [!entry.choice.is_empty(), entry.uniform.is_some(), entry.log_uniform.is_some(), entry.integer.is_some()];
        if ways.iter().filter(|way| **way).count() != 1 {
            return Err(of_entry(entry, "needs exactly one of choice, uniform, log_uniform and integer"));
        }
        let ranges = [(entry.uniform, f64::NEG_INFINITY), (entry.log_uniform, 0.0)];
        for ([low, high], above) in ranges.into_iter().filter_map(|(range, above)| Some((range?, above))) {
            if !(low > above && low < high && high.is_finite()) {
                let reason = format!("needs a range [low, high] of numbers above {above}, not [{low}, {high}]");
                return Err(of_entry(entry, &reason));
            }
        }
        if let Some([low, high]) = entry.integer
            && !(low <= high && high.checked_sub(low).is_some_and(|width| width < i64::from(u32::MAX)))
        {
            return Err(of_entry(entry, &format!("needs a range [low, high] of integers, not [{low}, {high}]")));
        }
        if let Some(unknown) = entry.when.keys().find(|name| !earlier.iter().any(|other| other.name == **name)) {
            return Err(of_entry(entry, &format!("has the condition '{unknown}', which no entry above it is called")));
        }
        let used = |other: &SpaceConfig| other.when.contains_key(name);
        if !name.contains('.') && !space[index + 1..].iter().any(used) {
            let reason = "is neither a key, such as optimiser.lr, nor the condition of an entry below it";
            return Err(of_entry(entry, reason));
        }
    }
    let objective = config.search.objective;
    let own = crate::config::Objective::of(method);
    if objective.is_some_and(|objective| objective != own) {
        let reason = format!("{} is watched by {} on its rungs: leave it out", method.name(), own.name());
        return Err(Error::config("search.objective", reason));
    }
    Ok(())
}

/// Checks that the key of `entry` concerns training and not the data, which all trials share.
fn may_differ(entry: &SpaceConfig, method: Method) -> Result<()> {
    let Some((section, _)) = entry.name.split_once('.') else { return Ok(()) };
    if entry.name == "train.batch" {
        return Ok(());
    }
    if !SECTIONS.contains(&section) {
        let reason =
            "cannot be drawn: trials differ in [model], [optimiser], train.batch, and in [triplets] or [prototypes]";
        return Err(of_entry(entry, reason));
    }
    let of_another = Method::all().iter().any(|other| other.name() == section && *other != method);
    if of_another || entry.name.starts_with("model.hidden") && method != Method::Classifier {
        return Err(of_entry(entry, &format!("is not read when E is trained by the method {}", method.name())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trials(config: &Config) -> Result<Vec<Trial>> {
        let mut all = Vec::new();
        check(config, |trial| all.push(trial)).map(|()| all)
    }

    fn config(space: &str) -> Config {
        toml::from_str(&format!("[search]\ntrials = 60\n{space}")).unwrap()
    }

    const LAYERS: &str = r#"
        [[search.space]]
        name = "layers"
        choice = [3, 4]
        [[search.space]]
        name = "model.filters[0]"
        choice = [8, 16]
        [[search.space]]
        name = "model.filters[1]"
        integer = [4, 40]
        [[search.space]]
        name = "model.filters[2]"
        choice = [24]
        [[search.space]]
        name = "model.filters[3]"
        choice = [65, 33]
        when = { layers = 4 }
        [[search.space]]
        name = "model.pools"
        choice = [[[2, 2], [2, 2], [1, 4]]]
        when = { layers = [3] }
        [[search.space]]
        name = "optimiser.lr"
        log_uniform = [1e-4, 1e-2]
        [[search.space]]
        name = "model.dropout"
        uniform = [0.0, 0.5]
    "#;

    #[test]
    fn trials_are_drawn_each_for_itself_and_conditions_hold() {
        let config = config(LAYERS);
        let all = trials(&config).unwrap();
        assert_eq!(all[7], trial(&config, 7).unwrap());
        for trial in &all {
            let layers = if trial.values[0] == Some(Value::Integer(4)) { 4 } else { 3 };
            assert_eq!((trial.config.model.filters.len(), trial.config.model.pools.len()), (layers, layers));
            assert_eq!((trial.values[4].is_some(), trial.values[5].is_some()), (layers == 4, layers == 3));
            assert!((1e-4..1e-2).contains(&trial.config.optimiser.lr));
            assert!((4..=40).contains(&trial.config.model.filters[1]));
            assert_eq!(trial.config.train.epochs, Some(27));
        }
        let mut rates: Vec<f64> = all.iter().map(|trial| trial.config.optimiser.lr).collect();
        rates.sort_by(f64::total_cmp);
        assert!((5e-4..2e-3).contains(&rates[30]), "the median is the geometric mean of the bounds: {}", rates[30]);
        rates.dedup();
        assert!(rates.len() > 55);
    }

    #[test]
    fn a_key_can_be_drawn_in_several_ways_under_conditions() {
        let config = config(
            r#"
            [[search.space]]
            name = "layers"
            choice = [3, 4]
            [[search.space]]
            name = "model.filters"
            choice = [[8, 8, 8]]
            when = { layers = 3 }
            [[search.space]]
            name = "model.pools"
            choice = [[[2, 2], [2, 2], [1, 4]]]
            when = { layers = 3 }
            [[search.space]]
            name = "model.filters"
            choice = [[4, 4, 4, 4], [5, 5, 5, 5]]
            when = { layers = 4 }
            "#,
        );
        let space = &config.search.space;
        for trial in trials(&config).unwrap() {
            let layers = value_of(space, &trial.values, "layers").unwrap().as_integer().unwrap() as usize;
            assert_eq!(trial.config.model.filters.len(), layers);
            let filters = value_of(space, &trial.values, "model.filters").unwrap();
            assert_eq!(filters.as_array().unwrap().len(), layers);
        }
        assert_eq!(names(space), ["layers", "model.filters", "model.pools"]);
    }

    #[test]
    fn an_entry_does_not_change_what_others_draw() {
        let long = trials(&config(LAYERS)).unwrap();
        let rate = "[[search.space]]\nname = \"optimiser.lr\"\nlog_uniform = [1e-4, 1e-2]";
        let short = trials(&config(rate)).unwrap();
        assert!(long.iter().zip(&short).all(|(one, other)| one.config.optimiser.lr == other.config.optimiser.lr));
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name_before_anything_runs() {
        let entry = |name: &str, rest: &str| format!("[[search.space]]\nname = \"{name}\"\n{rest}\n");
        let cases = [
            (String::new(), "nothing is drawn"),
            (entry("optimiser.rate", "choice = [1e-3]"), "unknown key `rate`"),
            (entry("optimiser.lr", ""), "exactly one of"),
            (entry("optimiser.lr", "choice = [1e-3]\nuniform = [0, 1]"), "exactly one of"),
            (entry("optimiser.lr", "log_uniform = [0, 1]"), "above 0"),
            (entry("model.kernel", "integer = [5, 3]"), "integers, not [5, 3]"),
            (entry("model.filters[1]", "choice = [8]"), "without element 0 of model.filters"),
            (entry("model.filters[x]", "choice = [8]"), "no element of a list"),
            (entry("layers", "choice = [8]"), "neither a key"),
            (entry("model.dropout", "choice = [0.1]\nwhen = { layers = 3 }"), "no entry above it"),
            (entry("model.slope", "choice = [0.1]").repeat(2), "a name of its own"),
            (
                entry("layers", "choice = [3]")
                    + &entry("model.slope", "choice = [0.1]\nwhen = { layers = 3 }").repeat(2),
                "drawn twice in trial 0",
            ),
            (entry("train.seconds", "choice = [1.0]"), "cannot be drawn"),
            (entry("triplets.margin", "choice = [0.1]"), "not read"),
            (
                entry("model.pools", "choice = [[[2, 2], [2, 2], [1, 4], [1, 3]]]"),
                "the 1×3 pool of conv3 does not divide",
            ),
            (entry("model.dropout", "choice = [1.5]"), "trial 0 of the search (model.dropout = 1.5)"),
        ];
        for (space, expected) in cases {
            let error = trials(&config(&space)).unwrap_err();
            assert!(error.to_string().contains(expected) && error.exit_code() == 3, "{space}: {error}");
        }
        let mut wrong = config(LAYERS);
        wrong.search.objective = Some(crate::config::Objective::Fx);
        assert!(trials(&wrong).unwrap_err().to_string().starts_with("search.objective"));
    }
}

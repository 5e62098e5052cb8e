//! Co-occurring events: which events are added to a clip's main event. They follow DESED's co-occurrence file, or else
//! all classes have the same probability.
//!
//! In: DESED's JSON and the classes of the soundbank. Out: a [`Cooccurrence`], which a recipe stores, and a
//! [`CooccurringEvents`] made from it, which draws events. An entry is named after the main event's folder. It holds
//! the largest number of co-occurring events, their classes and their probabilities:
//!
//! ```json
//! {"Cat": {"proba": 0.1, "co-occurences": {"max_events": 9, "classes": ["Cat", "Speech"], "probas": [0.7, 0.3]}}}
//! ```
//!
//! The three keys may also stand directly in the entry. DESED's older files call them `event_max`, `event_class` and
//! `event_prob`, with probabilities in per cent. Other keys of an entry are ignored: main classes take turns, and every
//! number of events has the same probability.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::soundbank::unfold;
use super::source::Source;
use crate::base::counter_rng::{Key, Stream};
use crate::base::regular_file;
use crate::data::clips::text;
use crate::{Error, Result};

/// Largest deviation of a sum of rounded probabilities from 1.
const ROUNDING: f64 = 0.01;

/// The co-occurring events for each folder of main events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cooccurrence(BTreeMap<String, FolderCooccurrence>);

/// The co-occurring events for main events from one folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct FolderCooccurrence {
    #[serde(alias = "event_max")]
    max_events: usize,
    #[serde(alias = "event_class")]
    classes: Vec<String>,
    #[serde(alias = "event_prob")]
    probas: Vec<f64>,
}

impl Cooccurrence {
    /// Reads DESED's JSON at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; the errors of [`parse`](Self::parse).
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(path, &regular_file::read(path).map_err(|source| Error::io("read", path, source))?)
    }

    /// Parses DESED's JSON in `bytes`. Error messages name `path` as the file.
    ///
    /// # Errors
    /// [`Error::Data`] naming `path`, and line or entry, if `bytes` are not valid DESED JSON.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let document: Map<String, Value> =
            serde_json::from_str(text(path, bytes)?).map_err(|error| Error::data(path, error.to_string()))?;
        let entry = |(name, value): (String, Value)| {
            let entry = FolderCooccurrence::deserialize(value.get("co-occurences").unwrap_or(&value));
            let entry = entry.map_err(|error| Error::data(path, format!("{name}: {error}")))?;
            Ok((name, entry))
        };
        document.into_iter().map(entry).collect::<Result<_>>().map(Self)
    }

    /// Checks that the entries fit a soundbank with `classes` and clips with `events[0]` to `events[1]` events.
    ///
    /// # Errors
    /// A message that begins with the entry and key that do not fit.
    pub fn check(&self, classes: &[String], events: [usize; 2]) -> Result<(), String> {
        CooccurringEvents::new(classes, events, Some(self)).map(drop)
    }

    /// Returns the rules for a soundbank with `classes` and for `least` to `most` co-occurring events.
    fn rules(&self, classes: &[String], least: usize, most: usize) -> Result<BTreeMap<EventFolder, Rule>, String> {
        let folder = |name: &str| {
            let (class, no_onset, no_offset) = unfold(name);
            let found = classes.iter().position(|known| known == class).map(|class| (class, no_onset, no_offset));
            found.ok_or_else(|| format!("{class} is none of the soundbank's classes {}", classes.join(", ")))
        };
        let mut rules = BTreeMap::new();
        for (name, entry) in &self.0 {
            let main = folder(name).map_err(|reason| format!("{name}: {reason}"))?;
            entry.check(least).map_err(|(key, reason)| format!("{name}.{key}: {reason}"))?;
            let mut weighted = Vec::new();
            for (class, weight) in entry.classes.iter().zip(&entry.probas) {
                let (class, ..) = folder(class).map_err(|reason| format!("{name}.classes: {reason}"))?;
                weighted.push((class, *weight));
            }
            rules.insert(main, Rule::new(most.min(entry.max_events), weighted));
        }
        match (0..classes.len()).find(|class| !rules.contains_key(&(*class, false, false))) {
            Some(class) => Err(format!("has no entry {}, which is a class of the soundbank", classes[class])),
            None => Ok(rules),
        }
    }
}

/// The folder of an event: its class, and whether its recordings lack the event's onset and offset.
type EventFolder = (usize, bool, bool);

/// A sampler of the events that co-occur with a clip's main event.
#[derive(Debug)]
pub struct CooccurringEvents {
    least: usize,
    /// Rules by the folder of the main event. Every class has a rule for recordings with onset and offset, which also
    /// serves folders without a rule of their own.
    rules: BTreeMap<EventFolder, Rule>,
}

/// The largest number of co-occurring events, and their classes.
#[derive(Debug, Clone)]
struct Rule {
    most: usize,
    classes: Vec<usize>,
    /// Cumulative sums of the weights, up to and including each class.
    sums: Vec<f64>,
}

impl CooccurringEvents {
    /// Makes a sampler for clips with `events[0]` to `events[1]` events. Without `cooccurrence`, all `classes` are
    /// equally likely.
    ///
    /// # Errors
    /// A message that begins with the entry and key of `cooccurrence` that do not fit.
    pub fn new(classes: &[String], events: [usize; 2], cooccurrence: Option<&Cooccurrence>) -> Result<Self, String> {
        let [least, most] = events.map(|n| n.saturating_sub(1));
        let rules = match cooccurrence {
            None => {
                let any = Rule::new(most, (0..classes.len()).map(|class| (class, 1.0)));
                (0..classes.len()).map(|class| ((class, false, false), any.clone())).collect()
            }
            Some(_) if most == 0 => {
                return Err(
                    "says what accompanies an event, but clips have only one: allow more with scene.events".into()
                );
            }
            Some(cooccurrence) => cooccurrence.rules(classes, least, most)?,
        };
        Ok(Self { least, rules })
    }

    /// Draws the events that co-occur with `main`, an event of `class`. Returns the class of each event and the key for
    /// everything else that is drawn about the event. `clip` is the key of the clip.
    pub fn draw(&self, class: usize, main: &Source, clip: Key) -> Vec<(usize, Key)> {
        let folder = (class, main.no_onset, main.no_offset);
        let rule = self.rules.get(&folder).unwrap_or_else(|| &self.rules[&(class, false, false)]);
        let n = self.least + clip.named("events").stream().below(rule.most - self.least + 1);
        let event = |i: usize| {
            let key = clip.named("company").child(i as u64);
            (rule.class(&mut key.named("class").stream()), key)
        };
        (0..n).map(event).collect()
    }
}

impl FolderCooccurrence {
    /// Returns the key that does not fit and the reason.
    fn check(&self, least: usize) -> Result<(), (&'static str, String)> {
        let (n_classes, n_probas) = (self.classes.len(), self.probas.len());
        if n_classes != n_probas {
            return Err(("probas", format!("{n_probas} probabilities for {n_classes} classes")));
        }
        if let Some(p) = self.probas.iter().find(|p| !(p.is_finite() && **p >= 0.0)) {
            return Err(("probas", format!("{p} is no probability")));
        }
        let sum: f64 = self.probas.iter().sum();
        if ![1.0, 100.0].iter().any(|whole| (sum / whole - 1.0).abs() <= ROUNDING) {
            return Err(("probas", format!("must add up to 1 or to 100 %, not {sum}")));
        }
        if self.max_events < least {
            let max = self.max_events;
            return Err((
                "max_events",
                format!("{max}, but scene.events asks for at least {least} beside the main event"),
            ));
        }
        Ok(())
    }
}

impl Rule {
    fn new(most: usize, weighted: impl IntoIterator<Item = (usize, f64)>) -> Self {
        let (mut classes, mut sums, mut sum) = (Vec::new(), Vec::new(), 0.0);
        for (class, weight) in weighted.into_iter().filter(|(_, weight)| *weight > 0.0) {
            sum += weight;
            classes.push(class);
            sums.push(sum);
        }
        Self { most, classes, sums }
    }

    /// Draws a class with a probability proportional to its weight.
    fn class(&self, stream: &mut Stream) -> usize {
        let last = self.classes.len() - 1;
        let drawn = stream.unit() * self.sums[last];
        // The product can be rounded up to the last sum.
        self.classes[self.sums.partition_point(|sum| *sum <= drawn).min(last)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::scenes::source::Origin;

    fn classes() -> Vec<String> {
        ["Cat", "Dog", "Frying"].map(String::from).to_vec()
    }

    fn read(json: &str) -> Result<Cooccurrence> {
        Cooccurrence::parse(Path::new("occurences.json"), json.as_bytes())
    }

    fn source(no_onset: bool, no_offset: bool) -> Source {
        Source { name: "a".into(), origin: Origin::File("a".into()), no_onset, no_offset }
    }

    /// Counts, over 3000 clips with main class `class`, the clips with 0, 1, … co-occurring events, and the events of
    /// each class.
    fn tally(cooccurring: &CooccurringEvents, class: usize, main: &Source) -> (Vec<usize>, Vec<usize>) {
        let (mut sizes, mut heard) = (vec![0; 6], vec![0; 3]);
        for clip in 0..3000 {
            let drawn = cooccurring.draw(class, main, Key::new(4).child(clip));
            sizes[drawn.len()] += 1;
            drawn.iter().for_each(|(class, _)| heard[*class] += 1);
        }
        (sizes, heard)
    }

    fn assert_near(found: &[usize], shares: &[f64]) {
        let all = found.iter().sum::<usize>() as f64;
        let near = |(n, share): (&usize, &f64)| (*n as f64 / all - share).abs() < 0.03;
        assert!(found.iter().zip(shares).all(near), "{found:?}, not in the proportions {shares:?}");
        assert!(found.iter().zip(shares).all(|(n, share)| *share > 0.0 || *n == 0), "{found:?}, {shares:?}");
    }

    #[test]
    fn any_number_and_any_class_have_the_same_chance() {
        let cooccurring = CooccurringEvents::new(&classes(), [2, 4], None).unwrap();
        let third = 1.0 / 3.0;
        let (sizes, heard) = tally(&cooccurring, 1, &source(false, false));
        assert_near(&sizes, &[0.0, third, third, third]);
        assert_near(&heard, &[third; 3]);
        let alone = CooccurringEvents::new(&classes(), [1, 1], None).unwrap();
        assert_eq!(tally(&alone, 1, &source(false, false)).0[0], 3000);
    }

    #[test]
    fn more_events_only_add() {
        let [few, many] = [[2, 2], [5, 5]].map(|events| CooccurringEvents::new(&classes(), events, None).unwrap());
        for clip in 0..20 {
            let [few, many] = [&few, &many].map(|cooccurring| cooccurring.draw(0, &source(true, true), Key::new(clip)));
            assert_eq!((few.len(), many.len()), (1, 4));
            assert_eq!(few[0], many[0]);
            assert!(many.windows(2).all(|pair| pair[0].1 != pair[1].1));
        }
    }

    /// Entries in the three forms of DESED's files, and one for a flagged folder.
    const JSON: &str = r#"{
        "Cat": {"proba": 0.1, "co-occurences": {"max_events": 2, "mean_events": 1, "classes": ["Dog", "Frying", "Cat"],
                "probas": [0.2, 0.8, 0]}},
        "Dog": {"prob": 0.5, "event_max": 9, "event_mean": 3, "event_class": ["Cat"], "event_prob": [100]},
        "Frying": {"max_events": 0, "classes": ["Frying"], "probas": [0.999]},
        "Frying_nOff": {"max_events": 3, "classes": ["Cat", "Dog_nOn"], "probas": [0.5, 0.5]}
    }"#;

    #[test]
    fn numbers_and_classes_are_those_of_the_main_event_s_folder() {
        let cooccurring = CooccurringEvents::new(&classes(), [1, 4], Some(&read(JSON).unwrap())).unwrap();
        let (whole, cut) = (source(false, false), source(false, true));
        let (sizes, heard) = tally(&cooccurring, 0, &whole);
        assert_near(&sizes, &[1.0 / 3.0; 3]);
        assert_near(&heard, &[0.0, 0.2, 0.8]);
        // The entry allows more than the three events that clips have room for.
        let (sizes, heard) = tally(&cooccurring, 1, &whole);
        assert_near(&sizes, &[0.25; 4]);
        assert_near(&heard, &[1.0, 0.0, 0.0]);
        assert_near(&tally(&cooccurring, 2, &whole).0, &[1.0]);
        let (sizes, heard) = tally(&cooccurring, 2, &cut);
        assert_near(&sizes, &[0.25; 4]);
        assert_near(&heard, &[0.5, 0.5, 0.0]);
        // A folder without an entry uses the entry of its class.
        assert_near(&tally(&cooccurring, 0, &cut).1, &[0.0, 0.2, 0.8]);
    }

    #[test]
    fn what_is_read_survives_a_recipe() {
        let read = read(JSON).unwrap();
        let text = toml::to_string(&read).unwrap();
        assert_eq!(toml::from_str::<Cooccurrence>(&text).unwrap(), read);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let refused = |json: &str, events| match read(json) {
            Err(error) => error.to_string(),
            Ok(found) => CooccurringEvents::new(&classes(), events, Some(&found)).unwrap_err(),
        };
        for (from, to, words) in [
            (r#""max_events": 2"#, r#""max_events": -2"#, "Cat: invalid value: integer `-2`"),
            (r#""max_events": 2"#, r#""max_event": 2"#, "Cat: missing field `max_events`"),
            (r#""max_events": 2"#, r#""max_events" 2"#, "occurences.json: expected `:` at line 2"),
            (r#"[100]"#, "100", "Dog: invalid type: integer `100`"),
            (r#"[100]"#, "[50, 50]", "Dog.probas: 2 probabilities for 1 classes"),
            (r#"[100]"#, "[90]", "Dog.probas: must add up to 1 or to 100 %, not 90"),
            ("[0.2, 0.8, 0]", "[-0.2, 1.2, 0]", "Cat.probas: -0.2 is no probability"),
            ("[0.2, 0.8, 0]", "[0.2, 0.7, 0]", "Cat.probas: must add up to 1"),
            (r#"["Frying"], "probas": [0.999]"#, r#"[], "probas": []"#, "Frying.probas: must add up to 1"),
            (r#"["Frying"]"#, r#"["Emu"]"#, "Frying.classes: Emu is none of the soundbank's classes Cat, Dog, Frying"),
            (r#""Frying_nOff""#, r#""Emu_nOff""#, "Emu_nOff: Emu is none"),
            (r#""Dog": {"#, r#""Dog_nOn": {"#, "has no entry Dog"),
        ] {
            assert!(JSON.contains(from), "{from}");
            let found = refused(&JSON.replace(from, to), [1, 4]);
            assert!(found.contains(words), "{found:?} does not say {words:?}");
        }
        assert_eq!(
            refused(JSON, [2, 4]),
            "Frying.max_events: 0, but scene.events asks for at least 1 beside the main event"
        );
        let found = read(JSON).unwrap();
        assert_eq!(found.check(&classes(), [1, 4]), Ok(()));
        assert!(found.check(&classes()[..2], [1, 4]).unwrap_err().contains("Frying is none of"));
        let bytes = [JSON.as_bytes(), b"\xff"].concat();
        let error = Cooccurrence::parse(Path::new("occurences.json"), &bytes).unwrap_err();
        assert!(error.to_string().starts_with("occurences.json:7: the byte 0xff at offset"), "{error}");
        let alone = refused(JSON, [1, 1]);
        assert!(alone.contains("only one: allow more with scene.events"), "{alone}");
    }
}

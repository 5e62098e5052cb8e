//! Output of tags: text for people, a table for programs, JSON.

use std::path::Path;

use indexmap::IndexMap;
use serde::{Serialize, Serializer};

use super::audio_files::Answer;
use super::windows::Window;
use crate::base::printable;
use crate::output::{Table, tsv};

/// Classes, seeds and threshold of the tags of all files.
#[derive(Debug, Clone)]
pub struct Tags<'a> {
    /// Class names.
    pub classes: &'a [String],
    /// Seeds of the models.
    pub seeds: &'a [u64],
    /// Probabilities above which a class is a tag.
    pub thresholds: Thresholds,
}

/// Probabilities above which a class is a tag.
#[derive(Debug, Clone, PartialEq)]
pub enum Thresholds {
    /// One for all classes.
    Shared(f64),
    /// One for each class, from the models.
    OfClasses(Vec<f64>),
}

impl Thresholds {
    fn of(&self, class: usize) -> f64 {
        match self {
            Self::Shared(threshold) => *threshold,
            Self::OfClasses(thresholds) => thresholds[class],
        }
    }
}

/// A file's tags, as a line of JSON.
#[derive(Debug, Serialize)]
pub struct FileTags<'a> {
    file: String,
    seconds: f64,
    #[serde(flatten)]
    whole: PartTags<'a>,
    /// Thresholds of the classes, if each has its own.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    thresholds: IndexMap<&'a str, f64>,
    #[serde(skip_serializing_if = "WindowList::is_empty")]
    windows: WindowList<'a>,
}

/// The tags of the parts of a file behind the first. They are made one after another as they are written, since a long
/// file has many.
#[derive(Debug)]
struct WindowList<'a> {
    tags: Tags<'a>,
    answer: &'a Answer,
}

impl WindowList<'_> {
    fn is_empty(&self) -> bool {
        self.answer.parts.len() <= 1
    }
}

impl Serialize for WindowList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { tags, answer } = self;
        serializer.collect_seq(answer.parts.iter().enumerate().skip(1).map(|(part, window)| WindowTags {
            onset: window.onset_s,
            offset: window.offset_s,
            part: tags.part(answer, part),
        }))
    }
}

#[derive(Debug, Serialize)]
struct WindowTags<'a> {
    onset: f64,
    offset: f64,
    #[serde(flatten)]
    part: PartTags<'a>,
}

#[derive(Debug, Serialize)]
struct PartTags<'a> {
    /// Tags, the most probable first.
    tags: Vec<&'a str>,
    /// Means of the probabilities over the models.
    probabilities: IndexMap<&'a str, f32>,
    /// Probabilities of each model, if there are several.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    seeds: IndexMap<u64, IndexMap<&'a str, f32>>,
}

impl<'a> Tags<'a> {
    /// The text for people. The first part of `answer` is the whole file.
    pub fn text(&self, path: &Path, answer: &Answer) -> String {
        let models =
            if self.seeds.len() > 1 { format!(", mean of {} models", self.seeds.len()) } else { String::new() };
        let mut header = vec!["class", "probability", "tag"];
        if let Thresholds::OfClasses(_) = self.thresholds {
            header.insert(2, "threshold");
        }
        let mut table = Table::new(header.into_iter().map(String::from).collect());
        let whole = self.mean(answer, 0);
        for class in by_probability(&whole) {
            let mark = if self.is_tag(class, whole[class]) { "*" } else { "" };
            let mut row = vec![self.classes[class].clone(), format!("{:.3}", whole[class]), mark.into()];
            if let Thresholds::OfClasses(thresholds) = &self.thresholds {
                row.insert(2, format!("{:.3}", thresholds[class]));
            }
            table.push(row);
        }
        let name = path.display().to_string();
        let mut text = format!("{}: {:.2} s{models}\n{table}", printable::line(&name), answer.seconds);
        let width = format!("{:.2}", answer.seconds).len();
        for (part, window) in answer.parts.iter().enumerate().skip(1) {
            let mean = self.mean(answer, part);
            let named = |class: usize| format!("{} {:.2}", printable::line(&self.classes[class]), mean[class]);
            let tags: Vec<String> = self.tags(&mean).into_iter().map(named).collect();
            let tags = if tags.is_empty() { "-".into() } else { tags.join(", ") };
            text += &format!("{:width$.2} to {:width$.2} s  {tags}\n", window.onset_s, window.offset_s);
        }
        text
    }

    /// The header of the table for programs.
    pub fn tsv_header(&self) -> String {
        tsv::row(["filename", "onset", "offset"].into_iter().chain(self.classes.iter().map(String::as_str)))
    }

    /// The rows of the table for programs, one for every part of `answer`.
    pub fn tsv(&self, path: &Path, answer: &Answer) -> String {
        let row = |(part, window): (usize, &Window)| {
            let bounds = [path.display().to_string(), window.onset_s.to_string(), window.offset_s.to_string()];
            tsv::row(bounds.into_iter().chain(self.mean(answer, part).into_iter().map(|p| p.to_string())))
        };
        answer.parts.iter().enumerate().map(row).collect()
    }

    /// The row of the table for programs for a file that cannot be used.
    pub fn tsv_refused(&self, path: &Path) -> String {
        let bounds = [path.display().to_string(), String::new(), String::new()];
        tsv::row(bounds.into_iter().chain(self.classes.iter().map(|_| f32::NAN.to_string())))
    }

    /// The line of JSON. The first part of `answer` is the whole file.
    pub fn json<'b>(&self, path: &Path, answer: &'b Answer) -> FileTags<'b>
    where
        'a: 'b,
    {
        FileTags {
            file: path.display().to_string(),
            seconds: answer.seconds,
            whole: self.part(answer, 0),
            thresholds: match &self.thresholds {
                Thresholds::Shared(_) => IndexMap::new(),
                Thresholds::OfClasses(own) => {
                    self.classes.iter().map(String::as_str).zip(own.iter().copied()).collect()
                }
            },
            windows: WindowList { tags: self.clone(), answer },
        }
    }

    fn part(&self, answer: &Answer, part: usize) -> PartTags<'a> {
        let named = |p: &[f32]| self.classes.iter().map(String::as_str).zip(p.iter().copied()).collect();
        let mean = self.mean(answer, part);
        let of_seeds = self.seeds.iter().zip(&answer.values).filter(|_| self.seeds.len() > 1);
        PartTags {
            tags: self.tags(&mean).into_iter().map(|class| self.classes[class].as_str()).collect(),
            probabilities: named(&mean),
            seeds: of_seeds.map(|(seed, values)| (*seed, named(self.of_part(values, part)))).collect(),
        }
    }

    /// Means over the models of the probabilities of one part.
    fn mean(&self, answer: &Answer, part: usize) -> Vec<f32> {
        let models = answer.values.len() as f64;
        let of_class = |class: usize| {
            let sum: f64 = answer.values.iter().map(|values| f64::from(self.of_part(values, part)[class])).sum();
            (sum / models) as f32
        };
        (0..self.classes.len()).map(of_class).collect()
    }

    fn of_part<'v>(&self, values: &'v [f32], part: usize) -> &'v [f32] {
        &values[part * self.classes.len()..][..self.classes.len()]
    }

    fn tags(&self, probabilities: &[f32]) -> Vec<usize> {
        by_probability(probabilities).into_iter().filter(|class| self.is_tag(*class, probabilities[*class])).collect()
    }

    /// Compares in single precision, as the scores do.
    fn is_tag(&self, class: usize, probability: f32) -> bool {
        probability > self.thresholds.of(class) as f32
    }
}

/// The classes in the order of their probabilities, the most probable first; classes of equal probability keep their
/// order.
fn by_probability(probabilities: &[f32]) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..probabilities.len()).collect();
    classes.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
    classes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tags(classes: &[String]) -> Tags<'_> {
        Tags { classes, seeds: &[7, 8], thresholds: Thresholds::Shared(0.5) }
    }

    fn classes() -> [String; 2] {
        ["Cat", "Dog"].map(String::from)
    }

    fn answer() -> Answer {
        let window = |onset_s, offset_s| Window { onset_s, offset_s, samples: 0..0 };
        let parts = vec![window(0.0, 0.3), window(0.0, 0.2), window(0.2, 0.3)];
        let values = vec![vec![0.5, 0.75, 1.0, 0.75, 0.25, 0.0], vec![0.0, 0.5, 0.5, 1.0, 0.25, 0.5]];
        Answer { seconds: 0.3, parts, values }
    }

    #[test]
    fn text_puts_the_most_probable_first() {
        let text = tags(&classes()).text(Path::new("a.wav"), &answer());
        let expected = "a.wav: 0.30 s, mean of 2 models\n\
            class  probability  tag\n\
            Dog          0.625    *\n\
            Cat          0.250\n\
            0.00 to 0.20 s  Dog 0.88, Cat 0.75\n\
            0.20 to 0.30 s  -\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_threshold_of_each_class_is_shown() {
        let classes = classes();
        let tags = Tags { thresholds: Thresholds::OfClasses(vec![0.125, 0.75]), ..tags(&classes) };
        let text = tags.text(Path::new("a.wav"), &answer());
        let table = "class  probability  threshold  tag\n\
            Dog          0.625      0.750\n\
            Cat          0.250      0.125    *\n";
        assert!(text.contains(table), "{text}");
        let found = serde_json::to_value(tags.json(Path::new("a.wav"), &answer())).unwrap();
        assert_eq!((&found["tags"], &found["thresholds"]["Dog"]), (&json!(["Cat"]), &json!(0.75)));
    }

    #[test]
    fn a_table_has_a_row_for_every_part() {
        let classes = classes();
        let tags = tags(&classes);
        let text = tags.tsv_header() + &tags.tsv(Path::new("a.wav"), &answer());
        let expected = "filename\tonset\toffset\tCat\tDog\n\
            a.wav\t0\t0.3\t0.25\t0.625\n\
            a.wav\t0\t0.2\t0.75\t0.875\n\
            a.wav\t0.2\t0.3\t0.25\t0.25\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_name_from_anywhere_is_one_line_for_people_and_whole_for_programs() {
        let (classes, path) = (["Cat\u{1b}[2J".to_owned(), "Dog\nDog 1.00".into()], Path::new("a\tb\n\u{1b}[31m.wav"));
        let tags = tags(&classes);
        let text = tags.text(path, &answer());
        assert!(text.starts_with("a\\tb\\n\\u{1b}[31m.wav: 0.30 s"), "{text}");
        assert!(!text.contains('\u{1b}') && text.lines().count() == 6, "{text}");
        let table = tags.tsv_header() + &tags.tsv(path, &answer());
        assert_eq!(table.lines().count(), 4, "{table}");
        let field = table.lines().nth(1).and_then(|row| row.split('\t').next()).unwrap();
        assert_eq!(serde_json::from_str::<String>(field).unwrap(), path.to_str().unwrap());
    }

    #[test]
    fn a_file_that_cannot_be_used_has_a_row_of_nan() {
        assert_eq!(tags(&classes()).tsv_refused(Path::new("a.wav")), "a.wav\t\t\tNaN\tNaN\n");
    }

    #[test]
    fn json_lists_the_seeds() {
        let found = serde_json::to_value(tags(&classes()).json(Path::new("a.wav"), &answer())).unwrap();
        let expected = json!({
            "file": "a.wav", "seconds": 0.3, "tags": ["Dog"], "probabilities": {"Cat": 0.25, "Dog": 0.625},
            "seeds": {"7": {"Cat": 0.5, "Dog": 0.75}, "8": {"Cat": 0.0, "Dog": 0.5}},
            "windows": [
                {"onset": 0.0, "offset": 0.2, "tags": ["Dog", "Cat"], "probabilities": {"Cat": 0.75, "Dog": 0.875},
                 "seeds": {"7": {"Cat": 1.0, "Dog": 0.75}, "8": {"Cat": 0.5, "Dog": 1.0}}},
                {"onset": 0.2, "offset": 0.3, "tags": [], "probabilities": {"Cat": 0.25, "Dog": 0.25},
                 "seeds": {"7": {"Cat": 0.25, "Dog": 0.0}, "8": {"Cat": 0.25, "Dog": 0.5}}},
            ],
        });
        assert_eq!(found, expected);
    }
}

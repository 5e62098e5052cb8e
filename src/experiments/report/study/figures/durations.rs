//! Durations of the training events of every class (the paper's Figure 1).

use statrs::statistics::{Data, OrderStatistics};

use super::of_class;
use crate::experiments::report::page::canvas::{Anchor, Panel, WIDTH, draw};
use crate::experiments::report::page::palette::{GRID, INK, MUTED};
use crate::experiments::report::page::words::short;
use crate::experiments::report::page::{Chapter, Figure};
use crate::experiments::report::study::data::StudyData;
use crate::experiments::report::study::density::Density;
use crate::experiments::report::study::paper;

/// Longest duration shown, in seconds, as in the paper.
const END_S: f64 = 10.0;
const STEPS: usize = 500;
const ROW: f64 = 44.0;
const HILL: f64 = 26.0;
const RIGHT: f64 = 8.0;

/// Makes a chapter of a single figure, or of none without events.
pub fn chapter(study: &StudyData) -> Chapter {
    let any = study.durations.iter().any(|events| !events.is_empty());
    Chapter {
        title: "Durations of the events",
        anchor: "durations",
        note: format!(
            "How long the longest event of every training clip is heard ({}), by class: a Gaussian kernel density estimate \
             with the bandwidth of Scott's rule, 0 to {END_S} s. Every hill is scaled to its own peak, which is written \
             beside it per second; n counts events. A class whose events all last equally long is a line.",
            paper::dataset(study.durations_of),
        ),
        figures: any.then(|| figure(study)).into_iter().collect(),
    }
}

fn figure(study: &StudyData) -> Figure {
    let classes: Vec<_> = study.classes.iter().zip(&study.durations).filter(|(_, events)| !events.is_empty()).collect();
    let height = ROW * classes.len() as f64 + 26.0;
    let mut panel = Panel::new("density by duration in s", height);
    for tick in 0..=5 {
        let second = END_S * f64::from(tick) / 5.0;
        panel.line([x_of(second), 0.0], [x_of(second), height - 22.0], GRID, 1.0);
        let anchor = match tick {
            0 => Anchor::Start,
            5 => Anchor::End,
            _ => Anchor::Middle,
        };
        panel.text([x_of(second), height - 8.0], &second.to_string(), anchor, MUTED);
    }
    let mut words = Vec::new();
    for (class, (name, events)) in classes.iter().enumerate() {
        let ground = ROW * (class as f64 + 1.0);
        let peak = hill(&mut panel, class, events, ground);
        let median = Data::new(Vec::clone(events)).median();
        let peak = peak.map_or_else(String::new, |peak| format!(", peak {peak:.2}"));
        panel.bold([2.0, ground - HILL - 6.0], &short(name), Anchor::Start, INK);
        let facts = format!("n {}, median {median:.1} s{peak}", events.len());
        panel.text([WIDTH - 2.0, ground - HILL - 6.0], &facts, Anchor::End, MUTED);
        words.push(format!("{name}: {} events, median {median:.2} s.", events.len()));
    }
    let alt = format!("Densities of event duration by class. {}", words.join(" "));
    draw("durations".into(), "Durations of events", "training set, all classes", alt, vec![panel])
}

fn x_of(second: f64) -> f64 {
    (WIDTH - RIGHT) * second / END_S + RIGHT / 2.0
}

/// Draws the density of one class on `ground` and returns its highest value. Equal durations are drawn as a line,
/// without a density.
fn hill(panel: &mut Panel, class: usize, events: &[f64], ground: f64) -> Option<f64> {
    let colour = of_class(class).colour;
    panel.line([x_of(0.0), ground], [x_of(END_S), ground], GRID, 1.0);
    let step = END_S / STEPS as f64;
    // A density narrower than a step would fall between two steps, so a line is drawn instead.
    let Some(density) = Density::new(events).filter(|density| density.bandwidth > step / 2.0) else {
        let x = x_of(events[0].clamp(0.0, END_S));
        panel.line([x, ground], [x, ground - HILL], colour, 2.0);
        return None;
    };
    let heights: Vec<(f64, f64)> = (0..=STEPS).map(|i| i as f64 * step).map(|s| (s, density.at(s))).collect();
    let peak = heights.iter().map(|(_, height)| *height).fold(f64::MIN_POSITIVE, f64::max);
    let outline = heights.iter().map(|(second, height)| [x_of(*second), ground - HILL * height / peak]);
    let mut points = vec![[x_of(0.0), ground]];
    points.extend(outline);
    points.push([x_of(END_S), ground]);
    panel.area(points, colour);
    Some(peak)
}

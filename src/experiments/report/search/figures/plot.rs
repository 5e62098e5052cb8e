//! A panel with two axes.

use super::scale::Scale;
use crate::experiments::report::page::canvas::{Anchor, Panel, SMALL, WIDTH};
use crate::experiments::report::page::palette::{Colour, GRID, MUTED};

const TOP: f64 = 12.0;
const BELOW: f64 = 34.0;
const RIGHT: f64 = 12.0;
/// Narrowest margin for the labels of the y axis.
const LEFT: f64 = 38.0;
/// Width of a character.
const CHARACTER: f64 = 6.6;

/// Axes with the points placed on them.
pub struct Plot {
    /// Panel with the elements drawn so far.
    pub panel: Panel,
    x: Scale,
    y: Scale,
    left: f64,
    bottom: f64,
}

impl Plot {
    /// Makes empty axes in a panel of `height` below a heading.
    pub fn new(heading: &str, height: f64, x_label: &str, x: Scale, y: Scale) -> Self {
        let widest = y.ticks.iter().map(|(_, name)| name.chars().count()).max().unwrap_or(0);
        let left = (CHARACTER * widest as f64 + 10.0).max(LEFT);
        let mut plot = Self { panel: Panel::new(heading, height), x, y, left, bottom: height - BELOW };
        plot.lines();
        let middle = f64::midpoint(plot.left, WIDTH - RIGHT);
        plot.panel.text([middle, height - 5.0], x_label, Anchor::Middle, MUTED);
        plot
    }

    /// Returns the position of a pair of values in the panel.
    pub fn at(&self, x: f64, y: f64) -> [f64; 2] {
        let right = WIDTH - RIGHT;
        [self.left + (right - self.left) * self.x.share(x), self.bottom + (TOP - self.bottom) * self.y.share(y)]
    }

    /// Draws a vertical line from the bottom to the top.
    pub fn upright(&mut self, x: f64, colour: Colour, width: f64) {
        let [x, _] = self.at(x, 0.0);
        self.panel.line([x, TOP], [x, self.bottom], colour, width);
    }

    /// Draws the grid, the axes, and their labels as far as there is room.
    fn lines(&mut self) {
        let (left, right, bottom) = (self.left, WIDTH - RIGHT, self.bottom);
        let mut free = f64::NEG_INFINITY;
        for (value, name) in self.x.ticks.clone() {
            let [x, _] = self.at(value, 0.0);
            self.panel.line([x, TOP], [x, bottom], GRID, 1.0);
            self.panel.line([x, bottom], [x, bottom + 5.0], MUTED, 1.0);
            let half = CHARACTER * name.chars().count() as f64 / 2.0;
            let middle = x.min(WIDTH + 4.0 - half);
            if middle - half > free {
                self.panel.text([middle, bottom + 14.3], &name, Anchor::Middle, MUTED);
                free = middle + half + 4.0;
            }
        }
        for (value, name) in self.y.ticks.clone() {
            let [_, y] = self.at(0.0, value);
            self.panel.line([left, y], [right, y], GRID, 1.0);
            self.panel.line([left - 5.0, y], [left, y], MUTED, 1.0);
            self.panel.text([left - 8.0, y + f64::from(SMALL) * 0.365], &name, Anchor::End, MUTED);
        }
        self.panel.line([left, bottom], [right, bottom], MUTED, 1.0);
        self.panel.line([left, TOP], [left, bottom], MUTED, 1.0);
    }
}

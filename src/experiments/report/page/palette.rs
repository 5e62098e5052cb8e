//! Colours of figures. Figure files are drawn on white. In the HTML report every colour is a CSS variable with another
//! value on a dark page.

use std::fmt::Write;

/// A colour on a white page and its counterpart on a dark page. No two colours are equal on white.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    name: &'static str,
    /// Colour on white, as `#rrggbb`.
    pub light: &'static str,
    dark: &'static str,
}

const fn colour(name: &'static str, light: &'static str, dark: &'static str) -> Colour {
    Colour { name, light, dark }
}

/// Background of figures.
pub const PAPER: Colour = colour("paper", "#ffffff", "#17191f");
/// Text.
pub const INK: Colour = colour("ink", "#1b1d22", "#e6e7ea");
/// Axes, and less important text.
pub const MUTED: Colour = colour("muted", "#5c606b", "#a4a8b3");
/// Lines behind the data.
pub const GRID: Colour = colour("grid", "#e3e5ea", "#31343d");
/// Fill of a full cell of a heat map; emptier cells are more transparent.
pub const HEAT: Colour = colour("heat", "#08306b", "#a6d5ff");
/// Text on the emptier cells of a heat map.
pub const ON_LOW_HEAT: Colour = colour("on-low-heat", "#1b1d23", "#ffffff");
/// Text on the cells of a heat map that are about half full: dark on every page.
pub const ON_HALF_HEAT: Colour = colour("on-half-heat", "#000000", "#000000");
/// Text on the fuller cells of a heat map.
pub const ON_HEAT: Colour = colour("on-heat", "#fefefe", "#000000");

/// Colours of the methods, in the paper's order. They are from the palette of Okabe and Ito, which people with any
/// colour vision can distinguish.
pub const METHODS: [Colour; 3] = [
    colour("method-0", "#0072b2", "#62b5f0"),
    colour("method-1", "#c84e00", "#ff9450"),
    colour("method-2", "#00805c", "#3fcf9f"),
];

/// Colours of the classes, repeated after the last; close to Tol's "muted" palette.
pub const CLASSES: [Colour; 10] = [
    colour("class-0", "#332288", "#978ff0"),
    colour("class-1", "#3f9bd1", "#88ccee"),
    colour("class-2", "#cc6677", "#f08c9c"),
    colour("class-3", "#117733", "#4fbf6b"),
    colour("class-4", "#c9a227", "#ecd46c"),
    colour("class-5", "#882255", "#d976a6"),
    colour("class-6", "#2f9e8f", "#44ccb0"),
    colour("class-7", "#8a8a22", "#c4c44e"),
    colour("class-8", "#aa4499", "#e08fdc"),
    colour("class-9", "#6f6f79", "#b6b6c0"),
];

/// Colours of a search's rungs, ever darker on white and ever lighter on a dark page.
pub const RUNGS: [Colour; 6] = [
    colour("rung-0", "#8d93a1", "#747a88"),
    colour("rung-1", "#2a9d8c", "#2fa894"),
    colour("rung-2", "#2f7fc1", "#5aa9ec"),
    colour("rung-3", "#6a4bc4", "#a894ff"),
    colour("rung-4", "#a3268c", "#ee8fdd"),
    colour("rung-5", "#b3001e", "#ffb199"),
];

/// Returns the colours of every page; figures have further ones.
fn shared() -> impl Iterator<Item = Colour> {
    let others = [PAPER, INK, MUTED, GRID, HEAT, ON_LOW_HEAT, ON_HALF_HEAT, ON_HEAT];
    others.into_iter().chain(METHODS)
}

fn all() -> impl Iterator<Item = Colour> {
    shared().chain(CLASSES).chain(RUNGS)
}

/// Replaces the colours of an SVG by the variables that [`light_variables`] and [`dark_variables`] set.
pub fn with_variables(svg: &str) -> String {
    // Only quoted values are replaced. Attributes are quoted, while text holds quotation marks only as entities.
    all().fold(svg.to_owned(), |svg, c| svg.replace(&format!("\"{}\"", c.light), &format!("\"var(--{})\"", c.name)))
}

/// Returns CSS declarations of the colours of every page and of `others`, for a white page.
pub fn light_variables(others: &[Colour]) -> String {
    declarations(others, |colour| colour.light)
}

/// Returns CSS declarations of the same colours for a dark page.
pub fn dark_variables(others: &[Colour]) -> String {
    declarations(others, |colour| colour.dark)
}

fn declarations(others: &[Colour], value: impl Fn(Colour) -> &'static str) -> String {
    shared().chain(others.iter().copied()).fold(String::new(), |mut css, colour| {
        let _ = write!(css, "--{}:{};", colour.name, value(colour));
        css
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the contrast of two colours as WCAG 2 defines it.
    fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
        let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        let luminance = |[r, g, b]: [f64; 3]| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    fn rgb(hex: &str) -> [f64; 3] {
        [1, 3, 5].map(|at| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0)
    }

    #[test]
    fn colours_can_be_told_apart_by_their_value_on_white_and_their_name() {
        let colours: Vec<Colour> = all().collect();
        for (i, a) in colours.iter().enumerate() {
            assert!(colours[..i].iter().all(|b| a.light != b.light && a.name != b.name), "{a:?}");
        }
    }

    #[test]
    fn text_and_data_stand_out_on_both_pages() {
        for (page, value) in [("light", (|c| c.light) as fn(Colour) -> &'static str), ("dark", |c| c.dark)] {
            let on_paper = |c: Colour| contrast(rgb(value(c)), rgb(value(PAPER)));
            assert!(on_paper(INK) > 12.0 && on_paper(MUTED) > 4.5, "{page}");
            for colour in METHODS {
                assert!(on_paper(colour) > 4.5, "{page} {colour:?}: {}", on_paper(colour));
            }
            for colour in RUNGS {
                assert!(on_paper(colour) > 3.0, "{page} {colour:?}: {}", on_paper(colour));
            }
            for colour in CLASSES {
                assert!(on_paper(colour) > 2.3, "{page} {colour:?}: {}", on_paper(colour));
            }
        }
    }

    #[test]
    fn text_on_every_shade_of_a_heat_map_can_be_read() {
        for value in [(|c| c.light) as fn(Colour) -> &'static str, |c| c.dark] {
            for percent in 0..=100 {
                let share = f64::from(percent) / 100.0;
                let (heat, paper) = (rgb(value(HEAT)), rgb(value(PAPER)));
                let shade = [0, 1, 2].map(|i| share * heat[i] + (1.0 - share) * paper[i]);
                let contrast = contrast(rgb(value(super::super::canvas::on_heat(share))), shade);
                assert!(contrast > 4.5, "{share} on {}: {contrast}", value(PAPER));
            }
        }
    }

    #[test]
    fn only_attributes_become_variables() {
        let svg = r##"<text fill="#1b1d22">#1b1d22</text><rect stroke="#0072b2"/>"##;
        let expected = r##"<text fill="var(--ink)">#1b1d22</text><rect stroke="var(--method-0)"/>"##;
        assert_eq!(with_variables(svg), expected);
    }
}

//! Drawing of panels and figures as SVG and PNG. No other file uses the plotting crate.
//!
//! Every figure is one column of panels with the width of a phone's screen; a wide page puts figures side by side.

use kuva::backend::png::PngBackend;
use kuva::backend::svg::SvgBackend;
use kuva::plot::{LinePlot, ScatterPlot};
use kuva::render::color::Color;
use kuva::render::layout::Layout;
use kuva::render::plots::Plot;
pub use kuva::render::render::TextAnchor as Anchor;
use kuva::render::render::{PathData, Primitive, Scene, TextSpan, render_multiple};
use kuva::render::theme::Theme;
use minijinja::HtmlEscape;

use super::Figure;
use super::grid::one_line;
use super::palette::{Colour, GRID, HEAT, INK, MUTED, ON_HALF_HEAT, ON_HEAT, ON_LOW_HEAT, PAPER};

/// Width of every panel, in pixels of the SVG.
pub const WIDTH: f64 = 340.0;

/// Font size of most labels, in pixels of the SVG.
pub const SMALL: u32 = 10;

const FONT: &str = "DejaVu Sans, Verdana, Liberation Sans, Arial, sans-serif";
const MARGIN: f64 = 8.0;
const TITLE: f64 = 46.0;
const HEADING: f64 = 22.0;
const AXES_LEFT: f64 = 38.0;
const AXES_RIGHT: f64 = 12.0;
const AXES_TOP: f64 = 6.0;
const AXES_TOP_BELOW_NOTES: f64 = 18.0;
/// Opacity of the marks of a faint curve.
const PALE: f64 = 0.4;
/// Largest number of points that are drawn of a curve, apart from its last; more could not be seen.
const POINTS_OF_LINE: usize = 160;
const PIXELS_OF_PNG: f32 = 2.0;

/// The look of a class's points.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// Colour of the points.
    pub colour: Colour,
    /// Shape of the points, 0 to 3: disc, square, triangle, diamond.
    pub shape: usize,
}

/// A line through points.
#[derive(Debug, Clone)]
pub struct Curve {
    /// Colour of the line.
    pub colour: Colour,
    /// Width of the line, in pixels.
    pub width: f64,
    /// Whether the points are marked.
    pub dots: bool,
    /// Whether the curve is drawn faintly, as a dotted line with pale marks, because it rests on few values.
    pub faint: bool,
    /// Points with ascending x.
    pub points: Vec<[f64; 2]>,
}

/// Axes of a panel of curves. Both start at 0.
#[derive(Debug, Clone)]
pub struct Axes {
    /// Label of the x axis.
    pub x_label: String,
    /// End of the x axis.
    pub x_end: f64,
    /// End of the y axis.
    pub y_end: f64,
    /// Notes above the plot, each with its x.
    pub notes: Vec<(f64, String)>,
}

/// A part of a figure. Coordinates are pixels from the left edge and from the lower edge of the heading.
pub struct Panel {
    /// Height of the heading, in pixels.
    top: f64,
    height: f64,
    elements: Vec<Primitive>,
}

impl Panel {
    /// Makes an empty panel of `height` below a heading.
    pub fn new(heading: &str, height: f64) -> Self {
        let mut panel = Self { top: HEADING, height, elements: Vec::new() };
        panel.words([0.0, 14.0 - HEADING], heading, 11, Anchor::Start, INK, true);
        panel
    }

    /// Makes a panel of curves on axes, `height` pixels high, below a heading.
    pub fn curves(heading: &str, height: f64, axes: &Axes, curves: &[Curve]) -> Self {
        let mut panel = Self::new(heading, height);
        let top = if axes.notes.is_empty() { AXES_TOP } else { AXES_TOP_BELOW_NOTES };
        for (x, note) in &axes.notes {
            let x = AXES_LEFT + (WIDTH - AXES_LEFT - AXES_RIGHT) * x / axes.x_end;
            panel.text([x, f64::from(SMALL)], note, Anchor::Middle, MUTED);
        }
        let plots: Vec<Plot> = curves.iter().flat_map(plots).collect();
        let layout = Layout::new((0.0, axes.x_end), (0.0, axes.y_end))
            .with_theme(theme())
            .with_width(WIDTH)
            .with_height(height)
            .with_x_label(&axes.x_label)
            .with_x_axis_min(0.0)
            .with_x_axis_max(axes.x_end)
            .with_y_axis_min(0.0)
            .with_y_axis_max(axes.y_end)
            .with_force_margins(AXES_LEFT, AXES_RIGHT)
            .with_force_margins_y(top, 34.0)
            .with_tick_size(SMALL)
            .with_label_size(SMALL);
        // All data lie inside the axes, so the plot's clipping is left out.
        let clip = |element: &Primitive| matches!(element, Primitive::ClipStart { .. } | Primitive::ClipEnd);
        panel.elements.extend(render_multiple(plots, layout).elements.into_iter().filter(|element| !clip(element)));
        panel
    }

    /// Makes a legend of colours and shapes in `columns`.
    pub fn legend(entries: &[(String, Mark)], columns: usize) -> Self {
        let row = 17.0;
        let height = row * entries.len().div_ceil(columns) as f64;
        let mut panel = Self { top: 0.0, height, elements: Vec::new() };
        for (i, (name, mark)) in entries.iter().enumerate() {
            let (x, y) = ((i % columns) as f64 * WIDTH / columns as f64, (i / columns) as f64 * row);
            panel.marks(&[[x + 6.0, y + 6.0]], *mark, 4.5, 1.0);
            panel.text([x + 16.0, y + 9.5], name, Anchor::Start, INK);
        }
        panel
    }

    /// Draws small text with its baseline at `at`.
    pub fn text(&mut self, at: [f64; 2], text: &str, anchor: Anchor, colour: Colour) {
        self.words(at, text, SMALL, anchor, colour, false);
    }

    /// Draws small bold text with its baseline at `at`.
    pub fn bold(&mut self, at: [f64; 2], text: &str, anchor: Anchor, colour: Colour) {
        self.words(at, text, SMALL, anchor, colour, true);
    }

    fn words(&mut self, [x, y]: [f64; 2], text: &str, size: u32, anchor: Anchor, colour: Colour, bold: bool) {
        // XML allows no control characters, and a name may hold some.
        let spans = vec![TextSpan { bold, ..TextSpan::plain(one_line(text)) }];
        self.elements.push(Primitive::RichText { x, y, spans, size, anchor, color: Some(colour.into()) });
    }

    /// Draws a cell of a heat map with its corner at `at` and text in its middle. `share` is the opacity of the fill.
    pub fn cell(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], share: f64, text: &str, bold: bool) {
        let share = share.clamp(0.0, 1.0);
        let (stroke, stroke_width) = (Some(GRID.into()), Some(1.0));
        let opacity = Some(share);
        self.elements.push(Primitive::Rect { x, y, width, height, fill: HEAT.into(), stroke, stroke_width, opacity });
        let middle = [x + width / 2.0, y + height / 2.0 + f64::from(SMALL) * 0.36];
        self.words(middle, text, SMALL, Anchor::Middle, on_heat(share), bold);
    }

    /// Draws an empty frame of `height` over the whole width.
    pub fn frame(&mut self, height: f64) {
        let (fill, stroke) = (Color::None, Some(GRID.into()));
        let (x, y, width, stroke_width, opacity) = (0.5, 0.5, WIDTH - 1.0, Some(1.0), None);
        self.elements.push(Primitive::Rect { x, y, width, height, fill, stroke, stroke_width, opacity });
    }

    /// Draws a straight line.
    pub fn line(&mut self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2], colour: Colour, width: f64) {
        let (stroke, stroke_width) = (colour.into(), width);
        self.elements.push(Primitive::Line { x1, y1, x2, y2, stroke, stroke_width, stroke_dasharray: None });
    }

    /// Draws the line through `points`, or nothing for a single point.
    pub fn path(&mut self, points: &[[f64; 2]], colour: Colour, width: f64) {
        if points.len() > 1 {
            let points = points.iter().map(|[x, y]| (*x, *y)).collect();
            let (stroke, stroke_width) = (colour.into(), width);
            self.elements.push(Primitive::PolyLine { points, stroke, stroke_width, stroke_dasharray: None });
        }
    }

    /// Draws a circle around `at`.
    pub fn ring(&mut self, [cx, cy]: [f64; 2], r: f64, colour: Colour) {
        let (fill, fill_opacity, stroke, stroke_width) = (Color::None, None, Some(colour.into()), Some(1.5));
        self.elements.push(Primitive::Circle { cx, cy, r, fill, fill_opacity, stroke, stroke_width });
    }

    /// Fills the area inside `points` with a transparent colour, and draws the line through them.
    pub fn area(&mut self, points: Vec<[f64; 2]>, colour: Colour) {
        let points = [points];
        self.shapes(&points, colour, 0.25);
        self.path(&points[0], colour, 1.5);
    }

    /// Draws marks of `radius` at `points`.
    pub fn marks(&mut self, points: &[[f64; 2]], mark: Mark, radius: f64, opacity: f64) {
        let corners: &[[f64; 2]] = match mark.shape % 4 {
            0 => {
                let (cx, cy) = points.iter().map(|[x, y]| (*x, *y)).unzip();
                let (fill, fill_opacity, stroke, stroke_width) = (mark.colour.into(), Some(opacity), None, None);
                let discs = Primitive::CircleBatch { cx, cy, r: radius, fill, fill_opacity, stroke, stroke_width };
                return self.elements.push(discs);
            }
            1 => &[[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
            2 => &[[0.0, -1.2], [1.1, 0.8], [-1.1, 0.8]],
            _ => &[[0.0, -1.3], [1.1, 0.0], [0.0, 1.3], [-1.1, 0.0]],
        };
        let outline = |[x, y]: &[f64; 2]| corners.iter().map(|[dx, dy]| [x + radius * dx, y + radius * dy]).collect();
        self.shapes(&points.iter().map(outline).collect::<Vec<_>>(), mark.colour, opacity);
    }

    fn shapes(&mut self, outlines: &[Vec<[f64; 2]>], colour: Colour, opacity: f64) {
        let outline = |points: &Vec<[f64; 2]>| {
            let corners: Vec<String> = points.iter().map(|[x, y]| format!("{x:.1} {y:.1}")).collect();
            format!("M{}Z", corners.join("L"))
        };
        self.elements.push(Primitive::Path(Box::new(PathData {
            d: outlines.iter().map(outline).collect(),
            fill: Some(colour.into()),
            stroke: Color::None,
            stroke_width: 0.0,
            opacity: Some(opacity),
            stroke_dasharray: None,
        })));
    }
}

/// Returns the colour of text on a heat-map cell whose fill has opacity `share`.
pub fn on_heat(share: f64) -> Colour {
    match share {
        ..0.5 => ON_LOW_HEAT,
        0.5..0.655 => ON_HALF_HEAT,
        _ => ON_HEAT,
    }
}

impl From<Colour> for Color {
    fn from(colour: Colour) -> Self {
        colour.light.into()
    }
}

fn plots(curve: &Curve) -> Vec<Plot> {
    let stride = curve.points.len().div_ceil(POINTS_OF_LINE).max(1);
    let last = curve.points.len().saturating_sub(1);
    let seen = curve.points.iter().enumerate().filter(|(i, _)| i % stride == 0 || *i == last);
    let points: Vec<(f64, f64)> = seen.map(|(_, [x, y])| (*x, *y)).collect();
    let colour = curve.colour.light;
    let line = LinePlot::new().with_data(points.clone()).with_color(colour).with_stroke_width(curve.width);
    let line = if curve.faint { line.with_dotted() } else { line };
    let opacity = if curve.faint { PALE } else { 1.0 };
    let dots = || ScatterPlot::new().with_data(points).with_color(colour).with_size(3.0).with_marker_opacity(opacity);
    let dots = curve.dots.then(dots);
    [line.into()].into_iter().chain(dots.map(Plot::from)).collect()
}

fn theme() -> Theme {
    let [paper, muted, grid] = [PAPER, MUTED, GRID].map(|colour| colour.light.to_owned());
    Theme {
        background: paper,
        axis_color: muted.clone(),
        tick_color: muted.clone(),
        text_color: muted,
        grid_color: grid,
        ..Theme::light()
    }
}

/// Draws `panels` below each other under a title: `what` the figure shows, and `of_what`.
///
/// `alt` describes the figure in words, including its numbers.
pub fn draw(name: String, what: &str, of_what: &str, alt: String, panels: Vec<Panel>) -> Figure {
    let mut scene = Scene::new(WIDTH + 2.0 * MARGIN, 0.0);
    let (width, mut y) = (scene.width, TITLE);
    let mut title = Panel { top: 0.0, height: 0.0, elements: Vec::new() };
    title.words([MARGIN, 20.0], what, 14, Anchor::Start, INK, true);
    title.words([MARGIN, 36.0], of_what, 11, Anchor::Start, MUTED, false);
    scene.elements.extend(title.elements);
    for panel in panels {
        y += panel.top;
        let transform = Some(format!("translate({MARGIN},{y})"));
        scene.elements.push(Primitive::GroupStart { transform, title: None, extra_attrs: None });
        scene.elements.extend(panel.elements);
        scene.elements.push(Primitive::GroupEnd);
        y += panel.height + MARGIN;
    }
    scene.height = y;
    (scene.background_color, scene.text_color) = (Some(PAPER.light.into()), Some(MUTED.light.into()));
    scene.font_family = Some(FONT.into());
    let png = PngBackend::new().with_scale(PIXELS_OF_PNG).render_scene(&scene);
    let svg = SvgBackend::new().render_scene(&scene);
    let title = format!("{what}: {of_what}");
    Figure {
        svg: described(&svg, &name, &title, &alt, [width, scene.height]),
        png: png.expect("a scene of plain shapes"),
        name,
        title,
        alt,
    }
}

/// Wraps the SVG with a view box, so that it scales, and with its title and text alternative.
fn described(svg: &str, name: &str, title: &str, alt: &str, [width, height]: [f64; 2]) -> String {
    let (_, shapes) = svg.split_once('>').expect("the end of the opening tag");
    let (title, alt) = (one_line(title), one_line(alt));
    let (title, alt) = (HtmlEscape(&title), HtmlEscape(&alt));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"{FONT}\" fill=\"{}\" role=\"img\" aria-labelledby=\"{name}-title {name}-desc\">\
         <title id=\"{name}-title\">{title}</title><desc id=\"{name}-desc\">{alt}</desc>{shapes}",
        MUTED.light
    )
}

#[cfg(test)]
mod tests {
    use super::super::palette::METHODS;
    use super::*;

    fn figure(alt: &str) -> Figure {
        let mark = Mark { colour: METHODS[0], shape: 0 };
        let curve =
            Curve { colour: METHODS[1], width: 2.0, dots: true, faint: false, points: vec![[0.0, 1.0], [5.0, 3.0]] };
        let axes = Axes { x_label: "epoch".into(), x_end: 5.0, y_end: 3.0, notes: Vec::new() };
        let panels = vec![
            Panel::curves("scores", 120.0, &axes, &[curve]),
            Panel::legend(&[("a $x$ & b".into(), mark), ("c".into(), mark)], 2),
        ];
        draw("name".into(), "Title", "of this", alt.into(), panels)
    }

    #[test]
    fn a_figure_is_the_same_every_time() {
        assert_eq!(figure("words"), figure("words"));
    }

    #[test]
    fn an_svg_says_what_it_shows_and_scales() {
        let svg = figure("less < more").svg;
        assert!(svg.contains(r#"role="img" aria-labelledby="name-title name-desc""#), "{svg}");
        assert!(
            svg.contains("<title id=\"name-title\">Title: of this</title><desc id=\"name-desc\">less &lt; more</desc>")
        );
        assert!(svg.contains("a $x$ &amp; b"), "text is drawn as it stands");
        assert!(svg.contains("viewBox=\"0 0 356 "));
        assert_eq!(svg.matches(" id=").count(), 2, "no other ids, which could clash in one page");
    }

    #[test]
    fn a_name_with_control_characters_is_drawn_without_them() {
        let mark = Mark { colour: METHODS[0], shape: 0 };
        let panel = || Panel::legend(&[("a\u{1b}[2J\u{0}\n<b>".into(), mark)], 1);
        let Figure { svg, png, .. } = draw("name".into(), "\u{7}Title", "\u{1b}", "\u{c}alt".into(), vec![panel()]);
        assert!(!svg.contains(char::is_control) && svg.contains("\\u{1b}[2J\\u{0} &lt;b&gt;"), "{svg}");
        assert!(png.len() > 100);
    }

    #[test]
    fn a_png_has_two_pixels_for_one_of_the_svg() {
        let png = figure("").png;
        assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
        assert_eq!(u32::from_be_bytes(png[16..20].try_into().unwrap()), 712);
    }

    #[test]
    fn long_curves_keep_their_ends() {
        let points = (0..10_001).map(|i| [f64::from(i), 1.0]).collect();
        let plots = plots(&Curve { colour: METHODS[0], width: 1.0, dots: false, faint: false, points });
        let [Plot::Line(line)] = plots.as_slice() else { panic!("not a line") };
        assert!(line.data.len() <= POINTS_OF_LINE + 2);
        assert_eq!((line.data[0].x, line.data[line.data.len() - 1].x), (0.0, 10_000.0));
    }
}

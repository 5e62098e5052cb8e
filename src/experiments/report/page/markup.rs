//! Tables for readers: a [`Grid`] as Markdown, LaTeX or HTML, with all markup in its text escaped.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use super::grid::{Column, ColumnKind, Grid, GridCell, one_line};

/// Number of rows above which a LaTeX table may break over pages.
const ROWS_OF_A_PAGE: usize = 40;

impl Grid {
    /// Returns the text of all cells for readers, each passed through `escape`.
    fn shown(&self, escape: fn(&str) -> String) -> Vec<Vec<String>> {
        let row = |row: &Vec<GridCell>| {
            self.columns.iter().zip(row).map(|(column, cell)| escape(&column.kind.shown(cell))).collect()
        };
        self.rows.iter().map(row).collect()
    }

    fn heads(&self, escape: fn(&str) -> String) -> Vec<String> {
        self.columns.iter().map(|column| escape(&column.head)).collect()
    }

    /// Returns a GitHub-flavoured Markdown table between its title and its caption. Markdown has no rules, so they are
    /// left out.
    pub fn markdown(&self) -> String {
        let mut lines = vec![self.heads(escape_markdown)];
        lines.extend(self.shown(escape_markdown));
        let width = |column: usize| lines.iter().map(|line| line[column].width()).max().unwrap_or(0).max(3);
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |cells: &[String]| {
            let padded = self.columns.iter().zip(cells).zip(&widths).map(|((column, cell), width)| {
                let padding = " ".repeat(width - cell.width());
                if column.kind == ColumnKind::Text {
                    format!(" {cell}{padding} |")
                } else {
                    format!(" {padding}{cell} |")
                }
            });
            format!("|{}\n", padded.collect::<String>())
        };
        let align = self.columns.iter().zip(&widths).map(|(column, width)| match column.kind {
            ColumnKind::Text => "-".repeat(*width),
            _ => format!("{}:", "-".repeat(width - 1)),
        });
        let mut table = line(&lines[0]) + &line(&align.collect::<Vec<_>>());
        lines[1..].iter().for_each(|row| table += &line(row));
        format!("**{}**\n\n{table}\n{}\n", escape_markdown(&self.title), escape_markdown(&self.caption))
    }

    /// Returns a LaTeX table with the rules of `booktabs`; a table longer than a page is a `longtable`.
    pub fn latex(&self) -> String {
        let line = |cells: Vec<String>| format!("{} \\\\\n", cells.join(" & "));
        let mut body = String::new();
        for (i, row) in self.shown(escape_latex).into_iter().enumerate() {
            if self.rules.contains(&i) {
                body += "\\midrule\n";
            }
            body += &line(row);
        }
        let long = self.rows.len() > ROWS_OF_A_PAGE;
        let spec: String = self.columns.iter().map(|c| if c.kind == ColumnKind::Text { 'l' } else { 'r' }).collect();
        let head = format!("\\toprule\n{}\\midrule\n", line(self.heads(escape_latex)));
        let caption = format!(
            "\\caption{{\\textbf{{{}.}} {}}}\n\\label{{tab:{}}}",
            escape_latex(&self.title),
            escape_latex(&self.caption),
            self.name
        );
        if long {
            format!(
                "% \\usepackage{{booktabs,longtable}}\n\\begin{{longtable}}{{{spec}}}\n{caption} \\\\\n{head}\\endfirsthead\n\
                 {head}\\endhead\n\\bottomrule\n\\endfoot\n{body}\\end{{longtable}}\n"
            )
        } else {
            format!(
                "% \\usepackage{{booktabs}}\n\\begin{{table}}\n\\centering\n{caption}\n\\begin{{tabular}}{{{spec}}}\n\
                 {head}{body}\\bottomrule\n\\end{{tabular}}\n\\end{{table}}\n"
            )
        }
    }

    /// Returns an HTML `<table>` with the name as `id`. Numbers have the class `number`; a rule starts a new `<tbody>`.
    pub fn html(&self) -> String {
        let mut html = format!(
            "<table id=\"{}\">\n<caption><strong>{}.</strong> {}</caption>\n<thead>\n<tr>",
            escape_html(&self.name),
            escape_html(&self.title),
            escape_html(&self.caption)
        );
        let class = |column: &Column| if column.kind == ColumnKind::Text { "" } else { " class=\"number\"" };
        for (column, head) in self.columns.iter().zip(self.heads(escape_html)) {
            let _ = write!(html, "<th scope=\"col\"{}>{head}</th>", class(column));
        }
        html += "</tr>\n</thead>\n<tbody>\n";
        for (i, row) in self.shown(escape_html).iter().enumerate() {
            if self.rules.contains(&i) {
                html += "</tbody>\n<tbody>\n";
            }
            html += "<tr>";
            for (at, (column, cell)) in self.columns.iter().zip(row).enumerate() {
                let (tag, scope) = if at < self.labels { ("th", " scope=\"row\"") } else { ("td", "") };
                let _ = write!(html, "<{tag}{scope}{}>{cell}</{tag}>", class(column));
            }
            html += "</tr>\n";
        }
        html + "</tbody>\n</table>\n"
    }
}

/// Returns `text` on one line, with a backslash before every character that Markdown would take for markup.
pub fn escape_markdown(text: &str) -> String {
    one_line(text).chars().flat_map(|c| ("\\`*_|<>[]~$&#".contains(c)).then_some('\\').into_iter().chain([c])).collect()
}

fn escape_latex(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '&' | '%' | '_' | '#' | '$' | '{' | '}' => escaped.extend(['\\', c]),
            '~' => escaped += "\\textasciitilde{}",
            '^' => escaped += "\\textasciicircum{}",
            '\\' => escaped += "\\textbackslash{}",
            '<' | '>' | '|' => escaped.extend(['$', c, '$']),
            // At the beginning of a row, LaTeX would read them as arguments of the line break before.
            '[' | '*' => escaped.extend(['{', c, '}']),
            '±' => escaped += "$\\pm$",
            '−' => escaped += "$-$",
            '→' => escaped += "$\\rightarrow$",
            '–' => escaped += "--",
            '“' => escaped += "``",
            '”' => escaped += "''",
            c => escaped.push(c),
        }
    }
    escaped
}

fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::grid::tests::grid;
    use super::*;

    fn words(text: &str) -> Grid {
        let mut grid = Grid::new("words", "", "", 1, vec![Column::new("word", ColumnKind::Text)]);
        grid.push(vec![GridCell::text(text)]);
        grid
    }

    #[test]
    fn markdown_shows_a_spread_only_where_there_is_one() {
        let expected = "**Scores**

| class           |      0.2 s |         p |   n |
| --------------- | ---------: | --------: | --: |
| Cat             | 45.8 ± 2.5 |    0.5000 |  12 |
| A\\|b \\<i\\>\\&\\_x |        3.0 | \\< 0.0001 |   – |

In %, of 2 seeds
";
        assert_eq!(grid().markdown(), expected);
    }

    #[test]
    fn latex_has_the_rules_of_booktabs_and_escapes_every_special_character() {
        let expected = "% \\usepackage{booktabs}
\\begin{table}
\\centering
\\caption{\\textbf{Scores.} In \\%, of 2 seeds}
\\label{tab:scores}
\\begin{tabular}{lrrr}
\\toprule
class & 0.2 s & p & n \\\\
\\midrule
Cat & 45.8 $\\pm$ 2.5 & 0.5000 & 12 \\\\
\\midrule
A$|$b $<$i$>$\\&\\_x & 3.0 & $<$ 0.0001 & -- \\\\
\\bottomrule
\\end{tabular}
\\end{table}
";
        assert_eq!(grid().latex(), expected);
        let special = words("& % _ # $ { } ~ ^ \\").latex();
        assert!(
            special.contains(
                "\\& \\% \\_ \\# \\$ \\{ \\} \\textasciitilde{} \\textasciicircum{} \\textbackslash{} \\\\\n\\bottomrule"
            ),
            "{special}"
        );
        assert!(words("[1] *").latex().contains("{[}1] {*} \\\\"));
    }

    #[test]
    fn a_long_latex_table_breaks_over_pages_and_repeats_its_head() {
        let mut long = words("Cat");
        (0..ROWS_OF_A_PAGE).for_each(|_| long.push(vec![GridCell::text("Cat")]));
        let latex = long.latex();
        assert!(latex.contains("\\begin{longtable}") && !latex.contains("\\begin{tabular}"));
        assert_eq!(latex.matches("word \\\\").count(), 2);
        assert_eq!(latex.matches("Cat \\\\").count(), ROWS_OF_A_PAGE + 1);
    }

    #[test]
    fn html_names_rows_and_columns_and_lets_no_markup_through() {
        let expected = "<table id=\"scores\">
<caption><strong>Scores.</strong> In %, of 2 seeds</caption>
<thead>
<tr><th scope=\"col\">class</th><th scope=\"col\" class=\"number\">0.2 s</th>\
<th scope=\"col\" class=\"number\">p</th><th scope=\"col\" class=\"number\">n</th></tr>
</thead>
<tbody>
<tr><th scope=\"row\">Cat</th><td class=\"number\">45.8 ± 2.5</td><td class=\"number\">0.5000</td>\
<td class=\"number\">12</td></tr>
</tbody>
<tbody>
<tr><th scope=\"row\">A|b &lt;i&gt;&amp;_x</th><td class=\"number\">3.0</td>\
<td class=\"number\">&lt; 0.0001</td><td class=\"number\">–</td></tr>
</tbody>
</table>
";
        assert_eq!(grid().html(), expected);
        let attack = words("\"'</th><script>").html();
        assert!(attack.contains("&quot;&#39;&lt;/th&gt;&lt;script&gt;</th>"), "{attack}");
    }
}

//! A page in headless Chromium: what its console says, and what a reader would see at two widths.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::support::missing::leave_out;

/// Widths of a phone and of a screen, in pixels.
pub const WIDTHS: [usize; 2] = [360, 1280];

/// What `measure.js` saw in one frame.
#[derive(Debug, Deserialize)]
pub struct Seen {
    pub width: usize,
    pub content_width: usize,
    pub dark: bool,
    pub paper_is_dark: bool,
    pub text_contrast: f64,
    pub figures: Vec<Figure>,
    pub tables: Vec<Table>,
    pub repeated_ids: Vec<String>,
    pub dead_links: Vec<String>,
    pub requests: Vec<String>,
    pub language: String,
    pub headings: Vec<usize>,
}

#[derive(Debug, Deserialize)]
pub struct Figure {
    pub name: String,
    pub visible: bool,
    pub described: bool,
    pub smallest_text: f64,
    pub least_contrast: f64,
    pub outside: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct Table {
    pub name: String,
    pub visible: bool,
    pub rows: usize,
    pub cells: usize,
}

/// A browser that runs without a window.
pub struct Chromium {
    program: PathBuf,
}

impl Chromium {
    /// The one that is installed. Without one the test is left out, unless this is continuous integration.
    pub fn find() -> Option<Self> {
        let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
        let runs = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|said| said.status.success());
        let found = names.iter().find(|name| runs(name)).map(|name| Self { program: name.into() });
        if found.is_none() {
            leave_out(&format!("Chromium is not installed (none of {})", names.join(", ")));
        }
        found
    }

    /// The document after it was laid out, and what it wrote to the console.
    fn open(&self, page: &Path, dark: bool) -> (String, Vec<String>) {
        let profile = tempfile::tempdir().unwrap();
        let output = Command::new(&self.program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"])
            .args(["--disable-background-networking", "--disable-component-update", "--window-size=1400,900"])
            .args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=20000"])
            .arg(format!("--blink-settings=preferredColorScheme={}", if dark { 0 } else { 1 }))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("--dump-dom")
            .arg(format!("file://{}", page.display()))
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{log}");
        let console = log.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect();
        (String::from_utf8(output.stdout).unwrap(), console)
    }

    /// What the console says about the page as it is.
    pub fn console(&self, page: &Path) -> Vec<String> {
        let (document, console) = self.open(page, false);
        assert!(document.contains("</html>"));
        console
    }

    /// What a reader sees of `page` at each of [`WIDTHS`]: in a copy with a script, which may also load what the page
    /// itself forbids, so that it is seen.
    pub fn measure(&self, page: &Path, dark: bool) -> BTreeMap<String, Seen> {
        let folder = tempfile::tempdir().unwrap();
        let html = fs::read_to_string(page).unwrap();
        let (before, policy) = html.split_once("<meta http-equiv=\"Content-Security-Policy\"").unwrap();
        let (_, after) = policy.split_once('>').unwrap();
        let script = format!("<script>\n{}</script>\n</head>", include_str!("measure.js"));
        let copy = format!("{before}{}", after.replacen("</head>", &script, 1));
        fs::write(folder.path().join("copy.html"), copy).unwrap();
        // A window is never narrower than 500 pixels, a frame may be.
        let frame =
            |width| format!("<iframe name=\"{width}\" src=\"copy.html\" width=\"{width}\" height=\"740\"></iframe>");
        let around = format!(
            "<!doctype html><style>iframe {{ border: 0 }}</style><pre id=\"seen\"></pre><script>const seen = {{}};\n\
             addEventListener(\"message\", ({{ data }}) => {{ seen[data.frame] = data; \
             document.querySelector(\"#seen\").textContent = JSON.stringify(seen); }});</script>{}",
            WIDTHS.map(frame).concat()
        );
        let path = folder.path().join("around.html");
        fs::write(&path, around).unwrap();
        let (document, _) = self.open(&path, dark);
        let (_, from) = document.split_once("<pre id=\"seen\">").unwrap();
        let (json, _) = from.split_once("</pre>").unwrap();
        let json = json.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        serde_json::from_str(&json).unwrap_or_else(|e| panic!("{e} in what was measured: {json}"))
    }
}

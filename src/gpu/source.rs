//! WGSL source of a kernel: one file of `shaders/`, the files that it imports, and the files that fill its slots.
//!
//! A shader names what it uses in import lines at its top. The syntax is that of [WESL](https://wesl-lang.dev), so
//! editors that support WESL can follow the names. There are three kinds of import:
//!
//! - `import package::lib::math::exp_accurate;` takes a name from `shaders/lib/math.wgsl`.
//! - `import slot::weights::{weight_scalar, weight_vec4};` takes names from the file that the host chooses for the
//!   slot `weights`. Slots give one kernel several forms.
//! - `import kernel::WORKGROUP;` takes a name that each kernel using the file declares for itself.
//!
//! [`ShaderSource::join`] concatenates the files, each once, and checks every name of every import line. All files
//! share WGSL's single namespace, so names keep their spelling.

use std::collections::HashMap;

use include_dir::{Dir, include_dir};

static SHADERS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/shaders");

/// Shader file of a kernel, and the files that fill its slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShaderSource {
    main: Main,
    slots: HashMap<&'static str, &'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Main {
    File(&'static str),
    Text { name: &'static str, text: &'static str },
}

impl ShaderSource {
    /// Takes the source from `shaders/PATH`.
    pub fn file(path: &'static str) -> Self {
        Self { main: Main::File(path), slots: HashMap::new() }
    }

    /// Takes the source of the kernel `name` from `text`, for a kernel outside this crate; the text may import the
    /// files of `shaders/`.
    pub fn text(name: &'static str, text: &'static str) -> Self {
        Self { main: Main::Text { name, text }, slots: HashMap::new() }
    }

    /// Returns the kernel's name: that of its file, without folder and extension.
    pub fn name(&self) -> &'static str {
        match self.main {
            Main::File(path) => path.rsplit('/').next().unwrap_or(path).trim_end_matches(".wgsl"),
            Main::Text { name, .. } => name,
        }
    }

    /// Fills slot `slot` with `shaders/PATH`. A slot that no file imports may be filled too, because the import may
    /// depend on the file in another slot.
    #[must_use]
    pub fn fill(mut self, slot: &'static str, path: &'static str) -> Self {
        self.slots.insert(slot, path);
        self
    }

    /// Fills several slots.
    #[must_use]
    pub fn fill_all(mut self, slots: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        self.slots.extend(slots);
        self
    }

    /// Joins all files into one text without the import lines: the kernel's file first, then its imports in order.
    ///
    /// # Errors
    /// The file and line of an import whose file, slot or name does not exist.
    pub fn join(&self) -> Result<String, String> {
        let files = self.files()?;
        Ok(files.iter().flat_map(|file| [file.body.as_str(), "\n"]).collect())
    }

    /// Returns the paths of all joined files, relative to `shaders/`.
    ///
    /// # Errors
    /// Errors of [`ShaderSource::join`].
    pub fn paths(&self) -> Result<Vec<&'static str>, String> {
        Ok(self.files()?.into_iter().filter(|file| file.is_stored).map(|file| file.path).collect())
    }

    fn files(&self) -> Result<Vec<File>, String> {
        let main = match self.main {
            Main::File(path) => File::read(path, &format!("the host names shaders/{path}"))?,
            Main::Text { text, .. } => File { is_stored: false, ..File::parse("source of the kernel", text)? },
        };
        let mut files = Vec::new();
        self.visit(main, &mut files)?;
        for file in &files {
            let missing = |name: &&&str| !files.iter().any(|other| other.declares(name));
            for import in file.imports.iter().filter(|import| import.origin == ImportPath::Kernel) {
                if let Some(name) = import.names.iter().find(missing) {
                    return Err(format!("{}: no file of the kernel declares `{name}`", import.at(file)));
                }
            }
        }
        Ok(files)
    }

    /// Appends `file` to `files`, followed by its imports that are not in `files` yet.
    fn visit(&self, file: File, files: &mut Vec<File>) -> Result<(), String> {
        let index = files.len();
        files.push(file);
        for number in 0..files[index].imports.len() {
            let (file, import) = (&files[index], &files[index].imports[number]);
            let at = import.at(file);
            let path = match &import.origin {
                ImportPath::Kernel => continue,
                ImportPath::Package(path) => path.clone(),
                ImportPath::Slot(slot) => {
                    let filled = self.slots.get(slot);
                    (*filled.ok_or_else(|| format!("{at}: the host fills no slot `{slot}`"))?).to_string()
                }
            };
            let names = import.names.clone();
            if !files.iter().any(|other| other.path == path) {
                self.visit(File::read(&path, &at)?, files)?;
            }
            let imported = files.iter().find(|other| other.path == path);
            if let Some(name) = names.iter().find(|name| !imported.is_some_and(|other| other.declares(name))) {
                return Err(format!("{at}: shaders/{path} declares no `{name}`"));
            }
        }
        Ok(())
    }
}

/// Origin of the names of an import line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ImportPath {
    /// File of `shaders/`, by its path.
    Package(String),
    /// File that fills a slot.
    Slot(&'static str),
    /// Any file of the kernel.
    Kernel,
}

/// Import line of a shader.
#[derive(Debug, Clone)]
struct Import {
    line: usize,
    origin: ImportPath,
    names: Vec<&'static str>,
}

impl Import {
    /// Returns file and line, for error messages.
    fn at(&self, file: &File) -> String {
        format!("{}:{}", file.label(), self.line)
    }

    /// Parses `statement`, the text between `import` and the semicolon.
    fn parse(line: usize, statement: &'static str) -> Option<Self> {
        let (path, names) = statement.rsplit_once("::")?;
        let listed = names.strip_prefix('{').and_then(|names| names.strip_suffix('}'));
        let names: Vec<_> = listed.unwrap_or(names).split(',').map(str::trim).collect();
        let origin = match path.split_once("::") {
            None if path == "kernel" => ImportPath::Kernel,
            Some(("slot", slot)) if is_name(slot) => ImportPath::Slot(slot),
            Some(("package", path)) => ImportPath::Package(format!("{}.wgsl", path.replace("::", "/"))),
            _ => return None,
        };
        names.iter().all(|name| is_name(name)).then_some(Self { line, origin, names })
    }
}

/// Shader file: its imports, and its text without them.
#[derive(Debug)]
struct File {
    path: &'static str,
    is_stored: bool,
    imports: Vec<Import>,
    body: String,
    declared: Vec<&'static str>,
}

impl File {
    /// Reads the file `shaders/PATH`; `at` is the place that names it, for error messages.
    fn read(path: &str, at: &str) -> Result<Self, String> {
        let file = SHADERS.get_file(path).ok_or_else(|| format!("{at}: there is no shaders/{path}"))?;
        let text = file.contents_utf8().ok_or_else(|| format!("{at}: shaders/{path} is not UTF-8"))?;
        // The path of the embedded file lives as long as the program, unlike `path`.
        let path = file.path().to_str().ok_or_else(|| format!("{at}: shaders/{path} has no readable name"))?;
        Self::parse(path, text)
    }

    fn parse(path: &'static str, text: &'static str) -> Result<Self, String> {
        let mut file = Self { path, is_stored: true, imports: Vec::new(), body: String::new(), declared: Vec::new() };
        for (index, line) in text.lines().enumerate() {
            if let Some(statement) = line.strip_prefix("import ") {
                let statement = statement.trim_end().strip_suffix(';');
                let import = statement.and_then(|statement| Import::parse(index + 1, statement));
                let wanted =
                    "`import package::FOLDER::FILE::NAME;`, `import slot::SLOT::NAME;` or `import kernel::NAME;`";
                file.imports.push(
                    import.ok_or_else(|| {
                        format!("{}:{}: `{line}` is not of the form {wanted}", file.label(), index + 1)
                    })?,
                );
                continue;
            }
            file.declared.extend(module_name(line));
            file.body.push_str(line);
            file.body.push('\n');
        }
        Ok(file)
    }

    fn declares(&self, name: &str) -> bool {
        self.declared.contains(&name)
    }

    fn label(&self) -> String {
        if self.is_stored { format!("shaders/{}", self.path) } else { self.path.to_string() }
    }
}

/// Returns the name that a line declares at module scope, where declarations start without indentation.
pub fn module_name(line: &str) -> Option<&str> {
    if line.starts_with(char::is_whitespace) || line.starts_with("//") {
        return None;
    }
    let rest = match line.find("var<") {
        Some(at) => line[at..].split_once('>')?.1,
        None => ["fn ", "const ", "struct ", "alias "].iter().find_map(|keyword| line.strip_prefix(keyword))?,
    };
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    Some(&rest[..end])
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &'static str) -> String {
        ShaderSource::text("test", text).join().unwrap_err()
    }

    #[test]
    fn imported_files_stand_once_behind_the_kernel() {
        let text = "import package::lib::math::{exp_accurate, ln_accurate};\nimport package::lib::math::ln_one_plus;\nfn f() {}\n";
        let joined = ShaderSource::text("test", text).join().unwrap();
        assert!(joined.starts_with("fn f() {}\n") && !joined.contains("import "), "{joined}");
        assert_eq!(joined.matches("fn exp_accurate(").count(), 1);
        assert_eq!(ShaderSource::text("test", text).paths(), Ok(vec!["lib/math.wgsl"]));
    }

    #[test]
    fn a_kernel_is_named_like_its_file() {
        assert_eq!(ShaderSource::file("lib/math.wgsl").name(), "math");
        assert_eq!(ShaderSource::text("test", "fn f() {}").name(), "test");
    }

    #[test]
    fn a_slot_is_what_the_host_fills_it_with() {
        let source = ShaderSource::text("test", "import slot::functions::exp_accurate;\n");
        assert!(source.clone().fill("functions", "lib/math.wgsl").join().unwrap().contains("fn exp_accurate("));
        let error = source.clone().fill("function", "lib/math.wgsl").join().unwrap_err();
        assert_eq!(error, "source of the kernel:1: the host fills no slot `functions`");
        let error = source.fill("functions", "lib/mat.wgsl").join().unwrap_err();
        assert_eq!(error, "source of the kernel:1: there is no shaders/lib/mat.wgsl");
    }

    #[test]
    fn a_misspelt_import_is_refused_with_file_and_line() {
        assert_eq!(
            refused("\nimport package::lib::math::exp_acurate;\n"),
            "source of the kernel:2: shaders/lib/math.wgsl declares no `exp_acurate`"
        );
        assert_eq!(
            refused("import package::lib::mat::exp_accurate;\n"),
            "source of the kernel:1: there is no shaders/lib/mat.wgsl"
        );
        assert!(refused("import lib::math::exp_accurate;\n").contains(":1: `import lib::math::exp_accurate;` is not"));
        assert!(refused("import package::lib::math::exp_accurate\n").contains("is not of the form"));
    }

    #[test]
    fn a_name_that_the_kernel_has_to_declare_is_asked_for() {
        let error = refused("import package::lib::sum::workgroup_sum;\n");
        assert!(error.starts_with("shaders/lib/sum.wgsl:") && error.ends_with("declares `WORKGROUP`"), "{error}");
        let text = "import package::lib::sum::workgroup_sum;\nconst WORKGROUP: u32 = 64u;\n";
        assert!(ShaderSource::text("test", text).join().unwrap().contains("fn workgroup_sum("));
    }

    #[test]
    fn module_scope_declarations_are_found() {
        let lines = [
            ("@group(0) @binding(1) var<storage, read> packed: array<f32>;", Some("packed")),
            ("var<workgroup> sums: array<f32, WORKGROUP>;", Some("sums")),
            ("const MEMBERS: u32 = 1u;", Some("MEMBERS")),
            ("alias Number = f32;", Some("Number")),
            ("struct ScheduleStep {", Some("ScheduleStep")),
            ("fn digit(x: u32) -> u32 {", Some("digit")),
            ("    const i = 0u;", None),
            ("// fn of a comment", None),
        ];
        for (line, name) in lines {
            assert_eq!(module_name(line), name, "{line}");
        }
    }
}

//! Every shader through every translator: naga to SPIR-V, MSL and HLSL, wgpu with WebGPU's default limits on a device
//! without a driver. This keeps Metal and Direct3D 12 working without either at hand.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ScalarKind, TypeInner, back};
use support::kernels::{devices, kernels};
use weaklabel::gpu::Recording;
use weaklabel::gpu::source::module_name;
use weaklabel::gpu::wgsl::{Loads, specialise};
use weaklabel::kernels::REGISTRY;

fn shader_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(shader_files(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Parses and validates without any capability beyond WebGPU's but the immediate.
fn validate(what: &str, source: &str) -> (Module, ModuleInfo) {
    let module =
        naga::front::wgsl::parse_str(source).unwrap_or_else(|e| panic!("{what}: {}", e.emit_to_string(source)));
    let capabilities = Capabilities::default() | Capabilities::IMMEDIATES;
    let info = Validator::new(ValidationFlags::all(), capabilities)
        .validate(&module)
        .unwrap_or_else(|e| panic!("{what}: {}", e.emit_to_string(source)));
    (module, info)
}

fn translate(what: &str, module: &Module, info: &ModuleInfo) {
    back::spv::write_vec(module, info, &back::spv::Options::default(), None)
        .unwrap_or_else(|e| panic!("{what}: SPIR-V: {e}"));

    let msl = back::msl::Options { fake_missing_bindings: true, ..Default::default() };
    back::msl::write_string(module, info, &msl, &back::msl::PipelineOptions::default())
        .unwrap_or_else(|e| panic!("{what}: MSL: {e}"));

    let immediates = back::hlsl::BindTarget { space: 1, ..Default::default() };
    let hlsl = back::hlsl::Options {
        fake_missing_bindings: true,
        immediates_target: Some(immediates),
        ..back::hlsl::Options::default()
    };
    let mut text = String::new();
    back::hlsl::Writer::new(&mut text, &hlsl, &back::hlsl::PipelineOptions::default())
        .write(module, info, None)
        .unwrap_or_else(|e| panic!("{what}: HLSL: {e}"));
}

/// Bytes of all variables in `space`.
fn bytes_in(module: &Module, space: AddressSpace) -> u32 {
    let variables = module.global_variables.iter().filter(|(_, variable)| variable.space == space);
    variables.map(|(_, variable)| module.types[variable.ty].inner.size(module.to_ctx())).sum()
}

#[test]
fn every_kernel_translates_for_every_backend() {
    let mut seen = BTreeSet::new();
    let mut largest_immediate = 0;
    for gpu in devices() {
        for (what, kernel) in kernels(&gpu) {
            for loads in [Loads::Unrolled, Loads::Rolled] {
                let source = specialise(kernel.as_ref(), loads).unwrap_or_else(|e| panic!("{what}: {e}"));
                if !seen.insert(source.clone()) {
                    continue;
                }
                let (module, info) = validate(&what, &source);
                translate(&what, &module, &info);

                let is_storage = |v: &naga::GlobalVariable| matches!(v.space, AddressSpace::Storage { .. });
                let storage = module.global_variables.iter().filter(|(_, variable)| is_storage(variable));
                assert!(storage.count() <= 10, "{what}: more than 10 storage buffers");
                let float = |ty: &naga::Type| matches!(ty.inner, TypeInner::Atomic(s) if s.kind == ScalarKind::Float);
                assert!(!module.types.iter().any(|(_, ty)| float(ty)), "{what}: a float atomic");
                let immediate = bytes_in(&module, AddressSpace::Immediate);
                assert!(immediate <= 64, "{what}: {immediate} bytes of immediates, browsers have 64");
                largest_immediate = immediate.max(largest_immediate);
            }
        }
    }
    assert_eq!(largest_immediate, 64, "llvmpipe's numbers are among the kernels");
}

#[test]
fn every_kernel_fits_the_default_limits() {
    let limits = wgpu::Limits::default();
    for gpu in devices() {
        for (what, kernel) in kernels(&gpu) {
            let (module, _) = validate(&what, &specialise(kernel.as_ref(), Loads::Unrolled).unwrap());
            let bytes = bytes_in(&module, AddressSpace::WorkGroup);
            assert!(bytes <= limits.max_compute_workgroup_storage_size, "{what}: {bytes} bytes of workgroup memory");
            // Layouts, bind groups, grid and every other limit: what a real device would say.
            let mut recording = Recording::new(kernel.name());
            recording.push_boxed(kernel);
            recording.resolve(&gpu).unwrap_or_else(|e| panic!("{what}: {e}"));
        }
    }
}

#[test]
fn every_file_is_used_and_valid_with_its_imports_as_it_stands() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut used = BTreeSet::new();
    let mut sources = BTreeSet::new();
    for (what, kernel) in devices().iter().flat_map(kernels) {
        used.extend(kernel.source().paths().unwrap_or_else(|e| panic!("{what}: {e}")));
        let joined = kernel.source().join().unwrap_or_else(|e| panic!("{what}: {e}"));
        if sources.insert(joined.clone()) {
            validate(&format!("{what}, before its constants are rewritten"), &joined);
        }
    }
    let mut kernels_on_disk = BTreeSet::new();
    for file in shader_files(&folder) {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(&folder).unwrap().to_str().unwrap();
        assert!(used.contains(name), "shaders/{name} is used by no case of the registry");
        if text.contains("@compute") {
            kernels_on_disk.insert(file.file_stem().unwrap().to_str().unwrap().to_string());
        }
    }
    let registered: BTreeSet<String> = REGISTRY.iter().map(|entry| entry.name.to_string()).collect();
    assert_eq!(registered.len(), REGISTRY.len(), "two entries of one name");
    assert_eq!(registered, kernels_on_disk, "names in the registry and file stems under shaders/");
}

/// The words of a shader's code that could be names of the module: no attributes, fields or parameters, and no
/// comments.
fn words(code: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for line in code.lines().map(|line| line.split("//").next().unwrap_or(line)) {
        let mut before = ' ';
        for word in line.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_') {
            let name = word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_');
            if !['.', '@'].contains(&before) && !word.ends_with(':') && !name.is_empty() {
                found.insert(name);
            }
            before = word.chars().last().unwrap_or(' ');
        }
    }
    found
}

/// The names that a shader declares itself: at module scope, as parameters, fields and variables.
fn declared(code: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for line in code.lines().map(|line| line.split("//").next().unwrap_or(line)) {
        for keyword in ["fn ", "const ", "struct ", "alias ", "let ", "var "] {
            names.extend(line.match_indices(keyword).map(|(at, _)| &line[at + keyword.len()..]));
        }
        names.extend(line.match_indices(": ").map(|(at, _)| line[..at].rsplit([' ', '(']).next().unwrap_or("")));
    }
    let end = |name: &str| name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
    names.into_iter().map(|name| &name[..end(name)]).collect()
}

#[test]
fn every_file_imports_the_names_that_it_uses_and_no_others() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let texts: Vec<_> = shader_files(&folder).into_iter().map(|f| (std::fs::read_to_string(&f).unwrap(), f)).collect();
    let everywhere: BTreeSet<&str> = texts
        .iter()
        .flat_map(|(text, _)| text.lines().filter_map(module_name))
        .filter(|name| *name != "main")
        .collect();
    for (text, file) in &texts {
        let file = file.strip_prefix(&folder).unwrap().display();
        let (imports, code): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("import "));
        let names = |line: &&str| -> Vec<String> {
            let names = line.rsplit("::").next().unwrap_or("").trim_matches(['{', '}', ';']);
            names.split(", ").map(|name| name.trim_matches(['{', '}', ';']).to_string()).collect()
        };
        let imported: BTreeSet<String> = imports.iter().flat_map(names).collect();
        let code = code.join("\n");
        let (used, own) = (words(&code), declared(&code));
        for name in &imported {
            assert!(used.contains(name.as_str()), "shaders/{file} imports `{name}` and does not use it");
        }
        for name in used.intersection(&everywhere).filter(|name| !own.contains(**name)) {
            assert!(imported.contains(*name), "shaders/{file} uses `{name}` and does not import it");
        }
    }
}

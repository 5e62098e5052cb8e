//! Reading a file of reference values: tensors by name, as f64 or as integers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

/// One tensor; integers are exact in f64.
#[derive(Debug, Clone)]
pub struct Golden {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

impl Golden {
    /// The values as the f32 that they were made from.
    pub fn f32(&self) -> Vec<f32> {
        self.values.iter().map(|&x| x as f32).collect()
    }

    /// The values of an integer or mask tensor.
    #[allow(dead_code, reason = "not every file has integers")]
    pub fn i32(&self) -> Vec<i32> {
        self.values.iter().map(|&x| x as i32).collect()
    }

    /// The only value.
    #[allow(dead_code, reason = "not every file has scalars")]
    pub fn scalar(&self) -> f64 {
        assert_eq!(self.values.len(), 1, "a tensor of shape {:?} is not a scalar", self.shape);
        self.values[0]
    }
}

/// A file of reference values.
pub struct File {
    path: PathBuf,
    tensors: BTreeMap<String, Golden>,
}

impl File {
    /// Loads `name` from the folder `WEAKLABEL_GOLDEN`, by default tests/golden.
    pub fn load(name: &str) -> Self {
        let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let path = std::env::var_os("WEAKLABEL_GOLDEN").map_or_else(default, PathBuf::from).join(name);
        let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let file = SafeTensors::deserialize(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let tensors = file.tensors().into_iter().map(|(name, view)| {
            let (dtype, data) = (view.dtype(), view.data());
            let values = match dtype {
                Dtype::F64 => data.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
                Dtype::F32 => data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()).into()).collect(),
                Dtype::I32 => data.chunks_exact(4).map(|b| i32::from_le_bytes(b.try_into().unwrap()).into()).collect(),
                Dtype::U8 => data.iter().map(|&b| b.into()).collect(),
                other => panic!("{}: {name} is {other:?}", path.display()),
            };
            (name, Golden { shape: view.shape().to_vec(), values })
        });
        let tensors = tensors.collect();
        Self { path, tensors }
    }

    /// The tensor `name`.
    pub fn get(&self, name: &str) -> &Golden {
        self.find(name).unwrap_or_else(|| panic!("{} has no tensor {name}", self.path.display()))
    }

    /// The tensor `name`, if the file has it.
    pub fn find(&self, name: &str) -> Option<&Golden> {
        self.tensors.get(name)
    }

    /// The names of the cases that have a tensor `<case><suffix>`: `cases(".audio")` are the signals.
    pub fn cases(&self, suffix: &str) -> Vec<&str> {
        let cases: Vec<_> = self.tensors.keys().filter_map(|name| name.strip_suffix(suffix)).collect();
        assert!(!cases.is_empty(), "{} has no tensor *{suffix}", self.path.display());
        cases
    }
}

/// Panics unless ‖found − golden‖ / ‖golden‖ ≤ tolerance; returns the relative error.
pub fn assert_close(what: &str, found: &[f32], golden: &Golden, tolerance: f64) -> f64 {
    assert_eq!(found.len(), golden.values.len(), "{what}: size");
    let error = weaklabel::kernels::relative_error(found, &golden.values);
    println!("{what:<32} {error:.1e}");
    assert!(error <= tolerance, "{what}: relative error {error:.2e}, allowed {tolerance:.0e}");
    error
}

//! Adapters: listing, choice by index, name or PCI id, and error messages when no adapter fits.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::base::environment;
use crate::{Error, Result};

/// The user's choice of adapter. The default takes an adapter of the fastest class.
#[derive(Debug, Clone, Default)]
pub struct AdapterChoice {
    /// An index of `weaklabel devices`, a part of the name (any case), or `pci:BUS` / `pci:VENDOR:DEVICE`.
    pub adapter: Option<String>,
    /// Backends to search, comma separated: `vulkan`, `metal`, `dx12`. Overrides `WGPU_BACKEND`.
    pub backend: Option<String>,
}

/// Properties of one adapter, as `weaklabel devices` prints them.
#[derive(Debug, Clone, Serialize)]
pub struct AdapterDescription {
    /// Position in the list, valid for `--adapter`.
    pub index: usize,
    /// Name of the adapter.
    pub name: String,
    /// `vulkan`, `metal` or `dx12`.
    pub backend: String,
    /// Driver name and version.
    pub driver: String,
    /// Kind of the adapter.
    #[serde(rename = "type")]
    pub kind: AdapterKind,
    /// Position on the PCI bus, where known, and vendor and device numbers.
    pub pci: PciId,
    /// Limits that matter to compute kernels.
    pub limits: AdapterLimits,
    /// Smallest and largest subgroup size.
    pub subgroup_size: [u32; 2],
    /// Optional features that kernels may use.
    pub features: Vec<&'static str>,
}

/// Kinds of adapters, from the fastest to the slowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AdapterKind {
    /// A GPU with its own memory.
    Discrete,
    /// A GPU that shares memory with the CPU.
    Integrated,
    /// A GPU of the host, seen from a virtual machine.
    Virtual,
    /// An adapter of which the driver does not say more.
    Other,
    /// A driver that computes on the CPU.
    Cpu,
}

impl AdapterKind {
    fn of(device: wgpu::DeviceType) -> Self {
        match device {
            wgpu::DeviceType::DiscreteGpu => Self::Discrete,
            wgpu::DeviceType::IntegratedGpu => Self::Integrated,
            wgpu::DeviceType::VirtualGpu => Self::Virtual,
            wgpu::DeviceType::Other => Self::Other,
            wgpu::DeviceType::Cpu => Self::Cpu,
        }
    }

    /// Returns the name that `weaklabel devices` prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Discrete => "discrete",
            Self::Integrated => "integrated",
            Self::Virtual => "virtual",
            Self::Other => "other",
            Self::Cpu => "cpu",
        }
    }
}

/// Identification of a GPU on the PCI bus.
#[derive(Debug, Clone, Serialize)]
pub struct PciId {
    /// Bus address such as `0000:01:00.0`; empty where the backend does not report it.
    pub bus: String,
    /// Vendor and device in hexadecimal, such as `10de:2204`.
    pub id: String,
}

/// Limits that matter to compute kernels.
#[derive(Debug, Clone, Serialize)]
pub struct AdapterLimits {
    /// Largest buffer in bytes.
    pub buffer: u64,
    /// Largest storage binding in bytes.
    pub storage_binding: u64,
    /// Largest uniform binding in bytes.
    pub uniform_binding: u64,
    /// Largest number of storage buffers of one kernel.
    pub storage_buffers: u32,
    /// Workgroup memory in bytes.
    pub workgroup_bytes: u32,
    /// Largest number of invocations in a workgroup.
    pub workgroup_invocations: u32,
    /// Largest number of workgroups along one axis.
    pub workgroups_per_axis: u32,
    /// Memory in bytes, that of the host on adapters that share it; `None` where the backend does not report it.
    pub memory: Option<u64>,
}

/// Optional features that kernels or the profiler can use, with the names that `weaklabel devices` prints.
const FEATURES: [(wgpu::Features, &str); 5] = [
    (wgpu::Features::IMMEDIATES, "immediates"),
    (wgpu::Features::TIMESTAMP_QUERY, "timestamps"),
    (wgpu::Features::SUBGROUP, "subgroups"),
    (wgpu::Features::SHADER_F16, "f16"),
    (wgpu::Features::PIPELINE_CACHE, "pipeline-cache"),
];

impl AdapterDescription {
    pub(super) fn new(index: usize, adapter: &wgpu::Adapter) -> Self {
        let (info, limits) = (adapter.get_info(), adapter.limits());
        let has = adapter.features();
        Self {
            index,
            name: info.name,
            backend: info.backend.to_str().to_string(),
            driver: [info.driver, info.driver_info].join(" ").trim().to_string(),
            kind: AdapterKind::of(info.device_type),
            pci: PciId { bus: info.device_pci_bus_id, id: format!("{:04x}:{:04x}", info.vendor, info.device) },
            limits: AdapterLimits {
                buffer: limits.max_buffer_size,
                storage_binding: limits.max_storage_buffer_binding_size,
                uniform_binding: limits.max_uniform_buffer_binding_size,
                storage_buffers: limits.max_storage_buffers_per_shader_stage,
                workgroup_bytes: limits.max_compute_workgroup_storage_size,
                workgroup_invocations: limits.max_compute_invocations_per_workgroup,
                workgroups_per_axis: limits.max_compute_workgroups_per_dimension,
                memory: memory(adapter),
            },
            subgroup_size: [info.subgroup_min_size, info.subgroup_max_size],
            features: FEATURES.iter().filter(|(feature, _)| has.contains(*feature)).map(|(_, name)| *name).collect(),
        }
    }
}

/// Returns the size in bytes of the largest memory heap that belongs to the device. wgpu has no question for this, so
/// Vulkan is asked through wgpu's own handle; other backends answer nothing.
#[cfg(not(target_vendor = "apple"))]
#[allow(unsafe_code)]
fn memory(adapter: &wgpu::Adapter) -> Option<u64> {
    // SAFETY: the guard borrows the adapter, and the handles in it are used for one query and destroyed by nobody here.
    let properties = unsafe {
        let vulkan = adapter.as_hal::<wgpu::hal::api::Vulkan>()?;
        let instance = vulkan.shared_instance().raw_instance();
        instance.get_physical_device_memory_properties(vulkan.raw_physical_device())
    };
    // Bit 0 of a heap's flags marks memory that is local to the device.
    let local = properties.memory_heaps_as_slice().iter().filter(|heap| heap.flags.as_raw() & 1 == 1);
    local.map(|heap| heap.size).max()
}

#[cfg(target_vendor = "apple")]
fn memory(_: &wgpu::Adapter) -> Option<u64> {
    None
}

/// Returns the names of the features that [`AdapterDescription::features`] may contain.
pub fn feature_names() -> impl Iterator<Item = &'static str> {
    FEATURES.iter().map(|(_, name)| *name)
}

/// Lists all adapters of the chosen backends in a stable order. Also returns the index of the adapter that
/// [`Gpu::open`](super::Gpu) takes.
///
/// # Errors
/// [`Error::Adapter`] when there is no adapter, with what to install, or when none matches, with a list of all
/// adapters; [`Error::Usage`] for a backend name that does not exist.
pub fn list(choice: &AdapterChoice) -> Result<(Vec<AdapterDescription>, usize)> {
    let described = describe(&enumerate(choice)?);
    let chosen = position(choice, &described)?;
    Ok((described, chosen))
}

/// Returns the adapter that `choice` names, or one of the fastest class: discrete, integrated, virtual, other, CPU.
///
/// # Errors
/// The errors of [`list`].
pub(super) fn choose(choice: &AdapterChoice) -> Result<(wgpu::Adapter, AdapterDescription)> {
    let mut adapters = enumerate(choice)?;
    let mut described = describe(&adapters);
    let chosen = position(choice, &described)?;
    Ok((adapters.swap_remove(chosen), described.swap_remove(chosen)))
}

fn describe(adapters: &[wgpu::Adapter]) -> Vec<AdapterDescription> {
    adapters.iter().enumerate().map(|(index, adapter)| AdapterDescription::new(index, adapter)).collect()
}

/// Returns the index of the chosen adapter in `described`.
fn position(choice: &AdapterChoice, described: &[AdapterDescription]) -> Result<usize> {
    let fastest = described.iter().min_by_key(|d| (d.kind, d.index));
    let fastest = fastest.ok_or_else(|| Error::Adapter(nothing_found(choice)))?;
    let asked = choice.adapter.clone().or_else(|| text_of("WGPU_ADAPTER_NAME"));
    asked.map_or(Ok(fastest.index), |asked| select(described, &asked))
}

fn select(described: &[AdapterDescription], asked: &str) -> Result<usize> {
    let lower = asked.to_lowercase();
    let matches = |d: &&AdapterDescription| match (lower.strip_prefix("pci:"), lower.parse::<usize>()) {
        (Some(pci), _) => d.pci.bus.to_lowercase() == pci || d.pci.id == pci,
        (None, Ok(index)) => d.index == index,
        (None, Err(_)) => d.name.to_lowercase().contains(&lower),
    };
    let found: Vec<&AdapterDescription> = described.iter().filter(matches).collect();
    let names = |list: &[&AdapterDescription]| {
        list.iter()
            .map(|d| format!("index {}: {} ({}, pci {} {})", d.index, d.name, d.backend, d.pci.bus, d.pci.id))
            .collect::<Vec<_>>()
            .join("; ")
    };
    match found.as_slice() {
        [one] => Ok(one.index),
        [] => Err(Error::Adapter(format!(
            "no adapter matches '{asked}'. Adapters of this machine: {}",
            names(&described.iter().collect::<Vec<_>>())
        ))),
        // A GPU that several backends offer counts once: the first backend in the list is taken.
        several
            if several.iter().all(|d| {
                d.pci.id == several[0].pci.id && d.pci.bus == several[0].pci.bus && d.backend != several[0].backend
                    || d.index == several[0].index
            }) =>
        {
            Ok(several[0].index)
        }
        several => Err(Error::Adapter(format!(
            "'{asked}' fits several adapters: {}; choose one by its index or pci:BUS",
            names(several)
        ))),
    }
}

fn enumerate(choice: &AdapterChoice) -> Result<Vec<wgpu::Adapter>> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends(choice)?;
    descriptor.flags = flags();
    descriptor.backend_options = wgpu::BackendOptions::from_env_or_default();
    let backends = descriptor.backends;
    Ok(pollster::block_on(wgpu::Instance::new(descriptor).enumerate_adapters(backends)))
}

/// Returns the backends of `choice`, else those of `WGPU_BACKEND`, else all.
fn backends(choice: &AdapterChoice) -> Result<wgpu::Backends> {
    match (&choice.backend, text_of("WGPU_BACKEND")) {
        (Some(names), _) => parse_backends(names, ""),
        (None, Some(names)) => parse_backends(&names, " in WGPU_BACKEND"),
        (None, None) => Ok(wgpu::Backends::all()),
    }
}

fn parse_backends(names: &str, origin: &str) -> Result<wgpu::Backends> {
    names.split(',').map(str::trim).try_fold(wgpu::Backends::empty(), |all, name| match name.to_lowercase().as_str() {
        "vulkan" | "vk" => Ok(all | wgpu::Backends::VULKAN),
        "metal" | "mtl" => Ok(all | wgpu::Backends::METAL),
        "dx12" | "d3d12" => Ok(all | wgpu::Backends::DX12),
        _ => Err(Error::Usage(format!("no backend '{name}'{origin}; there are vulkan, metal and dx12"))),
    })
}

/// Returns wgpu's instance flags: its defaults, changed by its environment variables such as `WGPU_VALIDATION`.
/// Validation layers slow down every call, so they are off unless `WGPU_VALIDATION` asks for them.
fn flags() -> wgpu::InstanceFlags {
    let mut flags = wgpu::InstanceFlags::default() - wgpu::InstanceFlags::VALIDATION;
    for (name, flag) in wgpu::InstanceFlags::all().iter_names() {
        if let Some(value) = environment::variable(&format!("WGPU_{name}")) {
            flags.set(flag, value != "0");
        }
    }
    flags
}

/// Returns the value of an environment variable as text.
fn text_of(variable: &str) -> Option<String> {
    environment::variable(variable).map(|value| value.to_string_lossy().into_owned())
}

/// Explains why there is no adapter and what to do about it on this system.
fn nothing_found(choice: &AdapterChoice) -> String {
    let backends = choice.backend.clone().or_else(|| text_of("WGPU_BACKEND"));
    let backends = backends.unwrap_or_else(|| "vulkan, metal, dx12".into());
    let mut text = format!("no adapter found (backends tried: {backends})");
    if cfg!(target_os = "linux") {
        text += "; ";
        text += &named_drivers().unwrap_or_else(installed_drivers);
    }
    text
}

/// Describes the drivers that the Vulkan loader's own variables name, if one of them is set. The loader takes an empty
/// value for a list without drivers.
fn named_drivers() -> Option<String> {
    let of_variable = |name: &'static str| Some((name, std::env::var_os(name)?));
    let (name, files) = of_variable("VK_DRIVER_FILES").or_else(|| of_variable("VK_ICD_FILENAMES"))?;
    let files: Vec<PathBuf> = std::env::split_paths(&files).filter(|file| !file.as_os_str().is_empty()).collect();
    let missing = files.iter().find(|file| !file.exists());
    Some(match (files.as_slice(), missing) {
        ([], _) => format!("{name} is set and names no Vulkan driver: unset it to use the installed ones"),
        (_, Some(file)) => {
            format!(
                "{name} names {}, which is not there: correct it, or unset it to use the installed ones",
                file.display()
            )
        }
        (files, None) => {
            format!("{name} names {}: unset it to use the installed Vulkan drivers", list_of(files))
        }
    })
}

fn installed_drivers() -> String {
    let folders = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
    let entries = folders.iter().filter_map(|folder| Path::new(folder).read_dir().ok());
    let mut found: Vec<PathBuf> = entries.flat_map(|entries| entries.flatten().map(|entry| entry.path())).collect();
    found.sort();
    match found.as_slice() {
        [] => "no Vulkan driver is registered. On Debian and Ubuntu: apt-get install mesa-vulkan-drivers (AMD, Intel, or the CPU by lavapipe) or your card's own driver".into(),
        some => format!("Vulkan drivers registered: {}. In a container, pass the card in (--gpus all, or --device /dev/dri), or install mesa-vulkan-drivers for the CPU", list_of(some)),
    }
}

fn list_of(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(index: usize, name: &str, backend: &str, bus: &str) -> AdapterDescription {
        AdapterDescription {
            index,
            name: name.into(),
            backend: backend.into(),
            driver: String::new(),
            kind: AdapterKind::Discrete,
            pci: PciId { bus: bus.into(), id: "10de:2204".into() },
            limits: AdapterLimits {
                buffer: 0,
                storage_binding: 0,
                uniform_binding: 0,
                storage_buffers: 0,
                workgroup_bytes: 0,
                workgroup_invocations: 0,
                workgroups_per_axis: 0,
                memory: None,
            },
            subgroup_size: [32, 32],
            features: vec![],
        }
    }

    #[test]
    fn adapters_are_found_by_index_name_and_pci_id() {
        let cards = [
            card(0, "Radeon RX", "vulkan", "0000:01:00.0"),
            card(1, "GeForce", "vulkan", "0000:02:00.0"),
            card(2, "GeForce", "vulkan", "0000:03:00.0"),
        ];
        assert_eq!(select(&cards, "1").unwrap(), 1);
        assert_eq!(select(&cards, "radeon").unwrap(), 0);
        assert_eq!(select(&cards, "pci:0000:03:00.0").unwrap(), 2);
        let two = select(&cards, "geforce").unwrap_err().to_string();
        assert!(two.contains("several") && two.contains("0000:02:00.0") && two.contains("0000:03:00.0"), "{two}");
        let none = select(&cards, "intel").unwrap_err().to_string();
        assert!(none.contains("'intel'") && none.contains("Radeon"), "{none}");
    }

    #[test]
    fn one_card_behind_two_backends_is_one_card() {
        let cards = [card(0, "GeForce", "vulkan", "0000:02:00.0"), card(1, "GeForce", "dx12", "0000:02:00.0")];
        assert_eq!(select(&cards, "geforce").unwrap(), 0);
    }

    #[test]
    fn a_listing_without_adapters_says_what_to_install() {
        let error =
            position(&AdapterChoice { adapter: Some("0".into()), backend: Some("dx12".into()) }, &[]).unwrap_err();
        assert_eq!(error.exit_code(), 4);
        let text = error.to_string();
        assert!(text.contains("no adapter found (backends tried: dx12)"), "{text}");
        assert!(!cfg!(target_os = "linux") || text.contains("mesa-vulkan-drivers"), "{text}");
    }

    #[test]
    fn an_unknown_backend_is_a_usage_error() {
        let error = parse_backends("vulkan,opengl", "").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("opengl"));
    }
}

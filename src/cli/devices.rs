//! `weaklabel devices`.

use clap::Args;
use serde::Serialize;

use super::{Session, output};
use crate::Result;
use crate::gpu::AdapterDescription;
use crate::gpu::adapter::{feature_names, list};
use crate::output::Table;

const EXAMPLES: &str = "\
Examples:
  weaklabel devices
  weaklabel devices --backend vulkan --json
  weaklabel doctor --adapter 0

An adapter is a GPU, or the driver of one that computes on the CPU.";

/// `weaklabel devices`: list the adapters, with their limits and features; `--json` for machines.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Devices {}

/// An adapter, and whether a command with the same options would compute on it.
#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    adapter: AdapterDescription,
    chosen: bool,
}

impl Devices {
    /// Runs the command.
    ///
    /// # Errors
    /// The errors of [`list`]: exit code 4 and what to install where there is no adapter.
    pub fn run(self, session: &Session) -> Result<()> {
        let (adapters, chosen) = list(&session.adapter_choice())?;
        if session.options.json {
            let listed = adapters.into_iter().map(|adapter| Listed { chosen: adapter.index == chosen, adapter });
            return output::print_json(&listed.collect::<Vec<_>>());
        }
        output::print(&format!("{}* the adapter that these options choose\n", table(&adapters, chosen)))
    }
}

/// A column for each adapter, a row for each property: names and drivers are long, adapters are few.
fn table(adapters: &[AdapterDescription], chosen: usize) -> Table {
    let mut table = Table::new(row("index", adapters, |a| {
        let mark = if a.index == chosen { " *" } else { "" };
        format!("{}{mark}", a.index)
    }));
    let mut push = |name: &str, cell: &dyn Fn(&AdapterDescription) -> String| table.push(row(name, adapters, cell));
    push("name", &|a| a.name.clone());
    push("backend", &|a| a.backend.clone());
    push("driver", &|a| a.driver.clone());
    push("type", &|a| a.kind.name().into());
    push("PCI bus", &|a| if a.pci.bus.is_empty() { "–".into() } else { a.pci.bus.clone() });
    push("PCI id", &|a| a.pci.id.clone());
    push("subgroup size", &|a| {
        let [smallest, largest] = a.subgroup_size;
        if smallest == largest { smallest.to_string() } else { format!("{smallest}–{largest}") }
    });
    for feature in feature_names() {
        push(feature, &|a| if a.features.contains(&feature) { "yes".into() } else { "no".into() });
    }
    push("memory", &|a| a.limits.memory.map_or("–".into(), binary));
    push("largest buffer", &|a| binary(a.limits.buffer));
    push("largest storage binding", &|a| binary(a.limits.storage_binding));
    push("largest uniform binding", &|a| binary(a.limits.uniform_binding));
    push("storage buffers per kernel", &|a| a.limits.storage_buffers.to_string());
    push("workgroup memory", &|a| binary(a.limits.workgroup_bytes.into()));
    push("workgroup invocations", &|a| a.limits.workgroup_invocations.to_string());
    push("workgroups per axis", &|a| a.limits.workgroups_per_axis.to_string());
    table
}

fn row(name: &str, adapters: &[AdapterDescription], cell: impl Fn(&AdapterDescription) -> String) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(adapters.iter().map(cell)).collect()
}

/// `bytes` in the largest binary unit that keeps it above one, to a tenth.
fn binary(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let power = bytes.checked_ilog2().unwrap_or(0) as usize / 10;
    let value = format!("{:.1}", bytes as f64 / 2f64.powi(10 * power as i32));
    format!("{} {}", value.strip_suffix(".0").unwrap_or(&value), UNITS[power])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_in_binary_units() {
        let shown = [0, 1023, 1024, 128 << 20, (2 << 30) - 1, 5 << 29, u64::MAX].map(binary);
        assert_eq!(shown, ["0 B", "1023 B", "1 KiB", "128 MiB", "2 GiB", "2.5 GiB", "16 EiB"]);
    }
}

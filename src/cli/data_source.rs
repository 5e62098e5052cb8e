//! `--dataset PATH | --soundbank DIR`: where the audio comes from.

use std::path::PathBuf;

use clap::Args;

use crate::config::DataConfig;

/// Source of the audio: the built-in soundbank when neither is given here or in the configuration.
#[derive(Debug, Clone, Default, Args)]
pub struct DataSource {
    /// Clips of your own, a folder or a table, or a dataset that `weaklabel generate` wrote
    ///
    /// `weaklabel data PATH` shows what is understood of it.
    #[arg(long, value_name = "PATH", conflicts_with = "soundbank")]
    pub dataset: Option<PathBuf>,
    /// A soundbank to mix clips from, in memory
    #[arg(long, value_name = "DIR")]
    pub soundbank: Option<PathBuf>,
}

impl DataSource {
    /// Enters the source into a configuration; a flag takes precedence over both keys.
    pub fn apply(&self, config: &mut DataConfig) {
        if self.dataset.is_some() {
            config.dataset.clone_from(&self.dataset);
        }
        if self.soundbank.is_some() {
            config.dataset = None;
            config.soundbank.clone_from(&self.soundbank);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_over_both_keys() {
        let configured = DataConfig { dataset: Some("d".into()), ..DataConfig::default() };
        let with = |source: DataSource| {
            let mut config = configured.clone();
            source.apply(&mut config);
            (config.dataset, config.soundbank)
        };
        assert_eq!(with(DataSource::default()), (Some("d".into()), None));
        let soundbank = DataSource { soundbank: Some("s".into()), ..DataSource::default() };
        assert_eq!(with(soundbank), (None, Some("s".into())));
        let dataset = DataSource { dataset: Some("e".into()), ..DataSource::default() };
        assert_eq!(with(dataset), (Some("e".into()), None));
    }
}

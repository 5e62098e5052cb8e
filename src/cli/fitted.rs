//! Configurations fitted to clips of one's own, by the same rules in `train`, `search` and `reproduce`.

use crate::Result;
use crate::config::{Config, SetKeys, assign, keys_set};
use crate::data::scenes::{Dataset, LeftOut, OwnSetting, without_source};

use super::Options;

/// A configuration with the settings that suit its data, and the data.
#[derive(Debug)]
pub struct Fitted {
    /// The configuration.
    pub config: Config,
    /// The data.
    pub dataset: Dataset,
    /// Message about the settings that were chosen from the data, if there are any.
    pub chosen: Option<String>,
    /// Message about keys of a configuration file that the dataset replaces, if there are any.
    pub replaced: Option<LeftOut>,
}

impl Fitted {
    /// Opens the data of `config`, and sets the keys that are not in `set` to the values that suit the data.
    ///
    /// # Errors
    /// [`crate::Error::Config`] that names a key in `set` which the data override; the errors of [`Dataset::of`].
    pub fn new(config: &Config, set: &SetKeys) -> Result<Self> {
        let mut config = config.clone();
        let dataset = Dataset::of(&config)?;
        let mut replaced = None;
        if let Some(overridden) = dataset.overridden() {
            let keys = overridden.check(set)?;
            without_source(&mut config, &keys);
            replaced = overridden.replaced(&keys);
        }
        let own = dataset.own_settings(&config, set)?;
        let values: Vec<_> = own.iter().map(|setting| (setting.key, setting.value.clone())).collect();
        let config = assign(&config, &values)?;
        let dataset = dataset.with_crop(config.train.crop);
        let setting = |own: &OwnSetting| format!("{}={} ({})", own.key, own.value, own.reason);
        let settings: Vec<String> = own.iter().map(setting).collect();
        let chosen = (!own.is_empty()).then(|| format!("chosen for these data, unless set: {}", settings.join("; ")));
        Ok(Self { config, dataset, chosen, replaced })
    }

    /// Logs what was chosen and what was replaced.
    pub fn log(&self) {
        self.chosen.iter().for_each(|line| tracing::info!("{line}"));
        self.replaced.iter().for_each(LeftOut::log);
    }
}

/// The keys that the files and edits of `options` set, and those in `more`, which count as set on the command line.
///
/// # Errors
/// The errors of [`keys_set`].
pub fn set_keys<'a>(options: &Options, more: impl IntoIterator<Item = &'a str>) -> Result<SetKeys> {
    let mut set = keys_set(&options.config, &options.set)?;
    set.on_command_line.extend(more.into_iter().map(str::to_owned));
    Ok(set)
}

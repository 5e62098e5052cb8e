//! Trains a small tagger on the built-in sounds and writes its model: `cargo run --example train -- model.safetensors`

#![allow(clippy::print_stdout, reason = "examples print")]

use std::path::PathBuf;

use weaklabel::{
    AdapterChoice, Config, Dataset, EpochReport, Error, Gpu, Observer, Result, Tiles, Trainer, TrainingData,
    write_model,
};

/// Prints the loss and the validation score of every epoch.
struct Print;

impl Observer for Print {
    fn epoch(&mut self, reports: &[EpochReport]) -> Result<()> {
        for EpochReport { epoch, loss, score, .. } in reports {
            println!("epoch {epoch}: loss {loss:.3}, macro-F1 {score:.1} %");
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    let path = std::env::args_os().nth(1).map(PathBuf::from);
    let path = path.ok_or_else(|| Error::Usage("name the file that the model is written to".into()))?;

    // Every key that is not set has the paper's value.
    let mut config = Config::default();
    (config.data.train, config.data.validation) = (100, 50);
    (config.train.seconds, config.train.epochs) = (0.2, Some(5));
    (config.model.filters, config.model.pools) = (vec![16, 32], vec![[4, 4], [5, 8]]);

    let gpu = Gpu::open(&AdapterChoice::default())?;
    let dataset = Dataset::of(&config)?;
    let data = TrainingData::load(&gpu, &config, &dataset, &dataset.contents()?, &|_, _| {})?;
    let mut trainer = Trainer::new(&gpu, &Tiles::default(), &config, &data)?;
    trainer.run(&mut Print)?;
    for (parameters, description) in trainer.best_models()? {
        write_model(&path, &trainer.population().architecture, &parameters, &description)?;
        println!("{}: the model of epoch {}", path.display(), description.epoch);
    }
    Ok(())
}

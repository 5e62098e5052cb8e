//! Throughput of claims: sixteen workers claim trials and deliver each with a checkpoint of 365 kB, to a SQLite file
//! and, if `WEAKLABEL_STORE` is set, to a PostgreSQL server. Each store gives a line of JSON. Nothing but the study
//! `bench-…` is left on a server.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use weaklabel::config::Config;
use weaklabel::experiments::search::SuccessiveHalving;
use weaklabel::experiments::store::{Checkpoint, ClaimOutcome, Location, Outcome, Store, Study, StudyKind, Wanted};

const WORKERS: usize = 16;
/// Size in bytes of the weights and both moments of the paper's network.
const CHECKPOINT: usize = 365_124;
const LADDER: SuccessiveHalving = SuccessiveHalving { trials: 600, eta: 3, rungs: 4 };

fn main() -> weaklabel::Result<()> {
    let folder = tempfile::tempdir().map_err(|e| weaklabel::Error::io("create", "a temporary folder", e))?;
    measure("sqlite", &Location::File(folder.path().join("store.sqlite")))?;
    match std::env::var("WEAKLABEL_STORE").map(|url| url.parse()) {
        Ok(Ok(location)) => measure("postgres", &location),
        Ok(Err(reason)) => Err(weaklabel::Error::Usage(format!("WEAKLABEL_STORE: {reason}"))),
        Err(_) => Ok(()),
    }
}

fn measure(name: &str, location: &Location) -> weaklabel::Result<()> {
    let mut store = Store::open(location.clone())?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis());
    let study = store.register(&Study {
        name: format!("bench-{since}"),
        kind: StudyKind::Search,
        config: config(),
        version: env!("CARGO_PKG_VERSION").into(),
        data: String::new(),
        halving: LADDER,
    })?;
    let (claims, deliveries) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let start = Instant::now();
    std::thread::scope(|scope| {
        let worker = |number: usize| {
            let (claims, deliveries, study) = (&claims, &deliveries, &study);
            move || -> weaklabel::Result<()> {
                let mut store = Store::open(location.clone())?;
                let name = format!("w{number}");
                let never = |_, _| false;
                loop {
                    let wanted =
                        Wanted { worker: &name, adapter: "none", lease_ms: 60_000, most: 1, are_compatible: &never };
                    let asked = Instant::now();
                    let claim = store.claim(study, &wanted)?;
                    let took = asked.elapsed();
                    let trials = match claim {
                        ClaimOutcome::Finished => return Ok(()),
                        ClaimOutcome::Nothing(_) => {
                            std::thread::sleep(Duration::from_millis(5));
                            continue;
                        }
                        ClaimOutcome::Trials(trials) => trials,
                    };
                    claims.lock().map(|mut all| all.push(took)).unwrap_or_default();
                    for claimed in trials {
                        let outcome = Outcome {
                            score: (claimed.lease.trial * 37 % 600) as f64 / 6.0,
                            details: "[]".into(),
                            worker: name.clone(),
                            adapter: "none".into(),
                            seconds: 1.0,
                            checkpoint: Some(Checkpoint {
                                epoch: claimed.lease.rung + 1,
                                bytes: vec![7; CHECKPOINT],
                                details: "[]".into(),
                            }),
                        };
                        let sent = Instant::now();
                        store.finish(&claimed.lease, &outcome)?;
                        deliveries.lock().map(|mut all| all.push(sent.elapsed())).unwrap_or_default();
                    }
                }
            }
        };
        let workers: Vec<_> = (0..WORKERS).map(|number| scope.spawn(worker(number))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|e| std::panic::resume_unwind(e)))
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let (claims, deliveries) = (sorted(claims), sorted(deliveries));
    println!(
        "{{\"store\": \"{name}\", \"workers\": {WORKERS}, \"claims\": {}, \"per_second\": {:.0}, \
         \"claim_ms_median\": {:.1}, \"claim_ms_p99\": {:.1}, \"delivery_ms_median\": {:.1}, \"delivery_ms_p99\": {:.1}}}",
        claims.len(),
        claims.len() as f64 / seconds,
        quantile(&claims, 0.5),
        quantile(&claims, 0.99),
        quantile(&deliveries, 0.5),
        quantile(&deliveries, 0.99),
    );
    Ok(())
}

fn config() -> Config {
    let mut config = Config::default();
    (config.search.trials, config.search.eta, config.search.rungs) = (LADDER.trials, LADDER.eta, LADDER.rungs);
    config
}

fn sorted(times: Mutex<Vec<Duration>>) -> Vec<Duration> {
    let mut times = times.into_inner().unwrap_or_default();
    times.sort_unstable();
    times
}

/// Returns a quantile in milliseconds.
fn quantile(sorted: &[Duration], share: f64) -> f64 {
    let place = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

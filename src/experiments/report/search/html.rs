//! The HTML page of a search.

use std::collections::BTreeMap;

use indexmap::IndexSet;
use serde::Serialize;

use super::data::{ParameterValue, SearchData, TrialData};
use super::leaderboard::{best, is_unsettled, last_result, state_name};
use super::tables::of_best_epochs;
use crate::experiments::report::page::html::{ChapterPart, Fact, TablePart, render};
use crate::experiments::report::page::palette::RUNGS;
use crate::experiments::report::page::words::{duration, truncate};
use crate::experiments::report::page::{Chapter, Grid};
use crate::experiments::search::TrialState;

/// Length of the longest reason that is not shortened, in characters.
const LONGEST_REASON: usize = 300;

/// Length of the longest value that is not shortened, in characters.
const LONGEST_VALUE: usize = 100;

/// Data for the page's template.
#[derive(Serialize)]
struct SearchPage<'a> {
    title: &'a str,
    notice: Option<String>,
    facts: Vec<Fact>,
    eta: usize,
    best: String,
    /// Parameter values of the best trial.
    values: Vec<Fact>,
    rungs: TablePart<'a>,
    chapters: Vec<ChapterPart<'a>>,
    trials: TablePart<'a>,
    failures: Vec<Fact>,
}

/// Renders the page, with the tables of rungs and of trials.
pub fn page(search: &SearchData, [rungs, trials]: &[Grid; 2], chapters: &[Chapter]) -> String {
    let best = best(search);
    let page = SearchPage {
        title: &search.title,
        notice: notice(search),
        facts: facts(search),
        eta: search.eta,
        best: sentence(search, best),
        values: best.map(|best| values(search, best)).unwrap_or_default(),
        rungs: rungs.into(),
        chapters: chapters.iter().map(ChapterPart::from).collect(),
        trials: trials.into(),
        failures: failures(search),
    };
    render(include_str!("report.html"), &RUNGS, page)
}

/// Whether no further results will come.
fn is_complete(search: &SearchData) -> bool {
    search.trials.len() >= search.planned && !search.trials.iter().any(is_unsettled)
}

/// Returns a notice about an incomplete search, which readers must see first.
fn notice(search: &SearchData) -> Option<String> {
    (!is_complete(search)).then(|| {
        let under_way = search.trials.iter().filter(|trial| is_unsettled(trial)).count();
        format!(
            "This search is not complete: {} of {} trials were started, and {under_way} of them are under way. The report \
             shows what there is so far.",
            search.trials.len(),
            search.planned
        )
    })
}

fn facts(search: &SearchData) -> Vec<Fact> {
    let [train, validation, evaluation] = search.clips;
    let list = |values: &[String]| values.join(", ");
    let rungs: Vec<String> = search.rungs.iter().map(usize::to_string).collect();
    let seeds: Vec<String> = search.seeds.iter().map(u64::to_string).collect();
    let adapters: IndexSet<&str> = search.trials.iter().flat_map(|trial| &trial.adapters).map(String::as_str).collect();
    let seconds = search.trials.iter().map(|trial| trial.seconds).filter(|seconds| seconds.is_finite()).sum();
    let mut facts = vec![
        Fact::new("Sounds", &search.soundbank),
        Fact::new("Classes", format!("{}: {}", search.classes.len(), list(&search.classes))),
        Fact::new("Clips", format!("{train} training, {validation} validation, {evaluation} evaluation")),
        Fact::new("Method", search.method.name()),
        Fact::new("Objective", format!("{} on the validation set, {}", search.objective(), of_best_epochs(search))),
        Fact::new("Trials", trials(search)),
        Fact::new("Rungs", format!("{} epochs", list(&rungs))),
        Fact::new("Promoted", format!("one in {} of a rung", search.eta)),
        Fact::new("Seeds", list(&seeds)),
    ];
    if !search.trials.is_empty() {
        let adapters: Vec<&str> = adapters.into_iter().collect();
        facts.push(Fact::new("Adapters", adapters.join("; ")));
        facts.push(Fact::new("Machine time", format!("{}, all trials together", duration(seconds))));
    }
    facts
}

/// Describes how many trials were started, and how many of them are in each state.
fn trials(search: &SearchData) -> String {
    let mut states = BTreeMap::new();
    for trial in &search.trials {
        *states.entry(state_name(search, trial)).or_insert(0) += 1;
    }
    let states: Vec<String> = states.into_iter().map(|(state, n)| format!("{n} {state}")).collect();
    let of = if states.is_empty() { String::new() } else { format!(": {}", states.join(", ")) };
    format!("{} of {} started{of}", search.trials.len(), search.planned)
}

/// Returns a sentence that names the best trial and its score.
fn sentence(search: &SearchData, best: Option<&TrialData>) -> String {
    let result = best.and_then(|best| Some((best, last_result(search, best)?)));
    let Some((best, (rung, score))) = result else { return "No trial has a result yet.".into() };
    format!(
        "Trial {} is the best{}: a {} of {score:.1} % on the validation set within {} epochs (rung {rung}; {}).",
        best.number,
        if is_complete(search) { "" } else { " so far" },
        search.objective(),
        search.rungs[rung],
        of_best_epochs(search)
    )
}

/// Lists the parameter values of `trial` with all digits.
fn values(search: &SearchData, trial: &TrialData) -> Vec<Fact> {
    let drawn = search.parameters.iter().zip(&trial.values);
    let value = |value: &ParameterValue| match value {
        ParameterValue::Number(value) => value.to_string(),
        ParameterValue::Text(text) => truncate(text, LONGEST_VALUE),
    };
    drawn.filter_map(|(axis, drawn)| Some(Fact::new(&axis.name, value(drawn.as_ref()?)))).collect()
}

/// Lists the failed trials with their reasons.
fn failures(search: &SearchData) -> Vec<Fact> {
    let failed = search.trials.iter().filter(|trial| trial.state == TrialState::Failed || trial.reason.is_some());
    let reason = |trial: &TrialData| match &trial.reason {
        Some(reason) => truncate(reason, LONGEST_REASON),
        None => "for no known reason".into(),
    };
    failed.map(|trial| Fact::new(format!("Trial {}", trial.number), reason(trial))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::data::ParameterAxis;
    use super::super::example::{finished, search, trial};
    use super::super::figures::chapters;
    use super::super::tables::tables;
    use super::*;

    fn of(search: &SearchData) -> String {
        page(search, &tables(search), &chapters(search))
    }

    #[test]
    fn a_search_without_a_trial_has_a_page_that_says_so() {
        let page = of(&search(Vec::new()));
        assert!(page.contains("This search is not complete: 0 of 9 trials were started"), "{page}");
        assert!(page.contains("No trial has a result yet.") && !page.contains("<svg") && !page.contains("Failures"));
    }

    #[test]
    fn the_best_trial_is_named_with_its_score_and_values() {
        let page = of(&finished());
        assert!(
            page.contains("Trial 7 is the best: a macro-F1 of 50.5 % on the validation set within 18 epochs"),
            "{page}"
        );
        assert!(
            page.contains("<code>optimiser.lr = 0.0009") && page.contains("<code>model.channels = [32, 32, 64]</code>")
        );
        assert!(!page.contains("<code>model.dropout"), "the best has none");
        assert!(page.contains("9 of 9 started: 1 failed, 1 finished, 7 paused") && page.contains("9 min 0 s"));
        assert!(!page.contains("not complete"));
        assert!(page.contains("<dt>Trial 8</dt><dd>the loss is not finite</dd>"));
    }

    #[test]
    fn the_page_says_who_is_promoted_and_what_a_score_is() {
        let page = of(&finished());
        let text = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("So one in 3 of a rung is promoted, rounded down, and never more"), "{text}");
        assert!(!text.contains("more than 1/3"));
        assert!(text.contains("A score is that of the best epoch, not of the last one"));
        assert!(text.contains("one in 3 of a rung") && text.contains("mean over the best epochs of 2 seeds"));
    }

    #[test]
    fn what_goes_on_is_not_complete() {
        let mut search = finished();
        search.trials[2].state = TrialState::Running;
        let page = of(&search);
        assert!(page.contains("9 of 9 trials were started, and 1 of them are under way"), "{page}");
        assert!(page.contains("Trial 7 is the best so far:"));
    }

    #[test]
    fn what_comes_from_a_search_is_text() {
        let attack = "</svg><script>alert(1)</script><img src=x>\"'&";
        let mut search = finished();
        search.parameters.push(ParameterAxis { name: attack.into(), log: false });
        for trial in &mut search.trials {
            trial.values.push(Some(ParameterValue::Text(attack.into())));
            trial.reason = Some(attack.into());
            trial.adapters.push(attack.into());
        }
        for text in [&mut search.title, &mut search.soundbank, &mut search.classes[0]] {
            *text = attack.into();
        }
        let page = of(&search);
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)"));
    }

    #[test]
    fn the_page_names_no_other_resource() {
        let page = of(&finished()).replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for reference in ["http:", "https:", " src=", "url(", "@import", "<link", "<script"] {
            assert!(!page.contains(reference), "{reference}");
        }
        assert!(page.contains("var(--rung-5)"));
        let declared = |name: &str| page.contains(&format!("{name}:#"));
        let used = page.split("var(").skip(1).filter_map(|rest| rest.split_once(')')).map(|(name, _)| name);
        let (_, body) = page.split_once("<body>").unwrap();
        assert!(used.filter(|name| body.contains(&format!("var({name})"))).all(declared));
    }

    #[test]
    fn long_reasons_are_cut() {
        let failed = TrialData { reason: Some("long ".repeat(999)), ..trial(0, TrialState::Failed, &[]) };
        let page = of(&search(vec![failed]));
        assert!(page.contains("long …</dd>") && page.matches("long ").count() < 70);
    }
}

//! What is asked of one choice and by whom, through the real router: routes, bounds, the dial, time, and the plans that strategies make.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::time::Duration;

use common::decisions::{decide_as, first, router};
use semroute::chat::ChatRequest;
use semroute::routing::{AnswerTimes, Bounds, Dial, Overrides, Pick, Places, Plan, Served, Strategy};
use serde_json::json;

#[test]
fn a_look_takes_no_turn() {
    let router = router("[router]\nstrategy = \"round_robin\"\n");
    let look = Overrides { dry_run: true, ..Overrides::default() };
    let turns: Vec<String> = (0..4)
        .map(|_| {
            first(&router, "hello", &look);
            first(&router, "hello", &Overrides::default())
        })
        .collect();
    assert_eq!(turns, ["big", "small", "big", "small"]);
}

#[test]
fn a_route_is_a_name_with_terms_of_its_own() {
    let router = router(
        r#"
        [router]
        strategy = "cheapest"
        [[routes]]
        name = "drafts"
        strategy = "best"
        [[routes]]
        name = "europe"
        strategy = "best"
        limits = { regions = ["eu"] }
        "#,
    );
    let chosen = |model, overrides: &Overrides| {
        let decision = decide_as(&router, model, "write a sonnet about rain", overrides).unwrap();
        decision.primary().unwrap().model.clone()
    };
    let nothing = Overrides::default();
    assert_eq!(chosen("auto", &nothing), "small");
    assert_eq!(chosen("drafts", &nothing), "big");
    assert_eq!(chosen("europe", &nothing), "small");
    let cheapest = Overrides { strategy: Some(Strategy::Cheapest), ..Overrides::default() };
    assert_eq!(chosen("drafts", &cheapest), "small", "the request goes before its route");
    assert_eq!(router.route_names().collect::<Vec<_>>(), ["drafts", "europe"]);
    let unknown = decide_as(&router, "draft", "hi", &nothing).unwrap_err().to_string();
    assert!(unknown.contains("did you mean drafts"), "{unknown}");
}

#[test]
fn bounds_of_a_request_are_kept_or_refused_by_name() {
    let router = router("[router]\nstrategy = \"best\"\n");
    let bounded = |bounds: Bounds| Overrides { bounds, ..Overrides::default() };
    let places = |names: &[&str]| Places::from(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    assert_eq!(first(&router, "hello", &Overrides::default()), "big");
    let cheap = bounded(Bounds { max_cost_usd: Some(0.001), ..Bounds::default() });
    assert_eq!(first(&router, "hello", &cheap), "small");
    let not_far = bounded(Bounds { providers: places(&["!far"]), ..Bounds::default() });
    assert_eq!(first(&router, "hello", &not_far), "small");
    let refused = |bounds| decide_as(&router, "auto", "hello", &bounded(bounds)).unwrap_err().to_string();
    let nowhere = refused(Bounds { regions: places(&["mars"]), ..Bounds::default() });
    assert!(nowhere.starts_with("no configured model meets an allowed region: small is served from eu"), "{nowhere}");
    let nothing = refused(Bounds { max_cost_usd: Some(1e-9), ..Bounds::default() });
    assert!(nothing.contains("an expected cost of at most 0.000000001 USD"), "{nothing}");
}

#[test]
fn the_dial_goes_from_the_cheapest_to_the_best() {
    let router = router("[router]\nstrategy = \"cheapest\"\n");
    let at = |dial| first(&router, "why did Rome fall?", &Overrides { dial: Some(dial), ..Overrides::default() });
    assert_eq!(at(Dial::Quality(0.0)), "small");
    assert_eq!(at(Dial::Quality(1.0)), "big");
    assert_eq!(at(Dial::MaxLoss(0.0)), "big");
    assert_eq!(at(Dial::MaxLoss(1.0)), "small");
}

#[test]
fn cascade_climbs_and_parallel_asks_several() {
    let router = router("[router.parallel]\npick = \"judge\"\njudge = \"big\"\n");
    let plan = |model| decide_as(&router, model, "why did Rome fall?", &Overrides::default()).unwrap().plan;
    let Plan::Escalate { candidates, gate } = plan("auto:cascade") else { panic!("no ladder") };
    let names: Vec<&str> = candidates.iter().map(|candidate| candidate.model.as_str()).collect();
    assert_eq!(names, ["small", "big"]);
    assert!(gate.refusals && gate.invalid_json);
    let Plan::Race { at_once, pick, .. } = plan("auto:parallel") else { panic!("no race") };
    assert_eq!((at_once, pick), (2, Pick::Judge("big".into())));
}

#[test]
fn a_bound_on_time_goes_by_what_was_measured() {
    let router = router("[router]\nstrategy = \"best\"\n");
    let soon = Overrides { bounds: Bounds { max_seconds: Some(5.0), ..Bounds::default() }, ..Overrides::default() };
    assert_eq!(first(&router, "hello", &soon), "big", "nothing was measured yet");
    let decision = decide_as(&router, "auto", "hello", &Overrides::default()).unwrap();
    let times = AnswerTimes {
        first_token: Some(Duration::from_secs(2)),
        total: Duration::from_secs(12),
        output_tokens: Some(500),
    };
    router.learn(&decision, Served { model: "big", cost_usd: None, times: Some(times) });
    assert_eq!(first(&router, "hello", &soon), "small");
    assert_eq!(first(&router, "hello", &Overrides::default()), "big");
}

#[test]
fn slowness_weighs_as_much_as_the_configuration_says() {
    let slow = AnswerTimes {
        first_token: Some(Duration::from_secs(1)),
        total: Duration::from_secs(11),
        output_tokens: Some(500),
    };
    let quick = AnswerTimes {
        first_token: Some(Duration::from_millis(100)),
        total: Duration::from_secs(1),
        output_tokens: Some(500),
    };
    let chosen = |weight: f64| {
        let router = router(&format!("[router]\nstrategy = \"best\"\nlatency_weight = {weight:?}\n"));
        let decision = decide_as(&router, "auto", "hello", &Overrides::default()).unwrap();
        router.learn(&decision, Served { model: "big", cost_usd: None, times: Some(slow) });
        router.learn(&decision, Served { model: "small", cost_usd: None, times: Some(quick) });
        first(&router, "hello", &Overrides::default())
    };
    assert_eq!((chosen(0.0).as_str(), chosen(0.001).as_str(), chosen(0.1).as_str()), ("big", "big", "small"));
}

#[tokio::test]
async fn a_model_that_the_client_did_not_name_itself_keeps_within_the_bounds_on_places() {
    let tables =
        "[router]\nlimits = { regions = [\"eu\"] }\n[router.aliases]\n\"gpt-*\" = \"big\"\n\"mini\" = \"small\"\n";
    let router = router(tables);
    let first = async |name: &str| {
        let body = json!({"model": name, "messages": [{"role": "user", "content": "Hello"}]});
        let decision = router.decide(&ChatRequest::from_value(&body).unwrap(), &Overrides::default()).await;
        decision.map(|decision| decision.primary().unwrap().model.clone()).map_err(|error| error.to_string())
    };
    assert_eq!(first("mini").await.as_deref(), Ok("small"));
    assert_eq!(first("big").await.as_deref(), Ok("big"), "who names a model has chosen");
    let error = first("gpt-5").await.unwrap_err();
    assert!(error.contains("region"), "{error}");
}

//! What the operator lays down before any learning, through the real router: rules and archetypes, and what is refused when tables are
//! read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::collections::BTreeMap;

use common::decisions::{build, decide_as, first, router};
use semroute::chat::ChatRequest;
use semroute::routing::{Caller, Overrides, Pick, Plan, RouteError, Strategy};
use serde_json::json;

#[test]
fn the_first_rule_that_holds_counts() {
    let router = router(
        r#"
        [router]
        strategy = "cheapest"
        [[rules]]
        name = "contracts"
        words = ["contract", "Vertrag"]
        models = ["big"]
        [[rules]]
        name = "beta"
        header = { "x-team" = "beta" }
        strategy = "best"
        [[rules]]
        name = "research"
        key = ["research"]
        bypass = "big"
        "#,
    );
    let nobody = Overrides::default();
    assert_eq!(first(&router, "say hello", &nobody), "small");
    assert_eq!(first(&router, "Bitte prüfe den VERTRAG.", &nobody), "big");
    assert_eq!(first(&router, "a contractual matter", &nobody), "small", "words are whole");
    let team = |name: &str| Overrides {
        caller: Caller { headers: BTreeMap::from([("x-team".into(), name.into())]), ..Caller::default() },
        ..Overrides::default()
    };
    let decision = decide_as(&router, "auto", "say hello", &team("beta")).unwrap();
    assert_eq!((decision.strategy, decision.primary().unwrap().model.as_str()), (Some(Strategy::Best), "big"));
    assert!(decision.reason.starts_with("by the rule \"beta\": "), "{}", decision.reason);
    assert_eq!(first(&router, "say hello", &team("alpha")), "small");
    let key = |name: &str| Overrides {
        caller: Caller { key: Some(name.into()), ..Caller::default() },
        ..Overrides::default()
    };
    let bypassed = decide_as(&router, "auto", "say hello", &key("research")).unwrap();
    assert_eq!(bypassed.primary().unwrap().model, "big");
    assert_eq!(bypassed.signals, None, "nothing is classified");
    assert_eq!(first(&router, "say hello", &key("sales")), "small");
    assert_eq!(router.rule_headers().into_iter().collect::<Vec<_>>(), ["x-team"]);
}

#[test]
fn rules_hold_for_models_asked_by_name() {
    let router = router("[[rules]]\nname = \"local\"\nwords = [\"secret\"]\nmodels = [\"small\"]\n");
    let asked = |model, prompt| decide_as(&router, model, prompt, &Overrides::default()).unwrap();
    let chosen = |model, prompt| asked(model, prompt).primary().unwrap().model.clone();
    assert_eq!(chosen("big", "tell me a story"), "big");
    assert_eq!(chosen("big", "this is secret"), "small");
    assert_eq!(chosen("small", "this is secret"), "small");
    assert_eq!(asked("small", "this is secret").strategy, None, "it stays the model that was asked for");
}

#[test]
fn a_rule_holds_for_fallbacks_and_for_the_judge() {
    let tables = r#"
        [router.parallel]
        pick = "judge"
        judge = "big"
        [[rules]]
        name = "local"
        words = ["secret"]
        models = ["small", "other"]
        [[rules]]
        name = "kept"
        words = ["code word"]
        bypass = "other"
        [[models]]
        name = "other"
        provider = "near"
        fallbacks = ["big", "small"]
        "#;
    let router = router(tables);
    let asked = |model, prompt| decide_as(&router, model, prompt, &Overrides::default()).unwrap();
    let chain = |model, prompt| -> Vec<String> {
        asked(model, prompt).plan.candidates().iter().map(|candidate| candidate.model.clone()).collect()
    };
    assert_eq!(chain("other", "a story"), ["other", "big", "small"]);
    assert_eq!(chain("other", "a secret"), ["other", "small"]);
    assert_eq!(chain("auto", "our code word"), ["other"], "a bypass has no fallbacks");
    let pick = |prompt| match asked("auto:parallel", prompt).plan {
        Plan::Race { pick, .. } => pick,
        plan => panic!("no race: {plan:?}"),
    };
    assert_eq!(pick("a story"), Pick::Judge("big".into()));
    assert_eq!(pick("a secret"), Pick::Nearest, "the judge would read it");
}

#[test]
fn a_rule_with_a_strategy_routes_what_names_a_model() {
    let router = router("[[rules]]\nname = \"contracts\"\nwords = [\"contract\"]\nstrategy = \"best\"\n");
    let chosen = |prompt| {
        let decision = decide_as(&router, "small", prompt, &Overrides::default()).unwrap();
        (decision.strategy, decision.primary().unwrap().model.clone())
    };
    assert_eq!(chosen("a poem"), (None, "small".into()));
    assert_eq!(chosen("a contract"), (Some(Strategy::Best), "big".into()));
}

#[test]
fn personal_data_is_found_in_every_field_of_the_request() {
    let router = router(
        "[[rules]]\nname = \"private\"\npersonal_data = [\"email\"]\nbypass = \"small\"\n[router]\nstrategy = \"best\"\n",
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let chosen = |body: serde_json::Value| {
        let request = ChatRequest::from_value(&body).unwrap();
        let decision = runtime.block_on(router.decide(&request, &Overrides::default())).unwrap();
        decision.primary().unwrap().model.clone()
    };
    let user = |content: serde_json::Value| json!([{"role": "user", "content": content}]);
    let long = format!("{} write to anna.keller@example.org {}", "word ".repeat(60_000), "word ".repeat(60_000));
    for (body, expected) in [
        (json!({"model": "auto", "messages": user(json!("hello"))}), "big"),
        (json!({"model": "auto", "messages": user(json!(long))}), "small"),
        (
            json!({"model": "auto", "messages": user(json!([{"type": "document", "text": "anna.keller@example.org"}, {"type": "text", "text": "hi"}]))}),
            "small",
        ),
        (
            json!({"model": "auto", "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": null, "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "mail", "arguments": "{\"to\": \"anna.keller@example.org\"}"}}]}]}),
            "small",
        ),
        (
            json!({"model": "auto", "messages": user(json!("hi")), "tools": [
            {"type": "function", "function": {"name": "mail", "description": "mails anna.keller@example.org"}}]}),
            "small",
        ),
    ] {
        assert_eq!(chosen(body.clone()), expected, "{}", body.to_string().chars().take(200).collect::<String>());
    }
}

#[test]
fn personal_data_and_language_are_conditions() {
    let router = router(
        r#"
        [router]
        strategy = "cheapest"
        [[rules]]
        name = "private"
        personal_data = ["email", "iban"]
        models = ["big"]
        [[rules]]
        name = "french"
        language = ["fr"]
        models = ["big"]
        "#,
    );
    let chosen = |prompt: &str| first(&router, prompt, &Overrides::default());
    assert_eq!(chosen("write to the customer about the delay"), "small");
    assert_eq!(chosen("write to anna.keller@example.org about the delay"), "big");
    assert_eq!(chosen("pay it from DE89 3704 0044 0532 0130 00 please"), "big");
    assert_eq!(chosen("Pourriez-vous m'aider à rédiger une lettre pour mon propriétaire, s'il vous plaît ?"), "big");
    assert_eq!(chosen("Könntest du mir helfen, einen Brief an meinen Vermieter zu schreiben?"), "small");
}

const REFUNDS: &str = r#"[
    "I want my money back", "how do I get a refund for my order", "please refund the last payment",
    "the item broke, can I return it for a refund", "you charged me twice, give it back", "cancel and refund me"]"#;
const POEMS: &str = r#"[
    "write a poem about autumn", "a haiku on my cat please", "compose a love poem for my wife", "some verses about the sea",
    "a limerick about programmers", "rhyme something for grandpa's birthday"]"#;

#[test]
fn prompts_like_the_utterances_follow_the_rule_and_others_do_not() {
    let router = router(&format!(
        "[router]\nstrategy = \"cheapest\"\n[[rules]]\nname = \"refunds\"\nutterances = {REFUNDS}\nmodels = [\"big\"]\n"
    ));
    let (_, threshold) = router.thresholds().next().unwrap();
    assert!((0.2..0.95).contains(&threshold), "fitted to {threshold}");
    let chosen = |prompt: &str| first(&router, prompt, &Overrides::default());
    for prompt in
        ["I'd like a refund for the shoes I ordered", "give me my money back now", "can you refund this order please"]
    {
        assert_eq!(chosen(prompt), "big", "{prompt}");
    }
    for prompt in [
        "what is the capital of Mongolia",
        "fix the borrow checker error in this function",
        "summarise the minutes of the meeting in five bullets",
        "translate 'good morning' into Polish",
        "plan a birthday party for a five year old",
    ] {
        assert_eq!(chosen(prompt), "small", "{prompt}");
    }
}

#[test]
fn semantic_goes_to_the_models_of_the_nearest_archetype() {
    let router = router(&format!(
        "[router]\nstrategy = \"semantic\"\n[[archetypes]]\nname = \"refunds\"\nutterances = {REFUNDS}\nmodels = [\"small\"]\n\
         [[archetypes]]\nname = \"poems\"\nutterances = {POEMS}\nmodels = [\"big\", \"small\"]\n"
    ));
    let decided = |prompt: &str| decide_as(&router, "auto", prompt, &Overrides::default()).unwrap();
    let poem = decided("write me a short poem about the winter sea");
    assert_eq!(poem.primary().unwrap().model, "big");
    assert!(poem.reason.contains("archetype \"poems\""), "{}", poem.reason);
    assert_eq!(decided("please give me a refund for this order").primary().unwrap().model, "small");
    assert!(decided("what does this stack trace mean").reason.contains("near no archetype"));
}

#[test]
fn semantic_without_archetypes_is_refused_at_load_or_by_the_request() {
    assert!(build("[router]\nstrategy = \"semantic\"\n").err().unwrap().contains("archetypes"));
    let refused = decide_as(&router(""), "auto:semantic", "hello", &Overrides::default());
    assert!(matches!(refused, Err(RouteError::NoArchetypes)));
}

#[test]
fn what_is_written_wrongly_is_refused_by_its_path() {
    for (tables, expected) in [
        ("[[rules]]\nname = \"a\"\nmodels = [\"big\"]\n", "rules[0].name: \"a\" states no condition"),
        ("[[rules]]\nwords = [\"x\"]\nmodels = [\"big\"]\n", "rules[0].name: give the rule a name"),
        ("[[rules]]\nname = \"a\"\nwords = [\"x\"]\n", "rules[0].models: name target models, a strategy or bypass"),
        (
            "[[rules]]\nname = \"a\"\nwords = [\"x\"]\nmodels = [\"huge\"]\n",
            "rules[0].models: \"huge\" is not the name",
        ),
        ("[[rules]]\nname = \"a\"\nwords = [\"x\"]\nbypass = \"huge\"\n", "rules[0].bypass: \"huge\" is not the name"),
        (
            "[[rules]]\nname = \"a\"\nwords = [\"x\"]\nbypass = \"big\"\nstrategy = \"best\"\n",
            "rules[0].bypass: goes alone",
        ),
        (
            "[[rules]]\nname = \"a\"\nkey = [\"sales\"]\nmodels = [\"big\"]\n",
            "rules[0].key: \"sales\" is not the name of an [[auth.keys]]",
        ),
        (
            "[[rules]]\nname = \"a\"\nlanguage = [\"xx\"]\nmodels = [\"big\"]\n",
            "rules[0].language[0] (line 3): unknown variant `xx`",
        ),
        (
            "[[rules]]\nname = \"a\"\nutterances = [\"x\"]\nthreshold = 2.0\nmodels = [\"big\"]\n",
            "rules[0].threshold: 2 is not",
        ),
        ("[[rules]]\nname = \"a\"\npersonal_data = [\"shoe_size\"]\nmodels = [\"big\"]\n", "rules[0].personal_data[0]"),
        (
            "[[rules]]\nname = \"a\"\nheader = { \"x team\" = \"b\" }\nmodels = [\"big\"]\n",
            "rules[0].header: \"x team\"",
        ),
        ("[[rules]]\nname = \"a\"\nutterances = [\" \"]\nmodels = [\"big\"]\n", "rules[0].utterances[0]: is empty"),
        (
            "[[rules]]\nname = \"a\"\nwords = [\"x\"]\nthreshold = 0.5\nmodels = [\"big\"]\n",
            "rules[0].threshold: means nothing",
        ),
        ("[[routes]]\nname = \"r\"\nlimits = { models = [\"huge\"] }\n", "routes[0].limits.models: \"huge\""),
        (
            "[[models]]\nname = \"m\"\nprovider = \"near\"\nsettings = { day = 1979-05-27 }\n",
            "models[0].settings.day: holds a date",
        ),
        (
            "[[models]]\nname = \"m\"\nprovider = \"near\"\nsettings = { stream = true }\n",
            "models[0].settings.stream: is the client's",
        ),
        ("[router.sessions]\nidle_minutes = 18446744073709551\n", "router.sessions.idle_minutes"),
        ("[budget]\nmonth_usd = 5.0\n", "budget: needs a [store]"),
        ("[[routes]]\nname = \"auto\"\n", "routes[0].name: \"auto\" is reserved"),
        ("[[routes]]\nname = \"big\"\n", "routes[0].name: \"big\" is already the name"),
        ("[[routes]]\nname = \"r\"\nmodels = []\n", "routes[0].models: names no model"),
        (
            "[[routes]]\nname = \"r\"\nlimits = { min_quality = 3.0 }\n",
            "routes[0].limits.min_quality: 3 is not between 0 and 1",
        ),
        (
            "[[routes]]\nname = \"r\"\nlimits = { regions = [\"mars\"] }\n",
            "routes[0].limits.regions: \"mars\" is not the region",
        ),
        (
            "[[archetypes]]\nname = \"a\"\nutterances = []\nmodels = [\"big\"]\n",
            "archetypes[0].utterances: give at least one",
        ),
        (
            "[[archetypes]]\nname = \"a\"\nutterances = [\"x\"]\nmodels = [\"huge\"]\n",
            "archetypes[0].models: \"huge\" is not",
        ),
        ("[router]\nquality = 0.5\nmax_quality_loss = 0.1\n", "router.quality: max_quality_loss is set too"),
        ("[router]\nmax_quality_loss = 3.0\n", "router.max_quality_loss: 3 is not between 0 and 1"),
        ("[router.parallel]\nat_once = 1\n", "router.parallel.at_once: 1 is not 2 or more"),
        ("[router.parallel]\npick = \"judge\"\n", "router.parallel.judge: name the model that picks"),
        ("[router.parallel]\npick = \"judge\"\njudge = \"huge\"\n", "router.parallel.judge: \"huge\" is not the name"),
        ("[router.limits]\nmax_cost_usd = 0.0\n", "router.limits.max_cost_usd: 0 is not a number above 0"),
        (
            "[router.limits]\nproviders = [\"near\", \"nowhere\"]\n",
            "router.limits.providers: \"nowhere\" is not the name",
        ),
        ("[router.cascade.gate]\nmin_mean_logprob = 1.0\n", "router.cascade.gate.min_mean_logprob"),
        ("[router.sessions]\nidle_minutes = 0\n", "router.sessions.idle_minutes: 0"),
    ] {
        let error = build(tables).err().unwrap_or_else(|| panic!("accepted: {tables}"));
        assert!(
            error.contains("test.toml: ") && error.contains(expected),
            "{tables:?} gave {error:?}, not {expected:?}"
        );
    }
}

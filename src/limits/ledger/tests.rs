use super::*;

fn ask<'a>(caller: Option<(&'a str, &'a CallerLimits)>, usd: Option<f64>) -> Ask<'a> {
    Ask { caller, model: "m", tokens: 30, usd }
}

fn ledger(day_usd: Option<f64>) -> Ledger {
    Ledger::new(BudgetConfig { day_usd, month_usd: None }, SpentBefore::default())
}

#[tokio::test]
async fn what_is_dropped_unsettled_is_given_back_and_what_is_settled_stays() {
    let ledger = ledger(Some(1.0));
    drop(ledger.reserve(ask(None, Some(1.0))).await.unwrap());
    let mut known = ledger.reserve(ask(None, Some(0.5))).await.unwrap();
    assert_eq!(known.settle(Some(0.1), None), Some(0.1));
    drop(known);
    let mut unknown = ledger.reserve(ask(None, Some(0.5))).await.unwrap();
    assert_eq!(unknown.settle(None, None), Some(0.5), "what nobody knows counts as expected");
    drop(unknown);
    let refused = ledger.reserve(ask(None, Some(0.41))).await.err().unwrap().error;
    assert!(refused.to_string().starts_with("the budget of this day is used up: 0.6000 of 1 USD"), "{refused}");
    assert!(ledger.reserve(ask(None, Some(0.39))).await.is_ok());
    let unpriced = ledger.reserve(ask(None, None)).await.err().unwrap().error.to_string();
    assert!(unpriced.contains("the price of m is unknown"), "{unpriced}");
    ledger.limit(BudgetConfig::default());
    let mut free = ledger.reserve(ask(None, None)).await.unwrap();
    assert_eq!(free.settle(Some(0.2), None), None, "nothing counts where there is no budget");
}

#[tokio::test]
async fn a_panic_gives_back_what_was_reserved() {
    let (ledger, limits) = (ledger(None), CallerLimits { concurrent: Some(1), ..CallerLimits::default() });
    let reservation = ledger.reserve(ask(Some(("a", &limits)), None)).await.unwrap();
    let panicking = std::thread::spawn(move || {
        let _held = reservation;
        panic!("on purpose");
    });
    assert!(panicking.join().is_err());
    assert!(ledger.reserve(ask(Some(("a", &limits)), None)).await.is_ok());
}

#[tokio::test]
async fn a_caller_is_told_how_it_stands_and_what_would_help() {
    let ledger = ledger(None);
    let limits = CallerLimits { requests_per_minute: Some(2), tokens_per_minute: Some(50), ..CallerLimits::default() };
    let mut first = ledger.reserve(ask(Some(("a", &limits)), None)).await.unwrap();
    let Standing { requests, tokens } = first.standing();
    assert_eq!((requests.unwrap().remaining, tokens.unwrap().remaining), (1, 20));
    let refused = ledger.reserve(ask(Some(("a", &limits)), None)).await.err().unwrap();
    assert!(matches!(refused.error, LimitError::Tokens { limit: 50, asked: 30, .. }), "{refused:?}");
    let wait_s = refused.error.retry_after_s().unwrap();
    assert!((11..=12).contains(&wait_s), "ten tokens of fifty a minute take twelve seconds: {wait_s}");
    assert!(refused.standing.requests.unwrap().remaining >= 1, "a refusal takes nothing");
    first.settle(None, Some(0));
    drop(first);
    drop(ledger.reserve(ask(Some(("a", &limits)), None)).await.unwrap());
    let refused = ledger.reserve(ask(Some(("a", &limits)), None)).await.err().unwrap();
    assert!(matches!(refused.error, LimitError::Requests { limit: 2, .. }), "{refused:?}");
    let too_large = Ask { tokens: 51, ..ask(Some(("b", &limits)), None) };
    let refused = ledger.reserve(too_large).await.err().unwrap().error;
    assert_eq!((refused.reason(), refused.retry_after_s()), ("too_large", None));
}

//! Lets what one replica finds out count for all, behind the requests' backs and a few times a second: endpoints of providers that are left alone,
//! and which model a conversation has and what it has spent.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::http::Reloader;
use crate::limits::SharedBook;
use crate::limits::shared::BoardReader;

/// How soon the others know.
const EVERY: Duration = Duration::from_millis(200);

/// Exchanges for ever, if there is anybody to exchange with.
pub(super) async fn share(shared: Option<SharedBook>, reloader: Reloader) -> Infallible {
    let Some(shared) = shared else { return pending().await };
    let (mut ticks, mut reader) = (interval(EVERY), BoardReader::default());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let state = reloader.state();
        let rests = shared.exchange_rests(&state.gateway().resting()).await;
        state.gateway().rest(&rests);
        let news = state.router().take_session_news();
        let notes: Vec<String> = news.iter().filter_map(|news| serde_json::to_string(news).ok()).collect();
        let heard = shared.exchange_notes(&mut reader, &notes).await;
        for news in heard.iter().filter_map(|note| serde_json::from_str(note).ok()) {
            state.router().note_session_news(news);
        }
    }
}

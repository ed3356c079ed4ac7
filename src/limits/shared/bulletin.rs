//! A board where replicas pin what the others should know and read what they pinned: a bounded stream in Redis. Does not look at what is written.

use std::time::Duration;

use redis::RedisResult;
use tokio::time::timeout;

use super::{CONNECTS_WITHIN, SharedBook};

/// The board holds about so many notes; older ones are lost.
const MOST_NOTES: usize = 50_000;
/// Notes that are read at once.
const MOST_READ: usize = 5_000;
/// A board that nobody writes on is taken down.
const KEPT: Duration = Duration::from_secs(86_400);

/// A reader of the board, and how far it has read. A new one begins at the oldest note.
#[derive(Debug)]
pub struct BoardReader {
    last: String,
}

impl Default for BoardReader {
    fn default() -> Self {
        Self { last: "0-0".into() }
    }
}

/// A note's place, and its fields and values one after the other.
type Note = (String, Vec<String>);

impl SharedBook {
    /// Pins notes and reads what other replicas pinned since the last call; nothing while Redis cannot be reached, and then the notes are lost.
    pub async fn exchange_notes(&self, reader: &mut BoardReader, notes: &[String]) -> Vec<String> {
        if !self.is_up() {
            return Vec::new();
        }
        let (key, replica) = (self.0.keys.board(), &self.0.replica);
        let mut pipeline = redis::pipe();
        for note in notes {
            pipeline.cmd("XADD").arg(key).arg("MAXLEN").arg("~").arg(MOST_NOTES).arg("*");
            pipeline.arg("by").arg(replica).arg("note").arg(note).ignore();
        }
        if !notes.is_empty() {
            pipeline.cmd("PEXPIRE").arg(key).arg(KEPT.as_millis().to_string()).ignore();
        }
        pipeline.cmd("XRANGE").arg(key).arg(format!("({}", reader.last)).arg("+").arg("COUNT").arg(MOST_READ);
        let mut connection = self.0.connection.clone();
        let asking = pipeline.query_async(&mut connection);
        let answer: RedisResult<(Vec<Note>,)> = match timeout(CONNECTS_WITHIN, asking).await {
            Ok(answer) => answer,
            Err(_elapsed) => return Vec::new(),
        };
        let found = match answer {
            Ok((found,)) => found,
            Err(error) => {
                self.note_down(&error);
                return Vec::new();
            }
        };
        if let Some((last, _)) = found.last() {
            reader.last.clone_from(last);
        }
        let by_others = |(_, fields): Note| match <[String; 4]>::try_from(fields) {
            Ok([_, by, _, note]) if by != *replica => Some(note),
            _ => None,
        };
        found.into_iter().filter_map(by_others).collect()
    }
}

//! The static table that ships inside the binary.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use super::{BUILTIN, StaticTable, TableFileError};

static TABLE: &[u8] = include_bytes!("../../models/static-table/table.safetensors");
static VOCAB: &str = include_str!("../../models/static-table/vocab.txt");

/// The built-in table, loaded on first use and shared afterwards.
pub fn builtin() -> Result<Arc<StaticTable>, TableFileError> {
    static LOADED: OnceLock<Arc<StaticTable>> = OnceLock::new();
    if let Some(table) = LOADED.get() {
        return Ok(Arc::clone(table));
    }
    let table = Arc::new(StaticTable::from_bytes(BUILTIN, Cow::Borrowed(TABLE), VOCAB)?);
    Ok(Arc::clone(LOADED.get_or_init(|| table)))
}

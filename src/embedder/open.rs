//! Opens an embedder by the name a user gives it: `builtin`, a folder, or the name of a model that was pulled.

use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use super::table_file::TABLE_FILE;
use super::{
    BUILTIN, DeviceChoice, Embedder, EmbedderIdentity, FolderError, Precision, StaticTable, TableFileError,
    Transformer, builtin,
};

/// An embedder, by the way it must be run: inline, or behind the queue.
#[derive(Clone)]
pub enum OpenedEmbedder {
    /// Microseconds: runs where it is called.
    Static(Arc<StaticTable>),
    /// Milliseconds: runs on the model thread.
    Transformer(Arc<Transformer>),
}

/// Why an embedder could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A static table is broken.
    #[error(transparent)]
    Table(#[from] TableFileError),
    /// A transformer's folder is broken.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

impl OpenedEmbedder {
    /// As the common trait.
    pub fn as_embedder(&self) -> &dyn Embedder {
        match self {
            Self::Static(table) => table.as_ref(),
            Self::Transformer(transformer) => transformer.as_ref(),
        }
    }

    /// Name, size and fingerprint.
    pub fn identity(&self) -> &EmbedderIdentity {
        self.as_embedder().identity()
    }
}

/// Opens `builtin`, or the folder of a static table or a transformer. `name` is what artifacts and decisions will call it; the precision is a
/// transformer's, and without one its weights are multiplied as they are stored.
pub fn open(
    name: &str,
    folder: Option<&Path>,
    precision: impl Into<Option<Precision>>,
) -> Result<OpenedEmbedder, OpenError> {
    match folder {
        None => Ok(OpenedEmbedder::Static(builtin()?)),
        Some(folder) if folder.join(TABLE_FILE).is_file() => {
            Ok(OpenedEmbedder::Static(Arc::new(StaticTable::from_folder(name, folder)?)))
        }
        Some(folder) => {
            debug_assert_ne!(name, BUILTIN, "the built-in table has no folder");
            let transformer = Transformer::from_folder(name, folder, DeviceChoice::Best, precision)?;
            Ok(OpenedEmbedder::Transformer(Arc::new(transformer)))
        }
    }
}

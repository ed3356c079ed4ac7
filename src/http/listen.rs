//! Opens the port. Refuses to be reachable from outside without keys, and says what to do when it cannot listen.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;
use tokio::net::{TcpListener, lookup_host};

use super::TlsError;

/// Why the server does not listen.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Not an address.
    #[error(
        "cannot listen on {listen}: not an address and port such as 127.0.0.1:8080; correct --listen or [server] listen"
    )]
    BadAddress {
        /// What was given.
        listen: String,
    },
    /// Reachable from outside, and open to everybody.
    #[error(
        "cannot listen on {listen} without keys: anyone who can reach it could spend your money; set [auth] required = true \
         and make a key in the [store] or name one with keys_env, or listen on 127.0.0.1"
    )]
    OpenToAll {
        /// What was given.
        listen: String,
    },
    /// Another program has the port.
    #[error(
        "cannot listen on {listen}: the address is already in use; choose another with --listen or [server] listen"
    )]
    InUse {
        /// What was given.
        listen: String,
    },
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Anything else the system says.
    #[error("cannot listen on {listen}: {error}; choose another with --listen or [server] listen")]
    Refused {
        /// What was given.
        listen: String,
        /// The system's word.
        error: io::Error,
    },
}

/// Whether a server may listen at `listen`, without trying it. `locked`: every caller needs a key.
pub async fn check_address(listen: &str, locked: bool) -> Result<(), ListenError> {
    resolve(listen, locked).await.map(drop)
}

/// A listening socket at `listen`. `locked`: every caller needs a key.
pub(super) async fn open(listen: &str, locked: bool) -> Result<TcpListener, ListenError> {
    let addresses = resolve(listen, locked).await?;
    let listen = listen.to_owned();
    TcpListener::bind(&addresses[..]).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { listen },
        _ => ListenError::Refused { listen, error },
    })
}

async fn resolve(listen: &str, locked: bool) -> Result<Vec<SocketAddr>, ListenError> {
    let listen = listen.to_owned();
    let Ok(addresses) = lookup_host(&listen).await.map(Iterator::collect::<Vec<SocketAddr>>) else {
        return Err(ListenError::BadAddress { listen });
    };
    if !locked && !addresses.iter().all(|address| address.ip().is_loopback()) {
        return Err(ListenError::OpenToAll { listen });
    }
    Ok(addresses)
}

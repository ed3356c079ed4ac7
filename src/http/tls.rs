//! The server's certificate and its key: read from their files, checked, and read again when they change, while connections go on.
//! A bad file never takes the place of a good one. Accepts no connections itself.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig as RustlsConfig};
use secrecy::{ExposeSecret, SecretSlice};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

use super::TlsConfig;

/// Chains have a few kilobytes.
const MOST_FILE_BYTES: usize = 1024 * 1024;

/// Why TLS cannot be spoken.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file cannot be opened or is no certificate file by its size.
    #[error("server.tls.{field}: cannot read {file}: {error}; give the path of a PEM file that this process may read")]
    Unreadable {
        /// `cert_file` or `key_file`.
        field: &'static str,
        /// The path.
        file: String,
        /// The system's word.
        error: io::Error,
    },
    /// The file is there and holds something else.
    #[error(
        "server.tls.cert_file: {file} holds no certificate: {reason}; it has to begin with -----BEGIN CERTIFICATE-----"
    )]
    NoCertificate {
        /// The path.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The file is there and holds something else.
    #[error(
        "server.tls.key_file: {file} holds no private key: {reason}; give an unencrypted one as PKCS#8, SEC 1 or PKCS#1 PEM"
    )]
    NoKey {
        /// The path.
        file: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A key of a kind or size that TLS does not use.
    #[error(
        "server.tls.key_file: {file} cannot be used: {reason}; use an RSA key of 2048 bits or more, P-256, P-384 or Ed25519"
    )]
    UnusableKey {
        /// The path.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The key of another certificate.
    #[error(
        "server.tls.key_file: {key_file} is not the key of the first certificate in {cert_file}; give the two that belong together"
    )]
    Mismatch {
        /// The path of the certificate.
        cert_file: String,
        /// The path of the key.
        key_file: String,
    },
}

/// The certificate that is shown to clients, and the files it comes from.
pub struct Certificates {
    config: TlsConfig,
    provider: Arc<CryptoProvider>,
    shown: RwLock<Arc<CertifiedKey>>,
    /// Of the files as they were last looked at, good or bad.
    seen: Mutex<blake3::Hash>,
}

/// The files' bytes.
struct Files {
    chain: Vec<u8>,
    key: SecretSlice<u8>,
}

impl Certificates {
    /// Reads both files and checks that they belong together.
    pub fn load(config: &TlsConfig) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let files = Files::read(config)?;
        let shown = RwLock::new(Arc::new(files.certified_key(config, &provider)?));
        Ok(Self { config: config.clone(), provider, shown, seen: Mutex::new(files.hash()) })
    }

    /// Reads both files again. Handshakes from now on show what is in them; where that is no good, what was shown before.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.show(&Files::read(&self.config)?)
    }

    /// The same if a file is not as it was when it was last looked at. Says whether it was not.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let files = Files::read(&self.config)?;
        let is_changed = files.hash() != *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if is_changed {
            self.show(&files)?;
        }
        Ok(is_changed)
    }

    fn show(&self, files: &Files) -> Result<(), TlsError> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = files.hash();
        let certified = Arc::new(files.certified_key(&self.config, &self.provider)?);
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = certified;
        Ok(())
    }

    /// What does handshakes with the certificate that is shown at the time.
    pub(super) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, io::Error> {
        let builder = RustlsConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let shown: Arc<dyn ResolvesServerCert> = Arc::clone(self) as _;
        let mut config = builder.with_no_client_auth().with_cert_resolver(shown);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Files {
    fn read(config: &TlsConfig) -> Result<Self, TlsError> {
        let read = |field, path: &PathBuf| {
            read_bounded(path).map_err(|error| TlsError::Unreadable { field, file: name_of(path), error })
        };
        Ok(Self { chain: read("cert_file", &config.cert_file)?, key: read("key_file", &config.key_file)?.into() })
    }

    fn hash(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(blake3::hash(&self.chain).as_bytes()).update(blake3::hash(self.key.expose_secret()).as_bytes());
        hasher.finalize()
    }

    fn certified_key(&self, config: &TlsConfig, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let (cert_file, key_file) = (name_of(&config.cert_file), name_of(&config.key_file));
        let chain: Result<Vec<CertificateDer<'static>>, pem::Error> =
            CertificateDer::pem_slice_iter(&self.chain).collect();
        let chain = match chain {
            Ok(chain) if !chain.is_empty() => chain,
            Ok(_) => return Err(TlsError::NoCertificate { file: cert_file, reason: "there is none in it".into() }),
            Err(error) => return Err(TlsError::NoCertificate { file: cert_file, reason: error.to_string() }),
        };
        let key = PrivateKeyDer::from_pem_slice(self.key.expose_secret())
            .map_err(|error| TlsError::NoKey { file: key_file.clone(), reason: without_quoting(&error) })?;
        CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                TlsError::Mismatch { cert_file, key_file }
            }
            rustls::Error::InvalidCertificate(wrong) => {
                TlsError::NoCertificate { file: cert_file, reason: format!("{wrong:?}") }
            }
            error => TlsError::UnusableKey { file: key_file, reason: error.to_string() },
        })
    }
}

/// The error's own words may quote a line of the file, which may be the key.
fn without_quoting(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::NoItemsFound => "there is none in it",
        _ => "it is not well-formed PEM",
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MOST_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MOST_FILE_BYTES {
        return Err(io::Error::other(format!("it is larger than {MOST_FILE_BYTES} bytes")));
    }
    Ok(bytes)
}

fn name_of(path: &Path) -> String {
    path.display().to_string()
}

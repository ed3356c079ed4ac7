//! Certificates made for a test, and clients that trust them alone.
#![allow(dead_code, reason = "each test file uses the part it needs")]

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256};
use reqwest::{Certificate, Client, ClientBuilder};
use tempfile::TempDir;

/// A certificate for this machine.
pub struct Made {
    /// What is shown: the certificate, and one between it and the root where there is one.
    pub chain_pem: String,
    /// What clients trust.
    pub root_pem: String,
    pub key: KeyPair,
}

fn params() -> CertificateParams {
    CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap()
}

/// One that vouches for itself.
pub fn self_signed(key: KeyPair) -> Made {
    let certificate = params().self_signed(&key).unwrap().pem();
    Made { chain_pem: certificate.clone(), root_pem: certificate, key }
}

pub fn new_self_signed() -> Made {
    self_signed(KeyPair::generate().unwrap())
}

/// One with an authority between it and its root.
pub fn with_intermediate() -> Made {
    let authority = || {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let (root_key, middle_key, key) =
        (KeyPair::generate().unwrap(), KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut root_params = authority();
    root_params.distinguished_name.push(rcgen::DnType::CommonName, "root of a test");
    let root_pem = root_params.self_signed(&root_key).unwrap().pem();
    let root = Issuer::new(root_params, root_key);
    let mut middle_params = authority();
    middle_params.distinguished_name.push(rcgen::DnType::CommonName, "authority of a test");
    let middle_pem = middle_params.signed_by(&middle_key, &root).unwrap().pem();
    let middle = Issuer::new(middle_params, middle_key);
    let leaf_pem = params().signed_by(&key, &middle).unwrap().pem();
    Made { chain_pem: leaf_pem + &middle_pem, root_pem, key }
}

/// The RSA key of the fixtures. It protects nothing.
pub fn rsa_pkcs1() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/rsa_2048.der")).unwrap()
}

pub fn rsa() -> KeyPair {
    let inner = rsa_pkcs1();
    let algorithm = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let body = [&[0x02, 0x01, 0x00][..], &algorithm, &long(0x04, &inner)].concat();
    KeyPair::from_pkcs8_der_and_sign_algo(&long(0x30, &body).into(), &PKCS_RSA_SHA256).unwrap()
}

/// A DER element of at least 256 bytes.
fn long(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82, length[0], length[1]], content].concat()
}

/// The P-256 key inside its PKCS#8 wrapping (RFC 5915); it is the last element.
pub fn sec1(key: &KeyPair) -> Vec<u8> {
    let wrapped = key.serialize_der();
    let at = wrapped.windows(5).position(|bytes| bytes[0] == 0x30 && bytes[2..] == [0x02, 0x01, 0x01]).unwrap();
    wrapped[at..].to_vec()
}

pub fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// The two files of `[server.tls]`.
pub struct Files {
    pub folder: TempDir,
}

impl Files {
    pub fn of(made: &Made) -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        files.write(&made.chain_pem, &made.key.serialize_pem());
        files
    }

    pub fn write(&self, certificate: &str, key: &str) {
        std::fs::write(self.certificate(), certificate).unwrap();
        std::fs::write(self.key(), key).unwrap();
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// `[server.tls]`
    pub fn table(&self) -> String {
        format!("[server.tls]\ncert_file = {:?}\nkey_file = {:?}\n", self.certificate(), self.key())
    }
}

/// A client that trusts this and nobody else.
pub fn client_builder(root_pem: &str) -> ClientBuilder {
    // The library of cryptography is chosen when the first client is made.
    drop(semroute::gateway::loopback_client().unwrap());
    Client::builder().no_proxy().tls_certs_only([Certificate::from_pem(root_pem.as_bytes()).unwrap()])
}

pub fn client(root_pem: &str) -> Client {
    client_builder(root_pem).build().unwrap()
}

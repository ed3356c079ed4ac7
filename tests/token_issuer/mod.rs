//! An identity provider on loopback: publishes a discovery document and its keys, signs tokens, and can be told to break.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub const AUDIENCE: &str = "semroute";

/// A private key, by the name that it is published under.
pub struct SigningKey {
    pub id: String,
    key: Key,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl SigningKey {
    /// The RSA key of the fixtures. It protects nothing.
    pub fn rsa(id: &str) -> Self {
        let der = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/rsa_2048.der")).unwrap();
        Self { id: id.into(), key: Key::Rsa(Box::new(RsaKeyPair::from_der(&der).unwrap())) }
    }

    pub fn p256(id: &str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Self { id: id.into(), key: Key::P256(Box::new(key)) }
    }

    pub fn ed25519(id: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self { id: id.into(), key: Key::Ed25519(Box::new(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())) }
    }

    fn algorithm(&self) -> &'static str {
        match self.key {
            Key::Rsa(_) => "RS256",
            Key::P256(_) => "ES256",
            Key::Ed25519(_) => "EdDSA",
        }
    }

    /// The public half as bytes, as somebody would take it for a shared secret.
    pub fn public_bytes(&self) -> Vec<u8> {
        match &self.key {
            Key::Rsa(key) => key.public_key().as_ref().to_vec(),
            Key::P256(key) => key.public_key().as_ref().to_vec(),
            Key::Ed25519(key) => key.public_key().as_ref().to_vec(),
        }
    }

    /// As it is published.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.key {
            Key::Rsa(key) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({"kty": "RSA", "n": base64url(public.n), "e": base64url(public.e)})
            }
            Key::P256(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": base64url(&point[1..33]), "y": base64url(&point[33..])})
            }
            Key::Ed25519(key) => json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(key.public_key().as_ref())}),
        };
        jwk["kid"] = self.id.as_str().into();
        jwk["use"] = "sig".into();
        jwk["alg"] = self.algorithm().into();
        jwk
    }

    /// A token that says this.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({"typ": "JWT", "alg": self.algorithm(), "kid": self.id}), claims)
    }

    /// The same with a header of one's own.
    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let random = SystemRandom::new();
        let signature = match &self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
            Key::P256(key) => key.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            Key::Ed25519(key) => key.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", base64url(signature))
    }
}

/// A token as far as its signature.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()))
}

/// A token whose signature is an HMAC with `secret`.
pub fn signed_with_secret(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let message = unsigned(header, claims);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    format!("{message}.{}", base64url(ring::hmac::sign(&key, message.as_bytes())))
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// What the issuer answers.
#[derive(Clone)]
pub struct Published {
    pub status: u16,
    /// The issuer's name in its discovery document, if it lies.
    pub issuer: Option<String>,
    pub keys: Vec<Value>,
    /// Bytes in place of the key set.
    pub raw_keys: Option<String>,
    /// Where it sends instead of answering.
    pub redirect: Option<String>,
}

struct Shared {
    url: String,
    published: Mutex<Published>,
    asked: Mutex<Vec<String>>,
}

/// A running issuer.
pub struct TokenIssuer {
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl TokenIssuer {
    pub async fn start(keys: &[&SigningKey]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let keys = keys.iter().map(|key| key.jwk()).collect();
        let published = Published { status: 200, issuer: None, keys, raw_keys: None, redirect: None };
        let shared = Arc::new(Shared { url, published: Mutex::new(published), asked: Mutex::default() });
        let service = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { shared, serving }
    }

    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Changes what it answers.
    pub fn publish(&self, change: impl FnOnce(&mut Published)) {
        change(&mut self.shared.published.lock().unwrap());
    }

    /// How often the keys were asked for.
    pub fn key_fetches(&self) -> usize {
        self.shared.asked.lock().unwrap().iter().filter(|path| *path == "/keys").count()
    }

    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Good claims of a caller, for an hour.
    pub fn claims(&self, subject: &str) -> Value {
        json!({"iss": self.url(), "aud": AUDIENCE, "sub": subject, "exp": now() + 3600, "nbf": now() - 5, "iat": now()})
    }

    /// `[auth]` with tokens of this issuer alone, and `more` of `[auth.jwt]`.
    pub fn table(&self, more: &str) -> String {
        format!("[auth]\nrequired = true\n[auth.jwt]\nissuer = \"{}\"\naudience = \"{AUDIENCE}\"\n{more}\n", self.url())
    }
}

impl Drop for TokenIssuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let published = shared.published.lock().unwrap().clone();
    let body = match path.as_str() {
        "/.well-known/openid-configuration" => {
            let issuer = published.issuer.unwrap_or_else(|| shared.url.clone());
            json!({"issuer": issuer, "jwks_uri": format!("{}/keys", shared.url)}).to_string()
        }
        _ => published.raw_keys.unwrap_or_else(|| json!({"keys": published.keys}).to_string()),
    };
    shared.asked.lock().unwrap().push(path);
    let response = Response::builder();
    match published.redirect {
        Some(elsewhere) => response.status(302).header("location", elsewhere).body(Body::empty()).unwrap(),
        None => response.status(published.status).body(Body::from(body)).unwrap(),
    }
}

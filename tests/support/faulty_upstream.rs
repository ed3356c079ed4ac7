//! A provider over bare sockets, so that it can do what no HTTP server would: answer with rubbish, stop anywhere, reset the connection.
//! It counts connections and requests, so that a test sees what is asked and what leaks.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::common::soon;

/// What it does, one after the other, once it has read a request. After the last step it closes the connection.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes again and again, with this pause, until the caller is gone.
    Repeat(Vec<u8>, Duration),
    /// Is silent for so long.
    Pause(Duration),
    /// Is silent until the test calls `go_on`, once for each such step.
    UntilToldTo,
    /// Is silent until the caller is gone.
    Stall,
    /// Resets the connection.
    Reset,
    /// Waits for the next request on the connection.
    Next,
}

/// What it does with a connection before it reads anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtAccept {
    /// Reads a request.
    Read,
    /// Resets the connection.
    Reset,
    /// Closes it.
    Close,
    /// Keeps it and reads nothing before the test calls `go_on`.
    NeverRead,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    pub head: String,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn is_stream(&self) -> bool {
        self.json()["stream"] == true
    }

    /// The request line.
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The key that it came with.
    pub fn key(&self) -> &str {
        let field = self.head.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
        field.unwrap_or_default()
    }
}

/// What has happened so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub opened: usize,
    pub closed: usize,
    pub requests: usize,
}

impl Counts {
    pub fn open(self) -> usize {
        self.opened - self.closed
    }
}

/// A script: what to do about each request.
type Script = Box<dyn FnMut(&Asked) -> Vec<Step> + Send>;

struct Shared {
    at_accept: AtAccept,
    script: Mutex<Script>,
    counts: watch::Sender<Counts>,
    go_on: Semaphore,
}

/// A running provider.
pub struct FaultyUpstream {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl FaultyUpstream {
    pub async fn start(script: impl FnMut(&Asked) -> Vec<Step> + Send + 'static) -> Self {
        Self::run(AtAccept::Read, Box::new(script)).await
    }

    /// One that does not get as far as to answer.
    pub async fn at_accept(at_accept: AtAccept) -> Self {
        Self::run(at_accept, Box::new(|_| Vec::new())).await
    }

    async fn run(at_accept: AtAccept, script: Script) -> Self {
        let listener = listen();
        let addr = listener.local_addr().unwrap();
        let counts = watch::Sender::new(Counts::default());
        let shared = Arc::new(Shared { at_accept, script: Mutex::new(script), counts, go_on: Semaphore::new(0) });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { addr, shared, accepting }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    pub fn counts(&self) -> Counts {
        *self.shared.counts.borrow()
    }

    pub fn requests(&self) -> usize {
        self.counts().requests
    }

    /// Lets one `UntilToldTo` pass.
    pub fn go_on(&self) {
        self.shared.go_on.add_permits(1);
    }

    /// Waits until the counts are as wanted.
    pub async fn until(&self, what: &str, wanted: impl FnMut(&Counts) -> bool) {
        let mut counts = self.shared.counts.subscribe();
        soon(what, counts.wait_for(wanted)).await.unwrap();
    }

    /// Waits until so many connections are open at most.
    pub async fn until_open(&self, at_most: usize) {
        self.until(&format!("at most {at_most} open connections"), |counts| counts.open() <= at_most).await;
    }

    /// Waits until so many requests have come.
    pub async fn until_asked(&self, times: usize) {
        self.until(&format!("{times} requests"), |counts| counts.requests >= times).await;
    }
}

impl Drop for FaultyUpstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// With a small buffer for what is received, so that who reads nothing is noticed by who sends much.
fn listen() -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket.listen(1024).unwrap()
}

/// A connection that is counted as open until this is dropped.
struct Open(Arc<Shared>);

impl Open {
    fn count(shared: &Arc<Shared>) -> Self {
        shared.counts.send_modify(|counts| counts.opened += 1);
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.counts.send_modify(|counts| counts.closed += 1);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let open = Open::count(&shared);
        tokio::spawn(async move {
            // However it ends, the caller did it or was meant to suffer it.
            let _ended = serve(socket, &open.0).await;
        });
    }
}

async fn serve(mut socket: TcpStream, shared: &Shared) -> io::Result<()> {
    socket.set_nodelay(true)?;
    match shared.at_accept {
        AtAccept::Read => {}
        AtAccept::Reset => return socket.set_zero_linger(),
        AtAccept::Close => return close(socket).await,
        AtAccept::NeverRead => {
            shared.counts.send_modify(|counts| counts.requests += 1);
            tokio::select! {
                gone = until_gone_unread(&socket) => return gone,
                permit = shared.go_on.acquire() => permit.unwrap().forget(),
            }
            // Registered anew, because what there is to read was forgotten.
            return until_gone(&mut TcpStream::from_std(socket.into_std()?)?).await;
        }
    }
    while let Some(asked) = read_request(&mut socket).await? {
        let steps = (shared.script.lock().unwrap())(&asked);
        shared.counts.send_modify(|counts| counts.requests += 1);
        let mut is_kept = false;
        for step in steps {
            is_kept = matches!(step, Step::Next);
            match step {
                Step::Send(bytes) => socket.write_all(&bytes).await?,
                Step::Repeat(bytes, pause) => loop {
                    socket.write_all(&bytes).await?;
                    wait(&mut socket, tokio::time::sleep(pause)).await?;
                },
                Step::Pause(pause) => wait(&mut socket, tokio::time::sleep(pause)).await?,
                Step::UntilToldTo => {
                    let permit = wait(&mut socket, shared.go_on.acquire()).await?;
                    permit.unwrap().forget();
                }
                Step::Stall => return until_gone(&mut socket).await,
                Step::Reset => return socket.set_zero_linger(),
                Step::Next => break,
            }
        }
        if !is_kept {
            return close(socket).await;
        }
    }
    Ok(())
}

/// Waits for an event, or for the caller to be gone, which is an error.
async fn wait<T>(socket: &mut TcpStream, event: impl Future<Output = T>) -> io::Result<T> {
    tokio::select! {
        came = event => Ok(came),
        gone = until_gone(socket) => Err(gone.err().unwrap_or_else(|| io::ErrorKind::ConnectionAborted.into())),
    }
}

/// Says that nothing more will come, and waits until the caller has closed its side, too.
async fn close(mut socket: TcpStream) -> io::Result<()> {
    socket.shutdown().await?;
    until_gone(&mut socket).await
}

async fn until_gone(socket: &mut TcpStream) -> io::Result<()> {
    let mut unwanted = [0; 1024];
    while socket.read(&mut unwanted).await? > 0 {}
    Ok(())
}

/// The same without reading what came.
async fn until_gone_unread(socket: &TcpStream) -> io::Result<()> {
    while !socket.ready(Interest::READABLE).await?.is_read_closed() {
        // Forgets that there is something to read, so that the next news is waited for.
        let _nothing_read =
            socket.try_io(Interest::READABLE, || io::Result::<()>::Err(io::ErrorKind::WouldBlock.into()));
    }
    Ok(())
}

/// Reads one request; `None` where the caller closed the connection instead.
async fn read_request(socket: &mut TcpStream) -> io::Result<Option<Asked>> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(head_end);
    while body.len() < length {
        if socket.read_buf(&mut body).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(Asked { head, body }))
}

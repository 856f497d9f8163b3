//! A server in this process, on a free port, with limits that a test chooses.

use crate::support::client::{Client, dial};
use crate::support::http::{Response, read_to_end};
use chunked_transfer::Decoder;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use typewall::{Access, Certificate, CertificateFiles, Limits, Server, Stopper, StoreOptions, reachable};

/// A server that stops when the test ends.
pub(crate) struct TestServer {
    pub address: SocketAddr,
    pub stopper: Stopper,
    server: Option<Server>,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::with(Limits::DEFAULT)
    }

    pub(crate) fn with(limits: Limits) -> Self {
        Self::with_store(limits, None)
    }

    pub(crate) fn with_store(limits: Limits, store: Option<&StoreOptions>) -> Self {
        // More than one, so that no test relies on all rooms being on the same hub.
        Self::with_hubs(3, limits, store)
    }

    pub(crate) fn with_hubs(hubs: usize, limits: Limits, store: Option<&StoreOptions>) -> Self {
        Self::with_access(Limits { hubs, ..limits }, Access::default(), store)
    }

    /// Most tests post faster than people do, so only those of [`paced`](Self::paced) servers have to wait.
    pub(crate) fn with_access(limits: Limits, access: Access, store: Option<&StoreOptions>) -> Self {
        Self::paced(Limits { post_rate: 1_000_000, room_burst: 1 << 30, ..limits }, access, store)
    }

    /// A server that lets posts wait as these limits say.
    pub(crate) fn paced(limits: Limits, access: Access, store: Option<&StoreOptions>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        Self::start_on(listener, limits, access, store)
    }

    /// A server whose connections are encrypted.
    pub(crate) fn encrypted(limits: Limits, files: &CertificateFiles) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let limits = Limits { post_rate: 1_000_000, room_burst: 1 << 30, ..limits };
        let certificate = Certificate::load(files).expect("a certificate");
        Self::start_with(listener, limits, Access::default(), None, Some(certificate))
    }

    /// A server on another listener.
    pub(crate) fn on(listener: TcpListener, access: Access) -> Self {
        Self::start_on(listener, Limits::DEFAULT, access, None)
    }

    fn start_on(listener: TcpListener, limits: Limits, access: Access, store: Option<&StoreOptions>) -> Self {
        Self::start_with(listener, limits, access, store, None)
    }

    fn start_with(
        listener: TcpListener,
        limits: Limits,
        access: Access,
        store: Option<&StoreOptions>,
        certificate: Option<Certificate>,
    ) -> Self {
        let server = Server::start(listener, limits, access, store, certificate);
        let server = server.expect("threads and a store");
        Self { address: reachable(server.address()), stopper: server.stopper(), server: Some(server) }
    }

    /// Serves metrics on another free port, and returns its address.
    pub(crate) fn serve_metrics(&mut self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        self.server.as_mut().expect("it runs").serve_metrics(listener).expect("a thread")
    }

    /// A connection with nothing sent yet.
    pub(crate) fn dial(&self) -> TcpStream {
        dial(self.address)
    }

    /// A connection to a room that has not asked for a snapshot.
    pub(crate) fn connect(&self, room: &str) -> Client {
        Client::connect(self.address, room)
    }

    /// A viewer of a room, with the snapshot.
    pub(crate) fn watch(&self, room: &str) -> Client {
        let mut client = self.connect(room);
        client.watch();
        client
    }

    /// A user in a room, with the snapshot.
    pub(crate) fn join(&self, room: &str, name: &str) -> Client {
        let mut client = self.connect(room);
        client.join(name);
        client
    }

    /// A user who takes their seat again, with the snapshot.
    pub(crate) fn rejoin(&self, room: &str, name: &str, session: &str) -> Client {
        let mut client = self.connect(room);
        client.rejoin(name, session);
        client
    }

    /// Sends a request on a connection of its own, which has to end after the response.
    pub(crate) fn request(&self, request: &str) -> Response {
        let mut socket = self.dial();
        socket.write_all(request.as_bytes()).unwrap();
        let response = match request.starts_with("HEAD") {
            true => Response::read_head(&mut socket),
            false => Response::read(&mut socket),
        };
        assert!(response.head.contains("Connection: close\r\n"), "{}", response.head);
        assert_eq!(read_to_end(&mut socket), 0);
        response
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.get_with(path, "Host: localhost\r\n")
    }

    /// Gets a path with these headers, a `Host` among them.
    pub(crate) fn get_with(&self, path: &str, headers: &str) -> Response {
        self.request(&format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n"))
    }

    /// Gets a body that comes in chunks.
    pub(crate) fn get_chunked(&self, path: &str, headers: &str) -> String {
        let mut socket = self.dial();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").unwrap();
        let response = Response::read_head(&mut socket);
        let is_chunked = response.head.contains("Transfer-Encoding: chunked\r\n");
        assert!(response.status == 200 && is_chunked, "{}", response.head);
        let mut body = String::new();
        Decoder::new(socket).read_to_string(&mut body).expect("a last chunk");
        body
    }

    /// Stops it, and waits until all is stored.
    pub(crate) fn stop(self) {
        self.stopper.stop();
        self.wait();
    }

    /// Waits until it has been stopped and all its threads have ended.
    pub(crate) fn wait(mut self) {
        self.server.take().unwrap().join().expect("no crash");
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(server) = self.server.take() {
            let outcome = server.join();
            assert!(outcome.is_ok() || std::thread::panicking(), "{outcome:?}");
        }
    }
}

//! A wall behind a proxy, as a browser reaches it.

use crate::place::Place;
use crate::support::client::{Client, set_timeouts};
use crate::support::program::{command, output};
use crate::support::tls::client_config;
use crate::support::wait_until;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConnection, StreamOwned};
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use tungstenite::client::IntoClientRequest;
use tungstenite::error::Error;
use tungstenite::handshake::HandshakeError;
use tungstenite::handshake::client::Request;
use tungstenite::http::{HeaderName, Uri};

/// The addresses of two computers.
pub(crate) const HERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
pub(crate) const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A connection to a proxy, encrypted or not.
pub(crate) trait Duplex: Read + Write {}

impl<T: Read + Write> Duplex for T {}

/// Somebody behind a proxy.
pub(crate) type Person = Client<Box<dyn Duplex>>;

/// A wall behind a running proxy, which ends with this.
pub(crate) struct Site {
    pub place: Place,
    proxy: Child,
    /// The address of the page.
    pub url: String,
    /// The certificate of the proxy's authority, if it encrypts.
    ca_file: Option<PathBuf>,
}

impl Site {
    /// Starts a proxy that serves the page at `scheme://host:port/path/`, and waits until it does.
    pub(crate) fn start(place: Place, proxy: &mut Command, host: &str, path: &str, ca: Option<&str>) -> Self {
        let scheme = if ca.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{host}:{}{path}", place.port.number);
        let ca_file = ca.map(|name| place.path(name));
        // Where its log does not have to be read.
        let log = || std::fs::File::create(place.path("log")).unwrap();
        let proxy = proxy.stdout(log()).stderr(log()).spawn().expect("it runs");
        let mut site = Self { place, proxy, url, ca_file };
        wait_until("a proxy that listens", || {
            assert_eq!(site.proxy.try_wait().unwrap(), None, "the proxy ended: {}", site.log());
            TcpStream::connect(site.address()).is_ok()
        });
        wait_until("a proxy that answers", || site.get("", &[]).0 == 200);
        site
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.place.path("log")).unwrap()
    }

    fn address(&self) -> SocketAddr {
        (HERE, self.place.port.number).into()
    }

    fn uri(&self) -> Uri {
        self.url.parse().expect("a URI")
    }

    /// The origin of the page.
    pub(crate) fn origin(&self) -> String {
        let uri = self.uri();
        format!("{}://{}", uri.scheme_str().unwrap(), uri.authority().unwrap())
    }

    /// The status and the body of the response to curl with these arguments, for a path below the page's.
    pub(crate) fn get(&self, path: &str, arguments: &[&str]) -> (u16, String) {
        let printed = self.curl(&format!("{}{path}", self.url), "%{http_code}", arguments);
        let (body, status) = printed.rsplit_once('\n').expect("a status");
        (status.parse().expect("a number"), body.to_owned())
    }

    /// Where a browser is sent that asks for this address.
    pub(crate) fn redirection(&self, url: &str) -> String {
        self.curl(url, "%{redirect_url}", &["-o", "/dev/null"]).trim().to_owned()
    }

    /// What curl prints: the body of the response, and on another line what is to be written of it.
    fn curl(&self, url: &str, written: &str, arguments: &[&str]) -> String {
        let host = self.uri().host().unwrap().to_owned();
        let mut curl = command("curl");
        curl.args(["-sS", "--http1.1", "--max-time", "20", "-w", &format!("\n{written}")]);
        curl.args(["--resolve", &format!("{host}:{}:{HERE}", self.place.port.number)]);
        curl.args(self.ca_file.iter().flat_map(|file| ["--cacert", file.to_str().unwrap()]));
        String::from_utf8(output(curl.args(arguments).arg(url)).stdout).expect("UTF-8")
    }

    /// A connection from this address of the machine.
    fn dial(&self, from: Ipv4Addr) -> Box<dyn Duplex> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((IpAddr::V4(from), 0)).into()).unwrap();
        socket.connect(&self.address().into()).unwrap();
        let socket = TcpStream::from(socket);
        set_timeouts(&socket);
        let Some(ca_file) = &self.ca_file else { return Box::new(socket) };
        let config = client_config(CertificateDer::from_pem_file(ca_file).expect("a certificate"));
        let name = ServerName::try_from(self.uri().host().unwrap().to_owned()).unwrap();
        Box::new(StreamOwned::new(ClientConnection::new(config, name).unwrap(), socket))
    }

    /// The request for a WebSocket to the room `r`, with these headers.
    fn websocket(&self, headers: &[(&str, &str)]) -> Request {
        let url = format!("{}ws?room=r", self.url.replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request
    }

    /// Opens a WebSocket like a page of this origin, with more headers. The error is the status.
    pub(crate) fn open(&self, from: Ipv4Addr, origin: &str, more: &[(&str, &str)]) -> Result<Person, u16> {
        let request = self.websocket(&[&[("Origin", origin)], more].concat());
        match tungstenite::client(request, self.dial(from)) {
            Ok((socket, _)) => Ok(Client::new(socket)),
            Err(HandshakeError::Failure(Error::Http(response))) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}; the proxy logged {}", self.log()),
        }
    }

    /// A user whose browser shows the page.
    pub(crate) fn join(&self, from: Ipv4Addr, name: &str) -> Person {
        let mut person = self.open(from, &self.origin(), &[]).expect("a handshake");
        person.join(name);
        person
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

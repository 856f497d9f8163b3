//! nginx, as the document configures it.

use crate::example;
use crate::place::Place;
use crate::play::play;
use crate::site::{HERE, Site};
use crate::support::program::installed;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

/// What nginx needs besides the document's part: to run for an ordinary user in a folder, as one process.
fn start(place: Place, servers: &str, host: &str, path: &str, ca: Option<&str>) -> Option<Site> {
    let program = installed("nginx")?;
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders: Vec<String> = kinds.iter().map(|kind| format!("{kind}_temp_path temp;")).collect();
    let main = format!("access_log off; {}", folders.join(" "));
    let whole = match servers.contains("http {") {
        true => servers.replace("http {", &format!("http {{ {main}")),
        false => format!("events {{}}\nhttp {{ {main}\n{servers}\n}}"),
    };
    let config =
        place.write("nginx.conf", &format!("daemon off; master_process off; pid nginx.pid;\n{whole}\n"));
    let mut nginx = place.command(&program);
    nginx.args(["-e", "stderr", "-p"]).arg(place.folder.path()).arg("-c").arg(config);
    Some(Site::start(place, &mut nginx, host, path, ca))
}

/// A server that answers 503 to requests for this path, and 200 to all others.
fn busy_at(path: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 4096];
            let length = stream.read(&mut head).unwrap_or(0);
            let is_busy = String::from_utf8_lossy(&head[..length]).starts_with(&format!("GET {path}"));
            let status = if is_busy { "503 Busy" } else { "200 OK" };
            let response = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(response.as_bytes()); // nginx may have gone
        }
    });
    address
}

#[test]
fn nodes_that_are_too_busy_for_a_request_get_the_next_ones_from_nginx() {
    let place = Place::new();
    let node = busy_at("/qr.svg").to_string();
    let listen = format!("listen 127.0.0.1:{};", place.port.number);
    let replacements =
        [("node1:8080", &*node), ("node2:8080", &node), ("node3:8080", &node), ("listen 80;", &listen)];
    let limits = [("worker_rlimit_nofile 131072;", ""), ("worker_connections 65536;", "")];
    let configuration = include_str!("../../packaging/nodes/nginx.conf");
    let whole = crate::replaced(configuration, &[&replacements[..], &limits].concat());
    let Some(site) = start(place, &whole, "localhost", "/", None) else { return };
    for _ in 0..3 {
        assert_eq!(site.get("qr.svg", &[]).0, 503);
        assert_eq!(site.get("?room=a", &[]).0, 200);
    }
}

/// The server of the document, with more in its block.
fn at_root(more: &str) -> Option<Site> {
    let place = Place::new();
    place.certify();
    let listen = format!("listen 127.0.0.1:{} ssl;{more}", place.port.number);
    let folder = place.folder.path().display().to_string();
    let replacements = [("listen 443 ssl;", &*listen), ("/etc/letsencrypt/live/wall.example", &folder)];
    let server = place.adapted(example("nginx", "server {"), &replacements);
    start(place, &server, "wall.example", "/", Some("ca.pem"))
}

#[test]
fn people_use_a_wall_behind_nginx() {
    let Some(site) = at_root("") else { return };
    play(&site);
}

#[test]
fn people_use_a_wall_under_a_path_behind_nginx() {
    let place = Place::new();
    let location = place.adapted(example("nginx", "location /wall/"), &[]);
    let server = format!("server {{ listen 127.0.0.1:{}; {location} }}", place.port.number);
    let Some(site) = start(place, &server, "localhost", "/wall/", None) else { return };
    play(&site);
}

#[test]
fn nginx_keeps_the_connection_of_somebody_idle() {
    // Its default is 60 s.
    let Some(site) = at_root("proxy_read_timeout 7s;") else { return };
    site.join(HERE, "Ada").stays_idle();
    drop(site);
    let Some(site) = at_root("proxy_read_timeout 2s;") else { return };
    site.join(HERE, "Ada").sees_its_end();
}

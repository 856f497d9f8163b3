//! nginx, as the document configures it.

use crate::example;
use crate::place::Place;
use crate::play::play;
use crate::site::{HERE, Site};
use crate::support::program::installed;

/// What nginx needs besides the document's part: to run for an ordinary user in a folder, as one process.
fn start(place: Place, servers: &str, host: &str, path: &str, ca: Option<&str>) -> Option<Site> {
    let program = installed("nginx")?;
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders: Vec<String> = kinds.iter().map(|kind| format!("{kind}_temp_path temp;")).collect();
    let main = "daemon off; master_process off; pid nginx.pid; events {}\nhttp { access_log off;";
    let config = place.write("nginx.conf", &format!("{main}\n{}\n{servers}\n}}\n", folders.join("\n")));
    let mut nginx = place.command(&program);
    nginx.args(["-e", "stderr", "-p"]).arg(place.folder.path()).arg("-c").arg(config);
    Some(Site::start(place, &mut nginx, host, path, ca))
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

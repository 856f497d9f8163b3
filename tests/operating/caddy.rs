//! Caddy, as the document configures it.

use crate::example;
use crate::place::Place;
use crate::play::play;
use crate::site::Site;
use crate::support::port::Port;
use crate::support::program::installed;

/// Where Caddy keeps the certificate of its own authority, which signs for it here.
const CA_FILE: &str = ".local/share/caddy/pki/authorities/local/root.crt";

fn start(part: &str, host: &str, path: &str) -> Option<Site> {
    let program = installed("caddy")?;
    let (place, other) = (Place::new(), Port::reserve());
    let options = [
        "admin off",
        "default_bind 127.0.0.1",
        "local_certs",
        "skip_install_trust",
        &format!("https_port {}", place.port.number),
        &format!("http_port {}", other.number),
    ];
    let sites = place.adapted(example("caddyfile", part), &[]);
    let config = place.write("Caddyfile", &format!("{{\n{}\n}}\n{sites}", options.join("\n")));
    let mut caddy = place.command(&program);
    caddy.args(["run", "--adapter", "caddyfile", "--config"]).arg(config);
    Some(Site::start(place, &mut caddy, host, path, Some(CA_FILE)))
}

#[test]
fn people_use_a_wall_behind_caddy() {
    let Some(site) = start("wall.example", "wall.example", "/") else { return };
    play(&site);
}

#[test]
fn people_use_a_wall_under_a_path_behind_caddy() {
    let Some(site) = start("handle_path", "www.example", "/wall/") else { return };
    play(&site);
}

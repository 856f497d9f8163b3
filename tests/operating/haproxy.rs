//! HAProxy, as the document configures it.

use crate::example;
use crate::place::Place;
use crate::play::play;
use crate::site::{HERE, Site};
use crate::support::program::installed;

/// Starts it with the time-outs of Debian's configuration, or another for clients and servers that do nothing.
fn start(place: Place, sites: &str, idle: &str, host: &str, path: &str, ca: Option<&str>) -> Option<Site> {
    let program = installed("haproxy")?;
    let timeouts = format!("timeout connect 5000\ntimeout client {idle}\ntimeout server {idle}");
    let config = place.write("haproxy.cfg", &format!("defaults\nmode http\n{timeouts}\n{sites}"));
    let mut haproxy = place.command(&program);
    haproxy.arg("-db").arg("-f").arg(config);
    Some(Site::start(place, &mut haproxy, host, path, ca))
}

fn at_root(idle: &str) -> Option<Site> {
    let place = Place::new();
    place.certify();
    let bind = format!("bind 127.0.0.1:{} ssl", place.port.number);
    let both = place.path("both.pem").display().to_string();
    let replacements = [("bind :443 ssl", &*bind), ("/etc/haproxy/wall.example.pem", &both)];
    let sites = place.adapted(example("haproxy", "bind :443"), &replacements);
    start(place, &sites, idle, "wall.example", "/", Some("ca.pem"))
}

#[test]
fn people_use_a_wall_behind_haproxy() {
    let Some(site) = at_root("50000") else { return };
    play(&site);
}

#[test]
fn people_use_a_wall_under_a_path_behind_haproxy() {
    let place = Place::new();
    let bind = format!("bind 127.0.0.1:{}", place.port.number);
    let sites = place.adapted(example("haproxy", "bind :80"), &[("bind :80", &bind)]);
    let Some(site) = start(place, &sites, "50000", "localhost", "/wall/", None) else { return };
    play(&site);
}

#[test]
fn haproxy_keeps_the_connection_of_somebody_idle() {
    let Some(site) = at_root("7000") else { return };
    site.join(HERE, "Ada").stays_idle();
    drop(site);
    let Some(site) = at_root("2000") else { return };
    site.join(HERE, "Ada").sees_its_end();
}

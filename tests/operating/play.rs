//! What has to work behind every proxy.

use crate::poller::Poller;
use crate::site::{ELSEWHERE, HERE, Person, Site};

/// A site that nobody uses yet.
pub(crate) fn play(site: &Site) {
    the_page_is_whole(site);
    let (ada, ben) = people_see_what_others_write(site);
    foreign_pages_are_refused(site);
    addresses_are_counted_and_cannot_be_forged(site);
    a_polling_client_takes_part(site, ada, ben);
}

fn the_page_is_whole(site: &Site) {
    let (status, page) = site.get("", &[]);
    assert!(status == 200 && page.contains("<title>Typewall"), "{status} {page}");
    // The page makes the link from its own address. The server, which is on loopback, adds none.
    assert_eq!(site.get("invite?room=r", &[]), (200, "{\"links\":[]}\n".to_owned()));
    let link = format!("Typewall-Link: {}?room=r", site.url);
    let (status, code) = site.get("qr.svg", &["-H", &link]);
    assert!(status == 200 && code.contains("<svg"), "{status} {code}");
    if site.url.ends_with("/wall/") {
        assert_eq!(site.redirection(site.url.trim_end_matches('/')), site.url);
    }
}

fn people_see_what_others_write(site: &Site) -> (Person, Person) {
    let (mut ada, mut ben) = (site.join(HERE, "Ada"), site.join(HERE, "Ben"));
    for (text, answer) in [("H", "W"), ("He", "Wh"), ("Hey", "Who?")] {
        ada.write(text);
        ben.sees("Ada", text);
        ben.write(answer);
        ada.sees("Ben", answer);
    }
    (ada, ben)
}

fn foreign_pages_are_refused(site: &Site) {
    let own = site.origin();
    let [from, to] = if own.starts_with("https:") { ["https:", "http:"] } else { ["http:", "https:"] };
    let (evil, other_scheme) = (format!("{from}//evil.example"), own.replacen(from, to, 1));
    let forged_host = ("X-Forwarded-Host", "evil.example");
    let forged_scheme = ("X-Forwarded-Proto", to.trim_end_matches(':'));
    for origin in [evil, other_scheme] {
        for headers in [&[][..], &[forged_host, forged_scheme], &[forged_scheme]] {
            assert_eq!(site.open(ELSEWHERE, &origin, headers).err(), Some(403), "{origin} {headers:?}");
        }
    }
}

/// Two users are there from here.
fn addresses_are_counted_and_cannot_be_forged(site: &Site) {
    for name in ["X-Forwarded-For", "Forwarded", "X-Real-IP"] {
        let value = if name == "Forwarded" { "for=192.0.2.1" } else { "192.0.2.1" };
        let person = site.open(HERE, &site.origin(), &[(name, value)]).expect("a handshake");
        assert_eq!(person.closed(), 1013, "{name}");
    }
    site.join(ELSEWHERE, "Cleo").leave();
}

fn a_polling_client_takes_part(site: &Site, mut ada: Person, ben: Person) {
    let mut poller = Poller::open(site);
    poller.join("Dan");
    ada.sees_users(&["Ada", "Ben", "Dan"]);
    poller.write("Hello");
    ada.sees("Dan", "Hello");
    ada.write("Dan!");
    poller.sees("Dan!");
    ben.leave();
    ada.post_and_wait("all of us");
    poller.sees("all of us");
}

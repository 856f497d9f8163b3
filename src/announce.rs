//! What the program prints when it is ready: an overview for a person at a terminal, or plain lines for a log.

use anstyle_query::windows::enable_ansi_colors;
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use typewall::{HostKey, Names, network_origins, reachable, shows_unicode};

/// Black on white. These numbers of the palette are the same colours in a dark and in a light terminal, unlike the first
/// sixteen, which themes change.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";

/// The terminal's own colours again.
const RESET: &str = "\x1b[0m";

/// Where a server is reached, and by whom.
#[derive(Debug)]
struct Addresses {
    /// By this machine.
    own: SocketAddr,
    /// `http` or `https`.
    scheme: &'static str,
    /// By other machines, the most likely to work first: as the beginnings of links.
    network: Vec<String>,
    /// The end of a link that makes whoever opens it a host.
    host_fragment: Option<String>,
    /// By whatever reads metrics.
    metrics: Option<SocketAddr>,
}

/// What a terminal can show.
#[derive(Debug, Clone, Copy)]
struct Terminal {
    columns: u16,
    rows: u16,
    /// Whether it shows Unicode and colours.
    draws: bool,
}

/// Prints where the server is: for this machine, and for others if they can reach it. Also the links that make whoever
/// opens them a host. They are printed for a service too, because its operator needs them. `names` are those of the
/// certificate, if connections are encrypted.
pub(crate) fn announce(
    listen: SocketAddr,
    names: Option<&Names>,
    metrics: Option<SocketAddr>,
    host_key: Option<&HostKey>,
) {
    let addresses = Addresses {
        own: reachable(listen),
        scheme: if names.is_some() { "https" } else { "http" },
        network: network_origins(listen, names),
        host_fragment: host_key.map(HostKey::fragment),
        metrics: metrics.map(reachable),
    };
    let text = match io::stdout().is_terminal() {
        true => overview(&addresses, Terminal::of_stdout()),
        false => lines(&addresses),
    };
    // The server runs on if standard output is closed.
    let _ = io::stdout().write_all(text.as_bytes());
}

/// One line for each link. Programs read them, so they stay as they are.
fn lines(addresses: &Addresses) -> String {
    let Addresses { own, scheme, network, host_fragment, metrics } = addresses;
    let own = &format!("{scheme}://{own}");
    let mut lines = format!("Typewall is at {own}\n");
    for origin in network {
        lines += &format!("On this network: {origin}\n");
    }
    if let Some(fragment) = host_fragment {
        for origin in [own].into_iter().chain(network) {
            lines += &format!("Host: {origin}/{fragment}\n");
        }
    }
    lines + &metrics_line(*metrics)
}

/// The same for a person, with a code for phones.
fn overview(addresses: &Addresses, terminal: Terminal) -> String {
    let Addresses { own, network, host_fragment, metrics, .. } = addresses;
    let mut text = format!("Typewall is at {}\n", own_link(addresses));
    if network.is_empty() {
        text += &format!("Only this computer can connect; --listen 0.0.0.0:{} lets others in.\n", own.port());
    } else {
        text += "On this network:\n";
    }
    for origin in network {
        text += &format!("  {origin}/\n");
    }
    if let Some(fragment) = host_fragment {
        // Also right on another machine, such as a phone or the laptop from which a server is run.
        let page = network.first().map_or_else(|| own_link(addresses), |origin| format!("{origin}/"));
        text += &format!("Host link, to run the rooms; keep it secret:\n  {page}{fragment}\n");
    }
    text += &metrics_line(*metrics);
    if let Some(code) = network.first().and_then(|origin| code(&format!("{origin}/"), terminal)) {
        text += "Scan to join, with the camera of a phone:\n";
        text += &code;
    }
    text + "Press Ctrl-C to stop.\n"
}

fn metrics_line(metrics: Option<SocketAddr>) -> String {
    metrics.map(|address| format!("Metrics: http://{address}/metrics\n")).unwrap_or_default()
}

/// The link for this machine, with the name that people know if it means this address.
fn own_link(Addresses { own, scheme, .. }: &Addresses) -> String {
    let is_localhost = match own.ip() {
        IpAddr::V4(v4) => v4 == Ipv4Addr::LOCALHOST,
        IpAddr::V6(v6) => v6 == Ipv6Addr::LOCALHOST,
    };
    if is_localhost { format!("{scheme}://localhost:{}/", own.port()) } else { format!("{scheme}://{own}/") }
}

/// The QR code of a link, if the terminal can show all of it at once.
fn code(link: &str, terminal: Terminal) -> Option<String> {
    // A screen is clean, so the lowest level of error correction does, and the code is small.
    let code = QrCode::with_error_correction_level(link, EcLevel::L).ok()?;
    let drawn = code.render::<Dense1x2>().build();
    let columns = drawn.lines().next()?.chars().count();
    let fits = columns <= terminal.columns.into() && drawn.lines().count() < terminal.rows.into();
    let lines = drawn.lines().map(|line| format!("{BLACK_ON_WHITE}{line}{RESET}\n"));
    (terminal.draws && fits).then(|| lines.collect())
}

impl Terminal {
    /// The terminal that is standard output.
    fn of_stdout() -> Self {
        let size = terminal_size::terminal_size_of(io::stdout());
        let (columns, rows) = size.map_or((0, 0), |(columns, rows)| (columns.0, rows.0));
        Self { columns, rows, draws: has_colours() && shows_unicode() }
    }
}

/// Whether the terminal has colours, and its user wants them. On Windows, they have to be turned on.
fn has_colours() -> bool {
    let has_them = enable_ansi_colors().unwrap_or_else(anstyle_query::term_supports_ansi_color);
    has_them && !anstyle_query::no_color()
}

#[cfg(test)]
mod tests {
    use super::*;
    use qrcode::Color;

    const WIDE: Terminal = Terminal { columns: 120, rows: 50, draws: true };

    fn addresses(own: &str, network: &[&str]) -> Addresses {
        Addresses {
            own: own.parse().unwrap(),
            scheme: "http",
            network: network.iter().map(|address| format!("http://{address}")).collect(),
            host_fragment: Some("#host=k".to_owned()),
            metrics: None,
        }
    }

    fn on_a_network() -> Addresses {
        addresses("127.0.0.1:8080", &["192.168.1.20:8080", "[fd00::2]:8080"])
    }

    /// The modules of a drawn code, row by row: whether each is dark.
    fn modules(drawn: &str) -> Vec<Vec<bool>> {
        let rows = drawn.lines().flat_map(|line| {
            let cells = line.strip_prefix(BLACK_ON_WHITE).and_then(|line| line.strip_suffix(RESET));
            let cells: Vec<char> = cells.expect("black on white up to its end").chars().collect();
            let [upper, lower] = [['▀', '█'], ['▄', '█']];
            [upper, lower].map(|dark| cells.iter().map(|cell| dark.contains(cell)).collect())
        });
        rows.collect()
    }

    #[test]
    fn a_terminal_is_told_every_link_and_how_to_stop() {
        let metrics = Some("127.0.0.1:9464".parse().unwrap());
        let addresses = Addresses { metrics, ..on_a_network() };
        let text = overview(&addresses, Terminal { draws: false, ..WIDE });
        let expected = "Typewall is at http://localhost:8080/\n\
                        On this network:\n  http://192.168.1.20:8080/\n  http://[fd00::2]:8080/\n\
                        Host link, to run the rooms; keep it secret:\n  http://192.168.1.20:8080/#host=k\n\
                        Metrics: http://127.0.0.1:9464/metrics\n\
                        Press Ctrl-C to stop.\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn links_of_an_encrypted_server_say_so() {
        let network = vec!["https://wall.example".to_owned()];
        let addresses = Addresses { scheme: "https", network, ..on_a_network() };
        assert_eq!(
            lines(&addresses),
            "Typewall is at https://127.0.0.1:8080\nOn this network: https://wall.example\n\
             Host: https://127.0.0.1:8080/#host=k\nHost: https://wall.example/#host=k\n"
        );
        let text = overview(&addresses, Terminal { draws: false, ..WIDE });
        for link in
            ["at https://localhost:8080/\n", "  https://wall.example/\n", "  https://wall.example/#host=k\n"]
        {
            assert!(text.contains(link), "{text}");
        }
        assert!(!text.contains("http:"), "{text}");
    }

    #[test]
    fn without_a_network_there_is_advice_and_no_code() {
        for (own, link) in
            [("127.0.0.1:80", "localhost:80"), ("[::1]:80", "localhost:80"), ("127.0.0.2:80", "127.0.0.2:80")]
        {
            let text = overview(&addresses(own, &[]), WIDE);
            assert!(
                text.starts_with(&format!(
                    "Typewall is at http://{link}/\nOnly this computer can connect; --listen 0.0.0.0:80 "
                )),
                "{text}"
            );
            assert!(text.contains(&format!("  http://{link}/#host=k\n")) && !text.contains('▀'), "{text}");
        }
    }

    #[test]
    fn the_code_is_that_of_the_first_link_with_a_margin() {
        let text = overview(&on_a_network(), WIDE);
        let (before, _) = text.split_once(BLACK_ON_WHITE).expect("a code");
        let drawn = text.strip_prefix(before).and_then(|rest| rest.strip_suffix("Press Ctrl-C to stop.\n"));
        let link = "http://192.168.1.20:8080/";
        let code = QrCode::with_error_correction_level(link, EcLevel::L).unwrap();
        let (side, margin) = (code.width(), 4);
        let is_dark = |x: usize, y: usize| {
            let inside = (margin..margin + side).contains(&x) && (margin..margin + side).contains(&y);
            inside && code[(x - margin, y - margin)] == Color::Dark
        };
        let width = side + 2 * margin;
        // Two rows of modules share a line, so there is one more than the odd number of rows.
        let expected: Vec<Vec<bool>> =
            (0..=width).map(|y| (0..width).map(|x| is_dark(x, y)).collect()).collect();
        assert_eq!(modules(drawn.expect("the rest is the code")), expected);
    }

    #[test]
    fn a_code_that_does_not_fit_is_left_out() {
        let fits =
            |columns, rows| code("http://192.168.1.20:8080/", Terminal { columns, rows, ..WIDE }).is_some();
        assert!(fits(33, 18) && !fits(32, 18) && !fits(33, 17), "25 modules and a margin of 4");
        assert!(fits(80, 24));
    }
}

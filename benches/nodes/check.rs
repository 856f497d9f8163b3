//! The tests of the bench itself, without a server. `cargo test --benches` runs them.

use crate::plan::{Setup, setups};

/// Runs all checks. The error says what the bench gets wrong.
pub(crate) fn check() -> Result<(), String> {
    let setups: Vec<Setup> = [false, true].into_iter().flat_map(setups).collect();
    setups.iter().try_for_each(|setup| check_setup(setup, &setups))
}

/// A setup has a process for every client, and a baseline with as many clients that type as much.
fn check_setup(setup: &Setup, setups: &[Setup]) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("The bench is wrong about {what}: {}.", setup.name));
    let scenario = &setup.scenario;
    if (0..scenario.clients).any(|client| scenario.node(client) >= setup.servers()) {
        return wrong("the nodes of clients");
    }
    if setup.alone.is_some_and(|node| (0..scenario.clients).all(|client| scenario.node(client) != node)) {
        return wrong("who is measured");
    }
    let Some(name) = &setup.baseline else { return Ok(()) };
    let is_same = |other: &&Setup| {
        other.name == *name
            && other.nodes.is_none()
            && other.updates() == setup.updates()
            && other.scenario.clients == scenario.clients
    };
    if setups.iter().any(|other| is_same(&other)) { Ok(()) } else { wrong("what it is compared with") }
}

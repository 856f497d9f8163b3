//! The certificate is read again when its files change.

use crate::encrypted::Wall;
use crate::support::wait_until;

#[test]
fn new_connections_get_a_new_certificate_and_old_ones_go_on() {
    let wall = Wall::start();
    let mut ada = wall.join("r", "Ada");
    let serial = || wall.authority.serial(wall.server.address);
    assert_eq!(serial(), 1);
    wall.authority.issue(2);
    wait_until("the new certificate", || serial() == 2);
    let mut ben = wall.join("r", "Ben");
    ada.write("still here");
    ben.sees("Ada", "still here");
}

//! What a client does for a program that keeps its own time, over a virtual platform.

use super::virtual_world::{Fake, REPORT, authenticated, no_delivery, since};
use core::time::Duration;

#[test]
fn a_whole_wait_is_taken_with_and_without_answers() {
    let world = Fake::default();
    let client = authenticated(&world);
    let start = world.0.borrow().now;
    client.run_whole(Duration::from_millis(300), &mut no_delivery);
    assert_eq!(since(&world, start), 300);

    let mut delivered = 0;
    for user in 0..2 {
        client.send(&REPORT, user).unwrap();
    }
    client.run_whole(Duration::from_millis(300), &mut |_| delivered += 1);
    assert_eq!((delivered, since(&world, start)), (2, 600));

    client.close();
    client.run_whole(Duration::from_millis(300), &mut no_delivery);
    assert_eq!(since(&world, start), 600);
}

//! The client for programs that keep their own time: those that wait in a loop of their own, and those whose
//! only pause is the client's.

use super::driver::{Client, Delivery};
use super::platform::Platform;
use core::time::Duration;

impl<P: Platform, U> Client<P, U> {
    /// As [`run`](Self::run), but takes the whole of `wait`, also when there is nothing left to wait for. Ends
    /// early only when the client is closed.
    pub fn run_whole(&self, wait: Duration, deliver: &mut dyn FnMut(Delivery<'_, U>)) {
        let mut now = self.platform.now();
        let end = now + wait;
        while now < end && !self.is_closed() {
            self.run(end.since(now), deliver);
            now = self.platform.now();
        }
    }
}

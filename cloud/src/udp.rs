//! CoAP over UDP: plain and symmetric devices alike.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::endpoint::{Endpoint, Namespace, Transport};
use crate::port::{Command, Server, Wire};
use crate::service::Service;

pub(crate) struct UdpServer {
    transport: Transport,
    wire: Arc<dyn Wire>,
    service: Service,
}

impl UdpServer {
    pub(crate) fn new(transport: Transport, wire: Arc<dyn Wire>, service: Service) -> Self {
        UdpServer {
            transport,
            wire,
            service,
        }
    }
}

impl Server for UdpServer {
    fn datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        let endpoint = Endpoint {
            transport: self.transport,
            peer: from,
            session: 0,
        };
        let among = Namespace::Endpoint(endpoint);
        for reply in self.service.receive(now, endpoint, among, None, datagram) {
            self.wire.send(from, &reply);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.service.deadline()
    }

    fn expire(&mut self, now: Instant) {
        for (to, datagram) in self.service.expire(now) {
            self.wire.send(to.peer, &datagram);
        }
    }

    fn obey(&mut self, _now: Instant, command: &Command) {
        match command {
            Command::Restart(_) => self.service.restart(),
            // Plain UDP has none.
            Command::EndSessions(_) => {}
        }
    }
}

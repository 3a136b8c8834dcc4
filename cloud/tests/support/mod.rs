//! A device made of raw sockets: what the tests send is what they wrote.
#![allow(unreachable_pub, reason = "shared by several test crates")]
#![allow(dead_code, reason = "every test file uses its own part")]

pub mod dtls;

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use coap_lite::{CoapOption, MessageClass, MessageType, Packet};
use iotx_cloud::{Builder, Cloud, Code};
use iotx_coap::cloud_auth::{SignMethod, sign_parameters};

pub const PK: &str = "a1B2c3D4e5F";
pub const DN: &str = "dev01";
pub const DS: &str = "0123456789abcdef0123456789ABCDEF";
pub const CLIENT: &str = "a1B2c3D4e5F.dev01";

/// Bounds failures only: nothing waits this long unless it is broken.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn cloud() -> Builder {
    Cloud::builder()
        .device(PK, DN, DS)
        .udp("127.0.0.1:0")
        .symmetric("127.0.0.1:0")
}

/// A way to send and receive datagrams or messages.
pub trait Link {
    fn send(&mut self, message: &[u8]);
    /// Panics when nothing comes.
    fn receive(&mut self) -> Vec<u8>;

    fn receive_packet(&mut self) -> Packet {
        Packet::from_bytes(&self.receive()).expect("a CoAP message")
    }

    /// Sends a request and reads one message, which must be its piggy-backed answer.
    fn ask(&mut self, request: &Packet) -> Packet {
        self.send(&bytes(request));
        let answer = self.receive_packet();
        assert_eq!(answer.header.get_type(), MessageType::Acknowledgement);
        assert_eq!(answer.header.message_id, request.header.message_id);
        assert_eq!(answer.get_token(), request.get_token());
        answer
    }
}

pub struct Udp(pub UdpSocket);

impl Udp {
    pub fn to(address: SocketAddr) -> Self {
        let local = if address.is_ipv4() {
            "127.0.0.1:0"
        } else {
            "[::1]:0"
        };
        let socket = UdpSocket::bind(local).unwrap();
        socket.connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Udp(socket)
    }
}

impl Link for Udp {
    fn send(&mut self, message: &[u8]) {
        self.0.send(message).unwrap();
    }

    fn receive(&mut self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        let len = self.0.recv(&mut buffer).expect("an answer in time");
        buffer[..len].to_vec()
    }
}

pub fn bytes(packet: &Packet) -> Vec<u8> {
    packet.to_bytes().unwrap()
}

pub fn code(packet: &Packet) -> Code {
    Code(packet.header.code.into())
}

pub fn text(packet: &Packet) -> &str {
    std::str::from_utf8(&packet.payload).unwrap()
}

pub fn option(packet: &Packet, number: u16) -> Option<&[u8]> {
    packet
        .get_first_option(CoapOption::from(number))
        .map(Vec::as_slice)
}

/// A confirmable POST; the token is made from the id.
pub fn post(id: u16, path: &str) -> Packet {
    let mut packet = Packet::new();
    packet.header.set_version(1);
    packet.header.set_type(MessageType::Confirmable);
    packet.header.code = MessageClass::from(2);
    packet.header.message_id = id;
    packet.set_token(vec![id as u8, 2, 3, 4]);
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        packet.add_option(CoapOption::UriPath, segment.into());
    }
    packet
}

/// With content format and Accept as every release of the SDK sends them.
pub fn auth(id: u16, parameters: &[(&str, &str)]) -> Packet {
    let mut packet = post(id, "/auth");
    packet.add_option(CoapOption::ContentFormat, vec![50]);
    packet.add_option(CoapOption::Accept, vec![50]);
    packet.payload = json(parameters).into_bytes();
    packet
}

pub fn json(parameters: &[(&str, &str)]) -> String {
    let members: Vec<_> = parameters
        .iter()
        .map(|(n, v)| format!("\"{n}\":\"{v}\""))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// The parameters of the demo device with more ones added, and signed.
pub fn signed<'a>(extra: &[(&'a str, &'a str)]) -> Vec<(&'a str, String)> {
    signed_for(DN, DS, extra)
}

pub fn signed_for<'a>(dn: &str, ds: &str, extra: &[(&'a str, &'a str)]) -> Vec<(&'a str, String)> {
    let client = format!("{PK}.{dn}");
    let mut all = vec![
        ("productKey", PK),
        ("deviceName", dn),
        ("clientId", &client),
    ];
    all.extend(extra);
    let method = extra.iter().find(|(name, _)| *name == "signmethod");
    let method = method.map_or(SignMethod::HmacMd5, |(_, m)| {
        SignMethod::from_name(m).unwrap()
    });
    let sign = sign_parameters(method, ds.as_bytes(), all.iter().copied());
    let mut owned = vec![
        ("productKey", PK.to_owned()),
        ("deviceName", dn.to_owned()),
        ("clientId", client.clone()),
    ];
    owned.extend(
        extra
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    owned.push(("sign", sign.as_str().to_owned()));
    owned
}

pub fn signed_auth(id: u16, extra: &[(&str, &str)]) -> Packet {
    signed_auth_for(id, DN, DS, extra)
}

pub fn signed_auth_for(id: u16, dn: &str, ds: &str, extra: &[(&str, &str)]) -> Packet {
    let all = signed_for(dn, ds, extra);
    let all: Vec<_> = all
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    auth(id, &all)
}

/// Authenticates and returns the cloud's token.
pub fn token(link: &mut impl Link, id: u16) -> String {
    let answer = link.ask(&signed_auth(id, &[]));
    assert_eq!(code(&answer), Code::CONTENT, "{}", text(&answer));
    member(&answer, "token")
}

pub fn member(answer: &Packet, name: &str) -> String {
    let value: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
    value[name].as_str().expect("a text").to_owned()
}

/// A post as SDK 2.x and 3.x write it: JSON, Accept 42, token in the option of this number.
pub fn report(id: u16, path: &str, number: u16, token: &str, payload: &[u8]) -> Packet {
    let mut packet = post(id, path);
    packet.add_option(CoapOption::ContentFormat, vec![50]);
    packet.add_option(CoapOption::Accept, vec![42]);
    packet.add_option(CoapOption::from(number), token.into());
    packet.payload = payload.to_vec();
    packet
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|d| d as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

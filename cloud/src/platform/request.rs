//! A request, read from the decoded message: path, formats, token, sequence number.

use coap_lite::{CoapOption, MessageClass, Packet};

use super::refusal::Refusal;

/// Option 61: the token, on the hosts of 2017.
pub const OPTION_TOKEN_61: u16 = 61;
/// Option 2088: the token, on the hosts since late 2018.
pub const OPTION_TOKEN_2088: u16 = 2088;
/// Option 2089: the encrypted sequence number of a symmetric session.
pub const OPTION_SEQ: u16 = 2089;
/// Option 2090: the cloud's id of an accepted post.
pub const OPTION_MESSAGE_ID: u16 = 2090;

const POST: u8 = 2;

const URI_HOST: u16 = 3;
const URI_PORT: u16 = 7;
const URI_PATH: u16 = 11;
const CONTENT_FORMAT: u16 = 12;
const URI_QUERY: u16 = 15;
const ACCEPT: u16 = 17;

/// application/octet-stream
pub(crate) const OCTET_STREAM: u16 = 42;
/// application/json
pub(crate) const JSON: u16 = 50;
/// application/cbor
pub(crate) const CBOR: u16 = 60;

/// Which option carries the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenOption {
    /// Either: this cloud is every host at once.
    #[default]
    Both,
    /// 61 only, as `*.iot-as-coap.*`.
    Only61,
    /// 2088 only, as `*.coap.*.link.*`.
    Only2088,
}

impl TokenOption {
    fn accepts(self, number: u16) -> bool {
        match self {
            TokenOption::Both => matches!(number, OPTION_TOKEN_61 | OPTION_TOKEN_2088),
            TokenOption::Only61 => number == OPTION_TOKEN_61,
            TokenOption::Only2088 => number == OPTION_TOKEN_2088,
        }
    }
}

/// Where a post's token was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPlace {
    /// In the option of this number.
    Option(u16),
    /// In the query, `?token=…`.
    Query,
}

/// One request.
pub struct Request {
    packet: Packet,
    path: Vec<String>,
    bad_option: Option<u16>,
}

impl Request {
    /// Reads a decoded message; the caller has made sure that it is a request.
    pub(crate) fn parse(packet: Packet, accepted: TokenOption) -> Self {
        let bad_option = first_bad_option(&packet, accepted);
        let segments = packet.get_option(CoapOption::UriPath);
        let path = segments
            .into_iter()
            .flatten()
            .map(|segment| String::from_utf8_lossy(segment).into_owned())
            .collect();
        Request {
            packet,
            path,
            bad_option,
        }
    }

    /// Complains about the first critical option that is unknown, repeated against its definition,
    /// or malformed (RFC 7252 sections 5.4.1, 5.4.3, 5.4.5).
    pub(crate) fn check_options(&self) -> Result<(), Refusal> {
        self.bad_option
            .map_or(Ok(()), |number| Err(Refusal::UnsupportedOption(number)))
    }

    /// Complains about everything but a POST, the only method that the cloud knows.
    pub(crate) fn check_method(&self) -> Result<(), Refusal> {
        (self.method() == POST)
            .then_some(())
            .ok_or(Refusal::MethodNotAllowed)
    }

    /// The method code: 1 GET, 2 POST, 3 PUT, 4 DELETE.
    pub fn method(&self) -> u8 {
        u8::from(self.packet.header.code)
    }

    /// The path's segments.
    pub fn segments(&self) -> &[String] {
        &self.path
    }

    /// The path as one text with a leading slash and without the query.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for segment in &self.path {
            path.push('/');
            path.push_str(segment);
        }
        if path.is_empty() { "/".into() } else { path }
    }

    /// Payload, as it came.
    pub fn payload(&self) -> &[u8] {
        &self.packet.payload
    }

    /// Content-Format, if given and readable.
    pub fn content_format(&self) -> Option<u16> {
        self.uint(CONTENT_FORMAT)
    }

    /// Accept, if given.
    pub fn accept(&self) -> Option<u16> {
        self.uint(ACCEPT)
    }

    /// First value of an option.
    pub fn option(&self, number: u16) -> Option<&[u8]> {
        self.packet
            .get_first_option(CoapOption::from(number))
            .map(Vec::as_slice)
    }

    /// The token: from an accepted option, else from the query. Of two options the newer wins.
    pub(crate) fn token(&self, accepted: TokenOption) -> Option<(&[u8], TokenPlace)> {
        [OPTION_TOKEN_2088, OPTION_TOKEN_61]
            .into_iter()
            .filter(|number| accepted.accepts(*number))
            .find_map(|number| Some((self.option(number)?, TokenPlace::Option(number))))
            .or_else(|| Some((self.query(b"token=")?, TokenPlace::Query)))
    }

    /// The encrypted sequence number: from option 2089, else, in hex, from the query.
    pub(crate) fn seq(&self) -> Option<Vec<u8>> {
        if let Some(value) = self.option(OPTION_SEQ) {
            return Some(value.to_vec());
        }
        // How a binary value is written in the query is not documented (?): hex is assumed.
        let text = self.query(b"seq=")?;
        Some(unhex(text).unwrap_or_default())
    }

    fn query(&self, name: &[u8]) -> Option<&[u8]> {
        let queries = self.packet.get_option(CoapOption::UriQuery)?;
        queries.iter().find_map(|query| query.strip_prefix(name))
    }

    fn uint(&self, number: u16) -> Option<u16> {
        let value = self.option(number)?;
        (value.len() <= 2).then(|| {
            value
                .iter()
                .fold(0, |sum, byte| sum << 8 | u16::from(*byte))
        })
    }
}

fn first_bad_option(packet: &Packet, accepted: TokenOption) -> Option<u16> {
    packet
        .options()
        // An option whose values have all been removed is not there.
        .filter(|(number, values)| *number & 1 == 1 && !values.is_empty())
        .find(|(number, values)| {
            let sound = match **number {
                URI_PATH => return !values.iter().all(|v| v.len() <= 255 && is_utf8(v)),
                URI_QUERY => return !values.iter().all(|v| v.len() <= 255),
                URI_HOST => values
                    .iter()
                    .all(|v| (1..=255).contains(&v.len()) && is_utf8(v)),
                URI_PORT | ACCEPT => values.iter().all(|v| v.len() <= 2),
                OPTION_TOKEN_61 => accepted.accepts(OPTION_TOKEN_61),
                OPTION_SEQ => true,
                _ => false,
            };
            // A repeated option that must not repeat counts as unknown.
            !sound || values.len() > 1
        })
        .map(|(number, _)| *number)
}

fn is_utf8(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok()
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.chunks(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

impl std::fmt::Debug for Request {
    /// Leaves the options and the payload out: they hold tokens and signs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = MessageClass::from(self.method());
        write!(
            f,
            "Request({code} {}, {} bytes)",
            self.path(),
            self.payload().len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Options<'a> = &'a [(u16, &'a [u8])];

    fn packet(options: Options<'_>) -> Packet {
        let mut packet = Packet::new();
        packet.header.code = MessageClass::from(2);
        for (number, value) in options {
            packet.add_option(CoapOption::from(*number), value.to_vec());
        }
        packet
    }

    fn read(options: Options<'_>) -> Result<Request, Refusal> {
        let request = Request::parse(packet(options), TokenOption::Both);
        request.check_options().map(|()| request)
    }

    #[test]
    fn reads_path_formats_and_token() {
        let request = read(&[
            (3, b"host"),
            (7, b"\x16\x33"),
            (11, b"topic"),
            (11, b"a"),
            (12, b"\x32"),
            (17, b"\x00\x3c"),
            (61, b"old"),
            (2088, b"new"),
            (2089, b"0123456789abcdef"),
        ])
        .unwrap();
        assert_eq!(request.path(), "/topic/a");
        assert_eq!(request.content_format(), Some(JSON));
        assert_eq!(request.accept(), Some(CBOR));
        let token = request.token(TokenOption::Both).unwrap();
        assert_eq!(token, (&b"new"[..], TokenPlace::Option(2088)));
        let token = request.token(TokenOption::Only61).unwrap();
        assert_eq!(token, (&b"old"[..], TokenPlace::Option(61)));
        assert_eq!(request.seq().unwrap(), b"0123456789abcdef");
    }

    #[test]
    fn options_win_over_the_query() {
        let query: Options<'_> = &[(15, b"x=1"), (15, b"token=q"), (15, b"seq=00fF")];
        let request = read(query).unwrap();
        assert_eq!(
            request.token(TokenOption::Both),
            Some((&b"q"[..], TokenPlace::Query))
        );
        assert_eq!(request.seq(), Some(vec![0, 255]));
        let request = read(&[query, &[(61, b"o"), (2089, b"s")]].concat()).unwrap();
        let token = request.token(TokenOption::Both).unwrap();
        assert_eq!(token, (&b"o"[..], TokenPlace::Option(61)));
        assert_eq!(request.seq(), Some(b"s".to_vec()));
        // Not hex: present, but nothing that would decrypt.
        assert_eq!(read(&[(15, b"seq=0g")]).unwrap().seq(), Some(vec![]));
    }

    #[test]
    fn critical_options_must_be_known_single_and_sound() {
        let bad: [(u16, Options<'_>); 10] = [
            (9, &[(9, b"")]),
            (23, &[(11, b"a"), (23, b"\x06")]),
            (27, &[(27, b"\x06")]),
            (35, &[(35, b"coap://x")]),
            (2087, &[(2087, b"x")]),
            (17, &[(17, b"\x32"), (17, b"\x3c")]),
            (17, &[(17, b"\x00\x00\x32")]),
            (61, &[(61, b"a"), (61, b"b")]),
            (11, &[(11, b"\xff")]),
            (3, &[(3, b"")]),
        ];
        for (number, options) in bad {
            let refusal = read(options).unwrap_err();
            assert_eq!(refusal, Refusal::UnsupportedOption(number));
        }
        let refused = Request::parse(packet(&[(61, b"t")]), TokenOption::Only2088);
        assert_eq!(refused.check_options(), Err(Refusal::UnsupportedOption(61)));
    }

    #[test]
    fn elective_options_never_hurt() {
        let request = read(&[
            (4, b"etag"),
            (12, b"\x00\x00\x32"),
            (60, b"\x01"),
            (2090, b"x"),
        ])
        .unwrap();
        assert_eq!(request.content_format(), None);
        assert_eq!(request.path(), "/");
    }

    #[test]
    fn debug_shows_neither_token_nor_payload() {
        let mut packet = packet(&[(61, b"s3cr3t"), (15, b"token=s3cr3t")]);
        packet.payload = b"s3cr3t".to_vec();
        let request = Request::parse(packet, TokenOption::Both);
        assert!(!format!("{request:?}").contains("s3cr3t"));
    }
}

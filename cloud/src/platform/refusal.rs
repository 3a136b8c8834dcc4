//! Every reason to refuse a request, with its code and text: the one table of "code, cause".

use crate::code::Code;

/// Why a request was refused.
///
/// The [`code`](Refusal::code) of each follows the vendor's documents where they say; the choices
/// made where they do not are explained at the variants and in the README.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// 4.00: `/auth` without a payload.
    NoPayload,
    /// 4.00: the payload is not one JSON object or CBOR map of texts and numbers.
    BrokenPayload(&'static str),
    /// 4.00: a required parameter is missing or empty.
    MissingParameter(&'static str),
    /// 4.00: `clientId` is longer than 64 characters.
    ClientIdTooLong,
    /// 4.00: `signmethod` is none of the three.
    UnknownSignMethod,
    /// 4.00: `seq` or `ackMode` is not a number in its range.
    BadParameter(&'static str),
    /// 4.00: the topic has wildcards or empty levels.
    BadTopic,
    /// 4.00: the payload of a symmetric session does not decrypt.
    PayloadUndecipherable,
    /// 4.00: the sequence number is below the session's `seqOffset`. Not 4.02, although it comes
    /// in an option: that code tells a device to try the other token option, in vain here.
    SeqTooSmall,
    /// 4.00: the sequence number has been used with this token: a replay.
    SeqRepeated,
    /// 4.01: no such device.
    UnknownDevice,
    /// 4.01: `sign` is not what the device's secret gives.
    WrongSign,
    /// 4.01: the token was not issued here, or has been altered.
    TokenUnknown,
    /// 4.01: the token's life is over.
    TokenExpired,
    /// 4.01: the token is another device's: the DTLS session or the topic names somebody else.
    TokenOfOther,
    /// 4.01: the device has been disabled since it got the token; `/auth` will then say 4.03.
    TokenRevoked,
    /// 4.02: a critical option that is not understood (RFC 7252 section 5.4.1).
    UnsupportedOption(u16),
    /// 4.02: no token in any accepted place.
    TokenMissing,
    /// 4.02: no token has this length.
    TokenLength,
    /// 4.02: a symmetric session's request without option 2089.
    SeqMissing,
    /// 4.02: option 2089 does not decrypt to a number.
    SeqUnreadable,
    /// 4.03: the device is disabled.
    DeviceDisabled,
    /// 4.03: the DTLS session was opened with another device's pre-shared key.
    OtherDevicesSession,
    /// 4.04: no such path.
    NotFound,
    /// 4.04: the device may not publish to this topic. The documents list 4.03 for `/auth` only;
    /// of the codes listed for posts, "the path does not exist" is the one that fits.
    TopicNotPermitted,
    /// 4.05: another method than POST.
    MethodNotAllowed,
    /// 4.06: Accept names another format than JSON or CBOR (for posts also octet-stream).
    NotAcceptable,
    /// 4.14: the topic has more than 128 characters.
    TopicTooLong,
    /// 4.15: Content-Format is missing or neither JSON nor CBOR.
    UnsupportedFormat,
    /// 4.29: the device exceeds its rate.
    TooManyRequests,
    /// 5.00: the authentication backend is switched to overload.
    Overload,
}

impl Refusal {
    /// The code of the answer.
    pub fn code(&self) -> Code {
        use Refusal::*;
        match self {
            NoPayload
            | BrokenPayload(_)
            | MissingParameter(_)
            | ClientIdTooLong
            | UnknownSignMethod
            | BadParameter(_)
            | BadTopic
            | PayloadUndecipherable
            | SeqTooSmall
            | SeqRepeated => Code::BAD_REQUEST,
            UnknownDevice | WrongSign | TokenUnknown | TokenExpired | TokenOfOther
            | TokenRevoked => Code::UNAUTHORIZED,
            UnsupportedOption(_) | TokenMissing | TokenLength | SeqMissing | SeqUnreadable => {
                Code::BAD_OPTION
            }
            DeviceDisabled | OtherDevicesSession => Code::FORBIDDEN,
            NotFound | TopicNotPermitted => Code::NOT_FOUND,
            MethodNotAllowed => Code::METHOD_NOT_ALLOWED,
            NotAcceptable => Code::NOT_ACCEPTABLE,
            TopicTooLong => Code::TOPIC_TOO_LONG,
            UnsupportedFormat => Code::UNSUPPORTED_FORMAT,
            TooManyRequests => Code::TOO_MANY_REQUESTS,
            Overload => Code::INTERNAL_ERROR,
        }
    }

    /// The payload of the answer. Which devices exist is not told apart from wrong signs; the
    /// observer sees the difference.
    pub fn text(&self) -> String {
        use Refusal::*;
        match self {
            NoPayload => "no payload".into(),
            BrokenPayload(why) => format!("invalid payload: {why}"),
            MissingParameter(name) => format!("missing parameter: {name}"),
            ClientIdTooLong => "clientId longer than 64 characters".into(),
            UnknownSignMethod => "unknown signmethod".into(),
            BadParameter(name) => format!("invalid parameter: {name}"),
            BadTopic => "invalid topic".into(),
            PayloadUndecipherable => "payload cannot be decrypted".into(),
            SeqTooSmall => "seq too small".into(),
            SeqRepeated => "seq repeated".into(),
            UnknownDevice | WrongSign => "authentication failed".into(),
            TokenUnknown | TokenOfOther | TokenRevoked => "token invalid".into(),
            TokenExpired => "token expired".into(),
            UnsupportedOption(number) => format!("unsupported critical option {number}"),
            TokenMissing => "token missing".into(),
            TokenLength => "token has a wrong length".into(),
            SeqMissing => "seq missing".into(),
            SeqUnreadable => "seq cannot be decrypted".into(),
            DeviceDisabled | OtherDevicesSession => "device forbidden".into(),
            NotFound => "404 not found".into(),
            TopicNotPermitted => "topic not found".into(),
            MethodNotAllowed => "POST".into(),
            NotAcceptable | UnsupportedFormat => "application/json or application/cbor".into(),
            TopicTooLong => "topic longer than 128 characters".into(),
            TooManyRequests => "too many requests".into(),
            Overload => "authentication server error".into(),
        }
    }

    /// The variant's name, for logs and filters.
    pub fn name(&self) -> String {
        let debug = format!("{self:?}");
        debug.split('(').next().unwrap_or_default().to_owned()
    }
}

//! Requests as the message layer holds them, on the way in and on the way out.

use super::reader::{Datagram, FormatError, HEADER_LEN, MessageType};
use super::request::RequestHead;
use super::token::Token;
use core::fmt;
use zeroize::Zeroizing;

/// A request to be taken by the message layer. Not to be printed: the payload may be anything.
pub struct Submission<'a, U> {
    /// Confirmable, or Non-confirmable.
    pub message_type: MessageType,
    /// Code, token placeholder and options.
    pub head: &'a RequestHead,
    /// Payload; empty for none.
    pub payload: &'a [u8],
    /// Whatever the owner ties to the request; comes back with its end.
    pub user: U,
}

/// A request in its encoded form, with what identifies it. Wiped when dropped.
pub struct EncodedRequest {
    pub(super) number: u32,
    pub(super) message_type: MessageType,
    pub(super) message_id: Option<u16>,
    /// The message id before that, where a repetition came too late to go out under it: what the peer says
    /// about it still counts.
    pub(super) former_id: Option<u16>,
    pub(super) token: u32,
    pub(super) transmissions: u32,
    pub(super) requeues: u8,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

impl EncodedRequest {
    /// One to be written over.
    pub(super) fn blank() -> Self {
        Self {
            number: 0,
            message_type: MessageType::Confirmable,
            message_id: None,
            former_id: None,
            token: 0,
            transmissions: 0,
            requeues: 0,
            bytes: Zeroizing::default(),
        }
    }

    /// Makes it a new request, of the bytes that it has been given.
    pub(super) fn begin(&mut self, message_type: MessageType, token: u32) {
        (self.number, self.token) = (token, token);
        self.message_type = message_type;
        (self.message_id, self.former_id) = (None, None);
        (self.transmissions, self.requeues) = (0, 0);
    }
    /// The token number it was submitted under: its name towards the owner, whatever token it
    /// carries by now.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Confirmable, or Non-confirmable.
    #[must_use]
    pub const fn message_type(&self) -> MessageType {
        self.message_type
    }

    /// The message id it was last sent under; `None` if it has not been sent as it is now.
    #[must_use]
    pub const fn message_id(&self) -> Option<u16> {
        self.message_id
    }

    /// The number of the token it carries.
    #[must_use]
    pub const fn token(&self) -> u32 {
        self.token
    }

    /// How many datagrams it has cost so far, over all its message ids.
    #[must_use]
    pub const fn transmissions(&self) -> u32 {
        self.transmissions
    }

    /// How often it was put back into the queue after it had been sent.
    #[must_use]
    pub const fn requeues(&self) -> u8 {
        self.requeues
    }

    /// The datagram.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The datagram, read: its options and payload.
    ///
    /// # Errors
    ///
    /// [`FormatError`], for options that `coap-lite` writes and no receiver would take.
    #[inline(never)]
    pub fn message(&self) -> Result<Datagram<'_>, FormatError> {
        Datagram::parse(&self.bytes)
    }

    /// Whether it has gone out under this message id.
    pub(super) fn went_as(&self, message_id: u16) -> bool {
        self.message_id == Some(message_id) || self.former_id == Some(message_id)
    }

    /// Gives it another token, as a request that is not yet sent.
    pub(super) fn rename(&mut self, token: u32) {
        self.token = token;
        (self.message_id, self.former_id) = (None, None);
        let token = Token::from_number(token);
        let end = HEADER_LEN + token.as_slice().len();
        self.bytes[HEADER_LEN..end].copy_from_slice(token.as_slice());
    }

    /// Gives it a message id, in its header too.
    #[inline(always)]
    pub(super) fn identify(&mut self, message_id: u16) {
        self.former_id = self.message_id.replace(message_id);
        self.bytes[2..HEADER_LEN].copy_from_slice(&message_id.to_be_bytes());
    }
}

impl fmt::Debug for EncodedRequest {
    /// Without the bytes, which carry the authentication token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedRequest")
            .field("number", &self.number)
            .field("message_type", &self.message_type)
            .field("message_id", &self.message_id)
            .field("transmissions", &self.transmissions)
            .field("requeues", &self.requeues)
            .field("len", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// A request whose exchange is over.
///
/// Its buffer is worth giving back, with [`MessageLayer::recycle`](super::MessageLayer::recycle),
/// where reports are not to allocate.
#[derive(Debug)]
pub struct Finished<U> {
    /// What it was submitted with.
    pub user: U,
    /// The request as it was last sent.
    ///
    /// In a box, because exchanges are moved about, and it stays where it is.
    pub request: Box<EncodedRequest>,
}

/// What [`MessageLayer::replace_requests`](super::MessageLayer::replace_requests) is to do with a
/// request.
///
/// Not to be printed: the payload may be anything.
pub enum Replacement {
    /// It stays as it is.
    Keep,
    /// Its options and payload become these; type, token and place in the queue stay.
    With {
        /// Code and options.
        head: RequestHead,
        /// Payload; empty for none.
        payload: Zeroizing<Vec<u8>>,
    },
    /// It cannot be sent any more: it ends with [`Ended::Unsendable`](super::Ended::Unsendable).
    Fail,
}

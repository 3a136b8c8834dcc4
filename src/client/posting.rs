//! How a report becomes a request, and a request another one under a new token.

use super::authentication::Grant;
use super::endpoint::Security;
use super::event::{Report, ReportError};
use super::session::{HeadKey, Purpose, Session};
use crate::cloud_auth::SessionKey;
use crate::coap::{
    Code, EncodedRequest, Instant, MAX_DATAGRAM, MessageType, OptionNumber, RandomSource,
    Replacement, RequestHead, RequestHeadBuilder, Submission, SubmitError, check_path,
};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Options per message, as in the SDK (which dropped the token silently beyond them).
const MAX_OPTIONS: usize = 12;

/// Encoded heads of the paths reported to last.
const REMEMBERED_HEADS: usize = 4;

/// `Accept` of every report: application/octet-stream, whatever the report's own format.
const ACCEPT_OCTET_STREAM: u32 = 42;
const ACCEPT_LINK_FORMAT: u32 = 40;

impl<U> Session<U> {
    /// Takes a report; its response comes with `user`. Returns its token number.
    ///
    /// Under a token that has been refused, or is too old, it waits for the next one, where the session
    /// authenticates by itself.
    ///
    /// # Errors
    ///
    /// See [`ReportError`]. The checks run in the SDK's order: payload length, authentication, path.
    #[inline]
    pub fn report(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        report: &Report<'_>,
        user: U,
    ) -> Result<u32, ReportError> {
        self.submit_report(now, random, report, Some(user))
    }

    /// Takes a report of the library's own: its response concerns nobody.
    ///
    /// # Errors
    ///
    /// As [`report`](Self::report).
    #[inline(never)]
    pub fn announce(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        report: &Report<'_>,
    ) -> Result<u32, ReportError> {
        self.submit_report(now, random, report, None)
    }

    #[inline(always)] // into `report`, which every report goes through
    fn submit_report(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        report: &Report<'_>,
        user: Option<U>,
    ) -> Result<u32, ReportError> {
        // A program that never receives must still be able to send.
        if !self.layer.is_quiet(now) {
            self.expire(now, random);
        }
        if report.payload.len() >= MAX_DATAGRAM {
            return Err(ReportError::TooLong);
        }
        self.demand_grant(now, random)?;
        let index = self.head_index(report)?;
        let Some(grant) = &self.grant else {
            return Err(ReportError::NotAuthenticated);
        };
        let sent_under = Arc::clone(grant);
        let head = &mut self.heads[index].1;
        let payload = match &grant.key {
            None => report.payload,
            Some(key) => {
                self.scratch.clear();
                encrypt(key, self.seq, report.payload, head, &mut self.scratch)?;
                &self.scratch
            }
        };
        let message_type = if report.confirmable {
            MessageType::Confirmable
        } else {
            MessageType::NonConfirmable
        };
        let purpose = Purpose::Report {
            user,
            sent_under,
            number: self.layer.next_token(),
            accepted: now,
            resent: false,
        };
        let submission = Submission {
            message_type,
            head,
            payload,
            user: purpose,
        };
        let number = self.layer.submit(random, submission)?;
        self.seq = self.seq.wrapping_add(1);
        self.note_waiting(now);
        Ok(number)
    }

    /// Asks the server for `/.well-known/core`; the answer is only logged (`iotx_get_well_known`).
    ///
    /// # Errors
    ///
    /// [`SubmitError`].
    pub fn discover(&mut self, random: &mut dyn RandomSource) -> Result<u32, SubmitError> {
        let head = RequestHeadBuilder::new(Code::GET)
            .path(b".well-known/core")
            .uint(OptionNumber::ACCEPT, ACCEPT_LINK_FORMAT)
            .build()
            .map_err(SubmitError::Request)?;
        let submission = Submission {
            message_type: MessageType::Confirmable,
            head: &head,
            payload: &[],
            user: Purpose::Discovery,
        };
        self.layer.submit(random, submission)
    }

    /// Brings the reports that have yet to be sent under the token and the key that are in force now.
    pub(super) fn encode_anew(&mut self) {
        let Some(grant) = &self.grant else {
            return;
        };
        let (option, seq) = (self.token_option.number(), &mut self.seq);
        self.layer.replace_requests(|purpose, request| {
            let Purpose::Report { sent_under, .. } = purpose else {
                return Replacement::Keep;
            };
            if Arc::ptr_eq(sent_under, grant) {
                return Replacement::Keep;
            }
            let Some((head, payload)) = rewrite(request, sent_under, grant, option, *seq) else {
                return Replacement::Fail;
            };
            *seq = seq.wrapping_add(1);
            *sent_under = Arc::clone(grant);
            Replacement::With { head, payload }
        });
    }

    /// Uri-Path options that leave room for Content-Format, Accept, token and, in symmetric sessions,
    /// the sequence number.
    const fn max_segments(&self) -> usize {
        match self.security {
            Security::Plain | Security::Dtls => MAX_OPTIONS - 3,
            Security::Symmetric => MAX_OPTIONS - 4,
        }
    }

    /// The encoded head for the report's path and format, made on first use.
    #[inline(always)]
    fn head_index(&mut self, report: &Report<'_>) -> Result<usize, ReportError> {
        let (path, content_format) = (report.path, report.content_format);
        let same = |key: &HeadKey| key.path == path && key.content_format == content_format;
        let known = self.heads.iter().position(|(key, _)| same(key));
        // What is known has been checked.
        known.map_or_else(|| self.add_head(report), Ok)
    }

    #[cold]
    fn add_head(&mut self, report: &Report<'_>) -> Result<usize, ReportError> {
        let (path, content_format) = (report.path, report.content_format);
        check_path(path, self.max_segments()).map_err(ReportError::Path)?;
        let Some(grant) = &self.grant else {
            return Err(ReportError::NotAuthenticated);
        };
        let head = head(path, content_format, self.token_option.number(), grant)?;
        if self.heads.len() >= REMEMBERED_HEADS {
            self.heads.remove(0);
        }
        let key = HeadKey {
            path: path.to_vec(),
            content_format,
        };
        self.heads.push((key, head));
        Ok(self.heads.len() - 1)
    }
}

/// Encodes a report up to its payload; the sequence number of symmetric sessions is left open.
fn head(
    path: &[u8],
    content_format: u16,
    token_option: OptionNumber,
    grant: &Grant,
) -> Result<RequestHead, ReportError> {
    let token = grant.token.as_bytes();
    let mut builder = RequestHeadBuilder::new(Code::POST)
        .path(path)
        .uint(OptionNumber::CONTENT_FORMAT, u32::from(content_format))
        .uint(OptionNumber::ACCEPT, ACCEPT_OCTET_STREAM)
        .placeholder(token_option, token.len());
    if grant.key.is_some() {
        // Every 32-bit number has at most ten digits: one cipher block.
        builder = builder.placeholder(OptionNumber::SEQUENCE, SessionKey::encrypted_len(10));
    }
    let mut head = builder.build().map_err(|_| ReportError::TooLong)?;
    head.fill(token_option, token)
        .map_err(|_| ReportError::TooLong)?;
    Ok(head)
}

/// Fills the sequence number into `head` and leaves the encrypted payload in `out`, which is empty.
fn encrypt(
    key: &SessionKey,
    seq: u32,
    payload: &[u8],
    head: &mut RequestHead,
    out: &mut Vec<u8>,
) -> Result<(), ReportError> {
    key.encrypt_seq(seq, out).map_err(|_| ReportError::Crypto)?;
    head.fill(OptionNumber::SEQUENCE, out)
        .map_err(|_| ReportError::Crypto)?;
    out.clear();
    key.encrypt_into(payload, out)
        .map_err(|_| ReportError::Crypto)
}

/// The same report under another grant.
fn rewrite(
    request: &EncodedRequest,
    before: &Grant,
    now: &Grant,
    token_option: OptionNumber,
    seq: u32,
) -> Option<(RequestHead, Zeroizing<Vec<u8>>)> {
    let message = request.message().ok()?;
    let (mut path, mut content_format) = (Vec::new(), 0);
    for (number, value) in message.options() {
        if number == OptionNumber::URI_PATH {
            path.push(b'/');
            path.extend_from_slice(value);
        } else if number == OptionNumber::CONTENT_FORMAT {
            content_format = value.iter().fold(0, |n, &byte| n << 8 | u16::from(byte));
        }
    }
    let mut payload = Zeroizing::new(message.payload().to_vec());
    if let Some(key) = &before.key {
        let len = key.decrypt_in_place(&mut payload).ok()?;
        payload.truncate(len);
    }
    let mut head = head(&path, content_format, token_option, now).ok()?;
    if let Some(key) = &now.key {
        // Room for both that never grows, which would leave the text behind in memory.
        let mut cipher = Zeroizing::new(Vec::with_capacity(SessionKey::encryption_room(
            payload.len().max(10),
        )));
        encrypt(key, seq, &payload, &mut head, &mut cipher).ok()?;
        payload = cipher;
    }
    Some((head, payload))
}

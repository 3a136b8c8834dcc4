//! `POST /topic/…`: from a device's message to a report.

use super::answer::Answer;
use super::limits::Bucket;
use super::refusal::Refusal;
use super::request::{CBOR, JSON, OCTET_STREAM, Request};
use super::sessions::Symmetric;
use super::{Context, Failed, Outcome, Overload, Platform, Report, Verdict, refused};
use crate::devices::DeviceId;
use crate::topic;

const MAX_TOPIC: usize = 128;

impl Platform {
    pub(super) fn publish(
        &mut self,
        context: &Context<'_>,
        request: &Request,
        segments: &[&str],
    ) -> Verdict {
        self.try_publish(context, request, segments)
            .unwrap_or_else(|failed| Verdict {
                delivery: failed.delivery,
                ..refused(failed.device, failed.refusal)
            })
    }

    fn try_publish(
        &mut self,
        context: &Context<'_>,
        request: &Request,
        segments: &[&str],
    ) -> Result<Verdict, Failed> {
        request.check_method()?;
        // The documents allow JSON and CBOR; every release of the C SDK asks for octet-stream.
        if !matches!(request.accept(), None | Some(JSON | CBOR | OCTET_STREAM)) {
            return Err(Refusal::NotAcceptable.into());
        }
        let topic = topic_of(segments);
        if topic.chars().count() > MAX_TOPIC {
            return Err(Refusal::TopicTooLong.into());
        }
        let (token, token_place) = request
            .token(self.settings.token_option)
            .ok_or(Refusal::TokenMissing)?;
        let session = self.sessions.get(&self.issuer, context.now, token)?;
        let owner = std::sync::Arc::clone(&session.device);
        let delivery = session.delivery;
        let failed = |refusal| Failed {
            refusal,
            device: Some((*owner).clone()),
            delivery,
        };

        let device = match self.devices.get(&owner) {
            Some(device) if !device.disabled => device,
            _ => return Err(failed(Refusal::TokenRevoked)),
        };
        if !context.session_admits(&owner) {
            return Err(failed(Refusal::TokenOfOther));
        }
        if !topic::is_publishable(&topic) {
            return Err(failed(Refusal::BadTopic));
        }
        if !device.may_publish(&topic) {
            // Somebody else's topic means that the token is not the one for this device.
            let named = named_in(segments);
            let others = named.is_some_and(|id| id != *owner && self.devices.get(&id).is_some());
            let refusal = if others {
                Refusal::TokenOfOther
            } else {
                Refusal::TopicNotPermitted
            };
            return Err(failed(refusal));
        }
        if self.overload == Overload::Everything {
            return Err(failed(Refusal::Overload));
        }
        let limit = self.settings.rate_limit;
        let bucket = self
            .buckets
            .entry(std::sync::Arc::clone(&owner))
            .or_insert_with(|| Bucket::full(limit, context.now));
        if !bucket.take(limit, context.now) {
            return Err(failed(Refusal::TooManyRequests));
        }
        let (payload, seq) = match &mut session.symmetric {
            None => (request.payload().to_vec(), None),
            Some(symmetric) => {
                let (payload, seq) = open(symmetric, request).map_err(failed)?;
                (payload, Some(seq))
            }
        };
        let cloud_id = self.next_cloud_id();
        let report = Report {
            device: (*owner).clone(),
            topic,
            payload,
            content_format: request.content_format(),
            seq,
            token_place,
            cloud_id,
        };
        Ok(Verdict {
            answer: Answer::accepted(cloud_id),
            outcome: Outcome::Published(report),
            delivery,
            seal: None,
        })
    }
}

/// Checks the sequence number and decrypts the payload. The number is used up only if all is well.
fn open(symmetric: &mut Symmetric, request: &Request) -> Result<(Vec<u8>, u32), Refusal> {
    let encrypted = request.seq().ok_or(Refusal::SeqMissing)?;
    let seq = symmetric
        .key
        .decrypt_seq(&encrypted)
        .map_err(|_| Refusal::SeqUnreadable)?;
    // The documents say "greater than seqOffset"; the SDK's first request uses seqOffset itself and
    // is accepted.
    if seq < symmetric.seq_offset {
        return Err(Refusal::SeqTooSmall);
    }
    let mut payload = request.payload().to_vec();
    if !payload.is_empty() {
        let len = symmetric
            .key
            .decrypt_in_place(&mut payload)
            .map_err(|_| Refusal::PayloadUndecipherable)?;
        payload.truncate(len);
    }
    if !symmetric.used.insert(seq) {
        return Err(Refusal::SeqRepeated);
    }
    Ok((payload, seq))
}

/// A slash at the end, as in the documents' own sample, makes no other topic: the SDK drops it, and
/// other clients send it as an empty last segment.
fn topic_of(segments: &[&str]) -> String {
    let levels = match segments {
        [levels @ .., ""] if !levels.is_empty() => levels,
        levels => levels,
    };
    levels.iter().flat_map(|level| ["/", level]).collect()
}

/// The device whose topic this is, by the platform's naming.
fn named_in(segments: &[&str]) -> Option<DeviceId> {
    match segments {
        ["sys", product_key, device_name, ..]
        | ["ota", "device", _, product_key, device_name, ..]
        | [product_key, device_name, ..] => Some(DeviceId::new(*product_key, *device_name)),
        _ => None,
    }
}

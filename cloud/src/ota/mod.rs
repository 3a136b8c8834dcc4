//! Firmware updates: who is offered what, and what devices report about it.

mod files;
mod head;
mod report;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openssl::hash::{MessageDigest, hash};
use serde_json::json;

pub use report::OtaReport;

pub(crate) use files::{FileServer, bind, tls_acceptor};

use crate::devices::DeviceId;

/// An image for a device.
#[derive(Clone)]
pub struct Offer {
    version: String,
    image: Arc<[u8]>,
    md5: String,
}

impl Offer {
    /// Offers `image` as `version` to devices that report another one.
    ///
    /// # Panics
    /// When OpenSSL has no MD5.
    pub fn new(version: impl Into<String>, image: impl Into<Arc<[u8]>>) -> Self {
        let image = image.into();
        let sum = hash(MessageDigest::md5(), &image).expect("MD5 in OpenSSL");
        Offer {
            version: version.into(),
            md5: crate::token::hex(&sum),
            image,
        }
    }

    /// Lies about the image's MD5.
    #[must_use]
    pub fn with_md5(mut self, md5: impl Into<String>) -> Self {
        self.md5 = md5.into();
        self
    }

    /// The image's MD5, as the order will tell it.
    pub fn md5(&self) -> &str {
        &self.md5
    }
}

impl std::fmt::Debug for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Offer({:?}, {} bytes)", self.version, self.image.len())
    }
}

/// All offers, and the server that orders point to.
#[derive(Default)]
pub(crate) struct Offers {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    by_device: HashMap<DeviceId, (u64, Offer)>,
    next_number: u64,
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
}

impl Offers {
    /// Offers the device something else, or nothing.
    pub(crate) fn set(&self, device: DeviceId, offer: Option<Offer>) {
        let mut state = self.lock();
        state.next_number += 1;
        let number = state.next_number;
        match offer {
            Some(offer) => state.by_device.insert(device, (number, offer)),
            None => state.by_device.remove(&device),
        };
    }

    /// Notes where images can be fetched.
    pub(crate) fn serve_at(&self, http: Option<SocketAddr>, https: Option<SocketAddr>) {
        let mut state = self.lock();
        (state.http, state.https) = (http, https);
    }

    /// The order that goes with the answer to a report, if there is one: to a device that tells or
    /// asks, not to one that reports progress, and only when it does not have the version already.
    pub(crate) fn order(&self, device: &DeviceId, topic: &str, payload: &[u8]) -> Option<Vec<u8>> {
        let (OtaReport::Inform { version } | OtaReport::Request { version }) =
            OtaReport::read(topic, payload)?
        else {
            return None;
        };
        let state = self.lock();
        let (number, offer) = state.by_device.get(device)?;
        if offer.version == version {
            return None;
        }
        // The safer of both, if there are both.
        let (scheme, address) = state
            .https
            .map(|address| ("https", address))
            .or(state.http.map(|address| ("http", address)))?;
        let order = json!({
            "code": "1000",
            "message": "success",
            "data": {
                "version": offer.version,
                "url": format!("{scheme}://{address}/image/{number}?sign={}", offer.md5),
                "md5": offer.md5,
                "size": offer.image.len(),
            },
        });
        Some(order.to_string().into_bytes())
    }

    /// The image with this path.
    fn image(&self, path: &str) -> Option<Arc<[u8]>> {
        let number: u64 = path.strip_prefix("/image/")?.parse().ok()?;
        let state = self.lock();
        let mut offers = state.by_device.values();
        let (_, offer) = offers.find(|(known, _)| *known == number)?;
        Some(Arc::clone(&offer.image))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFORM: &str = "/ota/device/inform/pk/dn";

    fn offered() -> (Offers, DeviceId) {
        let (offers, device) = (Offers::default(), DeviceId::new("pk", "dn"));
        offers.set(device.clone(), Some(Offer::new("2", *b"abc")));
        offers.serve_at(Some(([127, 0, 0, 1], 8080).into()), None);
        (offers, device)
    }

    fn version(version: &str) -> Vec<u8> {
        format!(r#"{{"id":0,"params":{{"version":"{version}"}}}}"#).into_bytes()
    }

    #[test]
    fn an_order_names_version_place_sum_and_size() {
        let (offers, device) = offered();
        let order = offers.order(&device, INFORM, &version("1")).unwrap();
        let order: serde_json::Value = serde_json::from_slice(&order).unwrap();
        assert_eq!(order["message"], "success");
        let data = &order["data"];
        assert_eq!((&data["version"], &data["size"]), (&json!("2"), &json!(3)));
        // RFC 1321, A.5
        assert_eq!(data["md5"], "900150983cd24fb0d6963f7d28e17f72");
        let url = data["url"].as_str().unwrap();
        let path = url.strip_prefix("http://127.0.0.1:8080").unwrap();
        let (path, _) = path.split_once('?').unwrap();
        assert_eq!(*offers.image(path).unwrap(), *b"abc");
    }

    #[test]
    fn nothing_is_ordered_for_others_or_for_progress_or_twice() {
        let (offers, device) = offered();
        let progress = br#"{"id":0,"params": {"step": "1"}}"#;
        let topic = "/ota/device/progress/pk/dn";
        assert_eq!(offers.order(&device, topic, progress), None);
        assert_eq!(offers.order(&device, INFORM, &version("2")), None);
        assert_eq!(offers.order(&device, INFORM, b"?"), None);
        let other = DeviceId::new("pk", "other");
        assert_eq!(offers.order(&other, INFORM, &version("1")), None);
        offers.set(device.clone(), None);
        assert_eq!(offers.order(&device, INFORM, &version("1")), None);
    }

    #[test]
    fn an_offer_withdrawn_or_replaced_is_not_served() {
        let (offers, device) = offered();
        assert!(offers.image("/image/1").is_some());
        offers.set(device, Some(Offer::new("3", *b"abc")));
        assert!(offers.image("/image/1").is_none());
        assert!(offers.image("/image/2").is_some());
        for path in ["/", "/image/", "/image/x", "image/2"] {
            assert!(offers.image(path).is_none(), "{path}");
        }
    }
}

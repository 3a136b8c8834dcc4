//! One device's update, from the order to the verdict.

use super::order::{Md5Sum, Order, parse_answer};
use super::url::Url;
use crate::coap::{Class, Code};
use md5::{Digest, Md5};

/// Where an update stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is ordered.
    Idle,
    /// An image is ordered and not complete.
    Fetching,
    /// An image is complete; right or wrong.
    Fetched,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It begins a download.
    New,
    /// It is the order that is being followed; its URL is used from the next connection on.
    Again,
    /// It is the image that has been fetched already, and is right.
    Done,
    /// Some of another image has been handed out; the cloud will order this one again.
    Busy,
}

/// What to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which download it belongs to: another image, or the same one from its beginning, has another number.
    pub download: u64,
    /// From where.
    pub url: Url,
    /// Bytes of the image that are here already.
    pub offset: u32,
    /// Bytes of the whole image.
    pub size: u32,
}

/// One device's update.
#[derive(Default)]
pub struct Update {
    image: Option<Image>,
    /// Downloads that have begun.
    downloads: u64,
    /// The version that the cloud last accepted an "inform" about.
    informed: Option<String>,
}

struct Image {
    order: Order,
    download: u64,
    fetched: u32,
    hash: Md5,
    /// Sum of the whole image, once it is here.
    sum: Option<Md5Sum>,
    announced: bool,
}

impl Image {
    fn new(order: Order, download: u64) -> Self {
        Self {
            order,
            download,
            fetched: 0,
            hash: Md5::new(),
            sum: None,
            announced: false,
        }
    }

    fn is_genuine(&self) -> bool {
        self.sum == Some(self.order.md5)
    }
}

impl Update {
    /// An update without an order.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where it stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match &self.image {
            None => Phase::Idle,
            Some(image) if image.sum.is_none() => Phase::Fetching,
            Some(_) => Phase::Fetched,
        }
    }

    /// Takes the answer to a report: follows the order in it, if there is one that can be followed. If the
    /// report was an "inform", `informed` is the version in it.
    pub fn answer(&mut self, code: Code, payload: &[u8], informed: Option<String>) {
        if code.class() != Class::Success {
            log::warn!("a report about the firmware was answered {code}");
            return;
        }
        if informed.is_some() {
            self.informed = informed;
        }
        let order = match parse_answer(payload) {
            Ok(Some(order)) => order,
            Ok(None) => return,
            Err(error) => {
                log::error!("the cloud ordered an update that cannot be done: {error}");
                return;
            }
        };
        let (version, size) = (order.version.clone(), order.size);
        match self.accept(order) {
            Accepted::New => log::info!("update to \"{version}\" ordered: {size} bytes"),
            Accepted::Again | Accepted::Done => {
                log::debug!("update to \"{version}\" ordered again")
            }
            Accepted::Busy => {
                log::info!("update to \"{version}\" has to wait for the one that is being fetched");
            }
        }
    }

    /// Takes an order from the cloud.
    ///
    /// An image of which bytes have been handed out is never exchanged for another one: the program may have
    /// written them. A complete image whose MD5 was wrong may be ordered again.
    pub fn accept(&mut self, order: Order) -> Accepted {
        match &mut self.image {
            None => {}
            Some(image) if image.sum.is_none() => {
                if image.order.is_same_image(&order) {
                    image.order.url = order.url;
                    return Accepted::Again;
                }
                if image.fetched > 0 {
                    return Accepted::Busy;
                }
            }
            Some(image) if image.is_genuine() && image.order.is_same_image(&order) => {
                return Accepted::Done;
            }
            Some(_) => {}
        }
        self.begin(order);
        Accepted::New
    }

    fn begin(&mut self, order: Order) {
        self.downloads += 1;
        self.image = Some(Image::new(order, self.downloads));
    }

    /// The order that is, or was, followed.
    #[must_use]
    pub fn order(&self) -> Option<&Order> {
        self.image.as_ref().map(|image| &image.order)
    }

    /// Bytes of the image that are here.
    #[must_use]
    pub fn fetched(&self) -> u32 {
        self.image.as_ref().map_or(0, |image| image.fetched)
    }

    /// Bytes of the image that are still to be fetched.
    #[must_use]
    pub fn missing(&self) -> u32 {
        self.image
            .as_ref()
            .map_or(0, |image| image.order.size - image.fetched)
    }

    /// Whether the complete image has the MD5 that was ordered; `None` while it is not complete.
    #[must_use]
    pub fn verdict(&self) -> Option<bool> {
        let image = self.image.as_ref()?;
        image.sum.map(|_| image.is_genuine())
    }

    /// What is still to be fetched; `None` if nothing is.
    #[must_use]
    pub fn plan(&self) -> Option<Plan> {
        let image = self.image.as_ref().filter(|image| image.sum.is_none())?;
        Some(Plan {
            download: image.download,
            url: image.order.url.clone(),
            offset: image.fetched,
            size: image.order.size,
        })
    }

    /// Takes the next bytes that this download gave, and says how many of them belong to the image: never more
    /// than the order's size in total, and none if another download has begun. The last one completes the
    /// image.
    pub fn take(&mut self, download: u64, bytes: &[u8]) -> usize {
        let image = self.image.as_mut().filter(|image| image.sum.is_none());
        let Some(image) = image.filter(|image| image.download == download) else {
            return 0;
        };
        let missing = image.order.size - image.fetched;
        let taken = u32::try_from(bytes.len()).map_or(missing, |len| len.min(missing));
        let bytes = &bytes[..taken as usize];
        image.hash.update(bytes);
        image.fetched += taken;
        if image.fetched == image.order.size {
            image.sum = Some(Md5Sum(image.hash.finalize_reset().into()));
        }
        bytes.len()
    }

    /// Gives the order up, because what this plan says will not give the image.
    ///
    /// Not when the cloud has meanwhile ordered something else, or the same from elsewhere. And not when
    /// bytes of the image have been handed out: a program that goes on in its loop would otherwise put the
    /// first bytes of the next order's image behind them, and find that the MD5 is right. Only the same image
    /// can follow them, until the program says otherwise.
    pub fn abandon(&mut self, plan: &Plan) {
        self.image = self.image.take().filter(|image| {
            image.download != plan.download || image.order.url != plan.url || image.fetched > 0
        });
    }

    /// Begins the ordered image anew, from its first byte. Says no if none is ordered.
    pub fn restart(&mut self) -> bool {
        let Some(image) = self.image.take() else {
            return false;
        };
        self.begin(image.order);
        true
    }

    /// Whether the begin of the download is to be reported now: once per image.
    pub fn announce(&mut self) -> bool {
        self.image
            .as_mut()
            .is_some_and(|image| !std::mem::replace(&mut image.announced, true))
    }

    /// Whether the cloud has yet to accept an "inform" about this version.
    #[must_use]
    pub fn is_news(&self, version: &str) -> bool {
        self.informed.as_deref() != Some(version)
    }
}

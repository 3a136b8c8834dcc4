//! One report to the cloud, from Rust.
//!
//! In a crate of your own: `cargo add iotx-coap --path /path/to/iotx-coap`, and then
//! `IOTX_DEMO_DEVICE_SECRET=… cargo run -- PRODUCT_KEY DEVICE_NAME [URL]`.

use iotx_coap::client::{Client, DeviceIdentity, Endpoint, Happening, Report, Settings};
use iotx_coap::cloud_auth::Secret;
use iotx_coap::hal::HalPlatform;
use std::error::Error;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(product_key), Some(device_name)) = (arguments.next(), arguments.next()) else {
        return Err("usage: firmware PRODUCT_KEY DEVICE_NAME [URL]".into());
    };
    let endpoint = match arguments.next() {
        Some(url) => Endpoint::parse(&url)?,
        None => Endpoint::default_for(&product_key),
    };
    let path = format!("/topic/{product_key}/{device_name}/user/update");
    let identity = DeviceIdentity {
        product_key,
        device_name,
        device_id: String::new(),
        device_secret: Secret::new(std::env::var("IOTX_DEMO_DEVICE_SECRET")?),
    };

    let client = Client::connect(HalPlatform::new(), identity, endpoint, Settings::default())?;
    client.authenticate(&mut |_| {})?;
    let report = Report {
        path: path.as_bytes(),
        payload: br#"{"name":"hello world"}"#,
        content_format: 50, // JSON
        confirmable: true,
    };
    client.send(&report, "the first report")?;

    // Every report ends in one of the two: a response, or a failure that says why.
    let mut outcome = None;
    loop {
        client.run(Duration::from_secs(3), &mut |happening| match happening {
            Happening::Response(delivery) => {
                println!("answer to {}: {}", delivery.user, delivery.head.code);
                outcome = Some(Ok(()));
            }
            Happening::ReportFailed(failure) => {
                outcome = Some(Err(format!("{}: {:?}", failure.user, failure.reason).into()));
            }
            _ => {} // of the session
        });
        if let Some(outcome) = outcome.take() {
            return outcome;
        }
    }
}

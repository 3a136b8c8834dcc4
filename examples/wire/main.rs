//! Prints the tables of `docs/wire.md`, measured on datagrams that pass between this library and a
//! local cloud: `make wire`, or `cargo run --example wire`.

mod measure;
mod tap;

use iotx_cloud::{KeyKind, VerifyRequest};
use iotx_coap::client::DtlsOffer;
use iotx_coap::hal::dtls::Offer;
use measure::{Bench, PAYLOAD, Result};

const HEAD: &str = "datagrams up + down | together | bytes up + down | together | with IP and UDP |\n\
    |---|---|---|---|---|---|";

fn main() -> Result<()> {
    handshakes()?;
    records()?;
    wake_ups()
}

fn handshakes() -> Result<()> {
    use VerifyRequest::{Always, Never, New};
    println!("| handshake | {HEAD}");
    for (key, name) in [(KeyKind::EcP256, "ECDSA"), (KeyKind::Rsa2048, "RSA")] {
        for (verify, how) in [(Always, "with"), (Never, "without")] {
            let (_, cost) = Bench::new(key, verify, None)?.handshake(Offer::Both, None)?;
            println!("| full, {name} server, {how} cookie | {cost} |");
        }
    }
    for (verify, how) in [(Always, "with"), (Never, "without")] {
        let bench = Bench::new(KeyKind::EcP256, verify, None)?;
        let (_, cost) = bench.handshake(Offer::PskOnly, None)?;
        println!("| pre-shared key, {how} cookie | {cost} |");
    }
    for (verify, how) in [(Always, "with"), (New, "without")] {
        let bench = Bench::new(KeyKind::EcP256, verify, None)?;
        let (session, _) = bench.handshake(Offer::Both, None)?;
        let kept = session.resumable().ok_or("not resumable")?;
        bench.close(session);
        let (_, cost) = bench.handshake(Offer::Both, Some(&kept))?;
        println!("| resumed, {how} cookie | {cost} |");
    }
    println!();
    println!("| ClientHello to an address | bytes |\n|---|---|");
    let bench = Bench::new(KeyKind::EcP256, Never, None)?;
    for (offer, name) in [
        (Offer::Both, "certificates and key"),
        (Offer::CertificateOnly, "certificates"),
        (Offer::PskOnly, "key"),
    ] {
        let (session, cost) = bench.handshake(offer, None)?;
        // Its goodbye must not be taken for the next one's hello.
        bench.close(session);
        println!("| {name} | {} |", cost.hello);
    }
    println!();
    Ok(())
}

fn records() -> Result<()> {
    println!("| suite | bytes a record |\n|---|---|");
    for (key, suite) in [
        (KeyKind::EcP256, "ECDHE-ECDSA-CHACHA20-POLY1305"),
        (KeyKind::EcP256, "ECDHE-ECDSA-AES128-CCM8"),
        (KeyKind::EcP256, "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (KeyKind::Rsa2048, "AES128-SHA"),
        (KeyKind::Rsa2048, "AES128-SHA256"),
    ] {
        let overhead = Bench::new(key, VerifyRequest::Never, Some(suite))?.overhead()?;
        println!("| {suite} | {overhead} |");
    }
    println!();
    Ok(())
}

fn wake_ups() -> Result<()> {
    println!("A report here is {} bytes of JSON.\n", PAYLOAD.len());
    println!("| time awake | {HEAD}");
    for (key, offer, name) in [
        (KeyKind::Rsa2048, DtlsOffer::Both, "RSA server"),
        (KeyKind::EcP256, DtlsOffer::Both, "ECDSA server"),
        (KeyKind::EcP256, DtlsOffer::PskOnly, "pre-shared key"),
    ] {
        let bench = Bench::new(key, VerifyRequest::New, None)?;
        let first = bench.wake_up(offer, None)?;
        println!("| first, {name} | {} |", first.cost());
        let again = bench.wake_up(offer, Some(&first.saved))?;
        println!("| again, {name} | {} |", again.cost());
        println!("| the report in it | {} |", again.report());
        if offer == DtlsOffer::Both {
            let alone = bench.non_confirmable(&again.saved)?;
            println!("| the same, Non-confirmable | {alone} |");
        }
    }
    Ok(())
}

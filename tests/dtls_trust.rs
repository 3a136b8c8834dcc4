//! Whom a coaps client trusts, and how it says that it does not.

mod support;

use iotx_cloud::{
    CertificateOptions, CloudHandle, Credential, DtlsVersion, EventKind, Issuer, KeyKind, Validity,
};
use support::device::{Device, init, topic};
use support::{HOST, PATIENCE, child, cloud, is_child, log_lines, url};

fn refused() {
    assert!(init(Some(&url())).is_null());
}

/// Runs the refused client and returns the lines that say why.
fn reasons(name: &str, cloud: &CloudHandle, url: &str) -> String {
    let output = child(name).redirected_to(cloud).url(url).run();
    let lines = log_lines(&output, "err").join("\n").to_lowercase();
    assert_eq!(cloud.counters().authenticated, 0);
    assert!(!lines.is_empty(), "{output}");
    lines
}

fn cloud_with(certificate: CertificateOptions) -> CloudHandle {
    // Without PSK: a server that proves nothing else.
    cloud()
        .certificate(certificate)
        .dtls_options(|o| o.psk = false)
        .start()
        .expect("cloud")
}

#[test]
fn an_unknown_issuer_is_refused() {
    if is_child() {
        return refused();
    }
    for issuer in [Issuer::Stranger, Issuer::SelfSigned] {
        let cloud = cloud_with(CertificateOptions {
            issuer,
            ..Default::default()
        });
        let why = reasons(
            "an_unknown_issuer_is_refused",
            &cloud,
            &format!("coaps://{HOST}:5684"),
        );
        assert!(
            why.contains("issuer") || why.contains("self") || why.contains("unknown ca"),
            "{why}"
        );
    }
}

#[test]
fn the_bundled_roots_do_not_trust_the_stand_in() {
    if is_child() {
        return refused();
    }
    let cloud = cloud_with(CertificateOptions::default());
    let url = format!("coaps://{}", cloud.dtls_addr().expect("open"));
    child("the_bundled_roots_do_not_trust_the_stand_in")
        .url(url)
        .run();
    assert_eq!(cloud.counters().handshakes, 0);
}

#[test]
fn expired_and_not_yet_valid_certificates_are_refused() {
    if is_child() {
        return refused();
    }
    for (validity, word) in [
        (Validity::Expired, "expired"),
        (Validity::NotYet, "valid from"),
    ] {
        let cloud = cloud_with(CertificateOptions {
            validity,
            ..Default::default()
        });
        let name = "expired_and_not_yet_valid_certificates_are_refused";
        let why = reasons(name, &cloud, &format!("coaps://{HOST}:5684"));
        assert!(why.contains(word), "{why}");
    }
}

#[test]
fn a_certificate_for_another_host_is_refused_also_on_pre_hosts() {
    if is_child() {
        return refused();
    }
    let hosts = Some(vec!["elsewhere.example".to_owned()]);
    let cloud = cloud_with(CertificateOptions {
        hosts,
        ..Default::default()
    });
    let name = "a_certificate_for_another_host_is_refused_also_on_pre_hosts";
    for host in [
        HOST,
        "pre.iot-as-coap.cn-shanghai.aliyuncs.com",
        "127.0.0.1",
        "localhost",
    ] {
        let why = reasons(name, &cloud, &format!("coaps://{host}:5684"));
        let named = [host.to_lowercase(), "elsewhere.example".to_owned()];
        assert!(
            named.iter().all(|name| why.contains(name)),
            "both names are told: {why}"
        );
    }
}

#[test]
fn a_server_that_only_speaks_dtls_1_0_is_refused() {
    if is_child() {
        return refused();
    }
    let cloud = cloud()
        .dtls_options(|o| o.version = DtlsVersion::V1_0)
        .start()
        .expect("cloud");
    let name = "a_server_that_only_speaks_dtls_1_0_is_refused";
    let why = reasons(name, &cloud, &format!("coaps://{HOST}:5684"));
    assert!(why.contains("does not speak dtls 1.2"), "{why}");
}

/// What the classic SDKs and clouds speak, and what we prefer.
#[test]
fn the_suites_of_classic_and_modern_servers_are_offered() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        assert_eq!(device.post(&topic(), b"{}").code, 0x45);
        return;
    }
    let name = "the_suites_of_classic_and_modern_servers_are_offered";
    for suite in [
        "AES128-SHA",
        "AES256-SHA",
        "AES128-SHA256",
        "AES256-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-CHACHA20-POLY1305",
    ] {
        let cloud = cloud()
            .dtls_options(|o| {
                o.psk = false;
                o.ciphers = Some(suite.to_owned());
            })
            .start()
            .expect("cloud");
        let url = format!("coaps://{HOST}:5684");
        child(name).redirected_to(&cloud).url(url).run();
    }
    let elliptic = CertificateOptions {
        key: KeyKind::EcP256,
        ..Default::default()
    };
    let cloud = cloud().certificate(elliptic).start().expect("cloud");
    child(name)
        .redirected_to(&cloud)
        .url(format!("coaps://{HOST}:5684"))
        .run();
    let handshake = cloud
        .wait_for(|event| event.is_handshake(), PATIENCE)
        .expect("a handshake");
    let EventKind::Handshake {
        cipher, credential, ..
    } = handshake.kind
    else {
        unreachable!()
    };
    assert_eq!(credential, Credential::Certificate);
    assert!(
        cipher.contains("ECDHE") && cipher.contains("CHACHA20"),
        "{cipher}"
    );
}

#[test]
fn a_setting_pins_either_proof() {
    use iotx_coap::capi::{iotx_coap_init_with, iotx_coap_settings_t};
    if is_child() {
        let dtls_offer = std::env::var("OFFER")
            .expect("set")
            .parse()
            .expect("number");
        let url = std::ffi::CString::new(url()).expect("URL");
        let mut info = support::device::info();
        let mut config = support::device::config(Some(&url), &mut info, 2000);
        let settings = iotx_coap_settings_t {
            dtls_offer,
            ..Default::default()
        };
        // SAFETY: whole structs that live until the call returns.
        let context = unsafe { iotx_coap_init_with(&raw mut config, &raw const settings) };
        let device = Device::from_context(context);
        assert_eq!(!context.is_null(), std::env::var_os("REFUSED").is_none());
        if !context.is_null() {
            assert_eq!(device.authenticate(), 0);
        }
        return;
    }
    let credential = |cloud: &CloudHandle| {
        let event = cloud
            .wait_for(|event| event.is_handshake(), PATIENCE)
            .expect("a handshake");
        let EventKind::Handshake { credential, .. } = event.kind else {
            unreachable!()
        };
        credential
    };
    let name = "a_setting_pins_either_proof";
    let url = format!("coaps://{HOST}:5684");
    let both = cloud().start().expect("cloud");
    child(name)
        .redirected_to(&both)
        .url(&url)
        .env("OFFER", "2")
        .run();
    assert!(matches!(credential(&both), Credential::Psk(_)));
    let both = cloud().start().expect("cloud");
    child(name)
        .redirected_to(&both)
        .url(&url)
        .env("OFFER", "1")
        .run();
    assert_eq!(credential(&both), Credential::Certificate);

    let no_psk = cloud()
        .dtls_options(|o| o.psk = false)
        .start()
        .expect("cloud");
    child(name)
        .redirected_to(&no_psk)
        .url(&url)
        .env("OFFER", "2")
        .env("REFUSED", "1")
        .run();
}

/// A cloud that prefers PSK but does not know the device's key: certificates are tried next.
#[test]
fn after_a_failed_psk_handshake_certificates_are_tried() {
    if is_child() {
        let mut wrong = support::device::info_of(support::PRODUCT_KEY, "nobody", "wrong");
        let context = support::device::init_with(Some(&url()), &mut wrong, 2000);
        assert!(!context.is_null(), "the certificate is good");
        drop(Device::from_context(context));
        return;
    }
    // Only suites that the client offers last but this server alone accepts, plus one with a certificate.
    let cloud = cloud()
        .dtls_options(|o| {
            o.ciphers = Some("PSK-AES128-CBC-SHA:AES128-SHA".to_owned());
            o.prefer_own_order = true;
        })
        .start()
        .expect("cloud");
    let name = "after_a_failed_psk_handshake_certificates_are_tried";
    child(name)
        .redirected_to(&cloud)
        .url(format!("coaps://{HOST}:5684"))
        .run();
    let handshake = cloud
        .wait_for(|event| event.is_handshake(), PATIENCE)
        .expect("a handshake");
    let EventKind::Handshake { credential, .. } = handshake.kind else {
        unreachable!()
    };
    assert_eq!(credential, Credential::Certificate);
    let failed = cloud.wait_for(
        |event| matches!(event.kind, EventKind::HandshakeFailed { .. }),
        PATIENCE,
    );
    assert!(failed.is_some());
}

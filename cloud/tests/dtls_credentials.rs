//! Who proves what to whom: certificates and pre-shared keys, seen by OpenSSL clients.

mod support;

use std::time::Duration;

use iotx_cloud::{
    Builder, CertificateOptions, Code, Credential, DeviceId, DtlsVersion, Issuer, KeyKind,
    OPTION_TOKEN_61, Validity,
};
use support::dtls::{
    CLASSIC, Connect, Datagrams, MODERN, SDK_3_2, base, certificate, handshake, handshake_failure,
    psk, psk_of, psk_with, work,
};
use support::{Link, PK, code, report, signed_auth_for};

fn cloud() -> Builder {
    support::cloud().dtls("127.0.0.1:0")
}

#[test]
fn certificate_with_classic_and_modern_suites_and_every_kind_of_host() {
    let cloud = cloud().start().unwrap();
    let hosts = [
        "a1B2c3D4e5F.iot-as-coap.cn-shanghai.aliyuncs.com",
        "pre.iot-as-coap.cn-shanghai.aliyuncs.com",
        "a1B2c3D4e5F.coap.cn-shanghai.link.aliyuncs.com",
        "pre.coap.cn-shanghai.link.aliyuncs.com",
        "iot-060a0bgh.coap.iothub.aliyuncs.com",
        "iot-as-coap.alibaba.net",
        "localhost",
        "127.0.0.1",
        "::1",
    ];
    for (host, suites) in hosts.iter().zip([CLASSIC, MODERN].iter().cycle()) {
        let context = certificate(cloud.ca_pem().unwrap(), suites);
        let mut dtls = Connect::with(&context)
            .host(host)
            .to(cloud.dtls_addr().unwrap())
            .unwrap();
        work(&mut dtls);
        let (cipher, resumed, credential, name) = handshake(&cloud);
        assert_eq!((resumed, credential), (false, Credential::Certificate));
        assert_eq!(cipher.contains("ECDHE"), *suites == MODERN);
        let is_name = host.parse::<std::net::IpAddr>().is_err();
        assert_eq!(name.as_deref(), is_name.then_some(*host));
    }
}

#[test]
fn the_ca_file_is_there_while_the_cloud_is() {
    let cloud = cloud().start().unwrap();
    let path = cloud.ca_path().unwrap().to_owned();
    assert_eq!(std::fs::read(&path).unwrap(), cloud.ca_pem().unwrap());
    cloud.shutdown();
    assert!(!path.exists());
}

#[test]
fn the_clients_order_of_suites_decides() {
    let cloud = cloud().start().unwrap();
    for first in ["AES128-SHA", "ECDHE-RSA-AES256-SHA", "AES256-SHA256"] {
        let context = certificate(
            cloud.ca_pem().unwrap(),
            &format!("{first}:{MODERN}:{CLASSIC}"),
        );
        let dtls = Connect::with(&context)
            .to(cloud.dtls_addr().unwrap())
            .unwrap();
        assert_eq!(dtls.0.ssl().current_cipher().unwrap().name(), first);
    }
}

#[test]
fn certificates_that_a_client_refuses() {
    let usual = CertificateOptions::default;
    let other_host = Some(vec!["other.example".into()]);
    let wrong = [
        (
            CertificateOptions {
                validity: Validity::Expired,
                ..usual()
            },
            "has expired",
        ),
        (
            CertificateOptions {
                validity: Validity::NotYet,
                ..usual()
            },
            "not yet valid",
        ),
        (
            CertificateOptions {
                hosts: other_host,
                ..usual()
            },
            "hostname mismatch",
        ),
        (
            CertificateOptions {
                issuer: Issuer::Stranger,
                ..usual()
            },
            "unable to get local issuer",
        ),
        (
            CertificateOptions {
                issuer: Issuer::SelfSigned,
                ..usual()
            },
            "self-signed certificate",
        ),
        (
            CertificateOptions {
                key: KeyKind::Rsa1024,
                ..usual()
            },
            "key too weak",
        ),
    ];
    for (options, expected) in wrong {
        let cloud = cloud().certificate(options.clone()).start().unwrap();
        let context = certificate(cloud.ca_pem().unwrap(), MODERN);
        let connect = Connect::with(&context).host("localhost");
        let result = connect.to(cloud.dtls_addr().unwrap());
        let error = result
            .err()
            .unwrap_or_else(|| panic!("accepted {options:?}"));
        assert!(error.contains(expected), "{options:?}: {error}");
        let reason = handshake_failure(&cloud);
        assert!(reason.contains("alert"), "{options:?}: {reason}");
    }
}

#[test]
fn an_elliptic_curve_certificate() {
    let options = CertificateOptions {
        key: KeyKind::EcP256,
        ..Default::default()
    };
    let cloud = cloud().certificate(options).start().unwrap();
    let context = certificate(cloud.ca_pem().unwrap(), "ECDHE-ECDSA-AES128-GCM-SHA256");
    work(
        &mut Connect::with(&context)
            .host("localhost")
            .to(cloud.dtls_addr().unwrap())
            .unwrap(),
    );
}

#[test]
fn psk_as_sdk_3_2_0_sends_it() {
    let cloud = cloud().start().unwrap();
    let context = psk(SDK_3_2);
    work(
        &mut Connect::with(&context)
            .to(cloud.dtls_addr().unwrap())
            .unwrap(),
    );
    let (cipher, _, credential, _) = handshake(&cloud);
    assert_eq!(cipher, "TLS_PSK_WITH_AES_128_CBC_SHA");
    assert_eq!(credential, Credential::Psk(DeviceId::new(PK, "dev01")));
}

#[test]
fn psk_mixed_with_the_certificate() {
    let cloud = cloud().start().unwrap();
    let context = psk("RSA-PSK-AES128-CBC-SHA");
    work(
        &mut Connect::with(&context)
            .to(cloud.dtls_addr().unwrap())
            .unwrap(),
    );
    let (_, _, credential, _) = handshake(&cloud);
    assert_eq!(credential, Credential::RsaPsk(DeviceId::new(PK, "dev01")));
}

#[test]
fn wrong_keys_and_unknown_identities() {
    let cloud = cloud().start().unwrap();
    let address = cloud.dtls_addr().unwrap();
    for identity in [
        "",
        "nonsense",
        "devicename|hmacsha256|a1B2c3D4e5F&nobody|2524608000000",
    ] {
        let context = psk_with(identity.into(), b"0123".to_vec(), SDK_3_2);
        assert!(Connect::with(&context).to(address).is_err());
        assert_eq!(handshake_failure(&cloud), "unknown PSK identity");
    }
}

/// Finished does not decrypt then, which DTLS answers with silence (RFC 6347 section 4.1.2.7).
#[test]
fn a_wrong_key_is_met_with_silence() {
    let cloud = cloud()
        .dtls_options(|options| options.handshake_timeout = Duration::from_millis(100))
        .start()
        .unwrap();
    let context = psk_of("dev01", "another secret", SDK_3_2);
    Connect::with(&context).leave_after(3, Datagrams::to(cloud.dtls_addr().unwrap()));
    assert_eq!(handshake_failure(&cloud), "handshake timed out");
}

#[test]
fn psk_session_of_one_device_is_no_use_to_another() {
    let cloud = cloud().device(PK, "dev02", "another").start().unwrap();
    let context = psk_of("dev02", "another", SDK_3_2);
    let address = cloud.dtls_addr().unwrap();
    let mut foreign = Connect::with(&context).to(address).unwrap();
    let answer = foreign.ask(&support::signed_auth(1, &[]));
    assert_eq!(code(&answer), Code::FORBIDDEN);
    // Nor is the other device's token.
    let own = psk(SDK_3_2);
    let token = support::token(&mut Connect::with(&own).to(address).unwrap(), 1);
    let path = "/topic/a1B2c3D4e5F/dev01/update";
    let answer = foreign.ask(&report(2, path, OPTION_TOKEN_61, &token, b"{}"));
    assert_eq!(code(&answer), Code::UNAUTHORIZED);
    let answer = foreign.ask(&signed_auth_for(3, "dev02", "another", &[]));
    assert_eq!(code(&answer), Code::CONTENT);
}

#[test]
fn offers_can_be_narrowed() {
    let no_psk = cloud()
        .dtls_options(|options| options.psk = false)
        .start()
        .unwrap();
    assert!(
        Connect::with(&psk(SDK_3_2))
            .to(no_psk.dtls_addr().unwrap())
            .is_err()
    );
    assert!(handshake_failure(&no_psk).contains("no shared cipher"));

    let no_certificate = cloud().certificate(None).start().unwrap();
    assert!(no_certificate.ca_pem().is_none());
    let mut any = base();
    any.set_cipher_list(CLASSIC).unwrap();
    let any = any.build();
    assert!(
        Connect::with(&any)
            .to(no_certificate.dtls_addr().unwrap())
            .is_err()
    );
    work(
        &mut Connect::with(&psk(SDK_3_2))
            .to(no_certificate.dtls_addr().unwrap())
            .unwrap(),
    );

    let one = cloud().dtls_options(|options| options.ciphers = Some("AES256-SHA".into()));
    let one = one.start().unwrap();
    let context = certificate(one.ca_pem().unwrap(), &format!("{MODERN}:{CLASSIC}"));
    let dtls = Connect::with(&context)
        .to(one.dtls_addr().unwrap())
        .unwrap();
    assert_eq!(dtls.0.ssl().current_cipher().unwrap().name(), "AES256-SHA");

    let unknown = cloud().dtls_options(|options| options.ciphers = Some("NO-SUCH".into()));
    assert!(unknown.start().is_err());
}

#[test]
fn dtls_1_0_is_for_those_who_ask_for_nothing_newer() {
    let cloud = cloud()
        .dtls_options(|options| options.version = DtlsVersion::V1_0)
        .start()
        .unwrap();
    let address = cloud.dtls_addr().unwrap();
    let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
    assert!(Connect::with(&context).to(address).is_err());

    let mut old = base();
    old.set_min_proto_version(Some(openssl::ssl::SslVersion::DTLS1))
        .unwrap();
    old.set_security_level(0);
    old.set_cipher_list("AES128-SHA").unwrap();
    let old = old.build();
    let dtls = Connect::with(&old).to(address).unwrap();
    assert_eq!(dtls.0.ssl().version_str(), "DTLSv1");
}

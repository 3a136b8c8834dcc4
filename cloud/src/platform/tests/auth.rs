//! `/auth`.

use super::*;

#[test]
fn auth_2_05_by_all_three_methods() {
    let mut bench = Bench::new();
    for method in ["hmacmd5", "hmacsha1", "hmacsha256"] {
        let verdict = bench.ask(auth(&[("signmethod", method)]));
        let Outcome::Authenticated {
            device,
            symmetric,
            method: used,
            encoding,
        } = verdict.outcome
        else {
            panic!("{:?}", verdict.outcome)
        };
        assert_eq!(device, DeviceId::new("pk", "dev"));
        assert_eq!(
            (symmetric, used.name(), encoding),
            (false, method, Encoding::Json)
        );
        assert_eq!(verdict.delivery, Delivery::Piggybacked);
    }
}

#[test]
fn auth_2_05_with_any_set_of_parameters() {
    let mut bench = Bench::new();
    for extra in [
        &[
            ("timestamp", "1500000000000"),
            ("version", "1.0"),
            ("resources", "x"),
        ][..],
        &[("somethingNew", "ä\"\n")],
        &[("ackMode", "0")],
        &[("Zulu", "1"), ("alpha", "2"), ("SIGN", "3")],
    ] {
        bench.authenticates(auth(extra));
    }
    // Upper-case hex, as Link SDK 4.x; and values that are numbers.
    let mut upper = auth(&[("ackMode", "0")]);
    let text = String::from_utf8(upper.payload).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let sign = value["sign"].as_str().unwrap();
    let text = text
        .replace(sign, &sign.to_uppercase())
        .replace("\"0\"", "0");
    upper.payload = text.into_bytes();
    bench.authenticates(upper);
}

#[test]
fn auth_2_05_with_the_vector_from_the_field() {
    let mut bench = Bench::new();
    let flag = "a1RP1qZfrEi,example1,fPloaszb6saUFJte4EhyuBHQpR9SuKHb";
    bench
        .platform
        .devices
        .add(DeviceEntry::from_flag(flag).unwrap())
        .unwrap();
    bench.authenticates(auth_with(&[
        ("productKey", "a1RP1qZfrEi"),
        ("deviceName", "example1"),
        ("clientId", "a1RP1qZfrEi.example1"),
        ("sign", "f5204b935c67866fee8b8791cab9d6b0"),
    ]));
}

#[test]
fn auth_2_05_in_the_encoding_asked_for() {
    let mut bench = Bench::new();
    let json = auth(&[]).payload;
    let value: std::collections::BTreeMap<String, String> = serde_json::from_slice(&json).unwrap();
    let mut cbor = Vec::new();
    let mut encoder = minicbor::Encoder::new(&mut cbor);
    encoder.map(value.len() as u64).unwrap();
    for (name, value) in &value {
        encoder.str(name).unwrap().str(value).unwrap();
    }
    let (to_json, to_cbor): (&[u8], &[u8]) = (b"\x32", b"\x3c");
    for (payload, format, accept, cbor_back) in [
        (&json, to_json, Some(to_json), false),
        (&json, to_json, None, false),
        (&json, to_json, Some(to_cbor), true),
        (&cbor, to_cbor, Some(to_cbor), true),
        (&cbor, to_cbor, None, true),
        (&cbor, to_cbor, Some(to_json), false),
    ] {
        let mut options = vec![(12, format)];
        options.extend(accept.map(|accept| (17, accept)));
        let answer = bench.ask(packet(2, "/auth", &options, payload)).answer;
        assert_eq!(answer.code, Code::CONTENT);
        let token = if cbor_back {
            let mut decoder = minicbor::Decoder::new(&answer.payload);
            assert_eq!(decoder.map().unwrap(), Some(1));
            assert_eq!(decoder.str().unwrap(), "token");
            decoder.str().unwrap().to_owned()
        } else {
            let value: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
            value["token"].as_str().unwrap().to_owned()
        };
        bench.publishes(post(UPDATE, &token, &[], b""));
    }
}

#[test]
fn auth_2_05_for_a_symmetric_session() {
    let mut bench = Bench::with(Settings {
        random: Some("ad2b3a5eb51d64f7".into()),
        token: Some(Secret::new("MZ8m37hp01w1SSqoDFzo0010500d00.ad2b")),
        ..Settings::default()
    });
    // Shape and order as on the vendor's page.
    assert_eq!(
        bench.ask(auth(&[("seq", "1")])).answer.payload,
        br#"{"random":"ad2b3a5eb51d64f7","seqOffset":1,"token":"MZ8m37hp01w1SSqoDFzo0010500d00.ad2b"}"#
    );
    let mut in_cbor = auth(&[("seq", "1")]);
    in_cbor.set_option(CoapOption::Accept, [vec![60]].into());
    let answer = bench.ask(in_cbor).answer;
    let mut decoder = minicbor::Decoder::new(&answer.payload);
    assert_eq!(decoder.map().unwrap(), Some(3));
    assert_eq!(
        (decoder.str().unwrap(), decoder.str().unwrap()),
        ("random", "ad2b3a5eb51d64f7")
    );
    assert_eq!(
        (decoder.str().unwrap(), decoder.u32().unwrap()),
        ("seqOffset", 1)
    );
    assert_eq!(decoder.str().unwrap(), "token");
}

#[test]
fn over_dtls_seq_opens_no_symmetric_session() {
    let mut bench = Bench::new();
    bench.transport = Transport::Dtls;
    let answer = bench.authenticates(auth(&[("seq", "9122")]));
    assert!(answer.get("random").is_none());
    bench.publishes(post(
        UPDATE,
        answer["token"].as_str().unwrap(),
        &[],
        b"in clear",
    ));
}

#[test]
fn auth_4_00_for_what_the_payload_lacks() {
    let mut bench = Bench::new();
    let answer = bench.refuses(packet(2, "/auth", &JSON_TO_JSON, b""), &Refusal::NoPayload);
    assert_eq!(answer.payload, b"no payload");
    let broken = packet(2, "/auth", &JSON_TO_JSON, b"{");
    bench.refuses(
        broken,
        &Refusal::BrokenPayload("not a JSON object of texts and numbers"),
    );
    let all = [
        ("productKey", "pk"),
        ("deviceName", "dev"),
        ("clientId", "c"),
        ("sign", "s"),
    ];
    for (name, _) in all {
        let fewer: Vec<_> = all
            .into_iter()
            .filter(|(other, _)| *other != name)
            .collect();
        let answer = bench.refuses(auth_with(&fewer), &Refusal::MissingParameter(name));
        assert_eq!(
            answer.payload,
            format!("missing parameter: {name}").as_bytes()
        );
        let empty = all.map(|(other, value)| (other, if other == name { "" } else { value }));
        bench.refuses(auth_with(&empty), &Refusal::MissingParameter(name));
    }
}

#[test]
fn auth_4_00_for_values_out_of_range() {
    let mut bench = Bench::new();
    let with_client = |id: &str| {
        let rest = [("productKey", "pk"), ("deviceName", "dev"), ("sign", "s")];
        auth_with(&[&rest[..], &[("clientId", id)]].concat())
    };
    bench.refuses(with_client(&"ü".repeat(65)), &Refusal::ClientIdTooLong);
    bench.refuses(with_client(&"ü".repeat(64)), &Refusal::WrongSign);
    let with = |name, value| {
        let rest = [
            ("productKey", "pk"),
            ("deviceName", "dev"),
            ("clientId", "c"),
            ("sign", "s"),
        ];
        auth_with(&[&rest[..], &[(name, value)]].concat())
    };
    bench.refuses(
        with("signmethod", "hmacsha512"),
        &Refusal::UnknownSignMethod,
    );
    for bad in ["-1", "+1", "x", "4294967296", "1.0"] {
        bench.refuses(with("seq", bad), &Refusal::BadParameter("seq"));
    }
    bench.refuses(with("ackMode", "2"), &Refusal::BadParameter("ackMode"));
}

#[test]
fn auth_4_01_for_strangers_and_wrong_signs() {
    let mut bench = Bench::new();
    let unknown = bench.refuses(auth_of("nobody", "x", &[]), &Refusal::UnknownDevice);
    let wrong = bench.refuses(auth_of("dev", "wrong", &[]), &Refusal::WrongSign);
    assert_eq!(
        unknown, wrong,
        "the answer must not tell which devices exist"
    );
    // A parameter that the sign does not cover.
    let mut tampered = auth(&[("timestamp", "1")]);
    let text = String::from_utf8(tampered.payload).unwrap();
    tampered.payload = text.replace("\"1\"", "\"2\"").into_bytes();
    bench.refuses(tampered, &Refusal::WrongSign);
}

#[test]
fn auth_4_03_for_disabled_devices_and_foreign_sessions() {
    let mut bench = Bench::new();
    bench.refuses(auth_of("off", "secret", &[]), &Refusal::DeviceDisabled);
    bench.refuses(auth_of("off", "wrong", &[]), &Refusal::WrongSign);
    bench.transport = Transport::Dtls;
    bench.session_of = Some(DeviceId::new("pk", "other"));
    bench.refuses(auth(&[]), &Refusal::OtherDevicesSession);
    bench.authenticates(auth_of("other", "geheim", &[]));
}

#[test]
fn ack_mode_1_is_kept_for_the_tokens_life() {
    let mut bench = Bench::new();
    let verdict = bench.ask(auth(&[("ackMode", "1")]));
    assert_eq!(verdict.delivery, Delivery::Separate);
    let answer: serde_json::Value = serde_json::from_slice(&verdict.answer.payload).unwrap();
    let token = answer["token"].as_str().unwrap();
    assert_eq!(
        bench.ask(post(UPDATE, token, &[], b"")).delivery,
        Delivery::Separate
    );
    // Refusals too, once it is known who asks.
    let refused = bench.ask(post("/topic/x", token, &[], b""));
    assert_eq!(refused.delivery, Delivery::Separate);
    let refused = bench.ask(auth_of("dev", "wrong", &[("ackMode", "1")]));
    assert_eq!(refused.delivery, Delivery::Separate);
}

#[test]
fn psk_keys_are_for_known_devices() {
    let bench = Bench::new();
    let identity = |name| {
        dtls_psk::identity(
            SignMethod::HmacSha1,
            "pk",
            name,
            dtls_psk::DEFAULT_TIMESTAMP,
        )
    };
    let (device, key) = bench.platform.psk(&identity("dev")).unwrap();
    assert_eq!(device, DeviceId::new("pk", "dev"));
    let expected = dtls_psk::key(
        SignMethod::HmacSha1,
        b"secret",
        "pk",
        "dev",
        dtls_psk::DEFAULT_TIMESTAMP,
    );
    assert_eq!(key.as_str(), expected.as_str());
    assert!(bench.platform.psk(&identity("nobody")).is_none());
    assert!(bench.platform.psk("nonsense").is_none());
}

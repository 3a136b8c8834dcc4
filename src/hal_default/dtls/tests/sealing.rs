//! Records of a server, made by hand.

use hmac::{Hmac, KeyInit, Mac};
use openssl::ssl::SslRef;
use openssl::symm::{Cipher, encrypt_aead};
use sha2::Sha256;

/// A record as the server's record layer would seal it, made by hand because OpenSSL's interface
/// sends neither the alerts nor the handshake messages one wants. Keys by RFC 5246 6.3, record by
/// RFC 7905 2 and RFC 6347 4.1.
pub(super) fn sealed(server: &SslRef, content_type: u8, plain: &[u8]) -> Vec<u8> {
    let cipher = server.current_cipher().expect("cipher").name();
    assert_eq!(cipher, "ECDHE-ECDSA-CHACHA20-POLY1305");
    let mut master = [0u8; 48];
    assert_eq!(
        server.session().expect("session").master_key(&mut master),
        48
    );
    let (mut client_random, mut server_random) = ([0u8; 32], [0u8; 32]);
    server.client_random(&mut client_random);
    server.server_random(&mut server_random);
    // client key 32, server key 32, client IV 12, server IV 12
    let seed = [&b"key expansion"[..], &server_random, &client_random].concat();
    let keys = prf_sha256(&master, &seed, 88);
    let (key, iv) = (&keys[32..64], &keys[76..88]);

    let sequence = [0, 1, 0, 0, 0, 0, 0, 0x20]; // epoch 1, a number not yet used
    let header = |length: u16| {
        [
            &[content_type, 0xfe, 0xfd][..],
            &sequence,
            &length.to_be_bytes(),
        ]
        .concat()
    };
    let padded = [&[0; 4][..], &sequence].concat();
    let nonce: Vec<u8> = iv
        .iter()
        .zip(&padded)
        .map(|(iv, number)| iv ^ number)
        .collect();
    let length = u16::try_from(plain.len()).expect("length");
    let authenticated = [
        &sequence[..],
        &[content_type, 0xfe, 0xfd],
        &length.to_be_bytes(),
    ]
    .concat();
    let mut tag = [0u8; 16];
    let sealed = encrypt_aead(
        Cipher::chacha20_poly1305(),
        key,
        Some(&nonce),
        &authenticated,
        plain,
        &mut tag,
    )
    .expect("seal");
    let length = u16::try_from(sealed.len() + tag.len()).expect("length");
    [&header(length)[..], &sealed, &tag].concat()
}

fn prf_sha256(secret: &[u8], seed: &[u8], length: usize) -> Vec<u8> {
    let hmac = |parts: &[&[u8]]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length");
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().to_vec()
    };
    let mut a = hmac(&[seed]);
    let mut out = Vec::new();
    while out.len() < length {
        out.extend(hmac(&[&a, seed]));
        a = hmac(&[&a]);
    }
    out.truncate(length);
    out
}

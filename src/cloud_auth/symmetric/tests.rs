use super::super::testing::{DEVICE_SECRET, ROUNDS, Xorshift, unhex};
use super::*;

const RANDOM: &str = "ad2b3a5eb51d64f7";

fn key() -> SessionKey {
    SessionKey::derive(DEVICE_SECRET, RANDOM)
}

fn encrypt(key: &SessionKey, plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    key.encrypt_into(plain, &mut out).expect("OpenSSL works");
    out
}

fn encrypt_seq(key: &SessionKey, seq: u32) -> Vec<u8> {
    let mut out = Vec::new();
    key.encrypt_seq(seq, &mut out).expect("OpenSSL works");
    out
}

/// Encrypts whole blocks whose padding the caller has chosen.
fn encrypt_unpadded(key: &SessionKey, plain: &[u8]) -> Vec<u8> {
    let mut data = [plain, &[0; BLOCK_LEN]].concat();
    key.with_cipher(|cipher| cipher.encrypt(IV, &mut data))
        .expect("OpenSSL works");
    data.truncate(plain.len());
    data
}

#[test]
fn vectors_of_the_key() {
    assert_eq!(key().key[..], unhex("7eea1636f760c01a46e8b05b7dc2a805"));
    // Seen in the field.
    let key = SessionKey::derive(b"i6Ad04DyBcF9GD9mQ5lpKh2oubErhjAV", "915ede6cbc8a059f");
    assert_eq!(key.key[..], unhex("29D65B276B8C15A0A02F6D3AA4F26C70"));
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn vectors_of_the_cipher() {
    for (plain, cipher) in [
        ("1", "811055b343616eec42ff740bcfa09559"),
        ("9122", "e3dd5655616b133e776a260e5ee05078"),
        (
            r#"{"name":"hello world"}"#,
            "bf852c0964ef6604467a49144d036a9bdbec983da1baceeadda32285b26a88f5",
        ),
        (
            "0123456789abcdef",
            "e0116d5497456c831a1ee0965493ba4e518f56edfe0f826c1bc2096050a15a32",
        ),
    ] {
        let key = key();
        let mut data = encrypt(&key, plain.as_bytes());
        assert_eq!(data, unhex(cipher));
        assert_eq!(data.len(), SessionKey::encrypted_len(plain.len()));
        let len = key.decrypt_in_place(&mut data).expect("own ciphertext");
        assert_eq!(&data[..len], plain.as_bytes());
    }
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn vectors_of_the_sequence_number() {
    assert_eq!(
        encrypt_seq(&key(), 1),
        unhex("811055b343616eec42ff740bcfa09559")
    );
    assert_eq!(
        encrypt_seq(&key(), 9122),
        unhex("e3dd5655616b133e776a260e5ee05078")
    );
    // Seen in the field.
    let key = SessionKey::derive(b"i6Ad04DyBcF9GD9mQ5lpKh2oubErhjAV", "915ede6cbc8a059f");
    assert_eq!(
        encrypt_seq(&key, 1),
        unhex("1EA3756C2CFF521D23530A18DD9CB840")
    );
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn every_length_survives_the_round_trip() {
    let key = key();
    let mut random = Xorshift::new(1);
    for len in 0..=100 {
        let plain = random.bytes(len);
        let mut data = encrypt(&key, &plain);
        assert_eq!(data.len(), SessionKey::encrypted_len(len));
        assert!(data.len() > len && data.len() <= len + BLOCK_LEN);
        assert_eq!(key.decrypt_in_place(&mut data), Ok(len));
        assert_eq!(&data[..len], plain);
    }
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn encryption_appends() {
    let mut out = b"head".to_vec();
    let key = key();
    key.encrypt_seq(1, &mut out).expect("OpenSSL works");
    key.encrypt_into(b"0123456789abcdef", &mut out)
        .expect("OpenSSL works");
    assert_eq!(&out[..4], b"head");
    assert_eq!(out[4..20], encrypt_seq(&key, 1));
    assert_eq!(out[20..], encrypt(&key, b"0123456789abcdef"));
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn every_message_starts_with_the_same_vector_whatever_came_before_it() {
    let key = key();
    for len in [0, 40, 1, 16, 300, 15] {
        let plain = vec![b'p'; len];
        let fresh = encrypt(&self::key(), &plain);
        let mut data = encrypt(&key, &plain);
        assert_eq!(data, fresh, "{len} bytes");
        let decrypted = key.decrypt_in_place(&mut data).expect("own ciphertext");
        assert_eq!(&data[..decrypted], plain);
        // What is no ciphertext moves the chain on too.
        assert!(key.decrypt_in_place(&mut [b'c'; 32]).is_err());
    }
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn a_cipher_that_was_in_use_during_a_panic_is_not_used_again() {
    let key = key();
    let before = encrypt(&key, b"report");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = key.with_cipher(|cipher| -> Result<(), CipherError> {
            cipher.encrypt(IV, &mut [0; 3 * BLOCK_LEN])?;
            panic!("in between")
        });
    }));
    assert!(panicked.is_err());
    assert_eq!(encrypt(&key, b"report"), before);
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn encryption_needs_no_more_room_than_it_says() {
    let mut out = Vec::with_capacity(SessionKey::encryption_room(20));
    let before = (out.as_ptr(), out.capacity());
    key()
        .encrypt_into(&[b'x'; 20], &mut out)
        .expect("OpenSSL works");
    assert_eq!((out.as_ptr(), out.capacity()), before);
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn wrong_lengths_leave_the_data_alone() {
    let key = key();
    for len in (0_usize..=50).filter(|len| *len == 0 || !len.is_multiple_of(BLOCK_LEN)) {
        let clear = vec![b'e'; len];
        let mut data = clear.clone();
        assert_eq!(key.decrypt_in_place(&mut data), Err(DecryptError::Length));
        assert_eq!(data, clear);
    }
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn clear_text_survives() {
    let key = key();
    for clear in ["Token is invalid", "Token is invalid; length was 12."] {
        assert_eq!(clear.len() % BLOCK_LEN, 0);
        let mut data = clear.as_bytes().to_vec();
        assert_eq!(key.decrypt_in_place(&mut data), Err(DecryptError::Padding));
        assert_eq!(data, clear.as_bytes());
    }
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn every_byte_of_the_padding_is_checked() {
    let key = key();
    for padding in 1..=BLOCK_LEN {
        let mut plain = [b'p'; 2 * BLOCK_LEN];
        let start = plain.len() - padding;
        plain[start..].fill(padding as u8);
        let mut data = encrypt_unpadded(&key, &plain);
        assert_eq!(key.decrypt_in_place(&mut data), Ok(start));
        assert_eq!(data, plain);

        for position in start..plain.len() - 1 {
            let mut broken = plain;
            broken[position] ^= 0x40;
            let ciphertext = encrypt_unpadded(&key, &broken);
            let mut data = ciphertext.clone();
            assert_eq!(key.decrypt_in_place(&mut data), Err(DecryptError::Padding));
            assert_eq!(data, ciphertext);
        }
    }
    for last in [0, 17, 32, 0x80, 0xFF] {
        let mut data = encrypt_unpadded(&key, &[last; BLOCK_LEN]);
        assert_eq!(
            key.decrypt_in_place(&mut data),
            Err(DecryptError::Padding),
            "{last}"
        );
    }
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn any_bytes_are_plaintext_or_left_alone() {
    let key = key();
    let mut random = Xorshift::new(0x5EED);
    let mut accepted = 0;
    for _ in 0..ROUNDS {
        let len = random.below(80);
        let before = random.bytes(len);
        let mut data = before.clone();
        match key.decrypt_in_place(&mut data) {
            Ok(len) => {
                assert_eq!(encrypt(&key, &data[..len]), before);
                accepted += 1;
            }
            Err(error) => {
                let whole = !before.is_empty() && before.len().is_multiple_of(BLOCK_LEN);
                assert_eq!(
                    error,
                    if whole {
                        DecryptError::Padding
                    } else {
                        DecryptError::Length
                    }
                );
                assert_eq!(data, before);
            }
        }
    }
    // One block in about 256 has a padding by chance: both arms have been taken.
    assert!(accepted > 0);
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn sequence_numbers_are_read_back() {
    let key = key();
    for seq in [0, 1, 9122, i32::MAX as u32 + 1, u32::MAX] {
        assert_eq!(key.decrypt_seq(&encrypt_seq(&key, seq)), Ok(seq));
    }
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn what_is_no_sequence_number_is_refused() {
    let key = key();
    for text in ["", "-1", "+1", " 1", "1 ", "one", "4294967296", "1\0"] {
        let data = encrypt(&key, text.as_bytes());
        assert_eq!(
            key.decrypt_seq(&data),
            Err(DecryptError::NotASequenceNumber),
            "{text:?}"
        );
    }
    assert_eq!(
        key.decrypt_seq(&encrypt(&key, b"0000000000000001")),
        Err(DecryptError::Length)
    );
    assert_eq!(key.decrypt_seq(b""), Err(DecryptError::Length));
    assert_eq!(key.decrypt_seq(b"1"), Err(DecryptError::Length));
    let other = SessionKey::derive(DEVICE_SECRET, "another");
    assert_eq!(
        other.decrypt_seq(&encrypt_seq(&key, 1)),
        Err(DecryptError::Padding)
    );
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn threads_share_one_key() {
    let key = key();
    std::thread::scope(|scope| {
        for seq in 0..4 {
            let key = &key;
            scope.spawn(move || {
                for _ in 0..500 {
                    assert_eq!(key.decrypt_seq(&encrypt_seq(key, seq)), Ok(seq));
                }
            });
        }
    });
}

#[test]
fn padding_is_one_to_sixteen_equal_bytes() {
    let mut block = [3; BLOCK_LEN];
    assert_eq!(padding_len(&block), Some(3));
    block[BLOCK_LEN - 3] = 4;
    assert_eq!(padding_len(&block), None);
    for value in 0..=u8::MAX {
        let expected = (1..=16).contains(&value).then_some(value);
        assert_eq!(padding_len(&[value; BLOCK_LEN]), expected.map(usize::from));
    }
}

#[test]
fn encrypted_lengths() {
    for (plain, encrypted) in [
        (0, 16),
        (1, 16),
        (15, 16),
        (16, 32),
        (17, 32),
        (31, 32),
        (32, 48),
    ] {
        assert_eq!(SessionKey::encrypted_len(plain), encrypted);
    }
}

#[test]
fn debug_hides_the_key() {
    assert_eq!(format!("{:?}", key()), "SessionKey(..)");
}

#[test]
fn errors_explain_themselves() {
    let openssl = DecryptError::from(CipherError);
    assert_eq!(openssl, DecryptError::Cipher(CipherError));
    assert_eq!(openssl.to_string(), CipherError.to_string());
    let texts = [
        DecryptError::Length,
        DecryptError::Padding,
        DecryptError::NotASequenceNumber,
        openssl,
    ]
    .map(|error| error.to_string());
    for (index, text) in texts.iter().enumerate() {
        assert!(
            !text.is_empty() && !texts[..index].contains(text),
            "{text:?}"
        );
    }
}

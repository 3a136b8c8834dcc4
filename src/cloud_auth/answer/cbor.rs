//! An answer in CBOR.

use minicbor::Decoder;
use minicbor::data::Type;
use minicbor::decode::Error;
use zeroize::Zeroizing;

use super::{AnswerError, Members, Secret, Value};
use crate::cloud_auth::Encoding;

/// Finds the members of interest. Maps and texts of indefinite length are taken too: several
/// encoders write nothing else.
pub(super) fn members(payload: &[u8]) -> Result<Members<'_>, AnswerError> {
    read(payload).map_err(|_| AnswerError::Malformed(Encoding::Cbor))
}

fn read(payload: &[u8]) -> Result<Members<'_>, Error> {
    let mut decoder = Decoder::new(payload);
    let mut members = Members::default();
    let mut left = decoder.map()?;
    loop {
        match &mut left {
            Some(0) => break,
            Some(count) => *count -= 1,
            None if decoder.datatype()? == Type::Break => {
                decoder.skip()?;
                break;
            }
            None => {}
        }
        // A name in pieces or of another type than text is none that we look for.
        let slot = match decoder.datatype()? {
            Type::String => members.slot(decoder.str()?),
            _ => {
                skip(&mut decoder)?;
                None
            }
        };
        let Some(slot) = slot else {
            skip(&mut decoder)?;
            continue;
        };
        if slot.replace(value(&mut decoder)?).is_some() {
            return Err(Error::message("member comes twice"));
        }
    }
    if decoder.position() != payload.len() {
        return Err(Error::message("bytes after the map"));
    }
    Ok(members)
}

fn value<'a>(decoder: &mut Decoder<'a>) -> Result<Value<'a>, Error> {
    match decoder.datatype()? {
        Type::String => Ok(Value::Borrowed(decoder.str()?)),
        Type::StringIndef => {
            // Room for all that can come: growing would leave a piece of the text behind, unwiped.
            let room = decoder.input().len() - decoder.position();
            let mut text = Zeroizing::new(String::with_capacity(room));
            for piece in decoder.str_iter()? {
                text.push_str(piece?);
            }
            Ok(Value::Owned(Secret::new(std::mem::take(&mut *text))))
        }
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => Ok(Value::Number(decoder.u64()?)),
        _ => {
            skip(decoder)?;
            Ok(Value::Other)
        }
    }
}

/// Skips one value of any depth; minicbor counts what is open instead of recursing.
fn skip(decoder: &mut Decoder<'_>) -> Result<(), Error> {
    // minicbor takes a lone "break" for a value, which would let it end a map that is not open.
    if decoder.datatype()? == Type::Break {
        return Err(Error::message("break outside of an indefinite value"));
    }
    decoder.skip()
}

//! Which options of a response this client recognises (RFC 7252 sections 5.4.1, 5.4.3 and 5.4.5).

use super::option::OptionNumber;

/// What is defined of an option.
struct Definition {
    number: u16,
    lengths: core::ops::RangeInclusive<usize>,
    repeatable: bool,
}

const fn once(number: u16, least: usize, most: usize) -> Definition {
    Definition {
        number,
        lengths: least..=most,
        repeatable: false,
    }
}

const fn repeatable(number: u16, least: usize, most: usize) -> Definition {
    Definition {
        repeatable: true,
        ..once(number, least, most)
    }
}

/// Options a response may carry without surprising this client: those of RFC 7252 (table 4), of the
/// Observe (7641), block-wise (7959) and No-Response (7967) extensions, and the cloud's own. In
/// order.
const KNOWN: [Definition; 24] = [
    repeatable(1, 0, 8),       // If-Match
    once(3, 1, 255),           // Uri-Host
    once(4, 1, 8),             // ETag: repeatable in requests only (section 5.10.6.1)
    once(5, 0, 0),             // If-None-Match
    once(6, 0, 3),             // Observe
    once(7, 0, 2),             // Uri-Port
    repeatable(8, 0, 255),     // Location-Path
    repeatable(11, 0, 255),    // Uri-Path
    once(12, 0, 2),            // Content-Format
    once(14, 0, 4),            // Max-Age
    repeatable(15, 0, 255),    // Uri-Query
    once(17, 0, 2),            // Accept
    repeatable(20, 0, 255),    // Location-Query
    once(23, 0, 3),            // Block2
    once(27, 0, 3),            // Block1
    once(28, 0, 4),            // Size2
    once(35, 1, 1034),         // Proxy-Uri
    once(39, 1, 255),          // Proxy-Scheme
    once(60, 0, 4),            // Size1
    once(61, 0, usize::MAX),   // authentication token (2017)
    once(258, 0, 1),           // No-Response
    once(2088, 0, usize::MAX), // authentication token (2018)
    once(2089, 0, usize::MAX), // sequence number
    once(2090, 0, usize::MAX), // message id of the cloud
];

/// Judges the options of a message, one after the other in their order.
#[derive(Default)]
pub(super) struct Judge {
    previous: Option<OptionNumber>,
}

impl Judge {
    /// Whether this client recognises the message's next option. One of a length it is not defined
    /// for, and one that comes again without being repeatable, count as unrecognised.
    pub(super) fn recognizes(&mut self, number: OptionNumber, value: &[u8]) -> bool {
        let repeated = self.previous.replace(number) == Some(number);
        let definition = KNOWN.binary_search_by_key(&number.0, |definition| definition.number);
        definition.is_ok_and(|index| {
            let definition = &KNOWN[index];
            definition.lengths.contains(&value.len())
                && (definition.repeatable || !repeated)
                && is_whole(number, value)
        })
    }
}

/// This client does not put blocks together, so a Block2 that is not all there is would make it
/// take a part for the whole: it recognises only the block that has no other before (NUM 0) or
/// behind it (M 0).
fn is_whole(number: OptionNumber, value: &[u8]) -> bool {
    const SZX: u32 = 7;
    number != OptionNumber::BLOCK2 || uint(value).is_some_and(|block| block & !SZX == 0)
}

/// An unsigned integer (section 3.2); `None` beyond 32 bits.
pub(super) fn uint(value: &[u8]) -> Option<u32> {
    let append = |sum, &byte| sum << 8 | u32::from(byte);
    (value.len() <= 4).then(|| value.iter().fold(0, append))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_options_are_in_order_for_the_binary_search() {
        assert!(KNOWN.is_sorted_by_key(|definition| definition.number));
    }

    #[test]
    fn integers_are_read_in_any_number_of_bytes() {
        assert_eq!(uint(&[]), Some(0));
        assert_eq!(uint(&[0, 1]), Some(1));
        assert_eq!(uint(&[1, 2, 3, 4]), Some(0x0102_0304));
        assert_eq!(uint(&[0; 5]), None);
    }
}

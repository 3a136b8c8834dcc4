//! Sorting of a handful.

/// Sorts by key; what has equal keys keeps its order. By insertion, with time that grows with the square of the length: for a
/// handful of elements, or for some dozens that are nearly in order. The standard library's stable sort is 5 KB of code for each
/// type and key.
#[inline(never)]
pub(crate) fn sort_by_key<T, K: Ord>(elements: &mut [T], key: impl Fn(&T) -> K) {
    for end in 1..elements.len() {
        for place in (0..end).rev() {
            let Some([before, after]) = elements.get_mut(place..place + 2) else {
                break;
            };
            if key(before) <= key(after) {
                break;
            }
            std::mem::swap(before, after);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_as_the_standard_library_does() {
        // All sequences of up to six keys of three kinds, numbered to tell equal ones apart.
        for length in 0..=6_u32 {
            for code in 0..3_u32.pow(length) {
                let mut elements: Vec<_> = (0..length)
                    .map(|place| (code / 3_u32.pow(place) % 3, place))
                    .collect();
                let mut expected = elements.clone();
                expected.sort_by_key(|&(key, _)| key);
                sort_by_key(&mut elements, |&(key, _)| key);
                assert_eq!(elements, expected);
            }
        }
    }
}

//! Bytes of bounded length, written and read piece by piece.

/// The length of the longest varint in bytes.
pub(crate) const VARINT_BYTES_MAX: usize = 10;

/// Up to `N` bytes without allocation. What does not fit is left out; all users know their longest
/// content when they are compiled, and tests write it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buffer<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Buffer<N> {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; N],
            length: 0,
        }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        debug_assert!(end <= N, "{end} bytes are put into {N}");
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            room.copy_from_slice(bytes);
            self.length = end;
        }
    }

    pub(crate) fn varint(&mut self, mut number: u64) {
        while number > 0x7f {
            self.put(&[number as u8 | 0x80]);
            number >>= 7;
        }
        self.put(&[number as u8]);
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Takes the first byte off `bytes`.
pub(crate) fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

/// Takes the first `N` bytes off `bytes`.
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

/// Takes a varint off `bytes`; none when it is cut off, longer than it need be, or too large.
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for place in 0..VARINT_BYTES_MAX {
        let byte = take_byte(bytes)?;
        let bits = u64::from(byte & 0x7f);
        let shift = 7 * place as u32;
        // The tenth byte has room for the one bit that is left of 64.
        if bits.checked_shl(shift)? >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            let is_shortest = place == 0 || byte != 0;
            return is_shortest.then_some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back_and_have_one_form() {
        for shift in 0..64 {
            for number in [1 << shift, (1_u64 << shift) - 1, u64::MAX >> shift] {
                let mut buffer = Buffer::<VARINT_BYTES_MAX>::new();
                buffer.varint(number);
                let mut bytes = buffer.as_slice();
                assert_eq!(take_varint(&mut bytes), Some(number));
                assert!(bytes.is_empty());
            }
        }
        for wrong in [
            &[][..],
            &[0x80],
            &[0x80, 0x00],
            &[0xff; 10],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
        ] {
            assert_eq!(take_varint(&mut &*wrong), None, "{wrong:x?}");
        }
    }
}

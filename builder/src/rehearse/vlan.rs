//! Tags of VLANs (IEEE 802.1Q): four bytes behind the two addresses of a frame.

/// Bytes of two addresses.
const ADDRESSES: usize = 12;
const TAGGED: [u8; 2] = [0x81, 0x00];

/// The frame with the tag of this VLAN.
#[must_use]
pub fn with(frame: &[u8], vlan: Option<u16>) -> Vec<u8> {
    match (vlan, frame.split_at_checked(ADDRESSES)) {
        (Some(id), Some((addresses, rest))) => [addresses, &TAGGED, &id.to_be_bytes(), rest].concat(),
        _ => frame.to_owned(),
    }
}

/// The frame without its tag; none if it is not of this VLAN.
#[must_use]
pub fn without(frame: &[u8], vlan: Option<u16>) -> Option<Vec<u8>> {
    /// Beside its id a tag has a priority.
    const ID: u16 = 0x0fff;
    let Some(id) = vlan else { return Some(frame.to_owned()) };
    let (addresses, rest) = frame.split_at_checked(ADDRESSES)?;
    let (tag, rest) = rest.split_at_checked(4)?;
    let ours = tag[..2] == TAGGED && u16::from_be_bytes([tag[2], tag[3]]) & ID == id;
    ours.then(|| [addresses, rest].concat())
}

#[cfg(test)]
mod tests {
    use super::{with, without};

    #[test]
    fn a_tag_is_put_in_and_taken_out() {
        let frame = b"bbbbbbaaaaaa\x08\x00data";
        let tagged = with(frame, Some(0x123));
        assert_eq!(tagged, b"bbbbbbaaaaaa\x81\x00\x01\x23\x08\x00data");
        assert_eq!(without(&tagged, Some(0x123)).as_deref(), Some(&frame[..]));
        let urgent = b"bbbbbbaaaaaa\x81\x00\xe1\x23\x08\x00data";
        assert_eq!(without(urgent, Some(0x123)).as_deref(), Some(&frame[..]));
        for other in [&tagged[..], frame, b"short"] {
            assert_eq!(without(other, Some(7)), None);
        }
        assert_eq!(with(frame, None), frame);
        assert_eq!(without(frame, None).as_deref(), Some(&frame[..]));
    }
}

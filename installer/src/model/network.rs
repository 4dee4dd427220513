//! Addresses: of cards, of machines, of networks.

use std::fmt;
use std::net::IpAddr;

use super::schema::{self, Schema};
use super::value::{Found, Value, Wrong};

/// The address of one network card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mac([u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.map(|byte| format!("{byte:02x}")).join(":"))
    }
}

impl Mac {
    /// With colons or dashes, in any case.
    fn parse(text: &str) -> Option<Self> {
        let pairs: Vec<&str> = text.split([':', '-']).collect();
        let byte = |pair: &str| {
            let hex = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            if hex { u8::from_str_radix(pair, 16).ok() } else { None }
        };
        let bytes: Option<Vec<u8>> = pairs.into_iter().map(byte).collect();
        bytes?.try_into().ok().map(Self)
    }

    /// Whether a single card can have it: neither a group of machines nor nobody.
    fn is_of_one_card(self) -> bool {
        self.0[0] & 1 == 0 && self.0 != [0; 6]
    }
}

impl Value for Mac {
    const WHAT: &'static str = "a string";
    const EXAMPLE: &'static str = "\"52:54:00:00:00:01\"";

    fn schema() -> Schema {
        schema::text("a MAC address", "^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$")
    }

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        let text = found.text()?;
        let hint = "write six pairs of hexadecimal digits, such as `52:54:00:00:00:01`";
        let mac =
            Self::parse(text).ok_or_else(|| Wrong::value(format!("`{text}` is not a MAC address"), hint))?;
        if mac.is_of_one_card() {
            return Ok(mac);
        }
        Err(Wrong::value(format!("`{text}` is not the MAC address of a single card"), "read it off the card"))
    }
}

impl Value for IpAddr {
    const WHAT: &'static str = "a string";
    const EXAMPLE: &'static str = "\"10.0.0.4\"";

    fn schema() -> Schema {
        schema::text("an IPv4 or IPv6 address", "^[0-9A-Fa-f:.]+$")
    }

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        let text = found.text()?;
        let hint = match text.contains('/') {
            true => "leave out the `/` and what follows: the network says it",
            false => "write an IPv4 or IPv6 address, such as `10.0.0.4`",
        };
        text.parse().map_err(|_| Wrong::value(format!("`{text}` is not an IP address"), hint))
    }
}

/// A range of addresses: its first one and the length of the prefix that all of them share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    first: IpAddr,
    prefix: u8,
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

/// An address as a number, and how many bits it has.
fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

impl Subnet {
    /// The length of the prefix.
    #[must_use]
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether `address` lies inside.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        let (first, width) = bits(self.first);
        let (other, other_width) = bits(address);
        width == other_width && (first ^ other).checked_shr(self.host_bits()).unwrap_or(0) == 0
    }

    /// Whether a machine can have `address`: inside, and neither the network's own nor the broadcast address.
    #[must_use]
    pub fn is_for_machines(self, address: IpAddr) -> bool {
        let hosts = self.host_bits();
        let tail = bits(address).0 & mask(hosts);
        self.contains(address) && (hosts < 2 || tail != 0 && (address.is_ipv6() || tail != mask(hosts)))
    }

    /// Whether the two share an address.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.first) || other.contains(self.first)
    }

    fn host_bits(self) -> u32 {
        bits(self.first).1 - u32::from(self.prefix)
    }

    fn parse(text: &str) -> Option<Self> {
        let (first, prefix) = text.split_once('/')?;
        if !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let subnet = Self { first: first.parse().ok()?, prefix: prefix.parse().ok()? };
        let (number, width) = bits(subnet.first);
        let aligned = u32::from(subnet.prefix) <= width && number & mask(subnet.host_bits()) == 0;
        aligned.then_some(subnet)
    }
}

/// The lowest `count` bits.
fn mask(count: u32) -> u128 {
    1_u128.checked_shl(count).map_or(u128::MAX, |bit| bit - 1)
}

/// How to write a subnet.
const SUBNET_HINT: &str =
    "write the network's first address and the length of its prefix, such as `10.0.0.0/24`";

impl Value for Subnet {
    const WHAT: &'static str = "a string";
    const EXAMPLE: &'static str = "\"10.0.0.0/24\"";

    fn schema() -> Schema {
        schema::text(SUBNET_HINT, "^[0-9A-Fa-f:.]+/[0-9]+$")
    }

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        let text = found.text()?;
        Self::parse(text).ok_or_else(|| Wrong::value(format!("`{text}` is not a subnet"), SUBNET_HINT))
    }
}

#[cfg(test)]
mod tests {
    use super::{Mac, Subnet};

    #[test]
    fn a_mac_is_shown_in_lower_case_with_colons() {
        assert_eq!(Mac::parse("52-54-00-AB-cd-01").unwrap().to_string(), "52:54:00:ab:cd:01");
        for wrong in ["", "52:54:00:ab:cd", "52:54:00:ab:cd:1", "52:54:00:ab:cd:0g", "52:54:00:ab:cd:+1"] {
            assert_eq!(Mac::parse(wrong), None, "{wrong}");
        }
        assert!(!Mac::parse("01:00:5e:00:00:01").unwrap().is_of_one_card());
        assert!(!Mac::parse("00:00:00:00:00:00").unwrap().is_of_one_card());
    }

    #[test]
    fn a_subnet_knows_its_machines() {
        let subnet = Subnet::parse("10.0.0.0/24").unwrap();
        for (address, inside, machine) in [
            ("10.0.0.4", true, true),
            ("10.0.0.0", true, false),
            ("10.0.0.255", true, false),
            ("10.0.1.4", false, false),
            ("fd00::1", false, false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(
                (subnet.contains(address), subnet.is_for_machines(address)),
                (inside, machine),
                "{address}"
            );
        }
        let all = Subnet::parse("::/0").unwrap();
        assert!(all.contains("fd00::1".parse().unwrap()) && !all.contains("10.0.0.1".parse().unwrap()));
        let pair = Subnet::parse("10.0.0.4/31").unwrap();
        assert!(pair.is_for_machines("10.0.0.4".parse().unwrap()));
    }

    #[test]
    fn what_is_not_a_subnet_is_refused() {
        for wrong in
            ["", "10.0.0.0", "10.0.0.1/24", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+24", "fd00::1/64"]
        {
            assert_eq!(Subnet::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn subnets_overlap_both_ways() {
        let [wide, narrow, other] =
            ["10.0.0.0/8", "10.1.0.0/16", "192.168.0.0/24"].map(|text| Subnet::parse(text).unwrap());
        assert!(wide.overlaps(narrow) && narrow.overlaps(wide) && !wide.overlaps(other));
    }
}

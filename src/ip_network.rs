//! Ranges of addresses, as an operator names them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An address, or a range of them: `10.0.0.5`, `10.0.0.0/16`, `fd00::/64`. An IPv4 address that is written as
/// IPv6 is the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IpNetwork {
    address: IpAddr,
    /// How many of the first bits all of its addresses share.
    length: u8,
}

impl IpNetwork {
    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let differ = bits(self.address) ^ bits(address);
        self.address.is_ipv4() == address.is_ipv4()
            && differ.leading_zeros() >= u32::from(self.length)
    }

    /// Whether all of another range is in it.
    pub fn holds(&self, other: &IpNetwork) -> bool {
        self.length <= other.length && self.contains(other.address)
    }

    /// True for a range of IPv4.
    pub fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// True for what holds all addresses of its family.
    pub fn is_everybody(&self) -> bool {
        self.length == 0
    }

    /// The same range, named by its first address.
    #[must_use]
    pub fn from_its_first(&self) -> IpNetwork {
        let kept = u128::MAX.checked_shl(128 - u32::from(self.length));
        let first = bits(self.address) & kept.unwrap_or_default();
        let address = match self.address {
            IpAddr::V4(_) => IpAddr::from(((first >> 96) as u32).to_be_bytes()),
            IpAddr::V6(_) => IpAddr::from(first.to_be_bytes()),
        };
        IpNetwork { address, ..*self }
    }
}

/// The bits of an address, from the highest on.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn most(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl From<IpAddr> for IpNetwork {
    fn from(address: IpAddr) -> IpNetwork {
        let address = address.to_canonical();
        IpNetwork {
            address,
            length: most(address),
        }
    }
}

impl FromStr for IpNetwork {
    type Err = String;

    fn from_str(text: &str) -> Result<IpNetwork, String> {
        let no_address = || {
            format!(
                "{text:?} is no address and no range such as 10.0.0.5, 10.0.0.0/16 or fd00::/64"
            )
        };
        let Some((address, length)) = text.split_once('/') else {
            let address: IpAddr = text.parse().map_err(|_| no_address())?;
            return Ok(address.into());
        };
        let written: IpAddr = address.parse().map_err(|_| no_address())?;
        // A sign would be read as part of the number.
        let plain = length.bytes().all(|byte| byte.is_ascii_digit());
        let length: Option<u8> = length.parse().ok().filter(|_| plain);
        let length = length
            .filter(|length| *length <= most(written))
            .ok_or_else(|| format!("{text:?}: behind the slash stands 0 to {}", most(written)))?;
        let address = written.to_canonical();
        // A mapped range keeps the 96 bits that mark it as one.
        let length = length
            .checked_sub(most(written) - most(address))
            .ok_or_else(|| format!("{text:?} holds IPv4 and IPv6; name them apart"))?;
        Ok(IpNetwork { address, length })
    }
}

impl TryFrom<String> for IpNetwork {
    type Error = String;

    fn try_from(text: String) -> Result<IpNetwork, String> {
        text.parse()
    }
}

impl From<IpNetwork> for String {
    fn from(network: IpNetwork) -> String {
        network.to_string()
    }
}

impl fmt::Display for IpNetwork {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(out)?;
        if self.length < most(self.address) {
            write!(out, "/{}", self.length)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(network: &str, address: &str) -> bool {
        let network: IpNetwork = network.parse().unwrap();
        network.contains(address.parse().unwrap())
    }

    #[test]
    fn a_range_holds_its_first_and_its_last_address_and_none_beside() {
        assert!(has("10.0.4.0/22", "10.0.4.0"));
        assert!(has("10.0.4.0/22", "10.0.7.255"));
        assert!(!has("10.0.4.0/22", "10.0.3.255"));
        assert!(!has("10.0.4.0/22", "10.0.8.0"));
        // What stands behind the prefix does not count, as in Go.
        assert!(has("10.0.4.77/22", "10.0.4.1"));
        assert!(has("0.0.0.0/0", "203.0.113.9"));
        assert!(!has("0.0.0.0/0", "::1"));
        assert!(has("::/0", "fd00::1"));
        assert!(!has("::/0", "10.0.0.1"));
        assert!(has("fd00::/64", "fd00::ffff"));
        assert!(!has("fd00::/64", "fd00:0:0:1::"));
        assert!(has("fd00::1", "fd00::1"));
        assert!(!has("10.0.0.1", "10.0.0.2"));
    }

    #[test]
    fn a_range_is_named_by_its_first_address() {
        for (network, first) in [
            ("10.0.4.77/22", "10.0.4.0/22"),
            ("10.0.0.5", "10.0.0.5"),
            ("203.0.113.9/0", "0.0.0.0/0"),
            ("fd00::5/64", "fd00::/64"),
            ("fd00::5", "fd00::5"),
            ("fd00::5/0", "::/0"),
        ] {
            let network: IpNetwork = network.parse().unwrap();
            assert_eq!(network.from_its_first().to_string(), first);
        }
    }

    #[test]
    fn ipv4_in_ipv6_is_ipv4() {
        assert!(has("10.0.0.1", "::ffff:10.0.0.1"));
        assert!(has("::ffff:10.0.0.0/104", "10.200.0.1"));
        assert!(!has("::ffff:10.0.0.0/104", "11.0.0.1"));
        assert_eq!(
            "::ffff:10.0.0.0/104"
                .parse::<IpNetwork>()
                .unwrap()
                .to_string(),
            "10.0.0.0/8"
        );
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for bad in [
            "",
            "node1",
            "10.0.0",
            "10.0.0.0/33",
            "fd00::/129",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "10.0.0.0/8/8",
            "010.0.0.1",
            "::ffff:0.0.0.0/64",
            "10.0.0.1-10.0.0.9",
        ] {
            assert!(bad.parse::<IpNetwork>().is_err(), "{bad}");
        }
    }
}

//! Which addresses the world can see (RFC 6890): what is private, local or embedded in such a one is nobody's business out there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Tells whether the world can see an address.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(four) => is_public_four(four),
        IpAddr::V6(six) => is_public_six(six),
    }
}

fn is_public_four(four: Ipv4Addr) -> bool {
    let [a, b, c, _] = four.octets();
    !(four.is_private()
        || four.is_loopback()
        || four.is_link_local()
        || four.is_unspecified()
        || four.is_broadcast()
        || four.is_multicast()
        // Shared by a carrier's customers (RFC 6598).
        || (a == 100 && (64..128).contains(&b))
        // For protocols (RFC 6890) and for measuring (RFC 2544).
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (18..20).contains(&b))
        || a == 0
        || a >= 240)
}

fn is_public_six(six: Ipv6Addr) -> bool {
    let four = |bytes: &[u8]| {
        let bytes: Option<[u8; 4]> = bytes.try_into().ok();
        bytes.is_some_and(|bytes| is_public_four(bytes.into()))
    };
    let bytes = six.octets();
    match bytes {
        // What leads to an IPv4 address is as public as that (RFC 6052, RFC 3056).
        [0, 0x64, 0xff, 0x9b, ..] => bytes[4..12] == [0; 8] && four(&bytes[12..]),
        [0x20, 0x02, ..] => four(&bytes[2..6]),
        [first, second, ..] => {
            !(six.is_loopback()
                || six.is_unspecified()
                || six.is_multicast()
                || six.is_unique_local()
                || six.is_unicast_link_local()
                // What was local to a site before, and what embeds an IPv4 address the old way.
                || (first == 0xfe && second & 0xc0 == 0xc0)
                || bytes[..12] == [0; 12])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_within_somebodys_walls_passes_for_public() {
        for (address, expected) in [
            ("8.8.8.8", true),
            ("2a00:1450::1", true),
            ("2002:808:808::1", true),
            ("64:ff9b::808:808", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.0.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("224.0.0.1", false),
            ("::1", false),
            ("::", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("::127.0.0.1", false),
            ("fe80::1", false),
            ("fc00::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("2002:7f00:1::1", false),
            ("64:ff9b::a9fe:a9fe", false),
            ("64:ff9b:1::808:808", false),
        ] {
            assert_eq!(is_public(address.parse().expect("an address")), expected, "{address}");
        }
    }
}

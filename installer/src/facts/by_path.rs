//! The name of a disk below `/dev/disk/by-path`, made of its place in sysfs by the rules of udev's `path_id`.
//!
//! SATA, SCSI, NVMe, virtio and USB behind PCI. Other transports (SAS, Fibre Channel, iSCSI) have names made of
//! addresses on their fabric; a disk there has no name here, rather than a wrong one.

/// Numbers that a name needs and a place does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// `port_no` of the ATA port.
    pub ata_port: Option<u32>,
    /// The lowest number of the SCSI hosts at the same controller.
    pub first_host: Option<u32>,
    /// `nsid` of an NVMe namespace.
    pub namespace: Option<u32>,
}

/// Folders that show a transport of which we do not make names.
const OTHER_TRANSPORTS: [&str; 5] = ["rport-", "end_device-", "session", "vmbus_", "VMBUS"];

/// The name of the disk whose folder is `place`, such as `devices/pci0000:00/0000:00:02.0/virtio1/block/vda`.
#[must_use]
pub fn by_path(place: &str, numbers: &Numbers) -> Option<String> {
    let mut above: Vec<&str> = place.split('/').collect();
    if above.iter().any(|part| OTHER_TRANSPORTS.iter().any(|other| part.starts_with(other))) {
        return None;
    }
    let is_ata = above.iter().any(|part| numbered(part, "ata"));
    let (mut words, mut transport, mut bus) = (vec![], false, false);
    while let Some(part) = above.pop() {
        if let Some(address) = scsi_address(part) {
            words.push(if is_ata { ata(address, numbers) } else { scsi(address, numbers) }?);
            transport = true;
        } else if is_usb(part) {
            words.push(format!("usb-0:{}", part.split_once('-')?.1));
            skip(&mut above, is_usb);
            transport = true;
        } else if numbered(part, "nvme") {
            words.push(format!("nvme-{}", numbers.namespace?));
            transport = true;
        } else if numbered(part, "virtio") {
            transport = true;
        } else if is_pci(part) {
            words.push(format!("pci-{part}"));
            skip(&mut above, is_pci);
            bus = true;
        }
    }
    words.reverse();
    (transport && bus).then(|| words.join("-"))
}

/// Bridges and hubs do not count, only what hangs on them.
fn skip(above: &mut Vec<&str>, same: fn(&str) -> bool) {
    while above.pop_if(|part| same(part)).is_some() {}
}

/// The target tells master and slave; behind a port multiplier the bus is the port.
fn ata([_, bus, target, _]: [u32; 4], numbers: &Numbers) -> Option<String> {
    Some(format!("ata-{}.{}", numbers.ata_port?, if bus == 0 { target } else { bus }))
        .map(|name| if bus == 0 { name } else { format!("{name}.0") })
}

/// Hosts are numbered as they come; what counts is which one of its controller it is.
fn scsi([host, bus, target, lun]: [u32; 4], numbers: &Numbers) -> Option<String> {
    let host = host.checked_sub(numbers.first_host?)?;
    Some(format!("scsi-{host}:{bus}:{target}:{lun}"))
}

/// `HOST:BUS:TARGET:LUN`.
fn scsi_address(part: &str) -> Option<[u32; 4]> {
    let numbers: Option<Vec<u32>> = part.split(':').map(|number| number.parse().ok()).collect();
    numbers?.try_into().ok()
}

/// `DOMAIN:BUS:DEVICE.FUNCTION`.
fn is_pci(part: &str) -> bool {
    let is_hex =
        |text: &str, width: usize| text.len() >= width && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let Some((address, function)) = part.split_once('.') else { return false };
    let numbers: Vec<&str> = address.split(':').collect();
    matches!(numbers.as_slice(), [domain, bus, device] if is_hex(domain, 4) && is_hex(bus, 2) && is_hex(device, 2))
        && is_hex(function, 1)
}

/// `usb1`, `1-4`, `1-4.2:1.0`.
fn is_usb(part: &str) -> bool {
    let is_port = |(hub, port): (&str, &str)| {
        let is_number = |text: &str, also: &[u8]| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || also.contains(&byte))
        };
        is_number(hub, b"") && is_number(port, b".:")
    };
    numbered(part, "usb") || part.split_once('-').is_some_and(is_port)
}

/// `word` with a number behind it.
fn numbered(part: &str, word: &str) -> bool {
    let number = part.strip_prefix(word);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{Numbers, by_path};

    #[test]
    fn names_are_those_of_path_id() {
        let numbers = Numbers { ata_port: Some(2), first_host: Some(6), namespace: Some(1) };
        for (place, name) in [
            ("0000:00:1f.2/ata5/host4/target4:0:0/4:0:0:0/block/sda", Some("pci-0000:00:1f.2-ata-2.0")),
            ("0000:00:01.1/ata2/host1/target1:0:1/1:0:1:0/block/sdb", Some("pci-0000:00:01.1-ata-2.1")),
            ("0000:00:1f.2/ata5/host4/target4:3:0/4:3:0:0/block/sda", Some("pci-0000:00:1f.2-ata-2.3.0")),
            (
                "0000:00:04.0/virtio1/host7/target7:0:2/7:0:2:1/block/sda",
                Some("pci-0000:00:04.0-scsi-1:0:2:1"),
            ),
            ("0000:00:02.0/virtio1/block/vda", Some("pci-0000:00:02.0")),
            ("0000:00:1c.4/0000:05:00.0/nvme/nvme0/nvme0n1", Some("pci-0000:05:00.0-nvme-1")),
            (
                "0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0/nvme/nvme0/nvme0n1",
                Some("pci-0000:00:0e.0-pci-10000:e1:00.0-nvme-1"),
            ),
            (
                "0000:00:14.0/usb1/1-4/1-4.2/1-4.2:1.0/host6/target6:0:0/6:0:0:0/block/sdc",
                Some("pci-0000:00:14.0-usb-0:4.2:1.0-scsi-0:0:0:0"),
            ),
            ("0000:03:00.0/host6/port-6:0/end_device-6:0/target6:0:0/6:0:0:0/block/sdd", None),
            ("0000:00:1a.0/mmc_host/mmc0/mmc0:0001/block/mmcblk0", None),
        ] {
            let place = format!("devices/pci0000:00/{place}");
            assert_eq!(by_path(&place, &numbers).as_deref(), name, "{place}");
        }
        assert_eq!(by_path("devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1", &numbers), None);
    }

    #[test]
    fn without_its_number_a_disk_has_no_name() {
        for place in [
            "ata5/host4/target4:0:0/4:0:0:0/block/sda",
            "nvme/nvme0/nvme0n1",
            "host1/target1:0:0/1:0:0:0/block/sda",
        ] {
            let place = format!("devices/pci0000:00/0000:00:1f.2/{place}");
            assert_eq!(by_path(&place, &Numbers::default()), None, "{place}");
        }
    }
}

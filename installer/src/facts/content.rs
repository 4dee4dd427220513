//! What lies on a device, as `wipefs` tells it.

use serde::{Deserialize, Serialize};

use super::attribute::text;
use crate::host::Command;
use crate::units::Bytes;

/// Kinds that are partition tables. `PMBR` is the MBR that protects a GPT.
const TABLES: [&str; 3] = ["gpt", "dos", "PMBR"];

/// One signature on a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Content {
    /// The device, such as `/dev/sda1`.
    pub device: String,
    /// What it is, as wipefs calls it: `gpt`, `linux_raid_member`, `LVM2_member`, `ext4`, `drbd`, ….
    pub kind: String,
    /// Its label; empty where it has none.
    pub label: String,
    /// Its id; empty where it has none.
    pub uuid: String,
    /// Where the signature lies on the device.
    pub offset: Bytes,
}

impl Content {
    /// Whether it is a partition table.
    #[must_use]
    pub fn is_table(&self) -> bool {
        TABLES.contains(&self.kind.as_str())
    }
}

/// The command that lists what lies on a device, and changes nothing.
#[must_use]
pub fn list(device: &str) -> Command {
    let columns = "DEVICE,OFFSET,TYPE,UUID,LABEL";
    Command::new(["wipefs", "--json", "--no-act", "--output", columns, device])
}

#[derive(Deserialize)]
struct Report {
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    offset: String,
    #[serde(rename = "type")]
    kind: String,
    uuid: Option<String>,
    label: Option<String>,
}

/// What [`list`] has found on `device`.
///
/// # Errors
/// What is wrong with the text.
pub fn parse(device: &str, report: &str) -> Result<Vec<Content>, String> {
    if report.trim().is_empty() {
        return Ok(Vec::new());
    }
    let report: Report = serde_json::from_str(report).map_err(|error| error.to_string())?;
    report.signatures.into_iter().map(|signature| content(device, signature)).collect()
}

fn content(device: &str, signature: Signature) -> Result<Content, String> {
    let digits = signature.offset.strip_prefix("0x");
    let offset = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let offset = offset.ok_or_else(|| format!("`{}` is not an offset", signature.offset))?;
    let clean = |text_: Option<String>| text(text_.unwrap_or_default().as_bytes());
    Ok(Content {
        device: device.to_owned(),
        kind: text(signature.kind.as_bytes()),
        label: clean(signature.label),
        uuid: clean(signature.uuid),
        offset: Bytes(offset),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{list, parse};
    use crate::units::Bytes;

    #[test]
    fn the_command_changes_nothing() {
        let expected = "wipefs --json --no-act --output DEVICE,OFFSET,TYPE,UUID,LABEL /dev/sda";
        assert_eq!(list("/dev/sda").to_string(), expected);
    }

    /// As wipefs 2.38 wrote it, with a label that would clear a screen.
    #[test]
    fn signatures_are_read() {
        let report = r#"{
           "signatures": [
              {
                 "device": "sda1",
                 "offset": "0x438",
                 "type": "ext4",
                 "uuid": "729f58a5-2724-4a97-9cd7-cfe723ec2485",
                 "label": "root\u001b[2J"
              },{
                 "device": "sda1",
                 "offset": "0x1fe",
                 "type": "dos",
                 "uuid": null,
                 "label": null
              }
           ]
        }"#;
        let contents = parse("/dev/sda1", report).unwrap();
        let [ext4, dos] = contents.as_slice() else { panic!("{contents:?}") };
        assert_eq!((ext4.device.as_str(), ext4.kind.as_str()), ("/dev/sda1", "ext4"));
        assert_eq!((ext4.label.as_str(), ext4.offset), ("root\u{fffd}[2J", Bytes(0x438)));
        assert_eq!(ext4.uuid, "729f58a5-2724-4a97-9cd7-cfe723ec2485");
        assert_eq!((dos.label.as_str(), dos.uuid.as_str(), dos.is_table()), ("", "", true));
        assert!(!ext4.is_table());
    }

    #[test]
    fn nothing_is_nothing_and_nonsense_is_an_error() {
        assert_eq!(parse("/dev/sda", "{\n   \"signatures\": [\n\n   ]\n}\n"), Ok(vec![]));
        assert_eq!(parse("/dev/sda", ""), Ok(vec![]));
        let odd = r#"{"signatures": [{"offset": "12", "type": "dos", "uuid": null, "label": null}]}"#;
        assert_eq!(parse("/dev/sda", odd), Err("`12` is not an offset".to_owned()));
        assert!(parse("/dev/sda", "DEVICE OFFSET TYPE").is_err());
    }
}

//! What the text says: a volume group with its physical and logical volumes (lvm2 `lib/format_text/import_vsn1.c`).

use installer::units::Bytes;

use super::text::{Section, Value, read};
use super::{Id, SECTOR};

/// A volume group as one copy of the metadata has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub id: Id,
    /// Rises with each change.
    pub seqno: u64,
    /// What space is given out in.
    pub extent: Bytes,
    /// What it lies on.
    pub physical: Vec<Physical>,
    /// What it is divided into.
    pub volumes: Vec<Logical>,
}

/// A physical volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Physical {
    /// What segments call it: `pv0`.
    pub name: String,
    /// Its UUID.
    pub id: Id,
    /// Where it was when the metadata were written.
    pub device: String,
    /// Where its first extent starts.
    pub start: Bytes,
    /// How many extents it has.
    pub extents: u64,
}

/// A logical volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logical {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub id: Id,
    /// Not a part of another one.
    pub is_visible: bool,
    /// Its parts, in order.
    pub segments: Vec<Segment>,
}

/// A part of a logical volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its first extent in the logical volume.
    pub start: u64,
    /// How many extents it has.
    pub extents: u64,
    /// Its type.
    pub kind: String,
    /// The physical volumes that it lies on, each with its first extent there.
    pub stripes: Vec<(String, u64)>,
    /// How much lies on each before the next one's turn.
    pub stripe: Bytes,
}

impl Logical {
    /// How many extents it has.
    #[must_use]
    pub fn extents(&self) -> u64 {
        self.segments.iter().fold(0, |sum, segment| sum.saturating_add(segment.extents))
    }
}

impl Segment {
    /// The type in words: stripes over one volume are none.
    #[must_use]
    pub fn words(&self) -> String {
        match (self.kind.as_str(), self.stripes.len()) {
            ("striped", 1) => "linear".to_owned(),
            ("striped", count) => format!("striped over {count}"),
            (kind, _) => kind.to_owned(),
        }
    }

    /// Whether extents of it can be found without knowing more than the metadata.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.kind == "striped" && !self.stripes.is_empty()
    }

    /// Extents that it takes of each of its physical volumes.
    #[must_use]
    pub fn extents_each(&self) -> u64 {
        self.extents / (self.stripes.len() as u64).max(1)
    }
}

impl Metadata {
    /// Reads the text of a volume group.
    ///
    /// # Errors
    /// What it lacks, in words.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        let root = read(text).ok_or("break the rules of their language")?;
        let (name, group) = root.sections().next().ok_or("have no volume group")?;
        let size = |name: &str| group.number(name).map(sectors);
        Ok(Self {
            name: name.to_owned(),
            id: id(group),
            seqno: group.number("seqno").ok_or("have no sequence number")?,
            extent: size("extent_size").filter(|size| *size != Bytes::ZERO).ok_or("have no extent size")?,
            physical: each(group, "physical_volumes", physical)
                .ok_or("have a physical volume without numbers")?,
            volumes: each(group, "logical_volumes", logical)
                .ok_or("have a logical volume without numbers")?,
        })
    }
}

fn sectors(count: u64) -> Bytes {
    Bytes(count.saturating_mul(SECTOR as u64))
}

fn id(section: &Section) -> Id {
    Id::new(section.text("id").unwrap_or_default())
}

/// Everything in a section of sections; nothing if one of them cannot be read.
fn each<T>(group: &Section, name: &str, read: fn(&str, &Section) -> Option<T>) -> Option<Vec<T>> {
    let Some(section) = group.section(name) else { return Some(Vec::new()) };
    section.sections().map(|(name, section)| read(name, section)).collect()
}

fn physical(name: &str, section: &Section) -> Option<Physical> {
    Some(Physical {
        name: name.to_owned(),
        id: id(section),
        device: section.text("device").unwrap_or_default().to_owned(),
        start: sectors(section.number("pe_start")?),
        extents: section.number("pe_count")?,
    })
}

fn logical(name: &str, section: &Section) -> Option<Logical> {
    let status = section.list("status").unwrap_or_default();
    let segments = section.sections().filter(|(name, _)| name.starts_with("segment"));
    Some(Logical {
        name: name.to_owned(),
        id: id(section),
        is_visible: status.contains(&Value::Text("VISIBLE".to_owned())),
        segments: segments.map(|(_, section)| segment(section)).collect::<Option<_>>()?,
    })
}

fn segment(section: &Section) -> Option<Segment> {
    let stripes = section.list("stripes").unwrap_or_default();
    let stripe = |pair: &[Value]| match pair {
        [Value::Text(on), Value::Number(start)] => Some((on.clone(), *start)),
        _ => None,
    };
    Some(Segment {
        start: section.number("start_extent")?,
        extents: section.number("extent_count")?,
        kind: section.text("type")?.to_owned(),
        stripes: stripes.chunks(2).map(stripe).collect::<Option<_>>()?,
        stripe: sectors(section.number("stripe_size").unwrap_or(0)),
    })
}

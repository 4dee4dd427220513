//! The network of a machine that is being installed: the first card on which somebody answers a request for an address.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::console::Console;
use crate::host::{Command, Run};

const CARDS: &str = "/sys/class/net";
/// How long a link may take to come up; switches think about a new one for half a minute (spanning tree).
const LINK: Duration = Duration::from_secs(45);
/// `ARPHRD_ETHER`.
const ETHERNET: &str = "1";

/// Asks for an address on the card with the MAC `first`, then on the others.
///
/// # Errors
/// When nobody answers on any.
pub fn bring_up(host: &mut dyn Run, console: &mut Console, first: Option<&str>) -> Result<()> {
    let mut cards = cards()?;
    cards.sort_by_key(|card| Some(card.mac.as_str()) != first);
    for card in &cards {
        host.run(&Command::new(["ip", "link", "set", &card.name, "up"]))?;
    }
    wait_for_link(&cards);
    for card in cards.iter().filter(|card| card.has_link()) {
        console.say(&format!("network: asking for an address on {} ({})", card.name, card.mac));
        let ask = ["udhcpc", "-i", &card.name, "-n", "-q", "-t", "5", "-T", "3", "-s", "/etc/udhcpc.sh"];
        if host.output(&Command::new(ask))?.succeeded() {
            return Ok(());
        }
    }
    let tried: Vec<String> = cards.iter().map(Card::to_string).collect();
    match tried.as_slice() {
        [] => bail!(
            "this machine has no network card that the kernel knows: its driver is missing, or it is switched off"
        ),
        _ => bail!("no DHCP server has answered on {}", tried.join(", ")),
    }
}

struct Card {
    name: String,
    mac: String,
}

impl std::fmt::Display for Card {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} ({}, {})", self.name, self.mac, if self.has_link() { "link up" } else { "no link" })
    }
}

impl Card {
    fn has_link(&self) -> bool {
        read(&self.name, "carrier") == "1"
    }
}

fn cards() -> Result<Vec<Card>> {
    let mut cards = Vec::new();
    for entry in fs::read_dir(CARDS)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let real = Path::new(CARDS).join(&name).join("device").exists();
        if real && read(&name, "type") == ETHERNET {
            let mac = read(&name, "address");
            cards.push(Card { name, mac });
        }
    }
    cards.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(cards)
}

fn read(card: &str, attribute: &str) -> String {
    // A card that is down says nothing of its link.
    let text = fs::read_to_string(Path::new(CARDS).join(card).join(attribute)).unwrap_or_default();
    text.trim().to_owned()
}

/// Until the first one in the list has one, at most.
fn wait_for_link(cards: &[Card]) {
    let end = Instant::now() + LINK;
    while cards.first().is_some_and(|card| !card.has_link()) && Instant::now() < end {
        thread::sleep(Duration::from_millis(100));
    }
}

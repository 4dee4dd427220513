//! What `ipmi_sim` of OpenIPMI is told: ipmi_lan(5), ipmi_sim_cmd(5), and the program that it asks for the chassis.

use std::net::SocketAddr;
use std::path::Path;

/// Who may log in, where, and who switches the machine.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// Of the only user.
    pub user: &'a str,
    /// At most 20 characters, none of which a quote.
    pub password: &'a str,
    /// Where it listens.
    pub listen: SocketAddr,
    /// [`SCRIPT`].
    pub program: &'a Path,
}

/// The one management controller that there is: 0x20, a BMC with nothing but its chassis. The numbers are those of the
/// example that comes with the simulator.
pub const COMMANDS: &str = "mc_setbmc 0x20\n\
    mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\n\
    mc_enable 0x20\n";

/// Passes an order on, and says what it has become. The first word of the answer is the status.
pub const SCRIPT: &str = "#!/bin/sh\n\
    cd \"${0%/*}\" || exit 1\n\
    echo \"$*\" >ask\n\
    read -r status text <answer\n\
    echo \"$text\"\n\
    exit \"$status\"\n";

/// Without one the simulator has no RMCP+, which fence agents speak. It reads `xbuild rehearsal`.
const GUID: &str = "786275696c642072656865617273616c";

impl Settings<'_> {
    /// `lan.conf`. IPMI 1.5 has weaker logins, which nobody gets.
    #[must_use]
    pub fn text(&self) -> String {
        let (address, port) = (self.listen.ip(), self.listen.port());
        format!(
            "name \"bmc\"\n\
             set_working_mc 0x20\n\
             startlan 1\n\
             addr {address} {port}\n\
             priv_limit admin\n\
             guid {GUID}\n\
             allowed_auths_admin md5\n\
             endlan\n\
             chassis_control \"{}\"\n\
             user 1 false \"\" \"\" user 10 none\n\
             user 2 true \"{}\" \"{}\" admin 10 md5\n",
            self.program.display(),
            self.user,
            self.password
        )
    }
}

/// What somebody wants of a chassis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Whether it has power.
    Ask,
    /// Take its power.
    Off,
    /// Give it power.
    On,
    /// Start it anew.
    Reset,
}

impl Order {
    /// What the simulator says to its program (lanserv/extcmd.c); none is what this chassis cannot do.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["get", "power"] => Some(Self::Ask),
            ["set", "power", "0"] => Some(Self::Off),
            ["set", "power", "1"] => Some(Self::On),
            ["set", "reset", "1"] => Some(Self::Reset),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, Settings};
    use std::path::Path;

    #[test]
    fn the_simulator_is_told_who_where_and_how() {
        let program = Path::new("/tmp/r/n1.bmc/chassis");
        let listen = ([127, 0, 0, 1], 9001).into();
        let text = Settings { user: "fencing", password: "p4", listen, program }.text();
        assert_eq!(
            text,
            "name \"bmc\"\nset_working_mc 0x20\nstartlan 1\naddr 127.0.0.1 9001\npriv_limit admin\n\
             guid 786275696c642072656865617273616c\nallowed_auths_admin md5\nendlan\nchassis_control \"/tmp/r/n1.bmc/chassis\"\n\
             user 1 false \"\" \"\" user 10 none\nuser 2 true \"fencing\" \"p4\" admin 10 md5\n"
        );
    }

    #[test]
    fn orders_are_those_of_a_chassis() {
        let orders = ["get power", "set power 0\n", "set power 1", "set reset 1"].map(Order::parse);
        assert_eq!(orders, [Order::Ask, Order::Off, Order::On, Order::Reset].map(Some));
        for other in ["get boot", "set shutdown 1", "set identify 15 0", ""] {
            assert_eq!(Order::parse(other), None, "{other}");
        }
    }
}

//! Swap space, made by `mkswap`.

use crate::plan::Filesystem;

use super::ToolCall;

/// Makes swap in `file`, which has the size of the device already.
#[must_use]
pub fn mkswap(filesystem: &Filesystem, file: &str) -> ToolCall {
    let uuid = filesystem.uuid.to_string();
    ToolCall::new(["mkswap", "-q", "--pagesize", "4096", "-U", &uuid, "-L", &filesystem.label, file])
}

#[cfg(test)]
mod tests {
    use super::mkswap;
    use crate::format::fixture;

    #[test]
    fn identity_and_page_size_come_from_the_plan() {
        let plan = fixture::raid1();
        assert_eq!(
            mkswap(&plan.filesystems[1], "swap.img").argv.join(" "),
            "mkswap -q --pagesize 4096 -U 00000000-0000-4000-8000-000000000511 -L swap swap.img"
        );
    }
}

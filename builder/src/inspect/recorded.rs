//! What foreign tools have written: the bytes that are not zero, each stretch with its offset.

/// Stretches of bytes.
type Pieces = [(usize, &'static str)];

/// Bytes from `xxd -p`, with as many zeros behind them as it takes.
pub fn hex(digits: &str, length: usize) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(&String::from_utf8_lossy(pair), 16).unwrap();
    let mut bytes: Vec<u8> = digits.chunks(2).map(byte).collect();
    bytes.resize(bytes.len().max(length), 0);
    bytes
}

/// The bytes with one bit flipped.
pub fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

/// What is not zero, each with its offset.
pub fn pieces(pieces: &Pieces, length: usize) -> Vec<u8> {
    let mut whole = vec![0; length];
    for (at, digits) in pieces {
        let piece = hex(digits, 0);
        whole[*at..at + piece.len()].copy_from_slice(&piece);
    }
    whole
}

/// `mdadm --create --level=1 --bitmap=internal` (4.4, Linux 6.12), after its other member was failed and removed.
pub const MD: &Pieces = &[
    (0, "fc4e2ba9010000000100000000000000a578a5c9225698b9cb5af004f7ec73b1656c736577686572653a6c617465"),
    (64, "68f4006b0000000001000000000000000078000000000000000000000200000008"),
    (129, "08000000000000007800000000000008"),
    (
        168,
        "5773d58607d11659f6e4dd572fa2b8fd00000800100000006af4006b000000001500000000000000ffffffffffffffff
         51879f2780",
    ),
    (
        258,
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
         ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
         ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
         ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
         ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
         ffffffffffffffffffffffffffff",
    ),
];

/// Its bitmap: 60 chunks, of which five were written since.
pub const MD_BITMAP: &Pieces = &[
    (
        0,
        "6269746d04000000a578a5c9225698b9cb5af004f7ec73b1150000000000000011000000000000000078000000000000
         000000000000040005",
    ),
    (
        256,
        "c5000100000000f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
         ffffffffffffffffffffffffffffffff",
    ),
];

/// `mke2fs -t ext4 -L recorded -U 11111111-… -O 64bit,metadata_csum,^metadata_csum_seed -M /srv` (1.47.0) on 16 MiB.
pub const EXT: &Pieces = &[
    (
        1,
        "1000000040000033030000eb360000f50f000001000000000000000000000000200000002000000008000000000000a4
         f4006b0000ffff53ef010001000000a4f4006b000000000000000001000000000000000b000000000100003c000000c2
         0200006b040000111111112222333344445555555555557265636f7264656400000000000000002f737276",
    ),
    (206, "7f"),
    (
        224,
        "0800000000000000000000008a74415061a44a8baf180f2cf38dc086010140000c00000000000000a4f4006b0af30100
         040000000000000000000000000400008220",
    ),
    (334, "10000000000000000000000000002000200001"),
    (372, "0401000095"),
    (584, "0709"),
    (1020, "0fb58ad2"),
];

/// `pvcreate --metadatacopies 2` (2.03.31): sector 1.
pub const LVM_LABEL: &Pieces = &[
    (
        0,
        "4c4142454c4f4e450100000000000000c7de9009200000004c564d32203030316d4453725842726f30356b4d324e6247
         75644970574a4c42325a63666c4f71640000800300000000000010",
    ),
    (105, "1000000000000000f00f00000000000000700300000000000010"),
    (152, "0200000001"),
];

/// The header of its first metadata area, after `vgcreate` and five times `lvcreate`.
pub const LVM_AREA: &Pieces = &[(
    0,
    "912d2921204c564d3220785b35412572304e2a3e01000000001000000000000000f00f00000000000034000000000000
         a10e00000000000023307252",
)];

/// `mkfs.vfat --invariant -s 1 -r 16 -n ESP -i 1234abcd` on 64 KiB, folders and files in it by mtools; without boot code.
pub const FAT12: &Pieces = &[
    (
        0,
        "eb3c906d6b66732e66617400020101000210008000f80100100002000000000000000000800029cdab34124553502020
         2020202020204641543132202020",
    ),
    (510, "55aaf8ffffffffffff6f00ffffffff0f"),
    (1024, "f8ffffffffffff6f00ffffffff0f"),
    (
        1536,
        "45535020202020202020200800005a4b6e466e4600005a4b6e4600000000000045464920202020202020201000000000
         21ec21ec0000000021ec02",
    ),
    (
        2048,
        "2e20202020202020202020100000000021ec21ec0000000021ec0200000000002e2e2020202020202020201000000000
         21ec21ec0000000021ec000000000000424f4f5420202020202020100000000021ec21ec0000000021ec030000000000
         41610020006c006f006e000f00ed67006500720020006e00610000006d006500414c4f4e47457e312020201000000000
         21ec21ec0000000021ec040000000000524541444d452020545854201800000021ec21ec0000000021ec080005",
    ),
    (
        2560,
        "2e20202020202020202020100000000021ec21ec0000000021ec0300000000002e2e2020202020202020201000000000
         21ec21ec0000000021ec020000000000424f4f5458363420454649200000000021ec21ec0000000021ec0500be02",
    ),
    (
        3072,
        "2e20202020202020202020100000000021ec21ec0000000021ec0400000000002e2e2020202020202020201000000000
         21ec21ec0000000021ec02000000000041520065006100640020000f00136d0065002e0065006600690000000000ffff
         524541444d457e31454649200000000021ec21ec0000000021ec070005",
    ),
    (3584, "4d5a"),
    (4608, "746578740a"),
    (5120, "746578740a"),
];

/// `mkfs.vfat --invariant -F 32 -s 1 -n ESP -i 1234abcd` on 34 MiB: its first eight sectors, without boot code.
pub const FAT32: &Pieces = &[
    (
        0,
        "eb58906d6b66732e66617400020120000200000000f80000200008000000000000100100180200000000000002000000
         01000600000000000000000000000000800029cdab341245535020202020202020204641543332202020",
    ),
    (510, "55aa52526141"),
    (996, "72724161ae0b010003"),
    (1022, "55aa"),
    (
        3072,
        "eb58906d6b66732e66617400020120000200000000f80000200008000000000000100100180200000000000002000000
         01000600000000000000000000000000800029cdab341245535020202020202020204641543332202020",
    ),
    (3582, "55aa52526141"),
    (4068, "72724161af0b010002"),
    (4094, "55aa"),
];

/// The text that [`LVM_AREA`] leads to.
pub const LVM_TEXT: &str = include_str!("lvm/guests.txt");

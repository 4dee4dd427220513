//! A block of little-endian fields at fixed offsets, as the kernel's headers describe them.

/// A zeroed block that fields are put into.
#[derive(Clone, Debug)]
pub struct Block(Vec<u8>);

impl Block {
    /// `length` zero bytes.
    #[must_use]
    pub fn zeroed(length: usize) -> Self {
        Self(vec![0; length])
    }

    /// `bytes`, to be patched.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// Puts bytes at an offset.
    ///
    /// # Panics
    /// If they do not fit: offsets and lengths are constants of a format, so that is a bug of ours.
    pub fn put(&mut self, at: usize, bytes: &[u8]) -> &mut Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Puts a byte.
    pub fn u8(&mut self, at: usize, value: u8) -> &mut Self {
        self.put(at, &[value])
    }

    /// Puts a 16-bit field.
    pub fn u16(&mut self, at: usize, value: u16) -> &mut Self {
        self.put(at, &value.to_le_bytes())
    }

    /// Puts a 32-bit field.
    pub fn u32(&mut self, at: usize, value: u32) -> &mut Self {
        self.put(at, &value.to_le_bytes())
    }

    /// Puts a 64-bit field.
    pub fn u64(&mut self, at: usize, value: u64) -> &mut Self {
        self.put(at, &value.to_le_bytes())
    }

    /// What is in it now.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The finished block.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

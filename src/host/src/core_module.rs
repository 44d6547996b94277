//! The core module inside a component. The build script includes this file too.

/// Returns the first core module in a component, byte for byte; in the component of pullgate, this is the module of the
/// npm package. None if the bytes are no component, or have no module.
pub(crate) fn core_module(component: &[u8]) -> Option<&[u8]> {
    /// The magic number, then version 13 and layer 1: a component.
    const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";
    const CORE_MODULE: u8 = 1;
    let mut rest = component.strip_prefix(HEADER)?;
    loop {
        let (section, after) = rest.split_first()?;
        let (length, content) = leb128(after)?;
        if *section == CORE_MODULE {
            return content.get(..length);
        }
        rest = content.get(length..)?;
    }
}

/// Decodes an unsigned LEB128 number of at most 32 bits, and returns it with the remaining bytes.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, &bytes[index + 1..]));
        }
    }
    None
}

//! The core module inside a component. The build script includes this file too.

/// The first core module in a component, byte for byte; for the component of pullgate, the module that the npm package
/// has. None if these bytes are no component, or one without a module.
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

/// An unsigned number of at most 32 bits in LEB128, and what follows it.
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

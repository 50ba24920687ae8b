import Glibc

/// The parts of a compact serialization (RFC 7515, section 7.1) where they lie in the token; nothing is
/// copied. To be used only as long as the token's bytes are.
struct CompactParts {
    let header: UnsafeRawBufferPointer
    let payload: UnsafeRawBufferPointer
    let signature: UnsafeRawBufferPointer
    /// Header and payload with the dot between them.
    let signed: UnsafeRawBufferPointer

    private static let dot = Int32(UInt8(ascii: "."))

    /// nil unless there are exactly two dots. Reads no further than the third.
    init?(_ token: UnsafeRawBufferPointer) {
        guard let first = Self.position(ofDotIn: token, from: 0),
            let second = Self.position(ofDotIn: token, from: first + 1),
            Self.position(ofDotIn: token, from: second + 1) == nil
        else { return nil }
        header = UnsafeRawBufferPointer(rebasing: token[..<first])
        payload = UnsafeRawBufferPointer(rebasing: token[(first + 1)..<second])
        signature = UnsafeRawBufferPointer(rebasing: token[(second + 1)...])
        signed = UnsafeRawBufferPointer(rebasing: token[..<second])
    }

    private static func position(ofDotIn token: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard let base = token.baseAddress, let found = memchr(base + start, dot, token.count - start) else {
            return nil
        }
        return UnsafeRawPointer(found) - base
    }
}

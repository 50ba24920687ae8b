import CUnistring
import Glibc

/// Unicode's normalisation form KC, in which some systems hash a password.
enum CompatibilityForm {
    /// - Parameter text: UTF-8; what is none stays as it is.
    static func nfkc(_ text: [UInt8]) -> [UInt8] {
        guard text.contains(where: { $0 >= 0x80 }) else { return text }
        var count = 0
        guard let normal = gh_nfkc(text, text.count, &count) else { return text }
        defer { free(normal) }
        return Array(UnsafeBufferPointer(start: normal, count: count))
    }
}

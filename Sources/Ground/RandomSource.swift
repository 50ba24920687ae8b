import CSystem

/// Where unpredictable bytes come from.
public struct RandomSource: Sendable {
    private let fill: @Sendable (UnsafeMutableRawBufferPointer) -> Void

    public init(_ fill: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void) { self.fill = fill }

    public func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            fill(UnsafeMutableRawBufferPointer(buffer))
            filled = count
        }
    }

    /// A text of so many decimal digits, each as likely as the others.
    public func digits(_ count: Int) -> String {
        var text = ""
        // 250 is a multiple of ten: what lies above would favour the small digits.
        while text.utf8.count < count {
            for byte in bytes(count) where byte < 250 && text.utf8.count < count { text += String(byte % 10) }
        }
        return text
    }

    public func uint64() -> UInt64 {
        var value: UInt64 = 0
        withUnsafeMutableBytes(of: &value) { fill($0) }
        return value
    }

    /// The kernel's generator (getrandom). A machine that cannot give random bytes must not sign anyone in,
    /// so a failure ends the process.
    public static let system = RandomSource { buffer in
        guard gh_random(buffer.baseAddress, buffer.count) == 0 else {
            preconditionFailure("the kernel gives no random bytes")
        }
    }
}

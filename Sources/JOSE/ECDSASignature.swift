import COpenSSL

/// The two forms of a P-256 signature: r and s side by side in JOSE (RFC 7518, section 3.4), a DER
/// sequence in OpenSSL.
enum ECDSASignature {
    /// nil unless there are 64 bytes. Whether r and s are in range is checked where the signature is.
    static func der(from signature: UnsafeRawBufferPointer) -> [UInt8]? {
        guard signature.count == 64 else { return nil }
        return DER.sequence(DER.integer(signature.prefix(32)) + DER.integer(signature.suffix(32)))
    }

    static func jose(from der: [UInt8]) -> [UInt8]? {
        der.withUnsafeBufferPointer { der in
            var position = der.baseAddress
            guard let signature = d2i_ECDSA_SIG(nil, &position, der.count) else { return nil }
            defer { ECDSA_SIG_free(signature) }
            var output = [UInt8](repeating: 0, count: 64)
            let written = output.withUnsafeMutableBufferPointer { output in
                guard let start = output.baseAddress else { return false }
                return BN_bn2binpad(ECDSA_SIG_get0_r(signature), start, 32) == 32
                    && BN_bn2binpad(ECDSA_SIG_get0_s(signature), start + 32, 32) == 32
            }
            return written ? output : nil
        }
    }
}

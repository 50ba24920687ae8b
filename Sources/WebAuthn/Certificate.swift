import COpenSSL
import Ground

/// A certificate that stands in an attestation (RFC 5280).
struct Certificate: ~Copyable {
    private let certificate: OpaquePointer

    deinit { X509_free(certificate) }

    /// nil unless the bytes are one certificate and nothing else.
    init?(_ bytes: [UInt8]) {
        let parsed = bytes.withUnsafeBufferPointer { bytes -> OpaquePointer? in
            var position = bytes.baseAddress
            guard let parsed = d2i_X509(nil, &position, bytes.count) else { return nil }
            guard position == bytes.baseAddress.map({ $0 + bytes.count }) else {
                X509_free(parsed)
                return nil
            }
            return parsed
        }
        guard let parsed else {
            ERR_clear_error()
            return nil
        }
        certificate = parsed
    }

    var isVersion3: Bool { X509_get_version(certificate) == 2 }

    /// Whether it says of itself that it signs no other certificates.
    var isLeaf: Bool {
        let flags = X509_get_extension_flags(certificate)
        return flags & UInt32(EXFLAG_BCONS) != 0 && flags & UInt32(EXFLAG_CA | EXFLAG_INVALID) == 0
    }

    var hasEmptySubject: Bool { X509_NAME_entry_count(X509_get_subject_name(certificate)) == 0 }

    /// What the subject says under that number of OpenSSL; nil where it says nothing.
    func subject(_ number: Int32) -> String? {
        var text = [UInt8](repeating: 0, count: 256)
        let count = text.withUnsafeMutableBytes { text in
            X509_NAME_get_text_by_NID(
                X509_get_subject_name(certificate), number, text.baseAddress?.assumingMemoryBound(to: CChar.self), 256)
        }
        return count < 0 ? nil : String(validating: text.prefix(Int(count)), as: UTF8.self)
    }

    /// The extension of that object identifier.
    func extensionValue(_ identifier: String) -> (bytes: [UInt8], isCritical: Bool)? {
        guard let object = OBJ_txt2obj(identifier, 1) else { return nil }
        defer { ASN1_OBJECT_free(object) }
        let index = X509_get_ext_by_OBJ(certificate, object, -1)
        guard index >= 0, let found = X509_get_ext(certificate, index), let value = X509_EXTENSION_get_data(found),
            let start = ASN1_STRING_get0_data(value)
        else { return nil }
        let bytes = Array(UnsafeBufferPointer(start: start, count: Int(ASN1_STRING_length(value))))
        return (bytes, X509_EXTENSION_get_critical(found) == 1)
    }

    /// Whether its key is that of the passkey.
    func holds(_ key: CredentialKey) -> Bool {
        guard let own = X509_get0_pubkey(certificate) else { return false }
        return key.isSame(as: own)
    }

    /// Whether its key is one of that curve.
    func isOn(_ curve: EllipticCurve) -> Bool {
        guard let key = X509_get0_pubkey(certificate), EVP_PKEY_get_base_id(key) == EVP_PKEY_EC else { return false }
        var name = [CChar](repeating: 0, count: 64)
        var count = 0
        guard EVP_PKEY_get_group_name(key, &name, name.count, &count) == 1 else { return false }
        return name.prefix(count).elementsEqual(curve.groupName.utf8.map { CChar($0) })
    }

    /// Whether `signature` is that of its key, by that algorithm.
    func verify(_ signature: [UInt8], over message: [UInt8], by algorithm: COSEAlgorithm) -> Bool {
        guard let key = X509_get0_pubkey(certificate) else { return false }
        let kind = EVP_PKEY_get_base_id(key)
        return switch algorithm {
        case .es256: kind == EVP_PKEY_EC && Signatures.verify(signature, over: message, by: key, hash: EVP_sha256())
        case .es384: kind == EVP_PKEY_EC && Signatures.verify(signature, over: message, by: key, hash: EVP_sha384())
        case .es512: kind == EVP_PKEY_EC && Signatures.verify(signature, over: message, by: key, hash: EVP_sha512())
        case .rs256: kind == EVP_PKEY_RSA && Signatures.verify(signature, over: message, by: key, hash: EVP_sha256())
        case .ps256:
            kind == EVP_PKEY_RSA && Signatures.verify(signature, over: message, by: key, hash: EVP_sha256(), pss: true)
        case .edDSA: kind == EVP_PKEY_ED25519 && Signatures.verify(signature, over: message, by: key, hash: nil)
        case .ed448: kind == EVP_PKEY_ED448 && Signatures.verify(signature, over: message, by: key, hash: nil)
        }
    }

    /// Whether the chain, this certificate first, leads to one of the roots at that moment.
    static func leads(_ chain: [[UInt8]], to roots: [[UInt8]], at now: Timestamp) -> Bool {
        guard let store = X509_STORE_new(), let context = X509_STORE_CTX_new(), let between = OPENSSL_sk_new_null(),
            let first = chain.first, let leaf = Certificate(first)
        else { return false }
        defer {
            X509_STORE_CTX_free(context)
            X509_STORE_free(store)
            OPENSSL_sk_free(between)
            ERR_clear_error()
        }
        for root in roots {
            guard let root = Certificate(root) else { continue }
            // The store counts a reference of its own.
            X509_STORE_add_cert(store, root.certificate)
        }
        return attach(chain.dropFirst(), to: between) {
            guard X509_STORE_CTX_init(context, store, leaf.certificate, between) == 1 else { return false }
            X509_STORE_CTX_set_flags(context, UInt(X509_V_FLAG_PARTIAL_CHAIN))
            X509_STORE_CTX_set_time(context, 0, time_t(now.seconds))
            return X509_verify_cert(context) == 1
        }
    }

    /// Puts the certificates on the stack while `body` runs.
    private static func attach(_ chain: ArraySlice<[UInt8]>, to stack: OpaquePointer, _ body: () -> Bool) -> Bool {
        guard let next = chain.first else { return body() }
        guard let certificate = Certificate(next), OPENSSL_sk_push(stack, UnsafeRawPointer(certificate.certificate)) > 0
        else { return false }
        return attach(chain.dropFirst(), to: stack, body)
    }
}

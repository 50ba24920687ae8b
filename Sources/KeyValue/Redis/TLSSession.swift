import CSSL

/// What all TLS connections of a store have in common: whom they trust.
final class TLSContext: @unchecked Sendable {  // OpenSSL lets threads share a context that is not changed any more
    fileprivate let context: OpaquePointer

    /// - Parameter caFile: certificates in PEM; nil for those that the system trusts.
    init(caFile: String?) throws(KeyValueError) {
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw .unavailable("OpenSSL gives no context") }
        self.context = context
        let trusts =
            if let caFile {
                SSL_CTX_load_verify_locations(context, caFile, nil)
            } else {
                SSL_CTX_set_default_verify_paths(context)
            }
        ERR_clear_error()
        guard trusts == 1 else { throw .unavailable("the file of trusted certificates cannot be read") }
        guard gh_ssl_minimum_tls12(context) == 1 else { throw .unavailable("OpenSSL knows no TLS 1.2") }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    }

    deinit { SSL_CTX_free(context) }
}

/// One TLS connection, between two buffers: it touches no socket.
final class TLSSession {
    struct Failure: Error {
        let reason: String
    }

    private let ssl: OpaquePointer
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    private var chunk = [UInt8](repeating: 0, count: 16 << 10)

    /// - Parameter host: what the certificate must be good for, a name or an address.
    init(_ context: TLSContext, host: String) throws(Failure) {
        guard let ssl = SSL_new(context.context) else { throw Failure(reason: "OpenSSL gives no session") }
        guard let incoming = BIO_new(BIO_s_mem()), let outgoing = BIO_new(BIO_s_mem()) else {
            SSL_free(ssl)
            throw Failure(reason: "OpenSSL gives no buffer")
        }
        (self.ssl, self.incoming, self.outgoing) = (ssl, incoming, outgoing)
        SSL_set_bio(ssl, incoming, outgoing)
        SSL_set_connect_state(ssl)
        let isAddress = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
        ERR_clear_error()
        guard isAddress || (SSL_set1_host(ssl, host) == 1 && gh_ssl_server_name(ssl, host) == 1) else {
            throw Failure(reason: "the host is no name that TLS can check")
        }
    }

    deinit { SSL_free(ssl) }

    var isEstablished: Bool { SSL_is_init_finished(ssl) == 1 }

    /// Takes what the socket gave.
    func receive(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        BIO_write(incoming, bytes.baseAddress, Int32(clamping: bytes.count))
    }

    /// Goes on with the handshake as far as the received bytes allow.
    func shakeHands() throws(Failure) {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result != 1 { try check(result, "the TLS handshake failed") }
    }

    /// Hands over what was received, decrypted, piece by piece.
    /// - Returns: false when the other side has ended the connection.
    func read(_ take: (UnsafeRawBufferPointer) -> Void) throws(Failure) -> Bool {
        while true {
            ERR_clear_error()
            let count = SSL_read(ssl, &chunk, Int32(chunk.count))
            guard count > 0 else {
                if SSL_get_error(ssl, count) == SSL_ERROR_ZERO_RETURN { return false }
                try check(count, "TLS was broken")
                return true
            }
            chunk.withUnsafeBytes { take(UnsafeRawBufferPointer(rebasing: $0[..<Int(count)])) }
        }
    }

    /// Encrypts.
    func write(_ bytes: [UInt8]) throws(Failure) {
        guard !bytes.isEmpty else { return }
        ERR_clear_error()
        let result = SSL_write(ssl, bytes, Int32(clamping: bytes.count))
        if result <= 0 { try check(result, "TLS was broken") }
    }

    /// Moves what the socket shall send into `output`.
    func drain(into output: inout [UInt8]) {
        while true {
            let count = BIO_read(outgoing, &chunk, Int32(chunk.count))
            guard count > 0 else { return }
            output.append(contentsOf: chunk[..<Int(count)])
        }
    }

    private func check(_ result: Int32, _ what: String) throws(Failure) {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return
        default:
            let verdict = SSL_get_verify_result(ssl)
            ERR_clear_error()
            guard verdict != Int(X509_V_OK), let text = X509_verify_cert_error_string(verdict) else {
                throw Failure(reason: what)
            }
            throw Failure(reason: "\(what): \(String(cString: text))")
        }
    }
}

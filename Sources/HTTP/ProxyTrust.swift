import Ground

/// Finds the client behind reverse proxies.
///
/// A forwarded header counts only when the other end of the connection is a configured proxy. Then the hops
/// are read from the right, and the first that is no proxy of ours is the client: all left of it could have
/// been written by the client itself.
public struct ProxyTrust: Sendable {
    /// A trusted proxy sent a forwarded header that cannot be read, or two that disagree.
    public struct Unreadable: Error, Sendable {}

    private let blocks: [AddressBlock]

    public init(_ blocks: [AddressBlock]) { self.blocks = blocks }

    public func trusts(_ address: IPAddress) -> Bool { blocks.contains { $0.contains(address) } }

    public struct Origin: Sendable, Equatable {
        public let client: IPAddress
        public let isSecure: Bool
    }

    /// - Throws: `Unreadable`. Nothing unreadable is ever trusted or passed over.
    public func origin(of request: Request) throws(Unreadable) -> Origin {
        guard !blocks.isEmpty, trusts(request.peer) else {
            return Origin(client: request.peer, isSecure: false)
        }
        let plain = request.headers.values("x-forwarded-for")
        let standard = request.headers.values("forwarded")
        var clients: [IPAddress] = []
        var isSecure: Bool?
        if !plain.isEmpty {
            let hops = plain.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
            clients.append(try client(from: hops.map { Self.trim($0) }))
        }
        if !standard.isEmpty {
            var elements: [ForwardedHeader.Element] = []
            for line in standard { elements += try ForwardedHeader.parse(line) }
            clients.append(try client(from: elements.map { Substring($0.address) }))
            isSecure = elements.last?.isSecure
        }
        // A proxy sets one of the two; the other may have come through it from the client.
        guard clients.count < 2 || clients[0] == clients[1] else { throw Unreadable() }
        return Origin(client: clients.first ?? request.peer, isSecure: isSecure == nil ? try scheme(of: request) : isSecure == true)
    }

    private func scheme(of request: Request) throws(Unreadable) -> Bool {
        guard let value = request.headers.values("x-forwarded-proto").last else { return false }
        switch Self.trim(value.split(separator: ",").last ?? "").lowercased() {
        case "https": return true
        case "http": return false
        default: throw Unreadable()
        }
    }

    private func client(from hops: [Substring]) throws(Unreadable) -> IPAddress {
        guard hops.count <= 32 else { throw Unreadable() }
        var last: IPAddress?
        for hop in hops.reversed() {
            guard let address = Self.address(hop) else { throw Unreadable() }
            last = address
            if !trusts(address) { break }
        }
        guard let last else { throw Unreadable() }
        return last
    }

    /// An address, perhaps with a port: `192.0.2.1:80`, `[2001:db8::1]:80`, `2001:db8::1`.
    static func address(_ text: Substring) -> IPAddress? {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || isPort(rest) else { return nil }
            let inside = text[text.index(after: text.startIndex)..<end]
            return inside.contains(":") ? IPAddress(inside) : nil
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count == 2, parts[0].contains(".") {
            return isPort(":" + parts[1]) ? IPAddress(parts[0]) : nil
        }
        return IPAddress(text)
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.first == ":" && (2...6).contains(text.utf8.count) && text.utf8.dropFirst().allSatisfy { (48...57).contains($0) }
    }

    static func trim(_ text: Substring) -> Substring {
        var text = text
        while let first = text.utf8.first, first == 32 || first == 9 { text = text.dropFirst() }
        while let last = text.utf8.last, last == 32 || last == 9 { text = text.dropLast() }
        return text
    }
}

/// The `Forwarded` header (RFC 7239).
enum ForwardedHeader {
    struct Element {
        let address: String
        let isSecure: Bool?
    }

    /// Every element must say `for` with an address: an obfuscated or unknown one tells no client.
    static func parse(_ line: String) throws(ProxyTrust.Unreadable) -> [Element] {
        var elements: [Element] = []
        for element in try split(line[...], at: ",") {
            var address: String?
            var isSecure: Bool?
            for pair in try split(element, at: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2 else { throw ProxyTrust.Unreadable() }
                let value = try unquoted(parts[1])
                switch ProxyTrust.trim(parts[0]).lowercased() {
                case "for":
                    guard address == nil else { throw ProxyTrust.Unreadable() }
                    address = value
                case "proto":
                    guard isSecure == nil, value == "https" || value == "http" else { throw ProxyTrust.Unreadable() }
                    isSecure = value == "https"
                default: break
                }
            }
            guard let address else { throw ProxyTrust.Unreadable() }
            elements.append(Element(address: address, isSecure: isSecure))
        }
        return elements
    }

    /// Splits outside quoted strings.
    private static func split(_ text: Substring, at separator: Character) throws(ProxyTrust.Unreadable) -> [Substring] {
        var parts: [Substring] = []
        var start = text.startIndex
        var isQuoted = false
        for index in text.indices {
            if text[index] == "\"" { isQuoted.toggle() }
            if text[index] == separator, !isQuoted {
                parts.append(ProxyTrust.trim(text[start..<index]))
                start = text.index(after: index)
            }
        }
        guard !isQuoted else { throw ProxyTrust.Unreadable() }
        parts.append(ProxyTrust.trim(text[start...]))
        guard parts.allSatisfy({ !$0.isEmpty }) else { throw ProxyTrust.Unreadable() }
        return parts
    }

    private static func unquoted(_ text: Substring) throws(ProxyTrust.Unreadable) -> String {
        let text = ProxyTrust.trim(text)
        guard text.hasPrefix("\"") else { return String(text) }
        guard text.count >= 2, text.hasSuffix("\""), !text.contains("\\") else { throw ProxyTrust.Unreadable() }
        return String(text.dropFirst().dropLast())
    }
}

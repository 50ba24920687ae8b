import CSystem
import Glibc
import Ground

/// The address of a socket, as the system wants it.
struct SocketAddress: @unchecked Sendable {  // plain bytes
    var storage = sockaddr_storage()
    var length: socklen_t = 0

    var family: Int32 { Int32(storage.ss_family) }
}

/// Finds the addresses of hosts, on a thread of its own: getaddrinfo may take its time.
final class Resolver: Sendable {
    typealias Answer = @Sendable ([SocketAddress]) -> Void

    private struct State {
        var asked: [RedisEndpoint] = []
        var waiting: [RedisEndpoint: [Answer]] = [:]
        var isClosed = false
        var hasThread = false
    }

    private let state = Monitor(State())

    /// Calls `answer` at once when the host is an address, else on the resolver's thread. Unknown hosts have none.
    func resolve(_ endpoint: RedisEndpoint, _ answer: @escaping Answer) {
        let numeric = Self.addresses(of: endpoint, flags: AI_NUMERICHOST)
        guard numeric.isEmpty else { return answer(numeric) }
        let (isClosed, needsThread) = state.withLock(wakes: true) { state -> (Bool, Bool) in
            guard !state.isClosed else { return (true, false) }
            if state.waiting[endpoint] == nil { state.asked.append(endpoint) }
            state.waiting[endpoint, default: []].append(answer)
            defer { state.hasThread = true }
            return (false, !state.hasThread)
        }
        if isClosed { return answer([]) }
        if needsThread { startThread() }
    }

    func close() {
        state.withLock(wakes: true) { $0.isClosed = true }
    }

    private func startThread() {
        let state = state
        _ = Thread(name: "redis-names") {
            while true {
                let next: RedisEndpoint? = state.wait { state in
                    if state.isClosed { return .some(nil) }
                    return state.asked.isEmpty ? nil : .some(state.asked.removeFirst())
                }
                guard let next else { return }
                let addresses = Self.addresses(of: next, flags: AI_ADDRCONFIG)
                let waiting = state.withLock { $0.waiting.removeValue(forKey: next) }
                for answer in waiting ?? [] { answer(addresses) }
            }
        }
    }

    private static func addresses(of endpoint: RedisEndpoint, flags: Int32) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_flags = flags | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(endpoint.host, String(endpoint.port), &hints, &list) == 0, let list else { return [] }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next: UnsafeMutablePointer<addrinfo>? = list
        while let entry = next {
            next = entry.pointee.ai_next
            let length = Int(entry.pointee.ai_addrlen)
            guard let source = entry.pointee.ai_addr, length <= MemoryLayout<sockaddr_storage>.size else { continue }
            var address = SocketAddress()
            withUnsafeMutableBytes(of: &address.storage) {
                $0.copyMemory(from: UnsafeRawBufferPointer(start: source, count: length))
            }
            address.length = entry.pointee.ai_addrlen
            addresses.append(address)
        }
        return addresses
    }
}

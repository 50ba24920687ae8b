import Ground

/// A command under way, until it is answered.
final class RedisCall: @unchecked Sendable {  // handed to a loop once, and from then on touched by its thread alone
    let bytes: [UInt8]
    /// Of the key, in a cluster.
    let slot: Int?
    /// Another node will do as well as the one that has the slot.
    let mayGoAnywhere: Bool
    /// By the loop's clock.
    var deadline = Int64.max
    /// How often another place or moment was tried.
    var attempts = 0
    /// Where it was sent.
    var link: RedisLink?
    /// Hears of refusals first, and may send the call elsewhere.
    var lane: RedisLane?
    private var complete: ((Result<Reply, KeyValueError>) -> Void)?

    init(
        _ bytes: [UInt8], slot: Int? = nil, mayGoAnywhere: Bool = false,
        _ complete: @escaping (Result<Reply, KeyValueError>) -> Void
    ) {
        self.bytes = bytes
        self.slot = slot
        self.mayGoAnywhere = mayGoAnywhere
        self.complete = complete
    }

    var isFinished: Bool { complete == nil }

    /// The first result counts.
    func finish(_ result: Result<Reply, KeyValueError>) {
        guard let complete else { return }
        self.complete = nil
        link = nil
        lane = nil
        complete(result)
    }

    func answer(_ reply: Reply) {
        if case .failure(let text) = reply, let lane { return lane.refused(self, ServerError(text)) }
        finish(.success(reply))
    }
}

/// Calls, the oldest first.
struct CallQueue {
    private var calls: [RedisCall?] = []
    private var head = 0

    var first: RedisCall? { head < calls.count ? calls[head] : nil }
    var isEmpty: Bool { head == calls.count }
    var count: Int { calls.count - head }

    mutating func append(_ call: RedisCall) { calls.append(call) }

    mutating func popFirst() -> RedisCall? {
        guard head < calls.count else { return nil }
        let call = calls[head]
        calls[head] = nil
        head += 1
        if head == calls.count {
            calls.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 1024, head * 2 >= calls.count {
            calls.removeSubrange(..<head)
            head = 0
        }
        return call
    }

    mutating func removeAll() -> [RedisCall] {
        defer { self = CallQueue() }
        return calls[head...].compactMap { $0 }
    }
}

/// An error that the server answered.
///
/// Its text is not passed on as it is: servers quote what they were sent.
struct ServerError {
    let text: String
    let code: Substring

    init(_ text: String) {
        self.text = text
        code = text.prefix { $0 != " " }
    }

    /// The text as far as it surely quotes nothing.
    var summary: String {
        String(text.prefix(80).prefix { $0.isASCII && !"'`\",:;(".contains($0) })
    }

    /// The error of what was asked, where it is not to be asked again.
    var error: KeyValueError {
        if code == "WRONGTYPE" || text.hasPrefix("ERR value is not an integer") { return .wrongKind }
        return .unavailable("Redis answered \(summary)")
    }

    /// Slot and place of `MOVED 3999 host:port` and `ASK 3999 host:port`; an empty host means the one that says so.
    func redirection(from here: RedisEndpoint) -> (slot: Int, endpoint: RedisEndpoint)? {
        let words = text.split(separator: " ")
        guard words.count >= 3, let slot = Int(words[1]), (0..<ClusterMap.slotCount).contains(slot),
            let colon = words[2].lastIndex(of: ":"), let port = UInt16(words[2][words[2].index(after: colon)...])
        else { return nil }
        let host = words[2][..<colon]
        return (slot, RedisEndpoint(host: host.isEmpty || host == "?" ? here.host : String(host), port: port))
    }
}

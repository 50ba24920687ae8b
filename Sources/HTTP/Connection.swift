import CSystem
import Glibc
import Ground

/// One connection: reads requests one after the other, and sends their answers in that order.
final class Connection: DescriptorWatcher, @unchecked Sendable {  // touched by its loop's thread alone
    enum Phase { case head, body, handling, lingering, closed }

    let descriptor: Int32
    let peer: IPAddress
    /// Held until `close` takes the connection out of the loop's table.
    let loop: ConnectionLoop
    /// In seconds of the loop's clock.
    var deadline: Int

    var phase = Phase.head
    var keepsAlive = true
    /// Whether it has carried a request.
    var hasServed = false
    var isHeadRequest = false
    var knowsChunks = true
    var isConsuming = false
    var peerClosed = false
    var isCalledAgain = false
    var requestsThisTurn = 0
    static let requestsPerTurn = 16
    /// Bytes that were read but belong to what comes later; mostly empty.
    var carry: [UInt8] = []
    var isReadingHead = false

    var request: Request?
    var decoder = BodyDecoder(length: 0)
    var collected: [UInt8] = []
    var bodyLimit = 0
    var stream: BodyStream?
    /// Why a streamed body was refused.
    var refusal: Status?

    var pending: [UInt8] = []
    var pendingOffset = 0
    var writer: BodyWriter?

    init(descriptor: Int32, peer: IPAddress, loop: ConnectionLoop) {
        self.descriptor = descriptor
        self.peer = peer
        self.loop = loop
        deadline = loop.now + Int(loop.settings.limits.headTime.secondsRoundedUp) + 1
    }

    var limits: Limits { loop.settings.limits }

    func allow(_ time: Duration) { deadline = loop.now + Int(time.secondsRoundedUp) + 1 }

    // MARK: What the loop calls

    func ready(_ events: UInt32) {
        if events & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 { peerClosed = true }
        if events & EPOLLOUT.rawValue != 0, !pending.isEmpty { flush() }
        if !isCalledAgain { requestsThisTurn = 0 }
        receive()
    }

    /// Its next turn, after the one that ended with bytes left to read.
    func goOn() {
        isCalledAgain = false
        requestsThisTurn = 0
        resume()
    }

    /// The deadline has passed.
    func expire() {
        switch phase {
        case .closed: break
        case .handling where pending.isEmpty && writer == nil: deadline = .max
        case .body where stream?.isFull == true: allow(limits.stallTime)
        case .head where isReadingHead, .body where stream == nil: refuse(Status(408))
        default: close()
        }
    }

    /// The server stops: what is idle ends now, what is under way is the last.
    func drain() {
        // What has arrived and was not looked at yet is under way.
        if isIdle { receive() }
        guard isIdle else {
            if phase != .closed { keepsAlive = false }
            return
        }
        // Who has only just knocked is about to say what for.
        if hasServed { close() } else { allow(.seconds(1)) }
    }

    private var isIdle: Bool { phase == .head && carry.isEmpty && pending.isEmpty }

    func close() {
        guard phase != .closed else { return }
        phase = .closed
        loop.forget(self)
        Glibc.close(descriptor)
        stream?.fail()
        stream = nil
        writer?.connectionClosed()
        writer = nil
        request = nil
    }
}

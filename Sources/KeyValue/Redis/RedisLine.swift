import Ground

/// A connection that is opened again whenever it is cut. All on one loop's thread.
///
/// The first command opens it. From then on it is kept open: at once after a cut, and after a failure when a
/// pause is over, of 50 ms at first, twice as long each time, 2 s at most, shortened by chance. During the pause
/// commands fail at once; while a connect is under way they wait for it.
final class RedisLine: RedisLinkOwner {
    /// A connection that was cut sooner after its opening is a failure too.
    private static let shortLife: Int64 = 1000

    let purpose: RedisLink.Purpose
    var opened: () -> Void = {}
    var cut: (_ reason: String) -> Void = { _ in }
    var heard: (Reply) -> Void = { _ in }

    private unowned let loop: EventLoop
    private let context: RedisContext
    /// nil is wherever the settings lead to; the next place is tried after each failure.
    private let endpoint: RedisEndpoint?
    /// The one that answered last comes first.
    private var sentinels: [RedisEndpoint]
    private let name: String
    private(set) var link: RedisLink?
    private var inquiry: SentinelInquiry?
    private var waiting = CallQueue()
    private var backoff = Backoff(upTo: .seconds(2))
    private var openedAt: Int64 = 0
    private var pause: LoopTimer?
    private var lastReason = "not connected"
    private var isClosed = false

    /// - Parameter name: for the health of the store.
    init(
        _ name: String, for purpose: RedisLink.Purpose, to endpoint: RedisEndpoint? = nil, on loop: EventLoop,
        _ context: RedisContext
    ) {
        self.name = name
        self.purpose = purpose
        self.loop = loop
        self.context = context
        self.endpoint = endpoint
        sentinels = context.settings.hosts
    }

    var isOpen: Bool { link?.isOpen ?? false }
    /// The last attempt failed, and the next is not due.
    var isDown: Bool { pause != nil }

    func send(_ call: RedisCall) {
        if let link, link.isOpen { return link.send(call) }
        guard pause == nil, !isClosed, waiting.count < 1 << 16 else {
            return call.finish(.failure(.unavailable("Redis: \(lastReason)")))
        }
        waiting.append(call)
        open()
    }

    /// Opens the connection unless that is under way, or waits for its time.
    func open() {
        guard link == nil, inquiry == nil, pause == nil, !isClosed else { return }
        guard case .sentinel(let master, let password) = context.settings.mode else {
            let places = endpoint.map { [$0] } ?? context.places
            guard !places.isEmpty else { return failed("no node is known") }
            return connect(to: places[backoff.failures % places.count])
        }
        let inquiry = SentinelInquiry(of: sentinels, for: master, password, on: loop, context) { [weak self] result in
            guard let self, !isClosed else { return }
            self.inquiry = nil
            switch result {
            case .success(let answer):
                sentinels = [answer.sentinel] + sentinels.filter { $0 != answer.sentinel }
                connect(to: answer.master)
            case .failure(let failure): failed(failure.reason)
            }
        }
        self.inquiry = inquiry
        inquiry.start()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        lastReason = "closed"
        pause?.cancel()
        inquiry?.cancel()
        inquiry = nil
        link?.close()
        failWaiting("closed")
        context.health.forgot(name)
    }

    private func connect(to endpoint: RedisEndpoint) {
        let link = RedisLink(to: endpoint, for: purpose, on: loop, context, owner: self)
        self.link = link
        link.start()
    }

    func opened(_ link: RedisLink) {
        openedAt = loop.now
        context.health.opened(name)
        opened()
        while let call = waiting.popFirst() {
            if !call.isFinished { send(call) }
        }
    }

    func closed(_ link: RedisLink, because reason: String) {
        guard self.link === link else { return }
        self.link = nil
        guard !isClosed else { return }
        let hadLife = link.isGreeted && loop.now - openedAt >= Self.shortLife
        if hadLife { backoff.reset() }
        failed("\(link.endpoint): \(reason)", triesAtOnce: hadLife)
    }

    func heard(_ reply: Reply, on link: RedisLink) { heard(reply) }

    private func failed(_ reason: String, triesAtOnce: Bool = false) {
        lastReason = reason
        context.health.failed(name, reason)
        pause = loop.schedule(after: triesAtOnce ? .zero : backoff.next()) { [weak self] in
            self?.pause = nil
            self?.open()
        }
        failWaiting(reason)
        cut(reason)
    }

    private func failWaiting(_ reason: String) {
        for call in waiting.removeAll() { call.finish(.failure(.unavailable("Redis: \(reason)"))) }
    }
}

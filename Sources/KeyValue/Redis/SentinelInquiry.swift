import Ground

/// Asks one sentinel after the other where the master is. All on one loop's thread.
final class SentinelInquiry: RedisLinkOwner {
    struct Failure: Error {
        let reason: String
    }

    struct Answer {
        let master: RedisEndpoint
        let sentinel: RedisEndpoint
    }

    private let purpose: RedisLink.Purpose
    private unowned let loop: EventLoop
    private let context: RedisContext
    private var sentinels: ArraySlice<RedisEndpoint>
    private var link: RedisLink?
    private var found: Answer?
    private var done: ((Result<Answer, Failure>) -> Void)?

    init(
        of sentinels: [RedisEndpoint], for master: String, _ password: String?, on loop: EventLoop,
        _ context: RedisContext,
        _ done: @escaping (Result<Answer, Failure>) -> Void
    ) {
        purpose = .asking(master: master, password: password)
        self.loop = loop
        self.context = context
        self.done = done
        self.sentinels = sentinels[...]
    }

    func start() { askNext("no sentinel is named") }

    func cancel() {
        done = nil
        link?.close()
    }

    private func askNext(_ reason: String) {
        guard let next = sentinels.popFirst() else { return finish(.failure(Failure(reason: reason))) }
        let link = RedisLink(to: next, for: purpose, on: loop, context, owner: self)
        self.link = link
        link.start()
    }

    private func finish(_ result: Result<Answer, Failure>) {
        let done = done
        self.done = nil
        done?(result)
    }

    func opened(_ link: RedisLink) {
        found = link.master.map { Answer(master: $0, sentinel: link.endpoint) }
        link.close()
    }

    func closed(_ link: RedisLink, because reason: String) {
        guard done != nil else { return }
        if let found { return finish(.success(found)) }
        askNext("sentinel \(link.endpoint): \(reason)")
    }

    func heard(_ reply: Reply, on link: RedisLink) {}
}

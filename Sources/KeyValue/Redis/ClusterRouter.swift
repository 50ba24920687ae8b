import Ground

/// Sends commands to the nodes of a cluster that have their keys. All on one loop's thread.
final class ClusterRouter {
    /// Between two looks at the map, at least; in milliseconds.
    private static let shortestPause: Int64 = 100

    private unowned let loop: EventLoop
    private let context: RedisContext
    private var map = ClusterMap()
    private var lines: [RedisEndpoint: RedisLine] = [:]
    /// Until there is a map.
    private var waiting = CallQueue()
    private var inquiry: RedisCall?
    /// Nodes that are still to be asked for the map.
    private var candidates: [RedisEndpoint] = []
    private var pause: LoopTimer?
    private var backoff = Backoff(upTo: .seconds(2), from: .milliseconds(shortestPause))
    private var refreshAgain = false
    private var isClosed = false

    init(on loop: EventLoop, _ context: RedisContext) {
        self.loop = loop
        self.context = context
    }

    func send(_ call: RedisCall) {
        guard !isClosed else { return call.finish(.failure(.unavailable("the store was closed"))) }
        guard let endpoint = place(of: call) else {
            guard pause == nil || backoff.failures == 0, waiting.count < 1 << 16 else {
                return call.finish(.failure(.unavailable("Redis: the cluster's map is not known")))
            }
            waiting.append(call)
            return refresh()
        }
        line(to: endpoint).send(call)
    }

    /// Messages of one channel take the same way as long as they can: nodes pass on to each other at their own pace.
    private func place(of call: RedisCall) -> RedisEndpoint? {
        let owner = call.slot.flatMap { map[$0] }
        guard call.mayGoAnywhere, owner.map({ line(to: $0).isDown }) ?? true else { return owner }
        return map.nodes.first { !line(to: $0).isDown } ?? owner
    }

    func send(_ call: RedisCall, moved slot: Int, to endpoint: RedisEndpoint) {
        map.set(slot, to: endpoint)
        refresh()
        line(to: endpoint).send(call)
    }

    func send(_ call: RedisCall, asking endpoint: RedisEndpoint) {
        let line = line(to: endpoint)
        // Both commands are in one queue: nothing comes between them.
        line.send(RedisCall(CommandWriter.command("ASKING")) { _ in })
        line.send(call)
    }

    func close() {
        isClosed = true
        pause?.cancel()
        for line in lines.values { line.close() }
        lines = [:]
    }

    private func line(to endpoint: RedisEndpoint) -> RedisLine {
        if let line = lines[endpoint] { return line }
        let line = RedisLine("node \(endpoint)", for: .commands(ofMaster: false), to: endpoint, on: loop, context)
        line.cut = { [weak self] _ in self?.refresh() }
        lines[endpoint] = line
        return line
    }

    // MARK: The map

    /// Asks for the map anew, soon.
    func refresh() {
        guard !isClosed else { return }
        guard inquiry == nil, pause == nil else {
            refreshAgain = true
            return
        }
        refreshAgain = false
        candidates = context.places.reversed()
        askNext()
    }

    private func askNext() {
        guard let endpoint = candidates.popLast() else { return finished(nil) }
        let line = line(to: endpoint)
        let call = RedisCall(CommandWriter.command("CLUSTER", "SLOTS")) { [weak self] result in
            guard let self, !isClosed else { return }
            inquiry = nil
            if case .success(let reply) = result, let map = ClusterMap(reply, from: endpoint) { return finished(map) }
            askNext()
        }
        inquiry = call
        let timer = loop.schedule(after: context.settings.commandTimeout) { [weak call] in
            guard let call, !call.isFinished else { return }
            let link = call.link
            call.finish(.failure(.unavailable("no answer in time")))
            link?.fail("no answer in time")
        }
        line.send(call)
        if call.isFinished { timer.cancel() }
    }

    private func finished(_ map: ClusterMap?) {
        if let map {
            self.map = map
            context.learned(map.nodes)
            backoff.reset()
            let gone = lines.filter { !map.nodes.contains($0.key) }
            for (endpoint, line) in gone {
                lines[endpoint] = nil
                line.close()
            }
        }
        pause = loop.schedule(after: map == nil ? backoff.next() : .milliseconds(Self.shortestPause)) { [weak self] in
            guard let self else { return }
            pause = nil
            if refreshAgain || self.map.nodes.isEmpty { refresh() }
        }
        for call in waiting.removeAll() where !call.isFinished {
            if place(of: call) != nil {
                send(call)
            } else {
                call.finish(.failure(.unavailable("Redis: no node has the key's slot")))
            }
        }
    }
}

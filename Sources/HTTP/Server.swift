import CSystem
import Glibc
import Ground

/// The HTTP/1.1 server: a listening socket and the event loops that share it.
public final class Server: Sendable {
    public struct Settings: Sendable {
        /// A numeric IPv4 or IPv6 address.
        public var host = "127.0.0.1"
        /// 0 lets the system choose one.
        public var port: UInt16 = 8080
        /// One event loop each.
        public var threads = 1
        public var limits = Limits()
        /// Addresses that the limit of connections for one address does not bind: trusted proxies.
        public var isExempt: @Sendable (IPAddress) -> Bool = { _ in false }

        public init() {}
    }

    public struct StartError: Error, CustomStringConvertible {
        public let reason: String
        public var description: String { reason }
    }

    /// The port it listens on.
    public let port: UInt16
    private let listener: Int32
    private let loops: [ConnectionLoop]
    private let threads: [Thread]
    private let census: ConnectionCensus

    /// Listens and serves until `stop`.
    public init(settings: Settings, responder: any Responder) throws(StartError) {
        signal(SIGPIPE, SIG_IGN)
        listener = gh_listen(settings.host, settings.port, 1024)
        guard listener >= 0 else {
            let why = errno == EADDRINUSE ? "another program listens there" : String(cString: strerror(errno))
            throw StartError(reason: "cannot listen on \(settings.host) port \(settings.port): \(why)")
        }
        port = gh_local_port(listener)
        var settings = settings
        // Each connection is a descriptor, and the rest of the program needs some too.
        settings.limits.connections = min(settings.limits.connections, max(16, gh_raise_descriptor_limit() - 64))
        let census = ConnectionCensus(limits: settings.limits, isExempt: settings.isExempt)
        self.census = census
        var loops: [ConnectionLoop] = []
        for _ in 0..<max(1, settings.threads) {
            do throws(EventLoop.StartError) {
                loops.append(
                    try ConnectionLoop(listener: listener, settings: settings, responder: responder, census: census))
            } catch {
                throw StartError(reason: "the system gives no epoll instance: errno \(error.errorNumber)")
            }
        }
        self.loops = loops
        threads = loops.enumerated().map { index, loop in Thread(name: "http-\(index)") { loop.run() } }
    }

    /// Open connections at this moment.
    public var connections: Int { census.total }

    /// Takes no new connection, lets answers under way finish (`Limits.drainTime` at most), and returns when all
    /// is closed. Call it once, from a thread that may wait.
    public func stop() {
        census.stop()
        for loop in loops { loop.stop() }
        for thread in threads { thread.join() }
        close(listener)
    }
}

import Ground
import KeyValue
import Synchronization

/// How one node hears of the others on one channel.
///
/// While the line is cut, or what was missed has not been asked for yet, `isOpen` is false: whoever relies on having
/// heard everything must ask the store instead.
final class NodeLine: Sendable {
    private struct State {
        var isOpen = false
        /// Counts the cuts, so that what was asked before one opens nothing after it.
        var cuts = 0
    }

    private let log: Log?
    private let channel: String
    private let keyValue: any KeyValue
    private let state = Mutex(State())
    /// When the line was last known to be open, in milliseconds of ``Uptime``.
    private let provenAt = Atomic<Int64>(0)
    /// A process that was stopped, or a machine that slept, wakes with an old proof, before it hears anything.
    private static let proofLifetime: Int64 = 2500

    /// - Parameter log: told when the line is cut and when it is whole again; one of those that share it will do.
    init(_ channel: String, on keyValue: any KeyValue, log: Log? = nil) {
        self.log = log
        self.channel = channel
        self.keyValue = keyValue
    }

    /// Whether everything that the others said has been heard.
    var isOpen: Bool { state.withLock { $0.isOpen } && isProven }

    private var isProven: Bool {
        !keyValue.provesItsLine || Uptime.milliseconds - provenAt.load(ordering: .relaxed) < Self.proofLifetime
    }

    /// Listens from now on, for as long as the process lives.
    /// - Parameter catchUp: asks for what was missed and says whether it could.
    func open(
        hear: @escaping @Sendable ([UInt8]) -> Void, catchUp: @escaping @Sendable () async -> Bool
    ) async throws(KeyValueError) {
        let wasCut = Mutex(false)
        _ = try await keyValue.subscribe(channel) { [self] heard in
            switch heard {
            case .message(let message): hear(message)
            case .interrupted:
                wasCut.withLock { $0 = true }
                let wasOpen = state.withLock { state in
                    defer {
                        state.isOpen = false
                        state.cuts += 1
                    }
                    return state.isOpen
                }
                if wasOpen { log?.warning("nodes.not_heard") { $0.member("channel", channel) } }
            case .proven: prove()
            case .resumed:
                prove()
                let cuts = state.withLock { $0.cuts }
                Task { await self.resume(afterCut: cuts, catchUp) }
            }
        }
        prove()
        // A line that was cut meanwhile opens when it resumes.
        if !wasCut.withLock({ $0 }) { await resume(afterCut: 0, catchUp) }
    }

    /// Opens the line when what was missed has been learnt; tries until it has, or the line is cut again.
    private func resume(afterCut cuts: Int, _ catchUp: @Sendable () async -> Bool) async {
        while state.withLock({ $0.cuts == cuts }) {
            if await catchUp() {
                state.withLock { if $0.cuts == cuts { $0.isOpen = true } }
                if cuts > 0 { log?.info("nodes.heard") { $0.member("channel", channel) } }
                return
            }
            do { try await Task.sleep(for: .milliseconds(200)) } catch { return }
        }
    }

    private func prove() { provenAt.store(Uptime.milliseconds, ordering: .relaxed) }

    func tell(_ message: [UInt8]) async throws(AuthError) {
        do { try await keyValue.publish(channel, message) } catch {
            throw .unavailable(because: "publish: \(error)")
        }
    }
}

import Glibc
import Ground
import Synchronization

/// A program of the machine, started for one test.
final class RealProcess: Sendable {
    struct Failure: Error {
        let reason: String
    }

    private let pid: pid_t

    /// - Parameters:
    ///   - words: the program, looked for in PATH, and its arguments.
    ///   - output: a descriptor for what it prints; nil throws it away.
    init(_ words: [String], output: Int32? = nil) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in [Int32(0), 1, 2] {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        if let output { posix_spawn_file_actions_adddup2(&actions, output, 1) }
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var environment: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=\(Self.path)"), nil]
        defer { free(environment[0]) }
        var pid = pid_t()
        let failure = posix_spawnp(&pid, words[0], &actions, nil, &arguments, &environment)
        guard failure == 0 else { throw Failure(reason: "\(words[0]) cannot be started: error \(failure)") }
        self.pid = pid
    }

    deinit { end() }

    private static var path: String { getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin" }

    /// Whether the machine has such a program.
    static func exists(_ name: String) -> Bool {
        path.split(separator: ":").contains { access("\($0)/\(name)", X_OK) == 0 }
    }

    /// Runs a program to its end, and gives what it printed, without the last line break.
    @discardableResult
    static func run(_ words: [String]) throws -> String {
        let path = "/var/tmp/gatehouse-test-" + Hex.encode(RandomSource.system.bytes(8))
        let output = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        unlink(path)
        defer { close(output) }
        let process = try RealProcess(words, output: output)
        var status: Int32 = 0
        guard waitpid(process.pid, &status, 0) == process.pid, status == 0 else {
            throw Failure(reason: "\(words[0]) failed")
        }
        var printed = [UInt8](repeating: 0, count: 1 << 16)
        printed.removeLast(printed.count - max(0, pread(output, &printed, printed.count, 0)))
        if printed.last == 10 { printed.removeLast() }
        return String(decoding: printed, as: UTF8.self)
    }

    func stop() { kill(pid, SIGSTOP) }
    func goOn() { kill(pid, SIGCONT) }

    /// Kills it, and waits until it is gone.
    func end() {
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == 0 else { return }
        kill(pid, SIGKILL)
        waitpid(pid, &status, 0)
    }

    /// Below the ports that the system gives to connections, and not where another run of the tests begins.
    private static let nextPort = Atomic(20_000 + UInt16(truncatingIfNeeded: getpid() % 500) * 24)

    /// A port that nobody has at the moment, and that is not given to two.
    static func freePort() -> UInt16 {
        while true {
            let port = nextPort.add(1, ordering: .relaxed).newValue
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            defer { close(descriptor) }
            if listen(descriptor, on: port) == port { return port }
        }
    }

    /// Listens on a port, 0 for one of the system's choice; gives the port, or 0 when that fails.
    static func listen(_ descriptor: Int32, on port: UInt16 = 0) -> UInt16 {
        var address = loopback(port)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && Glibc.listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        } ? UInt16(bigEndian: address.sin_port) : 0
    }

    /// Waits until something listens there.
    static func waitForPort(_ port: UInt16) async throws {
        guard await eventually({ isOpen(port) }) else { throw Failure(reason: "nothing listens on port \(port)") }
    }

    private static func isOpen(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port)
        return withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}

/// Looks again and again until something holds that another process or thread must do; false when it does not in time.
func eventually(
    within limit: Duration = .seconds(30), _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if try await condition() { return true }
        try? await Task.sleep(for: .milliseconds(5))
    }
    return try await condition()
}

import Glibc
import Ground
import SQL
import Services

/// The command line: finds the command, runs it, and says how it went.
enum Program {
    /// Exit codes, as sysexits.h numbers them where it has one.
    enum Exit {
        static let success: Int32 = 0
        static let failure: Int32 = 1
        static let usage: Int32 = 64
        static let configuration: Int32 = 78
    }

    static func run(_ arguments: [String]) -> Int32 {
        // What the program writes, the database and its keys, is for nobody else on the machine.
        umask(0o077)
        do {
            let command = try Command.parse(arguments)
            return try waiting { try await command.run() }
        } catch let error as UsageError {
            Console.error("gatehouse: \(error.message)")
            if let hint = error.hint { Console.error(hint) }
            return Exit.usage
        } catch let error as SettingReader.Faults {
            Console.error("gatehouse: the configuration is refused:")
            for fault in error.all { Console.error("  \(fault)") }
            Console.error("See 'gatehouse config' for every setting.")
            return Exit.configuration
        } catch {
            Console.error("gatehouse: \(Explanation.of(error))")
            return Exit.failure
        }
    }

    /// Runs asynchronous work from a thread that has nothing else to do.
    private static func waiting(_ work: @escaping @Sendable () async throws -> Int32) throws -> Int32 {
        let outcome = Monitor<Result<Int32, any Error>?>(nil)
        // The signals are for the thread that waits for them; every other thread inherits the mask.
        Signals.block()
        Task.detached {
            let result: Result<Int32, any Error>
            do { result = .success(try await work()) } catch { result = .failure(error) }
            outcome.withLock(wakes: true) { $0 = result }
        }
        return try outcome.wait { $0 }.get()
    }
}

/// What the command line got wrong.
struct UsageError: Error {
    let message: String
    var hint: String?
}

/// What a command could not do, as it is told.
struct Failure: Error, CustomStringConvertible {
    let reason: String
    var description: String { reason }
}

/// Errors, told to whoever runs the program.
enum Explanation {
    static func of(_ error: any Error) -> String {
        switch error {
        case AuthError.invalid(let faults):
            "refused:\n" + faults.map { "  \($0.field): \($0.message)" }.joined(separator: "\n")
        case AuthError.emailTaken: "the e-mail address has an account"
        case AuthError.unavailable(let reason), AuthError.unexpected(let reason): reason
        case DatabaseError.unavailable(let reason), DatabaseError.unexpected(let reason): reason
        case let error as any CustomStringConvertible: error.description
        default: "\(error)"
        }
    }
}

/// Writing to whoever started the program.
enum Console {
    static func print(_ line: String) { write(line, to: 1) }
    static func error(_ line: String) { write(line, to: 2) }

    private static func write(_ line: String, to descriptor: Int32) {
        var rest = Array((line + "\n").utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// The first line of standard input, without its end.
    static func readSecret() -> String? { readLine(strippingNewline: true) }
}

/// SIGTERM and SIGINT, waited for rather than handled.
enum Signals {
    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        return set
    }

    /// Keeps them from ending the process; threads that start later inherit it.
    static func block() {
        var set = set
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits for one of them, on a thread of its own.
    static func wait() async {
        await withUnsafeContinuation { continuation in
            _ = Thread(name: "signals") {
                var set = Self.set
                var signal: Int32 = 0
                sigwait(&set, &signal)
                continuation.resume()
            }
        }
    }
}

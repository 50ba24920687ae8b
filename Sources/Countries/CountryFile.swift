import Ground
import Synchronization

/// A database of countries that is read anew when its file is another.
public final class CountryFile: Sendable {
    /// What is wrong with the file, as it was told last.
    private struct Trouble: Hashable {
        let stamp: FileStamp?
        let fault: CountryDatabaseFault
    }

    private struct State {
        var database: CountryDatabase
        var lookedAt: Timestamp
        var trouble: Trouble?
    }

    private static let interval = Duration.seconds(60)

    private let path: String
    private let clock: Clock
    private let log: Log
    private let state: Mutex<State>

    public init(_ database: CountryDatabase, clock: Clock, log: Log) {
        path = database.path
        self.clock = clock
        self.log = log
        state = Mutex(State(database: database, lookedAt: clock.now))
    }

    /// Its code (ISO 3166-1 alpha-2); nil where it is not known.
    public func country(of address: IPAddress) -> String? {
        state.withLock { $0.database }.country(of: address)
    }

    /// Looks whether the file is another, once a minute however often it is called. What cannot be read changes
    /// nothing, and is told once. One caller at a time.
    public func readAgain() {
        let now = clock.now
        let known = state.withLock { state -> FileStamp? in
            // A clock that was set back must not keep the file from being looked at.
            guard now - state.lookedAt >= Self.interval || now < state.lookedAt else { return nil }
            state.lookedAt = now
            return state.database.stamp
        }
        guard let known else { return }
        let stamp = FileStamp(path)
        guard stamp != known else { return state.withLock { $0.trouble = nil } }
        do throws(CountryDatabaseFault) {
            let database = try CountryDatabase(path: path)
            state.withLock { state in
                state.database = database
                state.trouble = nil
            }
            log.info("countries.read") { $0.member("file", path) }
        } catch {
            let trouble = Trouble(stamp: stamp, fault: error)
            let isNew = state.withLock { state in
                defer { state.trouble = trouble }
                return state.trouble != trouble
            }
            guard isNew else { return }
            log.warning("countries.not_read") { line in
                line.member("file", path)
                line.member("reason", error.description)
            }
        }
    }
}

import Glibc
import Synchronization

/// What tells one state of a file from another without reading it.
public struct FileStamp: Hashable, Sendable {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int64
    private let modified: [Int64]
    /// A file that keeps its time of modification, as a copy may, has another one of change.
    private let changed: [Int64]

    /// nil where there is no such file.
    public init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        modified = [Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec)]
        changed = [Int64(status.st_ctim.tv_sec), Int64(status.st_ctim.tv_nsec)]
    }
}

/// What is read of a whole file at once.
public protocol FileContent: Sendable {
    associatedtype Fault: Error, Hashable, CustomStringConvertible

    var path: String { get }
    /// Of the state of the file that was read.
    var stamp: FileStamp { get }

    init(path: String) throws(Fault)
}

/// The content of a file, read anew when the file is another.
public final class WatchedFile<Content: FileContent>: Sendable {
    /// What is wrong with the file, as it was told last.
    private struct Trouble: Hashable {
        let stamp: FileStamp?
        let fault: Content.Fault
    }

    private struct State {
        var content: Content
        var lookedAt: Timestamp
        var trouble: Trouble?
    }

    private let path: String
    private let name: String
    private let clock: Clock
    private let log: Log
    private let state: Mutex<State>

    /// - Parameter name: what the log calls it.
    public init(_ content: Content, named name: String, clock: Clock, log: Log) {
        path = content.path
        self.name = name
        self.clock = clock
        self.log = log
        state = Mutex(State(content: content, lookedAt: clock.now))
    }

    /// What was read last.
    public var content: Content { state.withLock { $0.content } }

    /// Looks whether the file is another, once a minute however often it is called. What cannot be read changes
    /// nothing, and is told once. One caller at a time.
    public func readAgain() {
        let now = clock.now
        let known = state.withLock { state -> FileStamp? in
            // A clock that was set back must not keep the file from being looked at.
            guard now - state.lookedAt >= .seconds(60) || now < state.lookedAt else { return nil }
            state.lookedAt = now
            return state.content.stamp
        }
        guard let known else { return }
        let stamp = FileStamp(path)
        guard stamp != known else { return state.withLock { $0.trouble = nil } }
        do throws(Content.Fault) {
            let content = try Content(path: path)
            state.withLock { state in
                state.content = content
                state.trouble = nil
            }
            log.info("\(name).read") { $0.member("file", path) }
        } catch {
            let trouble = Trouble(stamp: stamp, fault: error)
            let isNew = state.withLock { state in
                defer { state.trouble = trouble }
                return state.trouble != trouble
            }
            guard isNew else { return }
            log.warning("\(name).not_read") { line in
                line.member("file", path)
                line.member("reason", error.description)
            }
        }
    }
}

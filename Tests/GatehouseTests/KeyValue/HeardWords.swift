import KeyValue
import Synchronization

/// Keeps what a subscriber hears.
final class HeardWords: Sendable {
    private let words = Mutex<[Heard]>([])
    func append(_ word: Heard) { words.withLock { $0.append(word) } }
    var all: [Heard] { words.withLock { $0 } }
}

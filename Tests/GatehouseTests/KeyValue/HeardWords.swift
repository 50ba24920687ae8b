import KeyValue
import Synchronization

/// Keeps what a subscriber hears, but for the proofs that nothing happened.
final class HeardWords: Sendable {
    private let words = Mutex<[Heard]>([])
    func append(_ word: Heard) {
        if word != .proven { words.withLock { $0.append(word) } }
    }
    var all: [Heard] { words.withLock { $0 } }
}

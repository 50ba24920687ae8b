import Ground
import Synchronization

/// A bounded table of tokens with what is kept of each. Look-up and insertion take constant time, and
/// threads wait for each other only where two tokens fall into the same shard.
final class TokenTable: Sendable {
    private struct Entry {
        let token: [UInt8]
        let payload: any AnyObject & Sendable
        let validUntil: Timestamp

        /// Looks at every byte, so that the time does not tell how much of a guess was right.
        func matches(_ other: UnsafeRawBufferPointer) -> Bool {
            token.withUnsafeBytes { token in
                guard token.count == other.count else { return false }
                var difference: UInt8 = 0
                for index in 0..<token.count { difference |= token[index] ^ other[index] }
                return difference == 0
            }
        }
    }

    /// Two generations: when the young is full it becomes the old, and the old is dropped. What is
    /// looked up meanwhile moves to the young, so what is in use stays.
    private struct Shard {
        var ringGeneration = 0
        var young: [Int: Entry] = [:]
        var old: [Int: Entry] = [:]

        /// Voids everything when the keys have changed.
        mutating func follow(_ generation: Int) {
            if ringGeneration != generation { self = Shard(ringGeneration: generation) }
        }

        mutating func insert(_ entry: Entry, _ hash: Int, limit: Int) {
            if young.count >= limit, young[hash] == nil {
                old = young
                young = [:]
            }
            young[hash] = entry
            old[hash] = nil
        }
    }

    private final class LockedShard: Sendable {
        let state = Mutex(Shard())
    }

    private let shards: [LockedShard]
    /// Entries in one generation of one shard.
    private let limit: Int

    init(capacity: Int) {
        let count = max(0, min(16, capacity / 2))
        shards = (0..<count).map { _ in LockedShard() }
        limit = count > 0 ? capacity / count / 2 : 0
    }

    var count: Int {
        shards.reduce(0) { $0 + $1.state.withLock { $0.young.count + $0.old.count } }
    }

    /// - Parameter generation: of the key ring, now.
    func find(_ token: UnsafeRawBufferPointer, generation: Int, at now: Timestamp) -> (any AnyObject & Sendable)? {
        let hash = Self.hash(token)
        return shard(of: hash)?.state.withLock { shard in
            shard.follow(generation)
            let young = shard.young[hash]
            guard let entry = young ?? shard.old[hash], now < entry.validUntil, entry.matches(token) else {
                return nil
            }
            if young == nil { shard.insert(entry, hash, limit: limit) }
            return entry.payload
        }
    }

    /// - Parameter generation: of the key ring, now. Read under the lock, as keys may change meanwhile.
    func insert(
        _ payload: any AnyObject & Sendable, for token: [UInt8], _ verified: VerifiedToken,
        generation: @Sendable () -> Int
    ) {
        let hash = token.withUnsafeBytes { Self.hash($0) }
        let entry = Entry(token: token, payload: payload, validUntil: verified.validUntil)
        shard(of: hash)?.state.withLock { shard in
            let generation = generation()
            guard verified.generation == generation else { return }
            shard.follow(generation)
            shard.insert(entry, hash, limit: limit)
        }
    }

    private func shard(of hash: Int) -> LockedShard? {
        shards.isEmpty ? nil : shards[Int(UInt(bitPattern: hash) >> 32) % shards.count]
    }

    /// Of the end of the token, which is its signature; seeded by the process.
    private static func hash(_ token: UnsafeRawBufferPointer) -> Int {
        var hasher = Hasher()
        hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: token.suffix(32)))
        return hasher.finalize()
    }
}

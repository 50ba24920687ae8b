import Glibc

/// Where the keys of a filter stand in its table of fingerprints: three places each, in three segments that follow each
/// other (Graf and Lemire, "Binary Fuse Filters: Fast and Smaller Than Xor Filters", 2022).
///
/// The three fingerprints of a key that was put in give its own, XORed. Any other key is taken for one by chance: one of
/// 256 with fingerprints of eight bits, one of 65,536 with sixteen.
struct BinaryFuse: Hashable, Sendable {
    /// The largest that is used or read: a lookup reads three segments at most.
    static let longestSegment: UInt32 = 4096

    let seed: UInt64
    /// A power of two.
    let segmentLength: UInt32
    /// Those in which the first place of a key may be; two more follow.
    let segmentCount: UInt32

    /// How many fingerprints the table holds.
    var tableSize: Int { segmentCount == 0 ? 0 : Int(segmentCount + 2) * Int(segmentLength) }

    init(seed: UInt64, segmentLength: UInt32, segmentCount: UInt32) {
        self.seed = seed
        self.segmentLength = segmentLength
        self.segmentCount = segmentCount
    }

    /// The measures of the paper for so many keys.
    init(count: Int, seed: UInt64) {
        guard count > 0 else {
            self.init(seed: seed, segmentLength: 1, segmentCount: 0)
            return
        }
        let size = Double(max(count, 2))
        let exponent = (log(size) / log(3.33) + 2.25).rounded(.down)
        let length = min(UInt32(1) << UInt32(exponent), Self.longestSegment)
        let factor = max(1.125, 0.875 + 0.25 * log(1e6) / log(size))
        let capacity = UInt32((size * factor).rounded())
        let segments = (capacity + length - 1) / length
        self.init(seed: seed, segmentLength: length, segmentCount: max(segments, 3) - 2)
    }

    /// The hash of a key: MurmurHash3's finish, which maps no two keys to the same.
    @inline(__always) func hash(_ key: BreachedKey) -> UInt64 {
        var hash = key.value &+ seed
        hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
        hash = (hash ^ (hash >> 33)) &* 0xc4ce_b9fe_1a85_ec53
        return hash ^ (hash >> 33)
    }

    /// In rising order.
    @inline(__always) func places(of hash: UInt64) -> (Int, Int, Int) {
        let length = UInt64(segmentLength)
        let first = hash.multipliedFullWidth(by: UInt64(segmentCount) &* length).high
        let second = (first &+ length) ^ ((hash >> 18) & (length &- 1))
        let third = (first &+ length &+ length) ^ (hash & (length &- 1))
        return (Int(truncatingIfNeeded: first), Int(truncatingIfNeeded: second), Int(truncatingIfNeeded: third))
    }

    @inline(__always) static func fingerprint(of hash: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: hash ^ (hash >> 32)) }
}

extension BinaryFuse {
    /// The table for keys of which none is there twice. Its low bytes by themselves are the table of eight bits.
    /// - Returns: nil where the seed leaves keys without a place of their own: another will do.
    func table(of keys: ArraySlice<BreachedKey>) -> [UInt16]? {
        let size = tableSize
        // What stands at each place: how many keys, and all their hashes XORed. Who is alone there can be read from it.
        var crowds = [UInt32](repeating: 0, count: size)
        var sums = [UInt64](repeating: 0, count: size)
        for key in keys {
            let hash = hash(key)
            let places = places(of: hash)
            for place in [places.0, places.1, places.2] {
                crowds[place] &+= 1
                sums[place] ^= hash
            }
        }
        guard let order = Self.peeled(&crowds, &sums, keys.count, places) else { return nil }
        var table = [UInt16](repeating: 0, count: size)
        for (place, hash) in order.reversed() {
            let places = places(of: hash)
            table[place] = Self.fingerprint(of: hash) ^ table[places.0] ^ table[places.1] ^ table[places.2]
        }
        return table
    }

    /// Takes keys away that are alone at a place, until none is left.
    /// - Returns: each with its place, in the order in which they went; nil where some are never alone.
    private static func peeled(
        _ crowds: inout [UInt32], _ sums: inout [UInt64], _ count: Int, _ places: (UInt64) -> (Int, Int, Int)
    ) -> [(place: Int, hash: UInt64)]? {
        var order: [(place: Int, hash: UInt64)] = []
        order.reserveCapacity(count)
        var alone = crowds.indices.filter { crowds[$0] == 1 }
        while let place = alone.popLast() {
            guard crowds[place] == 1 else { continue }
            let hash = sums[place]
            order.append((place, hash))
            let its = places(hash)
            for other in [its.0, its.1, its.2] {
                crowds[other] &-= 1
                sums[other] ^= hash
                if crowds[other] == 1 { alone.append(other) }
            }
        }
        return order.count == count ? order : nil
    }
}

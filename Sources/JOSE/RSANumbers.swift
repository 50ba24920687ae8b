/// The numbers of an RSA key, big-endian without leading zeros (RFC 7518, section 6.3).
struct RSANumbers: Hashable, Sendable {
    let modulus: [UInt8]
    let exponent: [UInt8]
    /// d, p, q, dp, dq, qi, in this order; empty in a public key.
    let secrets: [[UInt8]]

    static let secretNames = ["d", "p", "q", "dp", "dq", "qi"]

    var publicPart: RSANumbers { RSANumbers(modulus: modulus, exponent: exponent, secrets: []) }

    var publicDER: [UInt8] { DER.sequence(DER.integer(modulus) + DER.integer(exponent)) }

    var privateDER: [UInt8]? {
        guard secrets.count == Self.secretNames.count else { return nil }
        let numbers = [[0], modulus, exponent] + secrets
        return DER.sequence(numbers.flatMap { DER.integer($0) })
    }

    /// Refuses what can be broken, and what only serves to keep the processor busy.
    func check() throws(KeyError) {
        guard let head = modulus.first, head != 0, let tail = modulus.last, tail & 1 == 1 else {
            throw .malformed("n")
        }
        let bits = modulus.count * 8 - head.leadingZeroBitCount
        guard bits >= 2048 else { throw .weak("n") }
        guard bits <= 8192 else { throw .unsupported("n") }
        guard exponent.count <= 4, let last = exponent.last, last & 1 == 1, exponent != [1] else { throw .weak("e") }
        guard secrets.allSatisfy({ !$0.isEmpty && $0.count <= modulus.count }) else { throw .malformed("d") }
        guard !hasWeakPrimes else { throw .weak("n") }
    }

    /// The mark of CVE-2017-15361 (ROCA): smart cards made primes such that the modulus is a power of 65537
    /// modulo each of these small primes. One key in 2^27 made well bears it by chance.
    private var hasWeakPrimes: Bool {
        let smallPrimes = [
            11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
        ]
        return smallPrimes.allSatisfy { prime in
            let residue = modulus.reduce(0) { ($0 << 8 | Int($1)) % prime }
            var power = 1
            for _ in 0..<prime {
                if power == residue { return true }
                power = power * 65537 % prime
            }
            return false
        }
    }
}

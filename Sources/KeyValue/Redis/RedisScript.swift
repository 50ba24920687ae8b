import CSSL
import Ground

/// A Lua script that the server keeps under its SHA-1.
struct RedisScript: Sendable {
    let source: String
    let digest: String

    init(_ source: String) {
        self.source = source
        var digest = [UInt8](repeating: 0, count: Int(SHA_DIGEST_LENGTH))
        let bytes = Array(source.utf8)
        _ = SHA1(bytes, bytes.count, &digest)
        self.digest = Hex.encode(digest)
    }

    /// Keys and values that are not of one kind stay apart by the first byte of what is stored.
    enum Kind {
        static let value = UInt8(ascii: "=")
        static let wholeAt = UInt8(ascii: "@")
    }

    /// Arguments: the start of the old value and the new one, with their kind, and milliseconds. Gives 1, or what is
    /// there instead.
    static let exchange = RedisScript(
        """
        local held = redis.call('GET', KEYS[1])
        if not held or string.sub(held, 1, #ARGV[1]) ~= ARGV[1] then return held end
        redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
        return 1
        """)

    /// Arguments: the amount and milliseconds. The sum comes as text, since Lua's numbers have 53 bits.
    static let increment = RedisScript(
        """
        local isNew = redis.call('EXISTS', KEYS[1]) == 0
        local sum = redis.pcall('INCRBY', KEYS[1], ARGV[1])
        if type(sum) == 'table' and not string.find(sum.err, 'overflow', 1, true) then return sum end
        if isNew then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
        return redis.call('GET', KEYS[1])
        """)

    /// `Allowance.decide`. Arguments: now, the step of all that is taken, and how far ahead of now the allowance may be spent, all in
    /// milliseconds. Gives 0, or how long to wait.
    static let take = RedisScript(
        """
        local held = redis.pcall('GET', KEYS[1])
        if type(held) == 'table' then return held end
        local now, step, room = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
        local start = math.max(0, now)
        if held then
          local whole = string.sub(held, 1, 1) == '@' and tonumber(string.sub(held, 2))
          if not whole then return redis.error_reply('WRONGTYPE no allowance') end
          start = math.max(start, whole)
        end
        local next = start + step
        local excess = next - now - room
        if excess > 0 then return string.format('%.0f', excess) end
        redis.call('SET', KEYS[1], string.format('@%.0f', next), 'PX', string.format('%.0f', next - now))
        return '0'
        """)
}

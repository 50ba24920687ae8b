import Credentials
import Ground
import Store

/// What proves that a row of the audit log is as the server wrote it: keyed codes over its canonical bytes.
///
/// Every field goes in with its length before it, so that no two rows have the same bytes. The personal part goes in
/// as a keyed commitment: it can be taken away later, and what is left still proves to be the same row.
struct AuditCode: Sendable {
    /// How much of a row its own code covers.
    enum Cover: UInt8 {
        /// All of it.
        case row = 1
        /// All but whose it is: the statement that writes the row takes that from the session.
        case rowOfSession = 2
    }

    /// Half of a SHA-256 is more than can be guessed, and every row has it.
    private static let size = 16

    private let key: HMACKey

    init(key: [UInt8]) { self.key = HMACKey(key) }

    /// The code that a row is written with.
    func seal(_ row: AuditRow, covering cover: Cover = .row) -> [UInt8] {
        [cover.rawValue] + digest(of: row, personal: commitment(to: row), covering: cover).prefix(Self.size)
    }

    /// A kept row held against its code.
    struct Reading {
        /// What the code covers; nil where the row has none, or one that is not the server's.
        let cover: Cover?
        /// What stands for the whole row in the chain.
        let leaf: [UInt8]
    }

    /// - Parameter personal: what the personal part of the row is bound by.
    func read(_ row: AuditRow, personal: [UInt8]) -> Reading {
        let leaf = digest(of: row, personal: personal, covering: .row)
        guard let mac = row.mac, let cover = mac.first.flatMap(Cover.init) else { return Reading(cover: nil, leaf: leaf) }
        let code = cover == .row ? leaf : digest(of: row, personal: personal, covering: cover)
        let isOwn = Digest.equal(Array(mac.dropFirst()), Array(code.prefix(Self.size)))
        return Reading(cover: isOwn ? cover : nil, leaf: leaf)
    }

    /// What stands for the personal part of a row. Without the key nobody can try out what it may have been.
    func commitment(to row: AuditRow) -> [UInt8] {
        var bytes = CanonicalBytes("personal")
        bytes.add(row.id)
        bytes.add(row.ip)
        bytes.add(row.userAgent)
        bytes.add(row.metadata)
        return key.sign(bytes.bytes)
    }

    /// The hash of a link. It is keyed too: who can write into the database cannot make the links that would follow.
    func link(after previous: [UInt8], sequence: Int64, rowID: UUID, evidence: Int64, leaf: [UInt8]) -> [UInt8] {
        var bytes = CanonicalBytes("link")
        bytes.add(previous)
        bytes.add(sequence)
        bytes.add(rowID)
        bytes.add(evidence)
        bytes.add(leaf)
        return key.sign(bytes.bytes)
    }

    func redaction(of row: UUID, commitment: [UInt8], at moment: Timestamp) -> AuditRedaction {
        var bytes = CanonicalBytes("redaction")
        bytes.add(row)
        bytes.add(commitment)
        bytes.add(moment.milliseconds)
        return AuditRedaction(rowID: row, commitment: commitment, at: moment, code: key.sign(bytes.bytes))
    }

    /// What the personal part of a row is bound by, redacted or not; nil where a redaction is not the server's, or has
    /// left something.
    func personal(of kept: KeptAuditRow) -> [UInt8]? {
        guard let redaction = kept.redaction else { return commitment(to: kept.row) }
        let own = self.redaction(of: kept.row.id, commitment: redaction.commitment, at: redaction.at)
        guard Digest.equal(own.code, redaction.code), kept.row.ip == nil, kept.row.userAgent == nil,
            kept.row.metadata == "{}"
        else { return nil }
        return redaction.commitment
    }

    private func digest(of row: AuditRow, personal: [UInt8], covering cover: Cover) -> [UInt8] {
        var bytes = CanonicalBytes(cover == .row ? "row" : "row of session")
        bytes.add(row.id)
        bytes.add(row.at.milliseconds)
        bytes.add(row.event)
        bytes.add(row.severity)
        bytes.add(row.outcome)
        if cover == .row {
            bytes.add(row.userID)
            bytes.add(row.actorID)
            bytes.add(row.companyID)
        }
        bytes.add(row.sessionID)
        bytes.add(row.requestID)
        bytes.add(personal)
        return key.sign(bytes.bytes)
    }
}

/// Fields one after the other, each with its length: one way to write them, and one to read them.
private struct CanonicalBytes {
    private(set) var bytes: [UInt8] = []

    init(_ purpose: StaticString) {
        bytes.reserveCapacity(512)
        add("\(purpose)")
    }

    mutating func add(_ number: Int64) { withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) } }

    mutating func add(_ field: [UInt8]) {
        add(Int64(field.count))
        bytes.append(contentsOf: field)
    }

    /// -1 in the place of the length says that there is none.
    mutating func add(_ text: String?) {
        guard let text else { return add(-1) }
        add(Int64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    mutating func add(_ id: UUID?) {
        guard let id else { return add(-1) }
        add(16)
        add(Int64(bitPattern: id.high))
        add(Int64(bitPattern: id.low))
    }
}

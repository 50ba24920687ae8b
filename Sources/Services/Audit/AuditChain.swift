import Credentials
import Ground
import Store

/// The rules of the chain over the audit log: how a row becomes a link, and where the chain begins and ends.
struct AuditChain: Sendable {
    /// Why a row was taken into the chain.
    enum Evidence: Int64 {
        /// It has the server's code.
        case code = 0
        /// It has none, and was there when the chain began, or was written by a node that knew of none.
        case age = 1
        /// It has none, or another's: somebody put it in, or changed it before it was sealed.
        case none = 2
    }

    /// What stands before the first link.
    static let root = [UInt8](repeating: 0, count: 32)
    /// The name of the mark that says where the chain ends.
    static let endName = AuditHead.Kind.head.rawValue

    let code: AuditCode
    let signer: AuditSigner
    let store: DataStore
    let clock: Clock

    /// - Throws: `.unexpected` when there is a statement that this server has not signed.
    func mark(_ kind: AuditHead.Kind) async throws -> AuditHead? {
        guard let token = try await store.reading.auditChain.mark(kind.rawValue) else { return nil }
        guard let mark = signer.read(token, as: kind, at: clock.now) else {
            throw AuthError.unexpected(because: "the \(kind.rawValue) of the audit log is not signed by this server")
        }
        return mark
    }

    /// Where the chain ends; nil where it has not begun.
    /// - Throws: `.unexpected` too where there are links and nothing says where they end.
    func end() async throws -> AuditHead? {
        // In this order: another node may seal the first rows between the two questions.
        let last = try await store.reading.auditChain.lastSequence()
        if let end = try await mark(.head) { return end }
        guard last == nil else {
            throw AuthError.unexpected(because: "the audit log has a chain without a head: see gatehouse audit verify")
        }
        return nil
    }

    /// The link of a row that is in none yet.
    func seal(
        _ kept: KeptAuditRow, after previous: [UInt8], sequence: Int64, isOfStranger: Bool, mayBeOld: Bool
    ) -> AuditLink {
        let personal = code.personal(of: kept)
        let reading = code.read(kept.row, personal: personal ?? code.commitment(to: kept.row))
        let evidence: Evidence =
            if personal == nil { .none } else if kept.row.mac == nil { mayBeOld ? .age : .none } else if let cover = reading.cover {
                cover == .rowOfSession && isOfStranger ? .none : .code
            } else { .none }
        return link(kept.row, reading, after: previous, sequence: sequence, evidence: evidence)
    }

    func link(
        _ row: AuditRow, _ reading: AuditCode.Reading, after previous: [UInt8], sequence: Int64, evidence: Evidence
    ) -> AuditLink {
        let hash = code.link(
            after: previous, sequence: sequence, rowID: row.id, evidence: evidence.rawValue, leaf: reading.leaf)
        return AuditLink(sequence: sequence, rowID: row.id, evidence: evidence.rawValue, hash: hash)
    }

    /// The oldest links, so many at most, whose rows are all older than that.
    /// - Throws: `.unexpected` where a row is missing: what proves that must not be deleted with it.
    func links(before moment: Timestamp, atMost count: Int) async throws -> [AuditLink] {
        guard let end = try await end() else { return [] }
        let anchor = try await mark(.anchor)
        let links = try await store.reading.auditChain.links(
            after: anchor?.sequence ?? 0, upTo: end.sequence, limit: count)
        var old: [AuditLink] = []
        for (link, kept) in links {
            guard let kept else {
                throw AuthError.unexpected(because: "the audit log misses row \(link.rowID): see gatehouse audit verify")
            }
            guard kept.row.at < moment else { break }
            old.append(link)
        }
        return old
    }
}

import Ground
import Store

/// What is wrong with the audit log.
public struct AuditFault: Sendable, Hashable, CustomStringConvertible {
    public enum Kind: String, Sendable {
        case altered, missing, inserted
        /// The log ends before what was signed, or goes on behind it without having been signed.
        case end
        /// A head that was kept says otherwise than the log.
        case rewritten
        /// A signed statement is none of this server's, or is not there.
        case statement
    }

    public let kind: Kind
    /// The place in the chain; nil for what is in none.
    public let sequence: Int64?
    public let row: UUID?
    public let detail: String

    public var description: String {
        let place = sequence.map { " at \($0)" } ?? ""
        let row = row.map { " row \($0)" } ?? ""
        return "\(kind.rawValue)\(row)\(place): \(detail)"
    }
}

/// What a check of the audit log found.
public struct AuditReport: Sendable {
    /// Rows that were looked at and are linked.
    public internal(set) var verified: Int64 = 0
    /// Rows that are in no link yet, and have the server's code.
    public internal(set) var pending: Int64 = 0
    /// Rows among those verified whose personal part was taken away.
    public internal(set) var redacted: Int64 = 0
    /// Rows among those verified that are older than the chain.
    public internal(set) var withoutCode: Int64 = 0
    /// The first of all, in the order of the chain; no more are kept.
    public internal(set) var faults: [AuditFault] = []
    /// What retention has taken away ends here.
    public internal(set) var anchor: AuditHead?
    /// How far the chain is signed.
    public internal(set) var head: AuditHead?

    public var isSound: Bool { faults.isEmpty }
}

/// Goes through the whole audit log and its chain, a page at a time, and tells what is not as the server wrote it.
public struct AuditVerifier: Sendable {
    private static let page = 1000
    private static let mostFaults = 20

    let chain: AuditChain

    /// - Parameter head: one that was printed or sent away earlier, which the log must still agree with.
    /// - Throws: `.unavailable`; what is wrong with the log is in the report.
    public func run(comparing head: String? = nil) async throws(AuthError) -> AuditReport {
        do {
            var run = AuditVerification(chain: chain)
            if let head { run.expect(head) }
            try await run.begin()
            while run.goesOn, try await run.readLinks(Self.page) {}
            try await run.finish()
            var start = UUID(high: 0, low: 0)
            while run.goesOn {
                let rows = try await chain.store.reading.auditChain.unsealed(
                    after: start, upTo: UUID(high: .max, low: .max), limit: Self.page)
                run.check(unsealed: rows)
                guard let last = rows.last?.row.id, rows.count == Self.page else { break }
                start = last
            }
            return run.report
        } catch { throw .from(error) }
    }

    /// One check, on its way through the log.
    private struct AuditVerification {
        let chain: AuditChain
        var report = AuditReport()
        private var sequence: Int64 = 0
        private var hash = AuditChain.root
        private var expected: AuditHead?
        private var end: AuditHead?

        init(chain: AuditChain) { self.chain = chain }

        var goesOn: Bool { report.faults.count < AuditVerifier.mostFaults }

        private mutating func fault(_ kind: AuditFault.Kind, at sequence: Int64?, row: UUID? = nil, _ detail: String) {
            report.faults.append(AuditFault(kind: kind, sequence: sequence, row: row, detail: detail))
        }

        mutating func expect(_ token: String) {
            expected = chain.signer.read(token, as: .head, at: chain.clock.now)
            if expected == nil { fault(.statement, at: nil, "the head that was given is none that this server signed") }
        }

        mutating func begin() async throws {
            let repository = chain.store.reading.auditChain
            // In this order: the end only moves on, and so does the anchor.
            end = try await statement(.head)
            report.head = end
            if let anchor = try await statement(.anchor) {
                (sequence, hash) = (anchor.sequence, anchor.hash)
                report.anchor = anchor
            }
            let last = try await repository.lastSequence()
            if end == nil, last != nil || report.anchor != nil || expected != nil, goesOn {
                fault(.end, at: last, "nothing signed says where the chain ends")
            }
            if end != nil, try await statement(.start) == nil {
                fault(.statement, at: 0, "nothing signed says where the chain starts")
            }
            guard let expected, let end else { return }
            if expected.sequence > end.sequence {
                fault(.end, at: end.sequence, "the log was cut off: the head that was given is of \(expected.sequence)")
            } else if expected.sequence < sequence {
                fault(.end, at: expected.sequence, "the head that was given is older than what is kept, up to \(sequence) rows were taken away: use a newer one")
            } else if expected.sequence == sequence { compare(expected, "the head that was given") }
        }

        private mutating func statement(_ kind: AuditHead.Kind) async throws -> AuditHead? {
            guard let token = try await chain.store.reading.auditChain.mark(kind.rawValue) else { return nil }
            let mark = chain.signer.read(token, as: kind, at: chain.clock.now)
            if mark == nil { fault(.statement, at: nil, "the \(kind.rawValue) is not signed by this server") }
            return mark
        }

        private mutating func compare(_ head: AuditHead, _ name: String) {
            guard head.hash != hash else { return }
            fault(.rewritten, at: head.sequence, "\(name) of \(head.at.rfc3339) has another hash than the log")
        }

        /// - Returns: whether there may be more.
        mutating func readLinks(_ count: Int) async throws -> Bool {
            guard let end else { return false }
            let repository = chain.store.reading.auditChain
            let links = try await repository.links(after: sequence, upTo: end.sequence, limit: count)
            guard let first = links.first, let last = links.last else { return false }
            let heads = try await repository.heads(from: first.link.sequence, to: last.link.sequence)
            for (link, kept) in links {
                if link.sequence != sequence + 1, try await wasRetired(before: link) { return true }
                check(link, kept)
                if let token = heads[link.sequence] {
                    if let head = chain.signer.read(token, as: .head, at: chain.clock.now), head.sequence == link.sequence {
                        compare(head, "the head")
                    } else { fault(.statement, at: link.sequence, "a head that was kept is not signed by this server") }
                }
                if let expected, expected.sequence == link.sequence { compare(expected, "the head that was given") }
                guard goesOn else { return false }
            }
            return links.count == count
        }

        /// Whether the beginning was taken away while this went through it: then it goes on from there.
        private mutating func wasRetired(before link: AuditLink) async throws -> Bool {
            guard let anchor = try await chain.mark(.anchor), anchor.sequence > sequence else { return false }
            (sequence, hash) = (anchor.sequence, anchor.hash)
            report.anchor = anchor
            return true
        }

        private mutating func check(_ link: AuditLink, _ kept: KeptAuditRow?) {
            let gap = link.sequence != sequence + 1
            if gap { fault(.missing, at: sequence + 1, "\(link.sequence - sequence - 1) links are not there") }
            defer { (sequence, hash) = (link.sequence, link.hash) }
            guard let kept else { return fault(.missing, at: link.sequence, row: link.rowID, "the row is not there") }
            report.verified += 1
            guard let personal = chain.code.personal(of: kept), let evidence = AuditChain.Evidence(rawValue: link.evidence)
            else {
                let what = "what is personal in it was taken away or put back by somebody else, or its link was altered"
                return fault(.altered, at: link.sequence, row: link.rowID, what)
            }
            if kept.redaction != nil { report.redacted += 1 }
            if evidence == .age { report.withoutCode += 1 }
            let reading = chain.code.read(kept.row, personal: personal)
            let hasItsCode = switch evidence {
            case .code: reading.cover != nil
            case .age: kept.row.mac == nil
            case .none: true
            }
            let expected = chain.link(kept.row, reading, after: hash, sequence: link.sequence, evidence: evidence)
            let isLinked = gap || expected.hash == link.hash
            if !hasItsCode {
                fault(.altered, at: link.sequence, row: link.rowID, "the row is not what was written")
            } else if !isLinked {
                fault(.altered, at: link.sequence, row: link.rowID, "the row, its link or its place is not what was sealed")
            } else if evidence == .none {
                fault(.inserted, at: link.sequence, row: link.rowID, "the row has not the code of this server")
            }
        }

        /// What comes behind the last link.
        mutating func finish() async throws {
            guard goesOn, let end else { return }
            if sequence < end.sequence {
                fault(.missing, at: sequence + 1, "\(end.sequence - sequence) links at the end are not there")
            } else if hash != end.hash {
                fault(.rewritten, at: end.sequence, "the chain ends with another hash than was signed")
            }
            guard let last = try await chain.store.reading.auditChain.lastSequence(), last > end.sequence else { return }
            // Sealed since, if what is signed has gone on too.
            let now = try await chain.mark(.head)?.sequence ?? 0
            if last > now { fault(.end, at: now, "\(last - now) links stand behind the end that was signed") }
        }

        mutating func check(unsealed rows: [KeptAuditRow]) {
            for kept in rows where goesOn {
                let personal = chain.code.personal(of: kept)
                let isOld = kept.row.mac == nil && end == nil
                if isOld || personal.map({ chain.code.read(kept.row, personal: $0).cover != nil }) == true {
                    report.pending += 1
                } else {
                    fault(.inserted, at: nil, row: kept.row.id, "the row is in no link, and has not the code of this server")
                }
            }
        }
    }
}

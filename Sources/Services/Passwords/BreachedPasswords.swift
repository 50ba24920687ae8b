import Credentials
import Ground
import Outgoing

/// A file of passwords that have been stolen somewhere, read anew when it is another.
public typealias BreachedFile = WatchedFile<BreachedFilter>

/// The range API of Have I Been Pwned, or one like it: it is told five digits of a hash, and names all hashes that begin
/// so. Its answer is padded, so that its length does not tell what was asked.
struct BreachedRangeAPI: Sendable {
    /// Some forty kilobytes are usual.
    private static let answerLimit = 1 << 20

    private let url: String
    private let timeout: Duration
    private let courier: Courier
    private let log: Log

    /// nil where no address is set.
    init?(_ settings: BreachedSettings, courier: Courier, log: Log) {
        guard let url = settings.apiURL else { return nil }
        self.url = url
        timeout = settings.apiTimeout
        self.courier = courier
        self.log = log
    }

    /// Whether the password is known to be stolen. Where that cannot be learned it counts as not, and the log says so:
    /// nobody could choose a password while the API is away.
    func knows(_ key: BreachedKey) async -> Bool {
        let request = OutgoingRequest(
            url: "\(url)/range/\(key.range)",
            headers: ["Add-Padding: true", "Accept: text/plain", "User-Agent: Gatehouse"], content: .get)
        let outcome = await courier.send(
            request, by: OutgoingSettings(toConfigured: url, timeout: timeout, answerLimit: Self.answerLimit))
        if let fault = outcome.fault { return failed(because: fault.rawValue) }
        guard outcome.status == 200 else { return failed(because: "status \(outcome.status ?? 0)") }
        var isKnown = false
        var list = BreachedList(range: key.range)
        do throws(BreachedFault) {
            try list.take(outcome.answer.body) { isKnown = isKnown || $0 == key }
            try list.finish { isKnown = isKnown || $0 == key }
        } catch { return failed(because: "the answer \(error)") }
        return isKnown
    }

    private func failed(because reason: String) -> Bool {
        log.warning("breached_passwords.not_asked") { $0.member("reason", reason) }
        return false
    }
}

import Ground
import KeyValue

/// How much each client may ask for.
public struct RateLimiter: Sendable {
    /// What is limited together.
    public enum Class: String, Sendable, CaseIterable {
        case signIn = "sign_in"
        case register, refresh, check
        case standard = "default"
    }

    /// Whose allowance it is.
    public enum Holder: Sendable {
        case address(IPAddress)
        case session(UUID)
        /// An account, under its e-mail or whatever else names it.
        case account(String)

        var key: String {
            switch self {
            case .address(let address): "a\(address.subscriber)"
            case .session(let id): "s\(id)"
            case .account(let name): "u\(name)"
            }
        }
    }

    private let store: any KeyValue
    private let settings: LimitSettings

    public init(store: any KeyValue, settings: LimitSettings) {
        self.store = store
        self.settings = settings
    }

    /// - Throws: `.rateLimited`; `.unavailable` when nobody can count.
    public func take(_ limit: Class, for holder: Holder) async throws(AuthError) {
        guard let allowance = allowance(limit) else { return }
        let verdict: Verdict
        do {
            verdict = try await store.take("limit:\(limit.rawValue):\(holder.key)", from: allowance)
        } catch {
            throw .unavailable(because: "rate limit: \(error)")
        }
        if case .wait(let time) = verdict { throw .rateLimited(retryAfter: time) }
    }

    public func allowance(_ limit: Class) -> Allowance? {
        switch limit {
        case .signIn: settings.signIn
        case .register: settings.register
        case .refresh: settings.refresh
        case .check: settings.check
        case .standard: settings.standard
        }
    }
}

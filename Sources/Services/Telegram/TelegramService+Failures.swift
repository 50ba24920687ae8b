import Ground
import Store

extension TelegramService {
    /// Notes in the audit log what proves nothing though it has the form of a proof.
    func recordingFailure<T>(from client: Client, _ body: () async throws(AuthError) -> T) async throws(AuthError) -> T {
        do { return try await body() } catch {
            guard case .telegramInvalid(let fault) = error else { throw error }
            if case .malformed = fault { throw error }
            try await record(failure: Self.reason(of: fault), user: nil, from: client)
            throw error
        }
    }

    func record(failure reason: String, user: UUID?, from client: Client) async throws(AuthError) {
        let facts: [JSON.Member] = [.init("reason", .string(reason)), .init("method", .string(Self.method))]
        do {
            try await store.transaction {
                try await self.audit.record(AuditEvent(.signInFailed, user: user, facts: facts), from: client, in: $0)
            }
        } catch { throw .from(error) }
        log.warning(AuditEvent.Kind.signInFailed.rawValue) { line in
            line.member("request_id", client.requestID)
            line.member("user_id", JSON(user))
            line.member("client", client.address.description)
            line.member("reason", reason)
        }
    }

    static func reason(of fault: TelegramFault) -> String {
        switch fault {
        case .malformed: "telegram_data_malformed"
        case .notSigned: "telegram_data_not_signed"
        case .expired: "telegram_data_expired"
        case .inFuture: "telegram_data_in_future"
        case .replayed: "telegram_data_replayed"
        }
    }

    static func reason(of error: AuthError) -> String? {
        switch error {
        case .telegramInvalid(let fault): reason(of: fault)
        case .accountBlocked: "blocked"
        case .accessEnded: "access_ended"
        case .companySuspended: "company_suspended"
        case .addressNotAllowed: "address_not_allowed"
        default: nil
        }
    }
}

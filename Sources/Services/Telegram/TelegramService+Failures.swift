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
        try await signIn.record(failure: reason, of: user, [.init("method", .string(Self.method))], from: client)
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
        default: SignInService.reason(of: error)
        }
    }
}

import Credentials
import Ground
import Store

/// Hashes and checks passwords on threads of their own, and says which are good enough.
public struct PasswordService: Sendable {
    private let hasher: PasswordHasher
    private let dummy: DummyHash
    private let pool: HashingPool
    private let breachedFile: BreachedFile?
    private let breachedAPI: BreachedRangeAPI?
    public let policy: PasswordPolicy

    init(
        hasher: PasswordHasher, dummy: DummyHash, pool: HashingPool, policy: PasswordPolicy,
        breachedFile: BreachedFile?, breachedAPI: BreachedRangeAPI?
    ) {
        self.hasher = hasher
        self.dummy = dummy
        self.pool = pool
        self.policy = policy
        self.breachedFile = breachedFile
        self.breachedAPI = breachedAPI
    }

    /// Checks a password against a stored hash, or, where there is none, does the same work for nothing.
    /// - Throws: `.overloaded`.
    func verify(_ password: String, against stored: String?) async throws(AuthError) -> Verification {
        try await run { [hasher, dummy] in
            do throws(HashingError) {
                guard let stored else { return .success(try dummy.verify(password)) }
                return .success(try hasher.verify(password, against: stored))
            } catch { return .failure(error) }
        }
    }

    /// - Throws: `.overloaded`.
    func hash(_ password: String) async throws(AuthError) -> String {
        try await run { [hasher] in
            do throws(HashingError) { return .success(try hasher.hash(password)) } catch { return .failure(error) }
        }
    }

    /// Asks whether a password is good enough, and not known to be stolen. The estimate of made-up texts takes
    /// milliseconds, and a file may have to be read, so both run where hashes do.
    /// - Throws: `.invalid` with everything that speaks against it; `.overloaded`; `.unavailable` where the file of
    ///   breached passwords cannot be read.
    func check(_ password: String, field: String, against personal: [String]) async throws(AuthError) {
        let key = BreachedKey(password)
        let outcome = try await run { [policy, breachedFile] in
            let faults = policy.check(password, against: personal)
            guard faults.isEmpty, let filter = breachedFile?.content else { return .success(Outcome.success(faults)) }
            do throws(BreachedFault) { return .success(.success(try filter.contains(key) ? [.breached] : [])) } catch {
                return .success(.failure(error))
            }
        }
        var faults: [PasswordFault]
        do { faults = try outcome.get() } catch { throw .unavailable(because: "BREACHED_PASSWORDS \(error)") }
        if faults.isEmpty, let breachedAPI, await breachedAPI.knows(key) { faults = [.breached] }
        guard faults.isEmpty else {
            throw .invalid(faults.map { FieldFault(field: field, code: $0.code, message: $0.message) })
        }
    }

    private typealias Outcome = Result<[PasswordFault], BreachedFault>

    /// The form in which a hash from elsewhere is stored.
    /// - Throws: what ``PasswordHasher/adopt(_:)`` throws.
    func adopt(_ hash: String) throws(HashFault) -> String { try hasher.adopt(hash) }

    public var counters: HashingPool.Counters { pool.counters }

    private func run<T: Sendable>(_ work: @escaping @Sendable () -> Result<T, HashingError>)
        async throws(AuthError) -> T
    {
        let result: Result<T, HashingError>
        do {
            result = try await pool.run(work)
        } catch {
            throw .overloaded(retryAfter: .seconds(Int64(error.retryAfter)))
        }
        do { return try result.get() } catch { throw .unexpected(because: "hashing: \(error)") }
    }
}

extension User {
    /// Whether the stored hash is still the one that was read before: nobody changed the password meanwhile, or gave one to
    /// somebody who had none.
    func stillHas(_ hash: String?) -> Bool {
        switch (passwordHash, hash) {
        case (let current?, let former?): Digest.equal(Array(current.utf8), Array(former.utf8))
        case (nil, nil): true
        default: false
        }
    }
}

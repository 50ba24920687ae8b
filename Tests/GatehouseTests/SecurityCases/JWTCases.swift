import Ground
import JOSE
import Testing

/// Faults that real servers had with their tokens; the numbers are those of the catalogue.
@Suite("Known faults: tokens")
struct JWTCases {
    @Test("16: a public key is no HMAC secret", arguments: [SignatureAlgorithm.edDSA, .es256, .rs256])
    func case16AlgorithmConfusion(algorithm: SignatureAlgorithm) throws {
        let issuer = try TestIssuer(algorithm)
        let published = try #require(issuer.key.publicJWK?.publicJSON)
        let numbers = ["x", "n"].compactMap { published[$0]?.string }.compactMap { Base64URL.decode($0) }
        let header = issuer.header.with("alg", "HS256").text
        for secret in [published.utf8, issuer.ring.jwks] + numbers {
            let forger = try SigningKey(restoring: secret, algorithm: .hs256)
            let forged = issuer.token(header: header, payload: TestIssuer.claims.text, key: forger)
            #expect(issuer.refusal(of: forged) == .wrongAlgorithm)
            let disguised = issuer.token(
                header: issuer.header.text, payload: TestIssuer.claims.text, key: forger)
            #expect(issuer.refusal(of: disguised) == .badSignature)
        }
    }

    @Test("16: a token without a signature is refused, however `none` is written")
    func case16None() throws {
        let issuer = try TestIssuer()
        for name in ["none", "None", "NONE", "nOnE", "", " none"] {
            let header = issuer.header.with("alg", .string(name))
            let signed = [header, TestIssuer.claims].map { Base64URL.encode($0.utf8) }.joined(separator: ".")
            #expect(issuer.refusal(of: signed + ".") == .wrongAlgorithm)
            #expect(issuer.refusal(of: issuer.token(header: header)) == .wrongAlgorithm)
        }
    }

    @Test("16: a key verifies with its own algorithm only", arguments: SignatureAlgorithm.allCases)
    func case16OtherAlgorithms(algorithm: SignatureAlgorithm) throws {
        let issuer = try TestIssuer(algorithm)
        issuer.ring.replace(
            current: issuer.key,
            verifying: try SignatureAlgorithm.allCases.map { TrustedKey(try TestKeys.key($0).verificationKey) })
        for other in SignatureAlgorithm.allCases where other != algorithm {
            let header = issuer.header.with("alg", .string(other.rawValue)).text
            let key = try TestKeys.key(other)
            let forged = issuer.token(header: header, payload: TestIssuer.claims.text, key: key)
            #expect(issuer.refusal(of: forged) == .wrongAlgorithm)
        }
        for name in ["RS384", "RS512", "PS256", "ES384", "ES256K", "HS384", "HS512", "Ed448"] {
            let header = issuer.header.with("alg", .string(name))
            #expect(issuer.refusal(of: issuer.token(header: header)) == .wrongAlgorithm)
        }
    }

    @Test("17: issuer and audience are checked, also an audience of many")
    func case17AudienceAndIssuer() throws {
        let issuer = try TestIssuer()
        func refusal(_ name: String, _ value: JSON?) -> TokenError? {
            issuer.refusal(of: TestIssuer.claims.with(name, value))
        }
        let own = JSON.string(TestIssuer.audience)
        #expect(refusal("aud", nil) == .wrongAudience)
        #expect(refusal("aud", "https://other.example") == .wrongAudience)
        #expect(refusal("aud", .string(TestIssuer.audience + "/")) == .wrongAudience)
        #expect(refusal("aud", .string(TestIssuer.audience.uppercased())) == .wrongAudience)
        #expect(refusal("aud", ["https://other.example", "https://third.example"]) == .wrongAudience)
        #expect(refusal("aud", ["https://other.example", own]) == nil)
        #expect(refusal("aud", []) == .badClaims("aud"))
        #expect(refusal("aud", [own, 1]) == .badClaims("aud"))
        #expect(refusal("aud", [[own]]) == .badClaims("aud"))
        #expect(refusal("aud", .null) == .badClaims("aud"))
        #expect(refusal("iss", nil) == .wrongIssuer)
        #expect(refusal("iss", .string(TestIssuer.issuer + "/")) == .wrongIssuer)
        #expect(refusal("iss", [.string(TestIssuer.issuer)]) == .badClaims("iss"))
    }

    @Test("17: texts that only look the same are not the same")
    func case17Normalisation() throws {
        let rules = TokenRules(issuer: "https://caf\u{e9}.example", audience: TestIssuer.audience)
        let issuer = try TestIssuer(rules: rules)
        #expect(issuer.refusal(of: TestIssuer.claims.with("iss", "https://caf\u{e9}.example")) == nil)
        #expect(issuer.refusal(of: TestIssuer.claims.with("iss", "https://cafe\u{301}.example")) == .wrongIssuer)
    }

    @Test("18: times are whole numbers of seconds in a sane range", arguments: ["exp", "nbf", "iat"])
    func case18Times(name: String) throws {
        let issuer = try TestIssuer()
        let others = TestIssuer.claims.with(name, nil).text.dropLast()
        for value in [
            #""1800000900""#, "1800000900.0", "18e8", "1800000900.5", "-1", "-1800000900", "253402300800",
            "9007199254740993", "9223372036854775807", "9223372036854775808", "1e308", "1e999", "null", "true", "[]",
            "{}",
        ] {
            let token = issuer.token(header: issuer.header.text, payload: "\(others),\"\(name)\":\(value)}")
            let refusal = issuer.refusal(of: token)
            #expect(refusal == .badClaims(name) || refusal == .malformed, "\(value)")
        }
    }

    @Test("18: a token is valid from its first to its last moment, and not a millisecond more")
    func case18Moments() throws {
        let issuer = try TestIssuer()
        let claims = TestIssuer.claims.with("nbf", 1_800_000_010)
        #expect(issuer.refusal(of: claims, at: testTime + .milliseconds(9999)) == .notYetValid)
        #expect(issuer.refusal(of: claims, at: testTime + .seconds(10)) == nil)
        #expect(issuer.refusal(of: claims, at: testTime + .milliseconds(899_999)) == nil)
        #expect(issuer.refusal(of: claims, at: testTime + .seconds(900)) == .expired)
        #expect(issuer.refusal(of: TestIssuer.claims, at: testTime - .milliseconds(1)) == .notYetValid)
        #expect(issuer.refusal(of: TestIssuer.claims.with("exp", nil)) == .badClaims("exp"))
    }

    @Test("19: a token is not checked against the issuer it names itself")
    func case19SelfNamedIssuer() throws {
        let own = try TestIssuer()
        let foreign = TokenRules(issuer: "https://idp.example", audience: TestIssuer.audience)
        let other = try TestIssuer(.rs256, rules: foreign)
        let claims = TestIssuer.claims.with("iss", "https://idp.example")
        #expect(other.refusal(of: claims) == nil)
        #expect(own.refusal(of: other.token(claims)) == .unknownKey)
        #expect(own.refusal(of: other.token()) == .unknownKey)
        #expect(own.refusal(of: claims) == .wrongIssuer)
        #expect(other.refusal(of: other.token()) == .wrongIssuer)
    }

    @Test("20: a huge token is refused without one byte of it being read")
    func case20HugeTokens() throws {
        let issuer = try TestIssuer()
        let cache = VerifiedTokenCache(verifier: issuer.verifier) { claims throws(TokenError) in claims }
        let huge = Untouchable(count: 1 << 40)
        #expect(throws: TokenError.tooLarge) { try issuer.verifier.verify(Untouchable(count: 8193), at: testTime) }
        #expect(throws: TokenError.tooLarge) { try cache.verify(huge, at: testTime) }
        #expect(throws: TokenError.tooLarge) { try JWS(verifying: huge, with: issuer.ring.keys, at: testTime) }
    }

    @Test("20: dots, nesting and claims without end are refused")
    func case20Bombs() throws {
        let issuer = try TestIssuer()
        #expect(issuer.refusal(of: String(repeating: ".", count: 5_000_000)) == .tooLarge)
        #expect(issuer.refusal(of: String(repeating: ".", count: 8192)) == .malformed)
        #expect(issuer.refusal(of: issuer.token() + String(repeating: ".", count: 5000)) == .malformed)
        let deep = String(repeating: "[", count: 2000) + String(repeating: "]", count: 2000)
        #expect(issuer.refusal(of: issuer.token(header: deep, payload: "{}")) == .malformed)
        #expect(issuer.refusal(of: issuer.token(header: issuer.header.text, payload: deep)) == .malformed)
        let many = (0..<600).map { #""\#($0)":0"# }.joined(separator: ",")
        #expect(issuer.refusal(of: issuer.token(header: "{\(many)}", payload: "{}")) == .malformed)
        #expect(issuer.refusal(of: issuer.token(header: issuer.header.text, payload: "{\(many)}")) == .malformed)
    }

    @Test("21: a custom claim cannot take the name of a reserved one, or of one that is there")
    func case21CustomClaims() throws {
        var builder = ClaimsBuilder(
            issuer: TestIssuer.issuer, subject: "s", audience: [TestIssuer.audience], id: "j", issuedAt: testTime,
            expiresAt: testTime + .seconds(900))
        try builder.add("device", "phone")
        for name in ClaimsBuilder.reservedNames.union(["device"]) {
            #expect(throws: TokenError.badClaims(name)) {
                try builder.addCustom([.init("colour", "red"), .init(name, "admin")])
            }
        }
        #expect(throws: TokenError.badClaims("colour")) {
            try builder.addCustom([.init("colour", "red"), .init("colour", "blue")])
        }
        #expect(try builder.claims()["colour"] == nil)
        try builder.addCustom([.init("colour", "red")])
        let claims = try builder.claims()
        #expect(claims["colour"] == "red")
        #expect(claims.subject == "s" && claims["device"] == "phone" && claims["nbf"] == nil)
    }

    @Test("22: a token of one kind is not accepted as another")
    func case22TokenKinds() throws {
        let issuer = try TestIssuer()
        let kinds: [TokenType] = [
            .accessToken, .idToken, .named("reset+jwt"), .named("invitation+jwt"), .named("second-factor+jwt"),
            .named("refresh+jwt"),
        ]
        for kind in kinds {
            let token = TokenSigner(ring: issuer.ring, type: kind).sign(try Claims(TestIssuer.claims))
            for door in kinds {
                var rules = TestIssuer.rules
                rules.type = door
                let verifier = TokenVerifier(rules: rules, ring: issuer.ring)
                let isTaken = (try? verifier.verify(token.utf8, at: testTime)) != nil
                #expect(isTaken == (kind == door), "\(kind) at the door of \(door)")
            }
        }
    }
}

/// Bytes that nobody may read.
private struct Untouchable: RandomAccessCollection {
    let count: Int
    var startIndex: Int { 0 }
    var endIndex: Int { count }

    subscript(position: Int) -> UInt8 {
        Issue.record("a byte was read")
        return 0
    }
}

import Ground
import JOSE
import Testing

@Suite("Verifying a token")
struct TokenVerifierTests {
    @Test("a good token is taken with its claims", arguments: SignatureAlgorithm.allCases)
    func good(algorithm: SignatureAlgorithm) throws {
        let issuer = try TestIssuer(algorithm)
        let token = TokenSigner(ring: issuer.ring).sign(try Claims(TestIssuer.claims))
        let claims = try issuer.verifier.verify(token.utf8, at: testTime)
        #expect(claims.subject == "9b2f6c1e")
        #expect(claims.expiresAt == testTime + .seconds(900))
    }

    @Test("a token is the same in whatever collection its bytes come")
    func collections() throws {
        let issuer = try TestIssuer()
        let token = issuer.token()
        let padded = Array("Bearer \(token)".utf8)
        #expect(throws: Never.self) { try issuer.verifier.verify(Array(token.utf8), at: testTime) }
        #expect(throws: Never.self) { try issuer.verifier.verify(padded.dropFirst(7), at: testTime) }
        #expect(throws: Never.self) { try issuer.verifier.verify(padded.lazy.dropFirst(7), at: testTime) }
        #expect(throws: Never.self) {
            try issuer.verifier.verify(Array(padded.reversed()).reversed().dropFirst(7), at: testTime)
        }
    }

    @Test("a header that says the same in other words is taken")
    func headerForms() throws {
        let issuer = try TestIssuer()
        let id = issuer.key.id
        for header in [
            #"{ "typ" : "at+jwt", "kid" : "\#(id)", "alg" : "EdDSA" }"#,
            #"{"typ":"application/at+jwt","kid":"\#(id)","alg":"EdDSA"}"#,
            #"{"typ":"at\u002bjwt","kid":"\#(id)","alg":"EdDSA","x5t":"AAAA"}"#,
        ] {
            let token = issuer.token(header: header, payload: TestIssuer.claims.text)
            #expect(issuer.refusal(of: token) == nil, "\(header)")
        }
    }

    @Test("a header that cannot be read in exactly one way, or asks for more than is understood, is refused")
    func badHeaders() throws {
        let issuer = try TestIssuer()
        let id = issuer.key.id
        for (header, error) in [
            (#"{"alg":"EdDSA","alg":"EdDSA","kid":"\#(id)","typ":"at+jwt"}"#, TokenError.malformed),
            (#"{"alg":"EdDSA","kid":"x","kid":"\#(id)","typ":"at+jwt"}"#, .malformed),
            (#"{"alg":"EdDSA","k\u0069d":"x","kid":"\#(id)","typ":"at+jwt"}"#, .malformed),
            (#"{"alg":"EdDSA","kid":"\#(id)","typ":"at+jwt","crit":["exp"],"exp":1}"#, .malformed),
            (#"{"alg":"EdDSA","kid":"\#(id)","typ":"at+jwt","crit":[]}"#, .malformed),
            (#"{"alg":"EdDSA","kid":"\#(id)","typ":"at+jwt","b64":true}"#, .malformed),
            (#"{"alg":"EdDSA","kid":"\#(id)","typ":"at+jwt","b64":false,"crit":["b64"]}"#, .malformed),
            (#"{"alg":["EdDSA"],"kid":"\#(id)","typ":"at+jwt"}"#, .malformed),
            (#"{"alg":"EdDSA","kid":1,"typ":"at+jwt"}"#, .malformed),
            (#"{"alg":"EdDSA","kid":"\#(id)","typ":1}"#, .malformed),
            (#"{"kid":"\#(id)","typ":"at+jwt"}"#, .malformed),
            (#"{"alg":"EdDSA","kid":"\#(id)","typ":"at+jwt"}x"#, .malformed),
            (#"["EdDSA"]"#, .malformed), ("", .malformed), ("{", .malformed),
            (#"{"alg":"EdDSA","typ":"at+jwt"}"#, .unknownKey),
            (#"{"alg":"EdDSA","kid":"other","typ":"at+jwt"}"#, .unknownKey),
            (#"{"alg":"eddsa","kid":"\#(id)","typ":"at+jwt"}"#, .wrongAlgorithm),
            (#"{"alg":"EdDSA","kid":"\#(id)","typ":"AT+JWT"}"#, .wrongType),
            (#"{"alg":"EdDSA","kid":"\#(id)"}"#, .wrongType),
        ] {
            let token = issuer.token(header: header, payload: TestIssuer.claims.text)
            #expect(issuer.refusal(of: token) == error, "\(header)")
        }
    }

    @Test("a key that the header brings along or points to is not looked at", arguments: ["jwk", "jku", "x5c", "x5u"])
    func keyInHeader(name: String) throws {
        let issuer = try TestIssuer()
        let attacker = try SigningKey.generate(.edDSA, random: .system)
        let own = try #require(attacker.publicJWK?.publicJSON?.with("kid", .string(issuer.key.id)))
        let value: JSON = name == "jwk" ? own : name == "x5c" ? ["AAAA"] : "https://evil.example/keys"
        let header = issuer.header.with(name, value).text
        let forged = issuer.token(header: header, payload: TestIssuer.claims.text, key: attacker)
        #expect(issuer.refusal(of: forged) == .badSignature)
    }

    @Test("a token with a part too few or too many, or with other characters, is refused")
    func shape() throws {
        let issuer = try TestIssuer()
        let token = issuer.token()
        let parts = token.split(separator: ".").map(String.init)
        for bad in [
            "", ".", "..", "...", parts[0], parts[0] + "." + parts[1], token + ".", "." + token, token + "." + parts[2],
            token + "=", token + "\n", " " + token, token.replacing(".", with: "..", maxReplacements: 1),
            parts[0] + "." + parts[1] + " ." + parts[2], parts[0] + ".." + parts[2],
        ] {
            #expect(issuer.refusal(of: bad) != nil, "\(bad)")
        }
        #expect(issuer.refusal(of: parts[0] + "." + parts[1] + ".") == .badSignature)
    }

    @Test("a signature has one text only")
    func malleability() throws {
        let issuer = try TestIssuer()
        let token = issuer.token()
        // 64 bytes leave four bits of the last character unused.
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        let taken = alphabet.filter { issuer.refusal(of: token.dropLast() + String($0)) == nil }
        #expect(taken == token.suffix(1))
    }

    @Test("claims that cannot be read in exactly one way are refused though they are signed")
    func badPayloads() throws {
        let issuer = try TestIssuer()
        let good = TestIssuer.claims.text.dropLast()
        for payload in [
            "", "null", "[]", "\(good)", "\(good)}}", "\(good),\"sub\":\"admin\"}", "\(good),\"s\\u0075b\":\"admin\"}",
            "\(good),\"a\":" + String(repeating: "[", count: 40) + String(repeating: "]", count: 40) + "}",
        ] {
            #expect(issuer.refusal(of: issuer.token(header: issuer.header.text, payload: payload)) == .malformed)
        }
    }

    @Test("a token without a claim that the rules ask for is refused", arguments: ["exp", "sub", "iat", "jti"])
    func missing(name: String) throws {
        let issuer = try TestIssuer()
        #expect(issuer.refusal(of: TestIssuer.claims.with(name, nil)) == .badClaims(name))
    }

    @Test("clocks may differ as far as the rules say, and no further")
    func clockSkew() throws {
        var rules = TestIssuer.rules
        rules.clockSkew = .seconds(5)
        let issuer = try TestIssuer(rules: rules)
        let claims = TestIssuer.claims.with("nbf", 1_800_000_000)
        #expect(issuer.refusal(of: claims, at: testTime - .seconds(5)) == nil)
        #expect(issuer.refusal(of: claims, at: testTime - .milliseconds(5001)) == .notYetValid)
        #expect(issuer.refusal(of: claims, at: testTime + .milliseconds(904_999)) == nil)
        #expect(issuer.refusal(of: claims, at: testTime + .seconds(905)) == .expired)
    }

    @Test("the token of another issuer is verified with the keys that were fetched")
    func otherIssuer() throws {
        let other = try TestIssuer(.rs256)
        let keys = try KeySet(jwks: JSON.parse(other.ring.jwks))
        let rules = TokenRules(
            issuer: TestIssuer.issuer, audience: TestIssuer.audience, type: .idToken, requiredClaims: ["sub"])
        let verifier = TokenVerifier(rules: rules, keys: keys)
        for type in [JSON?.none, "JWT", "jwt"] {
            let token = other.token(TestIssuer.claims.with("jti", nil), header: other.header.with("typ", type))
            #expect(try verifier.verify(token.utf8, at: testTime).subject == "9b2f6c1e")
        }
    }
}

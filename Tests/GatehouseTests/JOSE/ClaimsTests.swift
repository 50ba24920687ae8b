import Ground
import JOSE
import Testing

@Suite("Claims")
struct ClaimsTests {
    private func refusal(of json: JSON) -> TokenError? {
        do throws(TokenError) {
            _ = try Claims(json)
            return nil
        } catch { return error }
    }

    private func builder() -> ClaimsBuilder {
        ClaimsBuilder(
            issuer: "https://a", subject: "s", audience: ["https://b"], id: "j", issuedAt: testTime,
            expiresAt: testTime + .milliseconds(900_999), notBefore: testTime)
    }

    @Test("the registered claims are read with their types")
    func reading() throws {
        let claims = try Claims(
            JSON.parse(#"{"iss":"i","sub":"s","aud":["a","b"],"exp":3,"nbf":2,"iat":1,"jti":"j","amr":["pwd"]}"#))
        #expect(claims.issuer == "i")
        #expect(claims.subject == "s")
        #expect(claims.audience == ["a", "b"])
        #expect(claims.expiresAt == Timestamp(seconds: 3))
        #expect(claims.notBefore == Timestamp(seconds: 2))
        #expect(claims.issuedAt == Timestamp(seconds: 1))
        #expect(claims.id == "j")
        #expect(try claims.strings("amr") == ["pwd"])
        #expect(try Claims(["aud": "a"]).audience == ["a"])
        #expect(try Claims([:]).audience == [])
    }

    @Test("a registered claim of the wrong type is refused", arguments: ["iss", "sub", "aud", "jti"])
    func wrongTypes(name: String) {
        for value in [JSON.integer(1), "", .null, .bool(true), [:], [.integer(1)], [""], []] {
            #expect(refusal(of: .object([.init(name, value)])) == .badClaims(name))
        }
    }

    @Test("claims are an object or nothing")
    func noObject() {
        for json in [JSON.array([]), "text", 1, .null] { #expect(refusal(of: json) == .malformed) }
    }

    @Test("a claim asked for with a type has that type, or is missing, or is refused")
    func accessors() throws {
        let claims = try Claims(["sid": "x", "amr": ["pwd"], "mixed": ["a", 1], "number": 1])
        #expect(try claims.string("sid") == "x")
        #expect(try claims.string("none") == nil)
        #expect(try claims.strings("none") == nil)
        #expect(throws: TokenError.badClaims("number")) { try claims.string("number") }
        #expect(throws: TokenError.badClaims("sid")) { try claims.strings("sid") }
        #expect(throws: TokenError.badClaims("mixed")) { try claims.strings("mixed") }
    }

    @Test("a token is built with whole seconds and a single audience as one name")
    func building() throws {
        var builder = builder()
        try builder.add("sid", "x")
        let claims = try builder.claims()
        #expect(
            JSON.object(claims.members).text
                == #"{"iss":"https://a","sub":"s","aud":"https://b","exp":1800000900,"iat":1800000000,"#
                + #""jti":"j","nbf":1800000000,"sid":"x"}"#)
    }

    @Test("a claim that was set cannot be set again")
    func twice() throws {
        var builder = builder()
        try builder.add("sid", "x")
        #expect(throws: TokenError.badClaims("sid")) { try builder.add("sid", "y") }
        #expect(throws: TokenError.badClaims("sub")) { try builder.add("sub", "y") }
        #expect(try builder.claims()["sid"] == "x")
    }

    @Test("claims that no verifier would take cannot be built")
    func unusable() {
        let never = Timestamp(milliseconds: .max)
        let empty = ClaimsBuilder(
            issuer: "https://a", subject: "", audience: ["b"], id: "j", issuedAt: testTime, expiresAt: testTime)
        let endless = ClaimsBuilder(
            issuer: "https://a", subject: "s", audience: ["b"], id: "j", issuedAt: testTime, expiresAt: never)
        let forNobody = ClaimsBuilder(
            issuer: "https://a", subject: "s", audience: [], id: "j", issuedAt: testTime, expiresAt: testTime)
        #expect(throws: TokenError.badClaims("sub")) { try empty.claims() }
        #expect(throws: TokenError.badClaims("exp")) { try endless.claims() }
        #expect(throws: TokenError.badClaims("aud")) { try forNobody.claims() }
    }
}

import Ground
import Testing

@Suite("Answers of passkeys that come again, and options that are asked for often") struct PasskeyRequestTests {
    @Test("what is sent once more has counted already: it is no copy, and nobody is told of one", arguments: Stores.all)
    func replays(store: StoreKind) async throws {  // case 34
        try await withGatehouse(on: store) { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            var key = try ada.newPasskey()
            key.counter = 7
            let answer: JSON = ["credential": key.get(try ada.requestOptions())]
            #expect(try ada.send("/auth/passkeys/sign-in", answer).status == 200)
            for _ in 0..<3 { #expect(try ada.send("/auth/passkeys/sign-in", answer).code == "challenge_invalid") }
            key.counter = 8
            let options = try ada.member.post("/auth/passkeys/step-up-options").json
            let proof: JSON = ["credential": key.get(options)]
            #expect(try ada.member.post("/auth/passkeys/step-up", proof).status == 200)
            #expect(try ada.member.post("/auth/passkeys/step-up", proof).code == "challenge_invalid")
            #expect(try await gatehouse.audit("passkey.counter_behind").isEmpty)
            // The next is ahead, and the one after stands still.
            key.counter = 9
            #expect(try ada.signIn(with: key).status == 200)
            #expect(try ada.signIn(with: key).code == "passkey_refused")
            #expect(try await gatehouse.audit("passkey.counter_behind").count == 1)
        }
    }

    @Test("asking for options uses up no sign-in, and has a limit of its own", arguments: Stores.all)
    func optionsLimit(store: StoreKind) async throws {
        let settings = ["RATE_LIMIT_SIGN_IN": "2/60", "RATE_LIMIT_PASSKEY_OPTIONS": "4/60"]
        try await withGatehouse(on: store, settings) { gatehouse in
            let ada = try gatehouse.registered()
            func ask() throws -> Int { try gatehouse.client.send("POST", "/auth/passkeys/sign-in-options").status }
            for _ in 0..<4 { #expect(try ask() == 200) }
            #expect(try ask() == 429)
            #expect(try gatehouse.login().status == 200)
            // That of a session is the session's.
            for _ in 0..<4 { #expect(try ada.post("/auth/passkeys/step-up-options").code == "not_found") }
            #expect(try ada.post("/auth/passkeys/step-up-options").status == 429)
            let token: JSON = ["second_factor_token": "gh2_AAAA"]
            for path in ["/auth/passkeys/second-factor-options", "/api/v2/auth/passkeys/second-factor-options"] {
                #expect(try gatehouse.client.send("POST", path, json: token).status == 429)
            }
            #expect(try gatehouse.login().status == 200)
            #expect(try gatehouse.login().status == 429)
        }
    }
}

import Ground
import Testing

@Suite("The refresh cookie") struct RefreshCookieTests {  // LAY-1
    @Test("signing in sets it, closed to scripts and other sites; refreshing replaces it; logout clears it")
    func life() async throws {
        try await withGatehouse { gatehouse in
            _ = try gatehouse.registered()
            let login = try gatehouse.login()
            let cookie = try #require(login.headers("set-cookie").first { $0.hasPrefix("refreshToken=") })
            #expect(cookie.contains("HttpOnly"))
            #expect(cookie.contains("SameSite=Strict"))
            #expect(cookie.contains("Path=/auth"))
            let token = try #require(login.cookie("refreshToken"))
            let headers = ["Cookie": "refreshToken=\(token)"]
            let refreshed = try gatehouse.client.send("POST", "/auth/refresh-token", headers: headers)
            #expect(refreshed.status == 200)
            let next = try #require(refreshed.cookie("refreshToken"))
            #expect(next == refreshed["refresh_token"]?.string)
            #expect(next != token)
            let out = try gatehouse.client.send("POST", "/auth/logout", headers: ["Cookie": "refreshToken=\(next)"])
            #expect(out.status == 200)
            #expect(out.cookie("refreshToken") == "")
            #expect(try gatehouse.refresh(next).code == "session_ended")
        }
    }

    @Test("it is kept from plain connections where the public address is https, or the proxy spoke TLS")
    func secure() async throws {
        try await withGatehouse(["PUBLIC_URL": "https://id.example.com"]) { gatehouse in
            let cookie = try gatehouse.register().headers("set-cookie").first { $0.hasPrefix("refreshToken=") }
            #expect(cookie?.contains("Secure") == true)
        }
        try await withGatehouse(["TRUSTED_PROXIES": "127.0.0.1"]) { gatehouse in
            let over = try gatehouse.register(headers: ["X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"])
            #expect(over.headers("set-cookie").allSatisfy { $0.contains("Secure") })
            let plain = try gatehouse.register("eve@example.com", headers: ["X-Forwarded-For": "192.0.2.1"])
            #expect(plain.headers("set-cookie").allSatisfy { !$0.contains("Secure") })
        }
    }

    @Test("a refusal leaves the cookie alone: it may be the winner's of a race")
    func case14RefusalKeepsCookie() async throws {  // case 14
        try await withGatehouse { gatehouse in
            let ada = try gatehouse.registered()
            _ = try gatehouse.refresh(ada.refreshToken)
            gatehouse.clock.advance(by: .seconds(11))
            let headers = ["Cookie": "refreshToken=\(ada.refreshToken)"]
            let refused = try gatehouse.client.send("POST", "/auth/refresh-token", headers: headers)
            #expect(refused.status == 401)
            #expect(refused.headers("set-cookie").isEmpty)
        }
    }

    @Test("pages of another site can neither refresh nor sign out with it")
    func case57ForeignOrigin() async throws {
        try await withGatehouse(["CORS_ORIGINS": "https://app.example.com"]) { gatehouse in
            let ada = try gatehouse.registered()
            let cookie = "refreshToken=\(ada.refreshToken)"
            for path in ["/auth/refresh-token", "/auth/logout"] {
                let foreign = ["Cookie": cookie, "Origin": "https://evil.example"]
                #expect(try gatehouse.client.send("POST", path, headers: foreign).code == "origin_not_allowed")
                let navigated = ["Cookie": cookie, "Sec-Fetch-Site": "cross-site"]
                #expect(try gatehouse.client.send("POST", path, headers: navigated).code == "origin_not_allowed")
            }
            #expect(try ada.isSignedIn())
            let listed = ["Cookie": cookie, "Origin": "https://app.example.com"]
            #expect(try gatehouse.client.send("POST", "/auth/refresh-token", headers: listed).status == 200)
        }
    }
}

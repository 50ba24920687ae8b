import HTTP
import Testing

@Suite("HTTP: answers")
struct ResponseTests {
    @Test("no value that a handler sets can end its header line or the head")
    func headerInjection() throws {
        let evil = "a\r\nSet-Cookie: x=y\r\n\r\nHTTP/1.1 200 OK\0\u{7f}"
        let route = TestServer.get("/evil") { _ in
            Response(contentType: "text/plain\r\nX-A: b", body: Array("body".utf8))
                .header("X-Evil", evil).header("Location", "/\n\nnext")
                .setting(Cookie("c", "v\r\nX-B: c", path: "/", lifetime: .seconds(1), isSecure: false))
        }
        try TestServer.serving(routes: [route]) { server throws in
            let client = try server.client()
            let answer = try client.exchange("GET /evil HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(answer.text == "body" && answer.values("set-cookie").count == 1)
            #expect(answer["x-a"] == nil && answer["x-b"] == nil)
            #expect(answer["x-evil"] == "a  Set-Cookie: x=y    HTTP/1.1 200 OK  ")
            #expect(answer["location"] == "/  next")
            #expect(try client.exchange(ConnectionTests.get).text == "hello")
        }
    }

    @Test("an answer without content has neither a body nor a length")
    func noContent() throws {
        let routes = [Status.noContent, .notModified].map { status in
            TestServer.get("/\(status.code)") { _ in Response(status, body: Array("lost".utf8)) }
        }
        try TestServer.serving(routes: routes) { server throws in
            let client = try server.client()
            for status in [204, 304] {
                let answer = try client.exchange("GET /\(status) HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(answer.status == status && answer["content-length"] == nil)
            }
            #expect(try client.exchange(ConnectionTests.get).text == "hello")
        }
    }

    @Test("an answer says when it was made")
    func date() throws {
        try TestServer.serving { server throws in
            let date = try #require(try server.exchange(ConnectionTests.get)["date"])
            #expect(date.utf8.count == 29 && date.hasSuffix(" GMT"))
        }
    }

    @Test("a cookie is out of reach of scripts, of other sites, and of plain connections where it should be")
    func cookie() {
        let cookie = Cookie("session", "abc", path: "/auth", lifetime: .seconds(90), isSecure: true)
        #expect(cookie.headerValue == "session=abc; Path=/auth; Max-Age=90; HttpOnly; SameSite=Strict; Secure")
        let gone = Cookie("session", "", path: "/", lifetime: .seconds(-5), isSecure: false, sameSite: .lax)
        #expect(gone.headerValue == "session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
    }

    @Test("the first cookie of a name is read, whole, and no other that ends or begins like it")
    func cookieReading() throws {
        let route = TestServer.get("/cookie") { TestServer.text($0.cookie("session") ?? "none") }
        let cases = [
            ("Cookie: session=abc", "abc"), ("Cookie: a=b; session=abc; session=d", "abc"),
            ("Cookie: a=b\r\nCookie: session=abc", "abc"), ("Cookie: session=a=b==", "a=b=="),
            ("Cookie: xsession=1; sessionx=2; Session=3; session", "none"), ("Cookie: a=session=1", "none"),
            ("Cookie: session=", ""), ("X: y", "none"),
        ]
        try TestServer.serving(routes: [route]) { server throws in
            for (line, value) in cases {
                let answer = try server.exchange("GET /cookie HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n")
                #expect(answer.text == value, "\(line)")
            }
        }
    }

    @Test("header fields are found whatever their case, and in their order when there are several")
    func headerFields() throws {
        let route = TestServer.get("/fields") { request in
            TestServer.text("\(request.headers.values("x-a").joined(separator: "|"))/\(request.headers["x-a"] ?? "")")
        }
        try TestServer.serving(routes: [route]) { server throws in
            let answer = try server.exchange(
                "GET /fields HTTP/1.1\r\nHost: a\r\nX-A:  1 \t\r\nx-b: 2\r\nx-a:\r\nX-a: 3 4\r\n\r\n")
            #expect(answer.text == "1||3 4/1")
        }
    }
}

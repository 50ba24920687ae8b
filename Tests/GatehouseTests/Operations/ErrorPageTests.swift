import Ground
import Testing

@Suite("The page of errors") struct ErrorPageTests {
    @Test("docs/errors.md has every code with its status, and no other")
    func codes() async throws {
        let package = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let page = String(decoding: try #require(File.bytes("/\(package)/docs/errors.md")), as: UTF8.self)
        var documented: [String: Int64] = [:]
        for line in page.split(separator: "\n") {
            let cells = line.split(separator: "|").map { $0.split(separator: " ").joined(separator: " ") }
            // Codes of fields stand in a table without a status.
            guard cells.count == 4, cells[0].first == "`", let status = Int64(cells[1]) else { continue }
            #expect(documented.updateValue(status, forKey: String(cells[0].dropFirst().dropLast())) == nil, "\(cells[0])")
        }
        try await withGatehouse { gatehouse in
            let document = try gatehouse.client.send("GET", "/api/openapi.json").json["components"]
            let codes = document?["schemas"]?["Problem"]?["properties"]?["code"]?["enum"]?.array ?? []
            var known: [String: Int64] = [:]
            for code in codes.compactMap(\.string) {
                let content = document?["responses"]?[code]?["content"]?["application/problem+json"]
                known[code] = try #require(content?["example"]?["status"]?.integer, "\(code)")
            }
            #expect(known.count > 40)
            #expect(documented == known)
        }
    }
}

/// One answer as it stood on the wire, read strictly.
struct Answer {
    struct Malformed: Error { let reason: String }

    let status: Int
    let fields: [(name: String, value: String)]
    var body: [UInt8] = []

    /// The first value of that field, whatever its case.
    subscript(name: String) -> String? { values(name).first }

    func values(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// - Parameter head: up to the empty line, without it.
    init(head: [UInt8]) throws(Malformed) {
        guard let text = String(validating: head, as: UTF8.self) else { throw Malformed(reason: "no UTF-8") }
        // "\r\n" is one Character.
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        let first = lines.first ?? ""
        guard first.hasPrefix("HTTP/1.1 "), let status = Int(first.dropFirst(9).prefix(3)), status >= 100,
            first.dropFirst(12).first == " "
        else { throw Malformed(reason: "status line: \(first)") }
        self.status = status
        var fields: [(String, String)] = []
        for line in lines.dropFirst() {
            guard line.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }), let colon = line.firstIndex(of: ":"),
                colon > line.startIndex, line[line.index(after: colon)...].hasPrefix(" ")
            else { throw Malformed(reason: "header line: \(line)") }
            fields.append((String(line[..<colon]), String(line[line.index(colon, offsetBy: 2)...])))
        }
        self.fields = fields
        let framings = values("content-length").count + values("transfer-encoding").count
        // Without a length and without chunks, the end of the connection is the end of the body.
        guard framings == (hasNoContent ? 0 : 1) || (framings == 0 && self["connection"] == "close") else {
            throw Malformed(reason: "\(framings) framings: \(text)")
        }
    }

    var hasNoContent: Bool { status < 200 || status == 204 || status == 304 }
}

import Ground

/// Hashes of `Member.password`, made by others: bcrypt by Python's bcrypt 5.0, PBKDF2 by Django 5.2.
enum OthersHash {
    static let bcrypt = "$2b$04$80UpigOx.q8g7Wc7Ol0k4uDiEoGgq1dWRtuSkgz0KCQkg97NBDlvy"
    static let django = "pbkdf2_sha256$1000$seasalt1seasalt1$4+NCEqU6TCBjnTEf5t6UX3YsZ9rUZRfOXlWm979b4aQ="
}

extension Member {
    func importing(_ text: String, _ query: String = "", type: String = "text/csv") throws -> HTTPClient.Reply {
        try gatehouse.client.send(
            "POST", "/users/import" + query, body: Array(text.utf8), token: accessToken, headers: ["Content-Type": type])
    }
}

extension HTTPClient.Reply {
    /// `lines.3.email email_taken` for each refused line of a report, as `errors` of a problem has it.
    var refused: [String] {
        (self["refused"]?.array ?? []).map {
            "lines.\($0["line"]?.integer ?? 0).\($0["field"]?.string ?? "") \($0["code"]?.string ?? "")"
        }
    }

    /// `field code` of each error of a problem.
    var errors: [String] {
        (self["errors"]?.array ?? []).map { "\($0["field"]?.string ?? "") \($0["code"]?.string ?? "")" }
    }

    /// A chunked body without its framing.
    var content: [UInt8] {
        guard header("transfer-encoding") == "chunked" else { return body }
        var rest = body[...]
        var content: [UInt8] = []
        while let end = rest.firstRange(of: [13, 10]), let size = Int(String(decoding: rest[..<end.lowerBound], as: UTF8.self), radix: 16),
            size > 0
        {
            content += rest[end.upperBound...].prefix(size)
            rest = rest[end.upperBound...].dropFirst(size + 2)
        }
        return content
    }
}

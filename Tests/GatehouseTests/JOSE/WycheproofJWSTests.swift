import Ground
import JOSE
import Testing

@Suite("Tokens and keys of Project Wycheproof")
struct WycheproofJWSTests {
    private static let algorithms = Set(SignatureAlgorithm.allCases.map(\.rawValue))

    /// Called valid, and refused here: a `?` in the base64url of header and payload. RFC 7515, section 2,
    /// allows no other characters.
    private static let refusedAllTheSame: Set<Int64> = [372, 373]

    /// Called invalid for their padding, but published without it: the same text as vector 357, which is
    /// called valid.
    private static let sameAsValid: Set<Int64> = [367, 370]

    @Test(
        "every token of an algorithm spoken here is judged as published, and no other token is taken",
        .enabled(if: Vectors.has("wycheproof/json_web_signature_test.json"), "no test vectors here"))
    func signatures() throws {
        var accepted = 0
        for (group, test) in try tests("json_web_signature_test.json") {
            let id = test["tcId"]?.integer ?? -1
            let isSpoken = keys(of: group).allSatisfy { Self.algorithms.contains($0["alg"]?.string ?? "") }
            var expected = isSpoken && test["result"]?.string == "valid"
            if Self.refusedAllTheSame.contains(id) { expected = false }
            if Self.sameAsValid.contains(id) { expected = true }
            let isTaken = takes(test, group)
            #expect(isTaken == expected, "vector \(id), \(test["comment"]?.string ?? "")")
            if isTaken { accepted += 1 }
        }
        #expect(accepted == 20)
    }

    @Test(
        "the two vectors that contradict a third are the third",
        .enabled(if: Vectors.has("wycheproof/json_web_signature_test.json"), "no test vectors here"))
    func contradiction() throws {
        let tests = try tests("json_web_signature_test.json").map { $0.test }
        func token(_ id: Int64) -> String? { tests.first { $0["tcId"]?.integer == id }?["jws"]?.string }
        let valid = try #require(token(357))
        #expect(Self.sameAsValid.allSatisfy { token($0) == valid })
    }

    @Test(
        "every key and key set is judged as published, ROCA and mixed sets among them",
        .enabled(if: Vectors.has("wycheproof/json_web_key_test.json"), "no test vectors here"))
    func keys() throws {
        var accepted = 0
        for (group, test) in try tests("json_web_key_test.json") {
            let isSpoken = keys(of: group).allSatisfy { Self.algorithms.contains($0["alg"]?.string ?? "") }
            let isTaken = takes(test, group)
            #expect(
                isTaken == (isSpoken && test["result"]?.string == "valid"),
                "vector \(test["tcId"]?.integer ?? -1), \(test["comment"]?.string ?? "")")
            if isTaken { accepted += 1 }
        }
        #expect(accepted == 3)
    }

    private func takes(_ test: JSON, _ group: JSON) -> Bool {
        guard let token = test["jws"]?.string,
            let keys = try? KeySet(jwks: ["keys": .array(keys(of: group))])
        else { return false }
        return (try? JWS(verifying: token.utf8, with: keys, at: testTime)) != nil
    }

    private func keys(of group: JSON) -> [JSON] {
        guard let key = group["public"] ?? group["private"] else { return [] }
        return key["keys"]?.array ?? [key]
    }

    private func tests(_ file: String) throws -> [(group: JSON, test: JSON)] {
        let groups = try #require(try Vectors.json("wycheproof/\(file)")?["testGroups"]?.array)
        return groups.flatMap { group in (group["tests"]?.array ?? []).map { (group, $0) } }
    }
}

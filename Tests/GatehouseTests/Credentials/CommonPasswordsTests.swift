import Credentials
import Glibc
import Testing

/// A list of common passwords, one a line, from another source. One that serves:
///
///     pip install zxcvbn
///     python3 -c 'from zxcvbn.frequency_lists import FREQUENCY_LISTS as lists
///     print("\n".join(lists["passwords"][:10000]))' > common.txt
private let list = getenv("GATEHOUSE_COMMON_PASSWORDS").map { String(cString: $0) }

@Suite("Common passwords") struct CommonPasswordsTests {
    @Test("the list holds ten thousand and more")
    func size() {
        #expect(CommonPasswords.count >= 10_000)
    }

    @Test("what is on no list is let through", arguments: ["plum-Tundra-42-vex", "x7#Kp!9vQz", ""])
    func uncommon(password: String) {
        #expect(!CommonPasswords.contains(password))
    }

    @Test(
        "every common password of another source is refused, without the estimate of strength",
        .enabled(if: list != nil, "GATEHOUSE_COMMON_PASSWORDS names no list"))
    func anotherSource() throws {
        let path = try #require(list)
        let bytes = try #require(File.bytes(path))
        let policy = try #require(PasswordPolicy(minimumScore: 0))
        let passwords = bytes.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
            .filter { $0.unicodeScalars.count >= policy.minimumLength }
        #expect(passwords.count > 100)
        let passed = passwords.filter { policy.check($0).isEmpty }
        #expect(passed.isEmpty, "\(passed.count) of \(passwords.count)")
    }
}

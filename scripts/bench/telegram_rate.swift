// What it costs to check what a Mini App was opened with: from the text to the person, without a server. Compiled together
// with the sources that do it. Prints its figures as JSON, its own CPU time in seconds.
//
// usage: telegram_rate SECONDS

import Credentials
import Glibc
import Ground

@main enum TelegramRate {
    static let token = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    static let fields = [
        ("query_id", "AAHdF6IQAAAAAN0XohDhrOrc"),
        (
            "user",
            #"{"id":279058397,"first_name":"Vladislav","last_name":"Kibenko","username":"vdkfrost","language_code":"ru","#
                + #""is_premium":true,"allows_write_to_pm":true,"photo_url":"https:\/\/t.me\/i\/userpic\/320\/4FPEE4tmP3ATHa57u6MqTDih13LTOiMoKoLDRG4PnSA.svg"}"#
        ),
        ("auth_date", "1662771648"), ("start_param", "ref_7Q2M0XKZ9A"), ("signature", String(repeating: "x", count: 86)),
    ]

    static func main() {
        guard let seconds = CommandLine.arguments.last.flatMap(Double.init) else { exit(64) }
        let lines = fields.map { "\($0.0)=\($0.1)" }.sorted().joined(separator: "\n")
        let key = Digest.hmacSHA256(key: Array("WebAppData".utf8), Array(token.utf8))
        let text = (fields + [("hash", Hex.encode(Digest.hmacSHA256(key: key, Array(lines.utf8))))])
            .map { "\($0.0)=\(encoded($0.1))" }.joined(separator: "&")
        let keys = TelegramKeys(token: token)
        let now = Timestamp(seconds: 1_662_771_700)
        let start = (wall: time(CLOCK_MONOTONIC), cpu: time(CLOCK_PROCESS_CPUTIME_ID))
        var checks = 0
        while time(CLOCK_MONOTONIC) - start.wall < seconds {
            for _ in 0..<1000 {
                guard
                    let proof = try? InitData.proof(
                        of: TelegramFields(query: text), for: 110_201_543, keys, at: now, maximumAge: .seconds(86400)),
                    proof.person.id == 279_058_397
                else { exit(1) }
            }
            checks += 1000
        }
        let (wall, cpu) = (time(CLOCK_MONOTONIC) - start.wall, time(CLOCK_PROCESS_CPUTIME_ID) - start.cpu)
        print("{\"requests\":\(checks),\"failed\":0,\"seconds\":\(wall),\"p50\":0,\"p99\":0,\"cpu\":\(cpu)}")
    }

    static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46, 95: String(UnicodeScalar(byte))
            default: "%" + Hex.encode([byte])
            }
        }.joined()
    }

    static func time(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

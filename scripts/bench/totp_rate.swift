// What it costs to check a code of an authenticator app: to open the sealed secret, and to look at three steps. Prints its
// figures as JSON, its own CPU time in seconds.
//
// usage: totp_rate SECONDS

import Credentials
import Glibc
import Ground

@main enum TOTPRate {
    static func main() throws {
        guard let seconds = CommandLine.arguments.last.flatMap(Double.init) else { exit(64) }
        let vault = try Vault(keys: [(0..<32).map { $0 }])
        let sealed = try vault.seal((0..<20).map { $0 }, purpose: "totp:bench")
        let now = Timestamp(seconds: 1_800_000_000)
        guard let code = TOTP(secret: (0..<20).map { $0 })?.code(at: TOTP.step(at: now) + 1) else { exit(1) }
        let start = (wall: time(CLOCK_MONOTONIC), cpu: time(CLOCK_PROCESS_CPUTIME_ID))
        var checks = 0
        while time(CLOCK_MONOTONIC) - start.wall < seconds {
            for _ in 0..<1000 {
                guard let secret = try? vault.open(sealed, purpose: "totp:bench"),
                    TOTP(secret: secret)?.step(of: code, at: now) == TOTP.step(at: now) + 1
                else { exit(1) }
            }
            checks += 1000
        }
        let (wall, cpu) = (time(CLOCK_MONOTONIC) - start.wall, time(CLOCK_PROCESS_CPUTIME_ID) - start.cpu)
        print("{\"requests\":\(checks),\"failed\":0,\"seconds\":\(wall),\"p50\":0,\"p99\":0,\"cpu\":\(cpu)}")
    }

    static func time(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

// What it costs to look a password up among ten million breached ones, and to make the filter of them. Without a figure of
// seconds the filter is made; with one, passwords are looked up in it, half of them breached. Prints its figures as JSON,
// its own CPU time in seconds.
//
// usage: breached_rate FILE [SECONDS]

import Credentials
import Glibc
import Ground

@main enum BreachedRate {
    static let entries = 10_000_000
    static let passwords = 200_000

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 2 || arguments.count == 3 else { exit(64) }
        let start = (wall: time(CLOCK_MONOTONIC), cpu: time(CLOCK_PROCESS_CPUTIME_ID))
        let count = try arguments.count == 2 ? make(arguments[1]) : lookUp(arguments[1], for: Double(arguments[2]) ?? 1)
        let (wall, cpu) = (time(CLOCK_MONOTONIC) - start.wall, time(CLOCK_PROCESS_CPUTIME_ID) - start.cpu)
        print("{\"requests\":\(count),\"failed\":0,\"seconds\":\(wall),\"p50\":0,\"p99\":0,\"cpu\":\(cpu),\"peak_kib\":\(peak())}")
    }

    /// The first passwords of them are known; the rest stands for the millions of others.
    static func make(_ path: String) throws -> Int {
        let compiler = try BreachedCompiler(path: path, fingerprintBits: 16, leastCount: 1, madeAt: Clock.system.now)
        for number in 0..<entries {
            let word = UInt64(number) &* 0x9e37_79b9_7f4a_7c15
            try compiler.add(number < passwords ? BreachedKey(password(number)) : BreachedKey(value: word ^ (word >> 29)))
        }
        _ = try compiler.finish()
        return entries
    }

    static func lookUp(_ path: String, for seconds: Double) throws -> Int {
        let filter = try BreachedFilter(path: path)
        let known = (0..<passwords).map { password($0) }
        let unknown = (0..<passwords).map { password(passwords + $0) }
        let start = time(CLOCK_MONOTONIC)
        var count = 0
        while time(CLOCK_MONOTONIC) - start < seconds {
            var found = 0
            for number in known.indices {
                guard try filter.contains(known[number]) else { exit(1) }
                if try filter.contains(unknown[number]) { found += 1 }
            }
            // Three are expected.
            guard found < 100 else { exit(1) }
            count += 2 * passwords
        }
        return count
    }

    static func password(_ number: Int) -> String { "correct horse \(number) staple" }

    static func peak() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss
    }

    static func time(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

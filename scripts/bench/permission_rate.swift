// What it costs to check a permission on a request: the guard of the route asks, and the service asks where. Compiled
// together with Sources/Services/Roles/Permission.swift. Prints its figures as JSON, its own CPU time in seconds.
//
// usage: permission_rate SECONDS

import Ground
import Glibc

@main enum PermissionRate {
    static func main() {
        guard let seconds = CommandLine.arguments.last.flatMap(Double.init) else { exit(64) }
        // Of many permissions, none of them everywhere: every lookup is made, and the last one hits.
        let company = UUID(high: 1, low: 2)
        let authority = Authority(
            user: UUID(high: 1, low: 1), everywhere: PermissionSet((0..<200).map { "things\($0):read" }),
            here: PermissionSet((0..<200).map { "others\($0):read" } + names.map { $0.prefix { $0 != ":" } + ":*" }),
            company: company)
        let guards = names.map { Permission(stringLiteral: $0) }
        let start = (wall: time(CLOCK_MONOTONIC), cpu: time(CLOCK_PROCESS_CPUTIME_ID))
        var checks = 0
        while time(CLOCK_MONOTONIC) - start.wall < seconds {
            for round in 0..<10_000 {
                let place = round % names.count
                guard authority.scope(of: guards[place]) == .company(company),
                    authority.scope(of: Permission(stringLiteral: names[place])) == .company(company)
                else { exit(1) }
            }
            checks += 10_000
        }
        let (wall, cpu) = (time(CLOCK_MONOTONIC) - start.wall, time(CLOCK_PROCESS_CPUTIME_ID) - start.cpu)
        print("{\"requests\":\(checks),\"failed\":0,\"seconds\":\(wall),\"p50\":0,\"p99\":0,\"cpu\":\(cpu)}")
    }

    static let names = ["users:read", "roles:manage", "audit:export", "service_accounts:update", "companies:update"]

    static func time(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

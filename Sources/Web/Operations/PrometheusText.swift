import Glibc
import Ground
import HTTP
import Services

/// The counters in Prometheus's text format. Routes are named by their pattern, never by a path that a client
/// chose.
enum PrometheusText {
    static func page(of application: Application) -> String {
        var text = ""
        let rows = zip(application.endpoints, application.statistics.byEndpoint).map { endpoint, statistics in
            (labels(endpoint.method.description, endpoint.pattern), statistics.snapshot)
        } + [(labels("", "unmatched"), application.statistics.unmatched.snapshot)]
        header("gatehouse_http_requests_total", "counter", "Requests by route and status.", &text)
        for (labels, counts) in rows {
            for (status, count) in counts.byStatus.sorted(by: { $0.key < $1.key }) {
                text += "gatehouse_http_requests_total{\(labels),status=\"\(status)\"} \(count)\n"
            }
        }
        header("gatehouse_http_request_duration_seconds", "histogram", "Time to answer, by route.", &text)
        for (labels, counts) in rows where counts.totalMicroseconds > 0 { histogram(labels, counts, &text) }
        let hashing = application.services.passwords.counters
        gauge("gatehouse_hashing_queued", "Password hashes that wait.", hashing.queued, &text)
        gauge("gatehouse_hashing_running", "Password hashes under way.", hashing.running, &text)
        header("gatehouse_hashing_total", "counter", "Password hashes done and refused.", &text)
        text += "gatehouse_hashing_total{outcome=\"done\"} \(hashing.completed)\n"
        text += "gatehouse_hashing_total{outcome=\"refused\"} \(hashing.refused)\n"
        let uptime = (application.services.clock.now - application.startedAt).milliseconds / 1000
        gauge("gatehouse_uptime_seconds", "Time since the start.", Int(uptime), &text)
        gauge("process_resident_memory_bytes", "Memory in use.", residentBytes(), &text)
        return text
    }

    private static func histogram(_ labels: String, _ counts: RouteStatistics.Counts, _ text: inout String) {
        let name = "gatehouse_http_request_duration_seconds"
        var sum = 0
        for (bound, count) in zip(RouteStatistics.bounds, counts.buckets) {
            sum += count
            text += "\(name)_bucket{\(labels),le=\"\(Double(bound) / 1_000_000)\"} \(sum)\n"
        }
        sum += counts.buckets.last ?? 0
        text += "\(name)_bucket{\(labels),le=\"+Inf\"} \(sum)\n"
        text += "\(name)_sum{\(labels)} \(Double(counts.totalMicroseconds) / 1_000_000)\n"
        text += "\(name)_count{\(labels)} \(sum)\n"
    }

    private static func labels(_ method: String, _ route: String) -> String {
        "method=\"\(method)\",route=\"\(route)\""
    }

    private static func header(_ name: String, _ type: String, _ help: String, _ text: inout String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private static func gauge(_ name: String, _ help: String, _ value: Int, _ text: inout String) {
        header(name, "gauge", help, &text)
        text += "\(name) \(value)\n"
    }

    private static func residentBytes() -> Int {
        let descriptor = open("/proc/self/statm", O_RDONLY)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = read(descriptor, &bytes, bytes.count)
        let fields = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { return 0 }
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }
}

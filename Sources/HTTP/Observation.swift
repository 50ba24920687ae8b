import Glibc
import Ground

/// The outermost middleware: one line in the access log and one count for each request.
///
/// The log has the matched route beside the path, and never the query, which may carry a secret.
public struct Observation: Middleware {
    private let log: Log
    private let logsAccess: Bool
    private let unmatched: RouteStatistics

    /// - Parameter unmatched: counts what no route answered.
    public init(log: Log, logsAccess: Bool, unmatched: RouteStatistics) {
        self.log = log
        self.logsAccess = logsAccess
        self.unmatched = unmatched
    }

    public func respond(to request: Request, next: Handler) async throws -> Response {
        let start = Self.microseconds
        var response = try await next(request)
        let elapsed = Self.microseconds - start
        response.headers.append(Header("X-Request-ID", request.id))
        (request.matched?.statistics ?? unmatched).record(status: response.status, microseconds: elapsed)
        if logsAccess {
            log.info("http.request") { line in
                line.member("request_id", request.id)
                line.member("method", request.method.description)
                line.member("path", request.path)
                line.member("route", request.matched?.pattern ?? "")
                line.member("status", Int64(response.status.code))
                line.member("client", request.client.description)
                line.member("microseconds", elapsed)
            }
        }
        return response
    }

    private static var microseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}

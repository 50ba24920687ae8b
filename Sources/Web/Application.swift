import Ground
import HTTP
import Services

/// The web floor, put together: what every handler may reach.
///
/// A class, because every request carries it: a copy of all it holds would cost more than a cheap request.
final class Application: Sendable {
    let services: Services
    let log: Log
    let version: String
    /// Connections and requests, for `/metrics`.
    let statistics: Statistics
    /// The whole table of routes, which the pages of documentation are made of.
    let endpoints: [Endpoint]
    let startedAt: Timestamp

    init(services: Services, log: Log, version: String, statistics: Statistics, endpoints: [Endpoint]) {
        self.services = services
        self.log = log
        self.version = version
        self.statistics = statistics
        self.endpoints = endpoints
        startedAt = services.clock.now
    }

    var configuration: Configuration { services.configuration }
    var isPublicURLSecure: Bool { configuration.server.publicURL.hasPrefix("https://") }
    /// Where problems are explained.
    var documentation: String { configuration.server.publicURL + "/api/docs" }

    /// Turns an error into its answer, and says in the log what the client must not know.
    func answer(to error: any Error, for request: Request) -> Response {
        let problem: Problem
        switch error {
        case let error as Problem: problem = error
        case let error as AuthError:
            problem = Problem(of: error)
            switch error {
            case .unavailable(let reason), .unexpected(let reason): report(reason, request)
            default: break
            }
        case RequestError.noSuchParameter: problem = Problem(.notFound)
        default:
            report("\(error)", request)
            problem = Problem(.internalError)
        }
        return answer(to: problem, at: request.path, requestID: request.id)
    }

    /// A problem in the form that clients of a path expect.
    func answer(to problem: Problem, at path: String, requestID: String) -> Response {
        if MiniAppFailure.covers(path) { return MiniAppFailure(problem: problem).response(requestID: requestID) }
        return problem.response(requestID: requestID, documentation: documentation)
    }

    private func report(_ reason: String, _ request: Request) {
        log.error("request.failed") { line in
            line.member("request_id", request.id)
            line.member("route", request.matched?.pattern ?? "")
            line.member("reason", reason)
        }
    }
}

/// What is counted while serving.
struct Statistics: Sendable {
    let byEndpoint: [RouteStatistics]
    let unmatched = RouteStatistics()
}

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

    /// Turns an error into its answer.
    func answer(to error: any Error, for request: Request) -> Response {
        answer(to: problem(of: error, for: request), at: request.path, requestID: request.id)
    }

    /// A problem in the form that clients of a path expect.
    func answer(to problem: Problem, at path: String, requestID: String) -> Response {
        if MiniAppFailure.covers(path) { return MiniAppFailure(problem: problem).response(requestID: requestID) }
        return problem.response(requestID: requestID, documentation: documentation)
    }

    /// What the client is told of an error. What it must not know goes to the log.
    func problem(of error: any Error, for request: Request) -> Problem {
        switch error {
        case let error as Problem: return error
        case let error as AuthError:
            switch error {
            case .unavailable(let reason), .unexpected(let reason): report(reason, request)
            default: break
            }
            return Problem(of: error)
        case RequestError.noSuchParameter: return Problem(.notFound)
        default:
            report("\(error)", request)
            return Problem(.internalError)
        }
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

/// Something that stands around every handler: it may look at the request, change it, answer it, or change
/// the answer. It knows no store.
public protocol Middleware: Sendable {
    func respond(to request: Request, next: Handler) async throws -> Response
}

/// A request method (RFC 9110, section 9). Unknown ones are carried as they came.
public struct Method: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ name: String) { description = name }

    public static let get = Method("GET")
    public static let head = Method("HEAD")
    public static let post = Method("POST")
    public static let put = Method("PUT")
    public static let patch = Method("PATCH")
    public static let delete = Method("DELETE")
    public static let options = Method("OPTIONS")
}

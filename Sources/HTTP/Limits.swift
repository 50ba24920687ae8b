/// What the server takes from one client before it says no.
public struct Limits: Sendable {
    /// Bytes of request line and headers together.
    public var head = 16 << 10
    /// Number of header fields.
    public var headers = 64
    /// Bytes of a body that is collected before its handler runs.
    public var body = 64 << 10
    /// Open connections of the whole server.
    public var connections = 10_000
    /// Open connections of one IPv4 address or one IPv6 /64 network.
    public var connectionsPerAddress = 256
    /// From the first moment of a connection, or the end of the last answer, to the end of the next head
    /// once its first byte came. A byte never extends it.
    public var headTime = Duration.seconds(10)
    /// From the end of the head to the end of the body, for bodies that are collected.
    public var bodyTime = Duration.seconds(20)
    /// Without any progress in sending an answer or in reading a streamed body.
    public var stallTime = Duration.seconds(30)
    /// Between two requests of a connection.
    public var idleTime = Duration.seconds(60)
    /// How long a stop waits for answers under way.
    public var drainTime = Duration.seconds(10)

    public init() {}
}

import Ground

/// One page of a list, and where the next begins.
public struct Page<Item: Sendable, Position: Sendable>: Sendable {
    public let items: [Item]
    /// Nil on the last page.
    public let next: Position?

    init(items: [Item], next: Position?) {
        self.items = items
        self.next = next
    }

    /// Reads one more than is wanted: so it is known, without another question, whether there are more.
    init(of limit: Int, endingAt position: (Item) -> Position, _ read: (Int) async throws -> [Item]) async throws {
        let found = try await read(limit + 1)
        items = Array(found.prefix(limit))
        next = found.count > limit ? items.last.map(position) : nil
    }

    /// The same page, of what is made of its items.
    func map<T: Sendable>(_ transform: ([Item]) async throws -> [T]) async rethrows -> Page<T, Position> {
        Page<T, Position>(items: try await transform(items), next: next)
    }
}

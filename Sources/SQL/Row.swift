/// One row of a result, read column by column in the order of the statement.
public struct Row: Sendable {
    private let values: [SQLValue]
    private var position = 0

    public init(_ values: [SQLValue]) { self.values = values }

    /// The next column.
    /// - Throws: `.unexpected` when there is none, or it holds another type.
    public mutating func next<T: SQLConvertible>(_ type: T.Type = T.self) throws(DatabaseError) -> T {
        guard position < values.count else { throw .unexpected("column \(position) is missing") }
        guard let value = T(sqlValue: values[position]) else { throw .unexpected("column \(position) is no \(T.self)") }
        position += 1
        return value
    }
}

/// An entity that one row describes.
public protocol RowDecodable {
    init(row: inout Row) throws(DatabaseError)
}

extension [Row] {
    /// Every row as an entity.
    public func all<T: RowDecodable>(_ type: T.Type = T.self) throws(DatabaseError) -> [T] {
        var entities: [T] = []
        entities.reserveCapacity(count)
        for var row in self { entities.append(try T(row: &row)) }
        return entities
    }

    /// The first row as an entity, nil where there is none.
    public func first<T: RowDecodable>(_ type: T.Type = T.self) throws(DatabaseError) -> T? {
        guard var row = first else { return nil }
        return try T(row: &row)
    }

    /// The first column of the first row.
    public func value<T: SQLConvertible>(_ type: T.Type = T.self) throws(DatabaseError) -> T? {
        guard var row = first else { return nil }
        return try row.next(T.self)
    }
}

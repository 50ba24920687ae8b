import Ground

/// A database of countries that is read anew when its file is another.
public typealias CountryFile = WatchedFile<CountryDatabase>

extension WatchedFile where Content == CountryDatabase {
    public convenience init(_ database: CountryDatabase, clock: Clock, log: Log) {
        self.init(database, named: "countries", clock: clock, log: log)
    }

    /// Its code (ISO 3166-1 alpha-2); nil where it is not known.
    public func country(of address: IPAddress) -> String? { content.country(of: address) }
}

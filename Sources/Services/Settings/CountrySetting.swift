import Countries

extension SettingReader {
    /// The database of countries, opened: a server that was given one must not go without.
    mutating func countries() -> CountryDatabase? {
        let name = "GEOIP_DATABASE"
        let path = optionalText(
            name, "A database of countries in MaxMind's format (.mmdb), with which address lists may name countries.")
        guard let path else { return nil }
        do throws(CountryDatabaseFault) { return try CountryDatabase(path: path) } catch {
            fault(name, "names \"\(path)\", which \(error)")
            return nil
        }
    }
}

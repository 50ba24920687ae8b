extension String {
    /// The words of a list that is written with spaces between them.
    public var spaceSeparated: [String] {
        // By bytes: by characters it costs more than all else that is done with them.
        utf8.split(separator: UInt8(ascii: " ")).map { String(Substring($0)) }
    }
}

/// The version of the program, as `gatehouse version` and the document of the interface tell it.
enum Version {
    static let current = "0.1.0"
}

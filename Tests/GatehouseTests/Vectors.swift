import Glibc
import Ground

/// Published test vectors, kept outside the repository: where GATEHOUSE_VECTORS says, or beside the package.
enum Vectors {
    private static let folder: String = {
        if let path = getenv("GATEHOUSE_VECTORS") { return String(cString: path) }
        let package = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return "/\(package)/../shared/vectors"
    }()

    /// nil where the file is not there.
    static func bytes(_ path: String) -> [UInt8]? { File.bytes("\(folder)/\(path)") }

    static func has(_ path: String) -> Bool { access("\(folder)/\(path)", R_OK) == 0 }

    static func json(_ path: String) throws -> JSON? {
        try bytes(path).map { try JSON.parse($0, limits: JSONLimits(depth: 32, values: 1_000_000)) }
    }
}

extension JSON {
    /// The bytes of a member in hexadecimal.
    func bytes(_ name: String) -> [UInt8]? { self[name]?.string.flatMap { Hex.decode($0) } }
}

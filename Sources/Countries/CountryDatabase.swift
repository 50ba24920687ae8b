import CMaxMind
import Glibc
import Ground

/// Why a file is no database of countries. The text goes on where "the file" stands before it.
public enum CountryDatabaseFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// libmaxminddb is not there.
    case noLibrary
    case notRead(reason: String)
    case notKept(reason: String)
    case noDatabase
    case noCountries
    /// It was written to while it was read.
    case changing

    public var description: String {
        switch self {
        case .noLibrary: "cannot be read without libmaxminddb, which is not installed"
        case .notRead(let reason): "cannot be read: \(reason)"
        case .notKept(let reason): "cannot be kept in memory: \(reason)"
        case .noDatabase: "is no database in MaxMind's format, or only a part of one"
        case .noCountries: "tells of no countries"
        case .changing: "was changed while it was read"
        }
    }
}

/// Which country an address is of, by a file in MaxMind's format (`.mmdb`).
///
/// The whole file is in memory, so that it may be replaced, cut off or overwritten at any time.
public final class CountryDatabase: FileContent {
    private struct Handle: @unchecked Sendable {  // what it leads to is not changed until it is closed
        let pointer: UnsafeMutableRawPointer
    }

    public let path: String
    public let stamp: FileStamp
    private let handle: Handle

    public init(path: String) throws(CountryDatabaseFault) {
        let stamp = FileStamp(path)
        var fault = GH_MAXMIND_NONE
        guard let pointer = gh_maxmind_open(path, &fault) else { throw CountryDatabaseFault(fault, reason: errno) }
        handle = Handle(pointer: pointer)
        self.path = path
        guard let stamp, stamp == FileStamp(path) else {
            gh_maxmind_close(pointer)
            throw .changing
        }
        self.stamp = stamp
    }

    deinit { gh_maxmind_close(handle.pointer) }

    /// Its code (ISO 3166-1 alpha-2); nil where it is not known.
    public func country(of address: IPAddress) -> String? {
        var letters: (UInt8, UInt8) = (0, 0)
        let isKnown = withUnsafeMutableBytes(of: &letters) { letters in
            let start = letters.baseAddress?.assumingMemoryBound(to: UInt8.self)
            return gh_maxmind_country(handle.pointer, address.bytes, start) != 0
        }
        return isKnown ? String(decoding: [letters.0, letters.1], as: UTF8.self) : nil
    }
}

extension CountryDatabaseFault {
    fileprivate init(_ fault: gh_maxmind_fault, reason: Int32) {
        let text = String(cString: strerror(reason))
        switch fault {
        case GH_MAXMIND_NO_LIBRARY: self = .noLibrary
        case GH_MAXMIND_NOT_READ: self = .notRead(reason: text)
        case GH_MAXMIND_NO_DATABASE: self = .noDatabase
        case GH_MAXMIND_NO_COUNTRIES: self = .noCountries
        default: self = .notKept(reason: text)
        }
    }
}

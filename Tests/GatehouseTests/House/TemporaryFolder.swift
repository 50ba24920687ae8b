import Glibc
import Ground

/// A folder for the files of one test.
struct TemporaryFolder {
    let path: String

    init() {
        path = "/var/tmp/gatehouse-test-" + Hex.encode(RandomSource.system.bytes(8))
        mkdir(path, 0o700)
    }

    func remove() {
        for name in File.names(in: path) { unlink(path + "/" + name) }
        rmdir(path)
    }
}

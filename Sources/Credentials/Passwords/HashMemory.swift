import CHashMemory

/// The memory of one hash, kept by a thread from one to the next: to have it from the kernel each time takes longer
/// than Argon2id does.
///
/// Between hashes it holds what is left of the last one. That tells no more than the hash, to someone who reads the
/// memory of the process, where the password itself stood a moment before.
enum HashMemory {
    /// Four times the default setting; a costlier hash has memory of its own each time.
    private static let most = 80 << 20

    /// Runs `body` on a thread that may keep memory, and gives all of it back at its end.
    static func keeping(_ body: () -> Void) {
        gh_hash_memory_keep(most)
        defer {
            gh_hash_memory_keep(0)
            gh_hash_memory_free()
        }
        body()
    }

    /// Runs one hash with what the thread keeps, if it may keep any.
    static func lent<T>(_ hash: () -> T) -> T {
        gh_hash_memory_lend()
        defer { gh_hash_memory_take_back() }
        return hash()
    }

    /// Gives what the thread keeps back to the system.
    static func free() { gh_hash_memory_free() }

    /// How much the thread keeps, in bytes.
    static var kept: Int { gh_hash_memory_kept() }
}

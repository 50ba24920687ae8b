import Glibc
import Synchronization

/// Contexts of one key, kept ready: to parse the key again for each signature costs more than the signature.
///
/// There is one for each processor, and a thread takes the first that is free, so threads hardly ever
/// wait for each other and the number of contexts is bounded.
final class ContextPool<Context: ~Copyable & Sendable>: Sendable {
    private final class Slot: Sendable {
        let context: Mutex<Context>
        init(_ context: consuming Context) { self.context = Mutex(context) }
    }

    private let slots: [Slot]

    /// nil when `make` gives no context.
    init?(_ make: () -> Context?) {
        var slots: [Slot] = []
        for _ in 0..<max(1, min(64, sysconf(Int32(_SC_NPROCESSORS_ONLN)))) {
            guard let context = make() else { return nil }
            slots.append(Slot(context))
        }
        self.slots = slots
    }

    func use<Result: Sendable>(_ body: (inout Context) -> Result) -> Result {
        for slot in slots {
            if let result = slot.context.withLockIfAvailable({ body(&$0) }) { return result }
        }
        return slots[0].context.withLock { body(&$0) }
    }
}

import Ground
import Store

/// Which roles include which, and what each permits because of it.
struct RoleGraph {
    private(set) var parts: [UUID: RoleParts]

    /// All that the role permits, in order of the alphabet.
    func effective(of role: UUID) -> [String] {
        var permissions: Set<String> = []
        for id in reached(from: role) { permissions.formUnion(parts[id]?.permissions ?? []) }
        return permissions.sorted()
    }

    /// The roles that this one includes, and those that they include.
    func included(in role: UUID) -> Set<UUID> { reached(from: role).subtracting([role]) }

    /// The roles whose permissions change with those of `role`: itself, and all that include it.
    func dependents(of role: UUID) -> [UUID] {
        parts.keys.filter { $0 == role || reached(from: $0).contains(role) }
    }

    /// - Returns: false, and nothing changes, where the role would include itself.
    mutating func set(_ new: RoleParts, of role: UUID) -> Bool {
        let old = parts[role]
        parts[role] = new
        guard new.includes.contains(where: { reached(from: $0).contains(role) }) else { return true }
        parts[role] = old
        return false
    }

    private func reached(from role: UUID) -> Set<UUID> {
        var reached: Set<UUID> = [role]
        var waiting = [role]
        while let next = waiting.popLast() {
            for included in parts[next]?.includes ?? [] where reached.insert(included).inserted { waiting.append(included) }
        }
        return reached
    }
}

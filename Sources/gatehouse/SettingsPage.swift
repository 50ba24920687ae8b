import Services

/// Every setting, for the terminal and for the page in docs.
enum SettingsPage {
    static func table(_ records: [SettingReader.Record]) -> String {
        var lines: [String] = []
        var section = ""
        for record in records {
            if record.section != section {
                section = record.section
                lines.append((lines.isEmpty ? "" : "\n") + "# \(section)")
            }
            let value = record.value.isEmpty ? "(none)" : record.value
            lines.append("\(record.name) = \(value)  [\(record.origin.rawValue)]")
            lines.append("    \(record.sentence)")
        }
        return lines.joined(separator: "\n")
    }

    static func markdown(_ records: [SettingReader.Record]) -> String {
        var lines = [
            "# Settings", "",
            "Printed by `gatehouse config --markdown`. Each is an environment variable; an empty one counts as unset.",
            "A value that cannot be read stops the start.",
        ]
        var section = ""
        for record in records {
            if record.section != section {
                section = record.section
                lines += ["", "## \(section)", "", "| name | default | takes | what it does |", "| --- | --- | --- | --- |"]
            }
            let standard = record.defaultText.isEmpty ? "" : "`\(record.defaultText)`"
            lines.append("| `\(record.name)` | \(standard) | \(record.kind) | \(record.sentence) |")
        }
        return lines.joined(separator: "\n")
    }
}

import CQRencode

/// A text as a picture that a telephone can read (ISO/IEC 18004).
public struct QRCode: Sendable {
    /// Light modules around it, without which it is not found.
    private static let margin = 4
    private static let pngScale = 4

    /// Modules on each side.
    public let width: Int
    private let modules: [UInt8]

    /// - Returns: nil where the text is empty or too long, or libqrencode is not installed.
    public init?(_ text: String) {
        guard !text.isEmpty, !text.utf8.contains(0) else { return nil }
        var modules = [UInt8](repeating: 0, count: Int(GH_QR_WIDTH * GH_QR_WIDTH))
        width = Int(gh_qr_encode(text, &modules))
        guard width > 0 else { return nil }
        self.modules = Array(modules.prefix(width * width))
    }

    /// Whether the module is dark.
    public func isDark(row: Int, column: Int) -> Bool {
        (0..<width).contains(row) && (0..<width).contains(column) && modules[row * width + column] == 1
    }

    /// The same as ``svg``, for what shows no SVG: a PNG.
    public var png: [UInt8] {
        let margin = Self.margin
        return PNG(
            isDark: { isDark(row: $0 - margin, column: $1 - margin) }, side: width + 2 * margin, scale: Self.pngScale
        ).bytes
    }

    /// A picture that stands for itself: dark on light, whatever it is put on.
    public var svg: String {
        let side = width + 2 * Self.margin
        var path = ""
        for row in 0..<width {
            var column = 0
            while column < width {
                guard isDark(row: row, column: column) else {
                    column += 1
                    continue
                }
                let start = column
                while isDark(row: row, column: column) { column += 1 }
                path += "M\(start + Self.margin) \(row + Self.margin)h\(column - start)v1h-\(column - start)z"
            }
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(side) \(side)" shape-rendering="crispEdges">\
            <path fill="#fff" d="M0 0h\(side)v\(side)H0z"/><path d="\(path)"/></svg>
            """
    }
}

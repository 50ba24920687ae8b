/// Telephone numbers as people write them.
public enum PhoneNumber {
    /// Bytes.
    public static let longest = 32

    /// Whether it has 5 to 15 digits, a plus in the first place at most, and besides only what stands between digits.
    public static func isPlausible(_ text: String) -> Bool {
        let digits = text.utf8.filter { (48...57).contains($0) }.count
        let isPhone = text.utf8.enumerated().allSatisfy { index, byte in
            switch byte {
            case 48...57, 32, 40, 41, 45, 46: true
            case 43: index == 0
            default: false
            }
        }
        return isPhone && (5...15).contains(digits) && text.utf8.count <= longest
    }
}

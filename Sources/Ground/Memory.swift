import CSystem

/// The memory of the process.
public enum Memory {
    /// Gives back the pages of code that have been used so far. For when the server has started: most of what starting
    /// needs is never needed again, and what is comes back from the system's cache of files.
    public static func returnCode() { gh_return_code() }
}

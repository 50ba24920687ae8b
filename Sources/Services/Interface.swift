import Credentials
import Store

// The values of the floors below that this floor's own interface speaks of. Who stands above names them from
// here, and imports neither.

public typealias Session = Store.Session
public typealias User = Store.User
public typealias Company = Store.Company
public typealias Webhook = Store.Webhook
public typealias OutboxMessage = Store.OutboxMessage
public typealias EmailAddress = Credentials.EmailAddress
public typealias EmailFault = Credentials.EmailFault
public typealias HashFault = Credentials.HashFault
public typealias FirebaseProject = Credentials.FirebaseProject
public typealias DomainName = Credentials.DomainName
public typealias DomainFault = Credentials.DomainFault

/// Compares secrets in constant time.
public enum SecretComparison {
    public static func equal(_ a: [UInt8], _ b: [UInt8]) -> Bool { Digest.equal(a, b) }
}

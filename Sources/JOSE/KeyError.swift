/// Why a key, or a set of keys, is not taken. Carries the name of the JWK member, never its value.
public enum KeyError: Error, Hashable, Sendable {
    /// The member is missing, or its value has not the form the standard asks for.
    case malformed(String)
    /// The member asks for something that is not spoken here: a key type, a curve, an algorithm, a use.
    case unsupported(String)
    /// The key can be broken: too short, a bad exponent, a weak prime generator.
    case weak(String)
    /// The private part does not belong to the public one.
    case inconsistent
    /// Two keys of a set answer to one id, or shared secrets stand beside public keys.
    case ambiguous
}

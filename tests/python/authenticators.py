"""An authenticator and the browser before it, made of Yubico's library: what it writes, this server did not write."""

import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from fido2 import cose
from fido2.utils import sha256, websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

FLAG = AuthenticatorData.FLAG
VERIFIED = FLAG.UP | FLAG.UV
ALGORITHMS = {"EdDSA": -8, "ES256": -7, "ES384": -35, "ES512": -36, "PS256": -37, "RS256": -257}


class Authenticator:
    """One passkey, and all that it is asked for."""

    def __init__(self, origin, algorithm=-7, flags=VERIFIED):
        self.origin, self.algorithm, self.flags = origin, algorithm, flags
        self.id = os.urandom(32)
        self.counter = 0
        self.handle = None
        curve = {-7: ec.SECP256R1, -35: ec.SECP384R1, -36: ec.SECP521R1}.get(algorithm)
        if curve:
            self.key = ec.generate_private_key(curve())
        elif algorithm == -8:
            self.key = ed25519.Ed25519PrivateKey.generate()
        else:
            self.key = rsa.generate_private_key(65537, 2048)

    def create(self, options):
        """The answer to `navigator.credentials.create`."""
        assert self.algorithm in [parameter["alg"] for parameter in options["pubKeyCredParams"]]
        self.handle = options["user"]["id"]
        public = cose.CoseKey.for_alg(self.algorithm).from_cryptography_key(self.key.public_key())
        data = AuthenticatorData.create(
            sha256(options["rp"]["id"].encode()), self.flags | FLAG.AT, self.counter,
            AttestedCredentialData.create(bytes(16), self.id, public))
        client = CollectedClientData.create("webauthn.create", options["challenge"], self.origin)
        return self.credential(
            clientDataJSON=client, attestationObject=AttestationObject.create("none", data, {}), transports=["internal"])

    def get(self, options):
        """The answer to `navigator.credentials.get`."""
        self.counter += 1
        data = AuthenticatorData.create(sha256(options["rpId"].encode()), self.flags, self.counter)
        client = CollectedClientData.create("webauthn.get", options["challenge"], self.origin)
        return self.credential(
            clientDataJSON=client, authenticatorData=data, signature=self.sign(data + client.hash),
            userHandle=websafe_decode(self.handle))

    def credential(self, **response):
        name = websafe_encode(self.id)
        return {
            "id": name, "rawId": name, "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {"credProps": {"rk": True}},
            "response": {name: websafe_encode(value) if isinstance(value, bytes) else value
                         for name, value in response.items()}}

    def sign(self, message):
        hashed = {-35: hashes.SHA384, -36: hashes.SHA512}.get(self.algorithm, hashes.SHA256)()
        if self.algorithm == -8:
            return self.key.sign(message)
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(message, ec.ECDSA(hashed))
        scheme = padding.PSS(padding.MGF1(hashed), hashed.digest_size) if self.algorithm == -37 else padding.PKCS1v15()
        return self.key.sign(message, scheme, hashed)

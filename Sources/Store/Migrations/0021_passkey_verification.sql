-- Whether the authenticator verified its owner when the passkey was made ("uvInitialized" of WebAuthn). What verifies for
-- the first time later may be a stolen key that has got a PIN from whoever stole it. Of those that there are nobody knows.
ALTER TABLE passkeys ADD COLUMN was_verified bigint NOT NULL DEFAULT 1;

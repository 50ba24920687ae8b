-- Whether the authenticator verified its owner when the passkey was made ("uvInitialized" of WebAuthn). What verifies for
-- the first time later may be a stolen key that has got a PIN from whoever stole it. Of those that there are nobody knows.
-- Those that an older program makes from now on count as not verified.
ALTER TABLE passkeys ADD COLUMN was_verified bigint NOT NULL DEFAULT 0;
UPDATE passkeys SET was_verified = 1;

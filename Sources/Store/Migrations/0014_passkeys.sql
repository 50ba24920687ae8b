-- Passkeys: public keys whose private halves are in the authenticators of people.

CREATE TABLE passkeys (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    -- By what the authenticator knows it, up to 1023 bytes.
    credential_id bytea NOT NULL,
    -- As COSE writes it.
    public_key bytea NOT NULL,
    -- How often the authenticator has signed; 0 where it does not count.
    counter bigint NOT NULL,
    name text NOT NULL,
    -- The model of the authenticator; all zeros where it does not say.
    aaguid uuid NOT NULL,
    transports text NOT NULL,
    -- Whether the authenticator finds it without being told its id: only then it is a way in by itself.
    is_discoverable bigint NOT NULL,
    -- Whether other doors ask for it.
    is_second_factor bigint NOT NULL,
    is_backup_eligible bigint NOT NULL,
    is_backed_up bigint NOT NULL,
    created_at bigint NOT NULL,
    last_used_at bigint
) /*sqlite: WITHOUT ROWID */;

CREATE UNIQUE INDEX passkeys_credential_id ON passkeys (credential_id);
CREATE INDEX passkeys_user_id ON passkeys (user_id);

-- Challenges that were used, until they would have expired.
CREATE TABLE passkey_challenges (
    digest bytea PRIMARY KEY,
    expires_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX passkey_challenges_expires_at ON passkey_challenges (expires_at);

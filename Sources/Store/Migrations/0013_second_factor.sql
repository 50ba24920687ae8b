-- What people prove themselves with after the first proof.

-- The factors that a person has set up, separated by spaces; it rides along with the person at each sign-in.
ALTER TABLE users ADD COLUMN second_factors text NOT NULL DEFAULT '';

-- Since when a second factor is required of whoever has the role, or belongs to the company.
ALTER TABLE roles ADD COLUMN second_factor_since bigint;
ALTER TABLE companies ADD COLUMN second_factor_since bigint;

-- When the person last proved who they are; none in sessions that an older program has made.
ALTER TABLE user_sessions ADD COLUMN authenticated_at bigint;

CREATE TABLE totp_secrets (
    user_id uuid PRIMARY KEY,
    -- Sealed with ENCRYPTION_KEY.
    sealed bytea NOT NULL,
    -- None until a code of it was shown.
    enabled_at bigint,
    -- The step of the last code that was taken: none before it, and not itself, is taken again.
    last_step bigint NOT NULL DEFAULT 0,
    created_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

-- Codes for whoever has lost the rest, each good once. Kept is what a key of the server makes of them.
CREATE TABLE recovery_codes (
    user_id uuid NOT NULL,
    digest bytea NOT NULL,
    used_at bigint,
    PRIMARY KEY (user_id, digest)
) /*sqlite: WITHOUT ROWID */;

-- Sign-ins of whoever has given the first proof and not the second. They live for minutes.
CREATE TABLE second_factor_challenges (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    company_id uuid,
    token_hash bytea NOT NULL,
    -- Of what the browser that gave the first proof is known by.
    device_hash bytea NOT NULL,
    -- How the person proved who they are, as sessions keep it, and what the audit log will tell of it.
    methods text NOT NULL,
    facts text NOT NULL,
    -- What may be shown; nothing where a factor must be set up first.
    factors text NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    expires_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX second_factor_challenges_expires_at ON second_factor_challenges (expires_at);

-- Codes that were sent to somebody: of a challenge, or of a session.
CREATE TABLE second_factor_codes (
    owner_id uuid NOT NULL,
    factor text NOT NULL,
    digest bytea NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (owner_id, factor)
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX second_factor_codes_expires_at ON second_factor_codes (expires_at);

-- Browsers from which no second factor is asked for a while.
CREATE TABLE remembered_devices (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    device_hash bytea NOT NULL,
    name text NOT NULL,
    ip text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE UNIQUE INDEX remembered_devices_device_hash ON remembered_devices (user_id, device_hash);
CREATE INDEX remembered_devices_expires_at ON remembered_devices (expires_at);

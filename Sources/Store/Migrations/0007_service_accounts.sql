-- Programs that ask and write by themselves, and the keys they come with.

CREATE TABLE service_accounts (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    description text NOT NULL DEFAULT '',
    company_id uuid REFERENCES companies (id),
    is_enabled bigint NOT NULL DEFAULT 1,
    created_by uuid NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX service_accounts_company ON service_accounts (company_id, id);

-- Of a key only the digest of its secret is kept. Scopes are a JSON array of permissions.
CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES service_accounts (id),
    name text NOT NULL,
    secret_digest bytea NOT NULL,
    scopes text NOT NULL,
    created_by uuid NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint,
    last_used_at bigint,
    revoked_at bigint
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX api_keys_account ON api_keys (account_id, id);

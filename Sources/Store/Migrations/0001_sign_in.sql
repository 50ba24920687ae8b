-- People, their companies and roles, their sessions, and what happened.
-- Moments are milliseconds since 1970. The types are PostgreSQL's; SQLite takes them as they are.

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text,
    email_key text,
    name text NOT NULL,
    phone text,
    password_hash text,
    status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'INACTIVE', 'SUSPENDED')),
    settings text NOT NULL DEFAULT '{}',
    app_data text NOT NULL DEFAULT '{}',
    requires_password_change bigint NOT NULL DEFAULT 0,
    failed_login_attempts bigint NOT NULL DEFAULT 0,
    account_locked_until bigint,
    last_failed_login_at bigint,
    last_login_at bigint,
    password_changed_at bigint,
    email_verified_at bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    deleted_at bigint
) /*sqlite: WITHOUT ROWID */;

CREATE UNIQUE INDEX users_email_key ON users (email_key);

CREATE TABLE companies (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    domain text,
    status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'SUSPENDED')),
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    deleted_at bigint
) /*sqlite: WITHOUT ROWID */;

CREATE UNIQUE INDEX companies_domain ON companies (domain);

CREATE TABLE memberships (
    user_id uuid NOT NULL REFERENCES users (id),
    company_id uuid NOT NULL REFERENCES companies (id),
    created_at bigint NOT NULL,
    PRIMARY KEY (user_id, company_id)
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX memberships_company ON memberships (company_id);

CREATE TABLE roles (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    name_key text NOT NULL,
    description text NOT NULL DEFAULT '',
    is_system bigint NOT NULL DEFAULT 0,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE UNIQUE INDEX roles_name_key ON roles (name_key);

CREATE TABLE role_permissions (
    role_id uuid NOT NULL REFERENCES roles (id),
    permission text NOT NULL,
    PRIMARY KEY (role_id, permission)
) /*sqlite: WITHOUT ROWID */;

-- A role is granted for one company, or everywhere where company_id is null.
CREATE TABLE user_roles (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    role_id uuid NOT NULL REFERENCES roles (id),
    company_id uuid REFERENCES companies (id),
    granted_by uuid,
    granted_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

-- A grant for everywhere takes the user's own id in the place of a company's, so that it too stands once.
CREATE UNIQUE INDEX user_roles_once ON user_roles (user_id, role_id, COALESCE(company_id, user_id));
CREATE INDEX user_roles_role ON user_roles (role_id);

CREATE TABLE user_sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    company_id uuid REFERENCES companies (id),
    generation bigint NOT NULL,
    secret_digest bytea NOT NULL,
    rotated_at bigint NOT NULL,
    created_at bigint NOT NULL,
    last_used_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    ended_at bigint,
    end_reason text,
    methods text NOT NULL,
    ip text NOT NULL,
    user_agent text NOT NULL,
    device_type text NOT NULL,
    device_name text NOT NULL,
    os text NOT NULL,
    browser text NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX user_sessions_user ON user_sessions (user_id);
CREATE INDEX user_sessions_ended ON user_sessions (ended_at) WHERE ended_at IS NOT NULL;

-- Devices and addresses from which a person has signed in before: a lockout leaves them a way in.
CREATE TABLE known_devices (
    user_id uuid NOT NULL REFERENCES users (id),
    device_key bytea NOT NULL,
    failed_attempts bigint NOT NULL DEFAULT 0,
    locked_until bigint,
    last_seen_at bigint NOT NULL,
    PRIMARY KEY (user_id, device_key)
) /*sqlite: WITHOUT ROWID */;

-- Failed sign-ins with addresses that no account has: they count and lock like real ones, so that a lockout
-- does not tell which accounts exist.
CREATE TABLE unknown_sign_ins (
    account_key bytea PRIMARY KEY,
    failed_attempts bigint NOT NULL,
    locked_until bigint,
    last_failed_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE TABLE audit_logs (
    id uuid PRIMARY KEY,
    at bigint NOT NULL,
    event text NOT NULL,
    severity text NOT NULL,
    outcome text NOT NULL,
    user_id uuid,
    actor_id uuid,
    company_id uuid,
    session_id uuid,
    ip text,
    user_agent text,
    request_id text,
    metadata text NOT NULL DEFAULT '{}'
) /*sqlite: WITHOUT ROWID */;

-- Keys of the server, each sealed by ENCRYPTION_KEY.
CREATE TABLE server_keys (
    id text PRIMARY KEY,
    purpose text NOT NULL,
    algorithm text NOT NULL,
    sealed bytea NOT NULL,
    created_at bigint NOT NULL,
    activates_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

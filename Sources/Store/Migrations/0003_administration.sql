-- Roles that end and that include others, people who are looked for, and people who are invited.

ALTER TABLE user_roles ADD COLUMN expires_at bigint;
CREATE INDEX user_roles_expires_at ON user_roles (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX user_roles_company ON user_roles (company_id, user_id) WHERE company_id IS NOT NULL;

-- role_permissions holds all that a role permits; these two say where it comes from.
CREATE TABLE role_own_permissions (
    role_id uuid NOT NULL REFERENCES roles (id),
    permission text NOT NULL,
    PRIMARY KEY (role_id, permission)
) /*sqlite: WITHOUT ROWID */;

CREATE TABLE role_includes (
    role_id uuid NOT NULL REFERENCES roles (id),
    included_id uuid NOT NULL REFERENCES roles (id),
    PRIMARY KEY (role_id, included_id)
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX role_includes_included ON role_includes (included_id);

INSERT INTO role_permissions (role_id, permission)
SELECT r.id, p.permission FROM roles r CROSS JOIN (
    SELECT 'roles:grant' AS permission UNION ALL SELECT 'audit:export' UNION ALL SELECT 'webhooks:*'
    UNION ALL SELECT 'service_accounts:*' UNION ALL SELECT 'permissions:check') p
WHERE r.name_key = 'admin' AND r.is_system = 1;

INSERT INTO role_own_permissions (role_id, permission) SELECT role_id, permission FROM role_permissions;

-- Addresses that a person, or whoever has a role, may come from. JSON arrays.
ALTER TABLE users ADD COLUMN ip_whitelist_enabled bigint NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN allowed_ips text NOT NULL DEFAULT '[]';
ALTER TABLE users ADD COLUMN allowed_countries text NOT NULL DEFAULT '[]';
ALTER TABLE roles ADD COLUMN ip_whitelist_enabled bigint NOT NULL DEFAULT 0;
ALTER TABLE roles ADD COLUMN allowed_ips text NOT NULL DEFAULT '[]';
ALTER TABLE roles ADD COLUMN allowed_countries text NOT NULL DEFAULT '[]';

-- The words by which a person is found: of the name, the address and the telephone number, in lower case.
CREATE TABLE user_words (
    word text /*postgres: COLLATE "C" */ NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id),
    PRIMARY KEY (word, user_id)
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX user_words_user ON user_words (user_id, word);

-- Whether the person's words are there.
ALTER TABLE users ADD COLUMN is_searchable bigint NOT NULL DEFAULT 0;
CREATE INDEX users_not_searchable ON users (id) WHERE is_searchable = 0;

CREATE INDEX user_roles_role_user ON user_roles (role_id, user_id);
CREATE INDEX users_email ON users (COALESCE(email_key, ''), id);
CREATE INDEX users_name ON users (lower(name), id);
CREATE INDEX users_last_login_at ON users (COALESCE(last_login_at, 0), id);
CREATE INDEX users_not_active ON users (id) WHERE status <> 'ACTIVE';
CREATE INDEX users_deleted ON users (id) WHERE deleted_at IS NOT NULL;

-- How many members a company may have; null: any number.
ALTER TABLE companies ADD COLUMN member_limit bigint;

CREATE TABLE invitations (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    email_key text NOT NULL,
    name text,
    company_id uuid REFERENCES companies (id),
    secret_digest bytea NOT NULL,
    invited_by uuid NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    accepted_at bigint,
    accepted_by uuid,
    withdrawn_at bigint
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX invitations_company ON invitations (company_id, id);
CREATE INDEX invitations_email_key ON invitations (email_key);

CREATE TABLE invitation_roles (
    invitation_id uuid NOT NULL REFERENCES invitations (id),
    role_id uuid NOT NULL REFERENCES roles (id),
    PRIMARY KEY (invitation_id, role_id)
) /*sqlite: WITHOUT ROWID */;

-- What lists of people go along. SQLite has the members of a company in the order of their ids as it is: the entries
-- of memberships_company end in the key of the table.

/*postgres: CREATE INDEX IF NOT EXISTS memberships_company_user ON memberships (company_id, user_id) */
/*sqlite: SELECT 1 */;

CREATE INDEX IF NOT EXISTS users_not_active_name ON users (lower(name), id) WHERE status <> 'ACTIVE';
CREATE INDEX IF NOT EXISTS users_not_active_email ON users (COALESCE(email_key, ''), id) WHERE status <> 'ACTIVE';
CREATE INDEX IF NOT EXISTS users_not_active_last_login_at ON users (COALESCE(last_login_at, 0), id) WHERE status <> 'ACTIVE';
CREATE INDEX IF NOT EXISTS users_deleted_name ON users (lower(name), id) WHERE deleted_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS users_deleted_email ON users (COALESCE(email_key, ''), id) WHERE deleted_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS users_deleted_last_login_at ON users (COALESCE(last_login_at, 0), id)
    WHERE deleted_at IS NOT NULL;

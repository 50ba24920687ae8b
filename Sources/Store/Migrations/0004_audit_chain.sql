-- What makes the audit log tell of its own alteration, and what finds rows in it.

-- A keyed code of what the writer knew; null in rows of before.
ALTER TABLE audit_logs ADD COLUMN mac bytea;

-- Every row in the order in which it was sealed, each link bound to the one before it.
CREATE TABLE audit_chain (
    sequence bigint PRIMARY KEY,
    row_id uuid NOT NULL,
    evidence bigint NOT NULL,
    hash bytea NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE UNIQUE INDEX audit_chain_row_id ON audit_chain (row_id);

-- Where the chain starts, where it ends, and what retention has taken away from its beginning: signed statements.
CREATE TABLE audit_marks (
    name text PRIMARY KEY,
    sequence bigint NOT NULL,
    token text NOT NULL
) /*sqlite: WITHOUT ROWID */;

-- The end of the chain as it was signed from time to time.
CREATE TABLE audit_heads (
    sequence bigint PRIMARY KEY,
    at bigint NOT NULL,
    token text NOT NULL
) /*sqlite: WITHOUT ROWID */;

-- Rows whose personal part was taken away, and what it was bound by.
CREATE TABLE audit_redactions (
    row_id uuid PRIMARY KEY,
    commitment bytea NOT NULL,
    at bigint NOT NULL,
    code bytea NOT NULL
) /*sqlite: WITHOUT ROWID */;

-- Refreshes are most rows, and a refresh must not pay for finding the others: it enters none of these.
CREATE INDEX IF NOT EXISTS audit_logs_notable ON audit_logs (id) WHERE event <> 'session.refreshed';
CREATE INDEX IF NOT EXISTS audit_logs_grave ON audit_logs (id) WHERE severity <> 'info';
CREATE INDEX IF NOT EXISTS audit_logs_event ON audit_logs (event, id) WHERE event <> 'session.refreshed';
CREATE INDEX IF NOT EXISTS audit_logs_user ON audit_logs (user_id, id) WHERE event <> 'session.refreshed';
CREATE INDEX IF NOT EXISTS audit_logs_actor ON audit_logs (actor_id, id) WHERE event <> 'session.refreshed';
CREATE INDEX IF NOT EXISTS audit_logs_company ON audit_logs (company_id, id) WHERE event <> 'session.refreshed';
CREATE INDEX IF NOT EXISTS audit_logs_session ON audit_logs (session_id, id) WHERE event <> 'session.refreshed';
CREATE INDEX IF NOT EXISTS audit_logs_ip ON audit_logs (ip, id) WHERE event <> 'session.refreshed';
CREATE INDEX IF NOT EXISTS audit_logs_request ON audit_logs (request_id, id) WHERE event <> 'session.refreshed';

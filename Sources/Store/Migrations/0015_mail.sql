-- Links that are sent by mail. Who holds one has read the mail of an address.

CREATE TABLE mail_links (
    id uuid PRIMARY KEY,
    -- What it is good for, and nothing else.
    purpose text NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id),
    -- Of what stands in the link.
    secret_digest bytea NOT NULL,
    -- The address that it was sent to.
    email text NOT NULL,
    -- Of what must still be as it was when the link was made, such as the password.
    state_digest bytea,
    -- Of what the browser keeps that asked for it; null where any may follow it.
    browser_digest bytea,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    used_at bigint
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX mail_links_user ON mail_links (user_id, created_at);
CREATE INDEX mail_links_expires_at ON mail_links (expires_at);

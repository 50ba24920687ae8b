-- What several nodes share beside the rest: small things that expire, and who does the work of all.

-- Lost in a crash of the server, which costs a few counters.
CREATE /*postgres: UNLOGGED */ TABLE key_values (
    key text PRIMARY KEY,
    kind bigint NOT NULL,
    value bytea,
    number bigint,
    expires_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX key_values_expires_at ON key_values (expires_at);

-- The fence rises whenever a lease changes hands.
CREATE TABLE leases (
    name text PRIMARY KEY,
    owner text NOT NULL,
    fence bigint NOT NULL,
    expires_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

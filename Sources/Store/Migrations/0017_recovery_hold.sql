-- Addresses that are held for who may take them back, and since when a second factor is required of somebody.

-- Of a link that takes a change of the address back: the address, as users.email_key has it. While the link works, nobody
-- else gets the address.
ALTER TABLE mail_links ADD COLUMN held_key text;
CREATE INDEX IF NOT EXISTS mail_links_held_key ON mail_links (held_key) WHERE held_key IS NOT NULL;

-- Who asked for a link: the device that the account knew, by its key, or else the network.
ALTER TABLE mail_links ADD COLUMN known_device bytea;
ALTER TABLE mail_links ADD COLUMN asked_from text;

-- When the person got the role, however often the grant was renewed since; null where an older program has granted it.
ALTER TABLE user_roles ADD COLUMN held_since bigint;

-- Since when a role that this one includes requires a second factor; null where none does.
ALTER TABLE roles ADD COLUMN inherited_factor_since bigint;

-- For those that require it already, whoever has them by another role gets the whole time of grace.
UPDATE roles SET inherited_factor_since =
    /*sqlite: CAST(strftime('%s', 'now') AS integer) * 1000 */
    /*postgres: CAST(extract(epoch FROM now()) AS bigint) * 1000 */
WHERE id IN (
    WITH RECURSIVE reached (role_id, included_id) AS (
        SELECT role_id, included_id FROM role_includes
        UNION SELECT r.role_id, i.included_id FROM reached r JOIN role_includes i ON i.role_id = r.included_id
    )
    SELECT reached.role_id FROM reached JOIN roles required ON required.id = reached.included_id
    WHERE required.second_factor_since IS NOT NULL
);

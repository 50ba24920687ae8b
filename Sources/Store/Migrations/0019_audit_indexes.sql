-- What people do themselves is found by whom it is about; the index of who did it keeps what was done to others, or to
-- nobody. What belongs to no company is not looked for by company, and sign-ins, most of what is indexed at all, not by the
-- name of the event. Each of the three saves a sign-in an entry.
-- Several nodes of PostgreSQL may still look by the former indexes while one of them is upgraded: it keeps them.

/*sqlite:
CREATE INDEX IF NOT EXISTS audit_logs_deed ON audit_logs (actor_id, id)
    WHERE event <> 'session.refreshed' AND actor_id IS NOT NULL AND actor_id IS NOT user_id;
DROP INDEX IF EXISTS audit_logs_actor;
CREATE INDEX IF NOT EXISTS audit_logs_of_company ON audit_logs (company_id, id)
    WHERE event <> 'session.refreshed' AND company_id IS NOT NULL;
DROP INDEX IF EXISTS audit_logs_company;
CREATE INDEX IF NOT EXISTS audit_logs_of_event ON audit_logs (event, id)
    WHERE event <> 'session.refreshed' AND event <> 'sign_in.succeeded';
DROP INDEX IF EXISTS audit_logs_event
*/
/*postgres: SELECT 1 */;

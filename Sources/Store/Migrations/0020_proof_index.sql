-- The key of what the Login Widget and Mini Apps show begins with when it expires, so that it needs no index by that. In one,
-- those that Telegram has signed in the same second stand in no order: a sign-in wrote a page of it for itself.
-- A server of PostgreSQL keeps its index: other nodes may still look by it.

/*sqlite:
CREATE INDEX IF NOT EXISTS telegram_proofs_unordered ON telegram_proofs (expires_at) WHERE digest >= x'0001';
DROP INDEX IF EXISTS telegram_proofs_expires_at
*/
/*postgres: SELECT 1 */;

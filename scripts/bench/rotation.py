"""PostgreSQL alone with the rotation of a session, asked by pgbench.

The statement is `advanceAndRecord` of Sources/Store/Sessions/SessionRepository.swift. It differs where pgbench, which
knows numbers only, can neither keep the state of 10,000 sessions nor make ids:

- The sessions are others, of the same people and in the same table, with ids that SQL makes of a number. All have one
  digest, which stays, and the condition on the generation holds for every generation: a row is found and checked,
  changed, and recorded, each time.
- The audit row's id is made of the time and a random number, so that it goes to the end of the index as ours does.
- What is the same in every statement stands in its text, so that fewer values travel than from the server.

All of that makes it faster, if anything.
"""

import os
import re
import subprocess
from pathlib import Path

from bench import machine
from bench.load import Run
from bench.seed import EXPIRY, SESSIONS, STARTED, session
from stores import PASSWORD, postgresql_program

DIGEST = bytes(32)
COLUMNS = ("id, user_id, company_id, generation, secret_digest, rotated_at, created_at, last_used_at, expires_at,"
           " ended_at, end_reason, methods, ip, user_agent, device_type, device_name, os, browser")
SCRIPT = r"""
\set session random(0, {last})
\set salt random(0, 1152921504606846975)
WITH advanced AS (
    UPDATE user_sessions SET generation = generation + 1, secret_digest = '\x{digest}', rotated_at = {now},
        last_used_at = {now}, expires_at = {expiry}, ip = '127.0.0.1'
    WHERE id = lpad(to_hex(:session::bigint), 32, '0')::uuid AND generation >= 0 AND secret_digest = '\x{digest}'
        AND ended_at IS NULL AND expires_at > {now}
        AND EXISTS (SELECT 1 FROM users u WHERE u.id = user_sessions.user_id AND u.status = 'ACTIVE'
            AND u.deleted_at IS NULL)
        AND (company_id IS NULL OR EXISTS (SELECT 1 FROM companies c WHERE c.id = user_sessions.company_id
            AND c.status = 'ACTIVE' AND c.deleted_at IS NULL))
    RETURNING {columns}),
recorded AS (
    INSERT INTO audit_logs (id, at, event, severity, outcome, user_id, actor_id, company_id, session_id, ip,
        user_agent, request_id, metadata)
    SELECT (lpad(to_hex((date_part('epoch', clock_timestamp()) * 1000)::bigint), 12, '0')
        || lpad(to_hex(:salt::bigint), 20, '0'))::uuid, {now}, 'session.refreshed', 'info', 'success', user_id, user_id,
        company_id, id, '127.0.0.1', NULL, '01900000-0000-7000-8000-000000000000', '{{}}' FROM advanced)
SELECT {columns} FROM advanced;
"""


class Rotation:
    """The script, and the sessions that it rotates."""

    def __init__(self, folder, server, seed):
        self._server = server
        self._seed = seed
        self._script = Path(folder, "rotation.sql")
        self._script.write_text(SCRIPT.format(
            last=seed.people - 1, digest=DIGEST.hex(), now=STARTED, expiry=EXPIRY * 1000, columns=COLUMNS))
        seed.copy(SESSIONS, (session(n.to_bytes(16, "big"), n, DIGEST) for n in range(seed.people)))

    def run(self, seconds, connections, core):
        """One round. The CPU time is that of pgbench."""
        before = self._done()
        own = machine.cpu_seconds_of_ended()
        command = [postgresql_program("pgbench"), "-n", "-M", "prepared", "-c", connections, "-j", 1, "-T", seconds,
                   "-f", self._script, "-h", "127.0.0.1", "-p", self._server.port, "-U", self._server.SERVICE,
                   self._seed.name]
        told = subprocess.run(
            machine.pinned(command, core), env={**os.environ, "PGPASSWORD": PASSWORD}, text=True,
            capture_output=True, timeout=seconds + 30)
        if told.returncode:
            raise RuntimeError(f"pgbench: {told.stderr}")
        own = machine.cpu_seconds_of_ended() - own
        count = int(re.search(r"actually processed: (\d+)", told.stdout)[1])
        rate = float(re.search(r"tps = ([\d.]+)", told.stdout)[1])
        done = [after - before for after, before in zip(self._done(), before)]
        if done != [count, count]:
            raise RuntimeError(f"pgbench tells of {count} rotations; rotated and recorded were {done}")
        return Run(rate=rate, cpu=own * 1e6 / count)

    def _done(self):
        """How often sessions were rotated here, and how many audit rows there are."""
        (rotated, recorded), = self._seed.query(
            "SELECT (SELECT sum(generation) FROM user_sessions WHERE id < '00000001-0000-0000-0000-000000000000'),"
            " (SELECT count(*) FROM audit_logs)")
        return int(rotated), int(recorded)

"""Databases full of people as administrators look for them: names, companies and roles of every size.

All of it is the same share of a thousand people and of a million, but for what is small by itself: a company of twenty.
"""

from bench.seed import SESSIONS, STARTED, PostgreSQLSeed, SQLiteSeed, digest, email, session, uuid

DAY = 86_400_000
DOMAIN = "example.com"
SMALL, MIDDLE, LARGE = range(3)
SMALL_COMPANY = 20
FIRST = [f"{head}{tail}" for head in ("Ad", "Be", "Ce", "Do", "El", "Fi", "Gr") for tail in ("a", "an", "rin", "lo", "mo", "ve", "xi")]
LAST = [f"{head}{middle}{tail}" for head in ("Love", "Hop", "Tur", "Knu", "Dij", "Lis")
        for middle in ("la", "pi", "ro", "stu", "ke") for tail in ("ce", "ng", "th", "kov", "mann")]


class Crowd:
    """What people are like. A part of a seed, which puts them into its database."""

    def _tables(self, password_hash, roles):
        return (
            ("companies (id, name, created_at, updated_at)",
             ((uuid(1, n), f"Company {n}", STARTED, STARTED) for n in range(LARGE + 1))),
            ("users (id, email, email_key, name, password_hash, status, last_login_at, created_at, updated_at, deleted_at,"
             " is_searchable)", map(self._user, range(self.people))),
            ("memberships (user_id, company_id, created_at)", (
                (uuid(2, n), uuid(1, company), STARTED) for n in range(self.people) for company in self.companies(n))),
            ("user_roles (id, user_id, role_id, company_id, granted_at)", self._grants(roles)),
            ("user_words (word, user_id)", (
                (word, uuid(2, n)) for n in range(self.people) for word in self._words(n))),
            (SESSIONS, [session(uuid(4, 0), 0, digest(0))]))

    def root_token(self):
        """The refresh token of the first, who may do anything."""
        return self._refresh_token(0)

    def full_name(self, number):
        # Primes, so that names follow neither the order of ids nor each other.
        return f"{FIRST[number * 7919 % 104_729 % len(FIRST)]} {LAST[number * 15_485_863 % 1_299_709 % len(LAST)]}"

    def companies(self, number):
        """Twenty people, one in a hundred, and one in two."""
        if number % (self.people // SMALL_COMPANY) == 7:
            yield SMALL
        if number % 100 == 11:
            yield MIDDLE
        if number % 2:
            yield LARGE

    def last_login(self, number):
        """Every second has never signed in; the others within a hundred days."""
        chance = number * 7919 % 104_729
        return STARTED - chance * DAY * 100 // 104_729 if chance % 2 else None

    def _user(self, number):
        status = "SUSPENDED" if number % 100 == 13 else "ACTIVE"
        deleted = STARTED if number % 200 == 17 else None
        return (uuid(2, number), email(number), email(number), self.full_name(number), "none", status, self.last_login(number),
                STARTED, STARTED, deleted, 1)

    def _words(self, number):
        """As Sources/Store/Accounts/UserWordRepository.swift has them."""
        return {*self.full_name(number).lower().split(), email(number), DOMAIN}

    def _grants(self, roles):
        """Everybody may look, in the large company where they are of it, one in a hundred manages, and the first may do
        anything."""
        yield uuid(3, 0), uuid(2, 0), roles["superadmin"], None, STARTED
        for number in range(1, self.people):
            yield uuid(3, 2 * number), uuid(2, number), roles["viewer"], uuid(1, LARGE) if number % 2 else None, STARTED
            if number % 100 == 19:
                yield uuid(3, 2 * number + 1), uuid(2, number), roles["manager"], None, STARTED


class SQLiteCrowd(Crowd, SQLiteSeed):
    """In a data folder."""


class PostgreSQLCrowd(Crowd, PostgreSQLSeed):
    """In a database of that server."""

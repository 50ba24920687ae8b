"""The passwords that attackers try first, as another project counts them."""

import random

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

MOST_USED = [word for word in FREQUENCY_LISTS["passwords"][:10_000] if len(word) >= 8]


@pytest.mark.parametrize("password", random.Random(7).sample(MOST_USED, 60))
def test_a_common_password_is_refused(shared, password):
    answer = shared.call("POST", "/auth/register", json={
        "name": "Ada Lovelace", "email": "ada@example.com", "password": password, "company_name": "Engines"})
    assert answer.status_code == 400, answer.text
    problem = answer.json()
    assert problem["code"] == "validation_failed"
    assert [error["field"] for error in problem["errors"]] == ["password"], problem["errors"]


def test_a_good_password_is_not(shared):
    shared.register()
